"""What the page is told over its event stream, and how that looks on the wire (text/event-stream)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from adapters.webchat.markdown import draft_to_html, to_html
from core.cards import sound_buttons, sound_cards
from core.messages import Button, Card, Kind, Line, Outgoing, Rung, now
from core.value import CheckedValue

HEARTBEAT = b": heartbeat\n\n"

Role = Literal["shopper", "bot", "agent", "overheard"]


class ShownLine(CheckedValue):
    """A line as the page shows it: a shopper's as ``text``, everybody else's as ``html``.

    The addresses of ``cards`` and ``buttons`` are http(s), whatever the history holds.
    """

    id: str
    role: Role
    text: str = ""
    html: str = ""
    speaker: str = ""
    kind: Kind = Kind.TEXT
    rung: Rung | None = None
    language: str = ""
    cards: tuple[Card, ...] = ()
    buttons: tuple[Button, ...] = ()
    at: datetime


class ShownDraft(CheckedValue):
    id: str
    html: str
    language: str


class History(CheckedValue):
    lines: tuple[ShownLine, ...]
    draft: ShownDraft | None
    typing: bool
    shop: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """``replaces``: of several waiting events with the same value only the newest is sent."""

    name: str
    json: str
    replaces: str = ""

    def encode(self) -> bytes:
        return f"event: {self.name}\ndata: {self.json}\n\n".encode()


TYPING = Event("typing", "{}", replaces="typing")
CLEARED = Event("cleared", "{}")


def history_event(lines: tuple[ShownLine, ...], draft: ShownDraft | None, typing: bool, shop: str) -> Event:
    """``shop`` is JSON already."""
    rest = History(lines=lines, draft=draft, typing=typing).model_dump_json(exclude={"shop"})
    return Event("history", f'{rest[:-1]},"shop":{shop}}}')


def line_event(line: ShownLine) -> Event:
    return Event("line", line.model_dump_json())


def message_event(line: ShownLine) -> Event:
    return Event("message", line.model_dump_json(), replaces=f"reply {line.id}")


def draft_event(draft: ShownDraft) -> Event:
    return Event("draft", draft.model_dump_json(), replaces=f"reply {draft.id}")


def shown_line(line: Line) -> ShownLine:
    """A shopper's line goes by the id that the page gave it, so that the page knows it again."""
    mine = line.role == "shopper"
    return ShownLine(
        id=line.message or line.id if mine else line.id,
        role=line.role,
        text=line.text if mine else "",
        html="" if mine else to_html(line.text),
        speaker=line.speaker,
        kind=line.kind,
        rung=line.rung,
        language=line.language,
        cards=sound_cards(line.cards),
        buttons=sound_buttons(line.buttons),
        at=line.at,
    )


def shown_reply(name: str, message: Outgoing) -> ShownLine:
    """A finished reply of which nothing more is known than what was sent."""
    return ShownLine(
        id=name,
        role="bot",
        html=to_html(message.text),
        language=message.language,
        cards=sound_cards(message.cards),
        buttons=sound_buttons(message.buttons),
        at=now(),
    )


def shown_draft(name: str, message: Outgoing) -> ShownDraft:
    return ShownDraft(id=name, html=draft_to_html(message.text), language=message.language)
