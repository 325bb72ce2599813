"""A button that was pressed shows a clock until Telegram is told that the press has arrived."""

from __future__ import annotations

import asyncio

import structlog
from telegram import CallbackQuery
from telegram.error import TelegramError

UNKNOWN = {
    "en": "I no longer know what this button asks. Please write it to me.",
    "zh": "这个按钮已失效，请直接输入您的问题。",
}
_log = structlog.get_logger(__name__)


class Answering:
    """Beside the updates: a slow answer must not hold up the next one. Nothing is lost with an answer that fails."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, query: CallbackQuery, *, known: bool) -> None:
        task = asyncio.create_task(_answer(query, known))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _answer(query: CallbackQuery, known: bool) -> None:
    language = "zh" if (query.from_user.language_code or "").lower().startswith("zh") else "en"
    try:
        await query.answer(None if known else UNKNOWN[language], show_alert=not known)
    except (TelegramError, KeyError, TypeError, ValueError, AttributeError) as error:
        _log.debug("telegram.press_not_answered", press=query.id, reason=str(error))
