"""Inline keyboards and pictures by address, as strictly as Telegram takes them; and what pressing a button sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

from tests.platforms.telegram_values import Json, Message, User, bad_request

MAX_BUTTONS = 100
DATA_BYTES = 64
ANSWER_CHARS = 200
OLD: Json = {"date": 0}
"""What is left of a message that is too old for Telegram to tell more than its chat and number."""


def read_markup(given: str | None) -> Json:
    """``{"reply_markup": …}`` for the message; empty without a keyboard."""
    if not given:
        return {}
    try:
        markup = json.loads(given)
    except ValueError:
        raise bad_request("can't parse reply keyboard markup JSON object") from None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list) or set(markup) != {"inline_keyboard"}:
        raise bad_request("inline keyboard expected")
    if sum(len(row) for row in rows) > MAX_BUTTONS:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    for row in rows:
        for button in row:
            _check_button(button)
    return {"reply_markup": markup} if any(rows) else {}


def _check_button(button: Json) -> None:
    if not str(button.get("text", "")).strip():
        raise bad_request("can't parse inline keyboard button: Text is empty")
    kinds = set(button) - {"text"}
    if len(kinds) != 1 or not kinds <= {"url", "callback_data"}:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in button and not _is_address(button["url"]):
        raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "tg") and "." in parts.netloc and url.isascii()


def buttons_of(message: Message) -> list[Json]:
    rows = message.raw.get("reply_markup", {}).get("inline_keyboard", [])
    return [button for row in rows for button in row]


@dataclass(slots=True)
class Pictures:
    """Addresses that Telegram can fetch. ``pages``: what stands there is no picture."""

    known: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)

    def fetch(self, given: str) -> None:
        """Raises Telegram's 400 if there is no such picture; what is no address names a file that Telegram has."""
        if "://" not in given:
            return
        if not _is_address(given):
            raise bad_request("wrong file identifier/HTTP URL specified")
        if given in self.pages:
            raise bad_request("wrong type of the web page content")
        if given not in self.known:
            raise bad_request("failed to get HTTP URL content")


@dataclass(slots=True)
class Press:
    """A button that somebody pressed. ``answered``: what the bot said to it; None: nothing yet, and a clock is shown."""

    id: str
    data: str
    answered: Json | None = None


@dataclass(slots=True)
class Presses:
    made: dict[str, Press] = field(default_factory=dict)
    _ids: count[int] = field(default_factory=lambda: count(4_382_000_001))

    def press(self, message: Message, label: str, user: User, *, old: bool = False) -> tuple[Press, Json]:
        """And the content of its update."""
        data = next(button["callback_data"] for button in buttons_of(message) if button["text"] == label)
        press = Press(str(next(self._ids)), data)
        self.made[press.id] = press
        shown = {"message_id": message.id, "chat": message.raw["chat"], **OLD} if old else message.raw
        content = {"id": press.id, "from": user.json(), "message": shown, "chat_instance": "1", "data": data}
        return press, content

    def answer(self, params: dict[str, str]) -> bool:
        press = self.made.get(params.get("callback_query_id", ""))
        if press is None or press.answered is not None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        text = params.get("text", "")
        if len(text) > ANSWER_CHARS:
            raise bad_request("MESSAGE_TOO_LONG")
        press.answered = {"text": text, "show_alert": params.get("show_alert", "").lower() == "true"}
        return True
