"""A product's caption and the buttons under a message, as Telegram has them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from adapters.telegram.rendering import MAX_UNITS, Rendered, clean, units
from core.messages import Button, Card
from core.presses import press_id

MAX_CAPTION = 1024
"""In UTF-16 code units, after entities."""
MAX_BUTTONS = 100
PRESS_BYTES = 64
ROW_COLUMNS = 28
"""What stands side by side on a phone: Chinese characters take two columns."""

_TITLE, _PRICE, _LABEL = 200, 100, 64
_LINKED = re.compile(r"https?://[^/\s]+\.[^/\s]", re.IGNORECASE)


def caption(card: Card, *, picture: bool) -> Rendered:
    """Title with its link, price, and as much of the text as fits; ``picture``: under one, so it must be short."""
    title, price = _clip(" ".join(card.title.split()), _TITLE), _clip(" ".join(card.price.split()), _PRICE)
    lines = [line for line in (title, price) if line]
    entities = [MessageEntity(MessageEntity.BOLD, 0, units(title))]
    if _LINKED.match(card.url):
        entities.append(MessageEntity(MessageEntity.TEXT_LINK, 0, units(title), url=card.url))
    elif card.url:
        lines.append(card.url)  # Telegram makes no link of it, so it is written out
    room = (MAX_CAPTION if picture else MAX_UNITS) - sum(units(line) + 1 for line in lines) - 1
    text = _clip(card.text, room)
    return Rendered("\n".join([*lines, *(["", text] if text else [])]), tuple(entities))


def keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for button in buttons:
        columns = _columns(button.label) + 4
        if columns > room:
            rows.append([])
            room = ROW_COLUMNS
        rows[-1].append(_button(button))
        room -= columns
    return InlineKeyboardMarkup(rows)


def _button(button: Button) -> InlineKeyboardButton:
    label = _clip(button.label, _LABEL)
    if button.url:
        return InlineKeyboardButton(label, url=button.url)
    return InlineKeyboardButton(label, callback_data=press_id(button.text, PRESS_BYTES))


def _columns(label: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in label)


def _clip(text: str, room: int) -> str:
    """At most so many UTF-16 code units, with an ellipsis where something is left out."""
    text = clean(text).strip()
    if units(text) <= room:
        return text
    end, left = 0, room - 1
    while left - units(text[end]) >= 0:
        left -= units(text[end])
        end += 1
    return f"{text[:end].rstrip()}…" if end else ""
