"""From Telegram into the inbox: store first, then let Telegram forget. By long polling, or by webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from adapters.telegram.answering import Answering
from adapters.telegram.errors import seconds, translate
from adapters.telegram.events import ALLOWED_UPDATES, Events
from core.backoff import delay_s
from core.errors import StoreUnavailable
from core.messages import Incoming
from core.ports import Inbox

_log = structlog.get_logger(__name__)
Result = TypeVar("Result")

TWO_READERS = (
    "somebody else reads this bot's messages: another Kefu or program with the same token is running (stop one of them, "
    "or give each its own bot), or it has set a webhook"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds. A wait after trouble doubles from ``first_wait`` to ``longest_wait``, give or take a half."""

    poll: float = 25.0
    first_wait: float = 1.0
    longest_wait: float = 60.0


class Backoff:
    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._tries = 0

    def reset(self) -> None:
        self._tries = 0

    async def wait(self, at_least: float = 0.0) -> None:
        delay = delay_s(self._tries, self._timing.first_wait, self._timing.longest_wait)
        self._tries += 1
        await asyncio.sleep(at_least + delay)


class Intake:
    """Puts each update into the inbox."""

    def __init__(self, bot: str, events: Events, inbox: Inbox) -> None:
        self._bot = bot
        self._events = events
        self._inbox = inbox
        self._answering = Answering()

    async def take(self, update: Update) -> None:
        """When this returns the update is stored, or is none for us, and may be acknowledged.

        Raises StoreUnavailable, and the library's errors if Telegram had to be asked: then it may not.
        """
        incoming = await self._read(update)
        if incoming is not None:
            await self._inbox.put(incoming)
        if update.callback_query is not None:
            self._answering.answer(update.callback_query, known=incoming is not None)

    async def close(self) -> None:
        """What is still being told to Telegram is left."""
        await self._answering.close()

    async def _read(self, update: Update) -> Incoming | None:
        try:
            return await self._events.read(update)
        except (TelegramError, StoreUnavailable):
            raise
        except Exception as error:  # one odd message must not stop all others
            _log.warning("telegram.update_skipped", bot=self._bot, update=update.update_id, reason=type(error).__name__)
            return None


async def patiently(call: Callable[[], Awaitable[Result]], backoff: Backoff, doing: str) -> Result:
    """Network trouble is waited out. Raises ChannelNotReady for a wrong token, and BadRequest as it is."""
    while True:
        try:
            result = await call()
        except BadRequest:
            raise
        except TelegramError as error:
            await wait_out(error, backoff, doing)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            await wait_out(TelegramError(f"unreadable answer ({type(error).__name__})"), backoff, doing)
        else:
            backoff.reset()
            return result


async def wait_out(error: TelegramError, backoff: Backoff, doing: str) -> None:
    """Says what is wrong and waits; raises what waiting does not cure."""
    match error:
        case InvalidToken() | EndPointNotFound():
            raise translate(error) from None
        case Conflict():
            _log.warning("telegram.conflict", doing=doing, meaning=TWO_READERS, said=error.message)
            await backoff.wait()
        case RetryAfter():
            _log.warning("telegram.rate_limited", doing=doing, wait_s=seconds(error))
            await backoff.wait(at_least=seconds(error))
        case _:
            _log.warning("telegram.unreachable", doing=doing, reason=error.message)
            await backoff.wait()


class Poller:
    """Long polling. Telegram forgets an update when it is asked for the next one, so that comes after the store."""

    def __init__(self, bot: Bot, intake: Intake, timing: Timing) -> None:
        self._bot = bot
        self._intake = intake
        self._timing = timing
        self._offset = 0

    async def run(self) -> None:
        backoff = Backoff(self._timing)
        while True:
            try:
                await self._turn()
            except TelegramError as error:
                await wait_out(error, backoff, "get updates")
            except StoreUnavailable as error:
                _log.warning("telegram.not_stored", reason=str(error), waiting_at="Telegram")
                await backoff.wait()
            else:
                backoff.reset()

    async def _turn(self) -> None:
        """One poll. Whatever interrupts it, the next one asks again for what was not stored."""
        updates = await self._bot.get_updates(
            offset=self._offset or None,
            timeout=timedelta(seconds=self._timing.poll),
            allowed_updates=ALLOWED_UPDATES,
        )
        # By their ids: the offset acknowledges all below it, also what a batch in another order had not come to yet.
        for update in sorted(updates, key=lambda update: update.update_id):
            await self._intake.take(update)
            self._offset = update.update_id + 1
        if not updates:
            # All is acknowledged. After a quiet week Telegram starts at another number, maybe a lower one.
            self._offset = 0
