"""The values that travel through Kefu. Nothing here imports anything of ours; every value is frozen."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Value(BaseModel):
    """A frozen value. Unknown fields are ignored, so that a newer writer does not break an older reader."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def now() -> datetime:
    return datetime.now(UTC)


class Address(Value):
    """Where a conversation lives: one chat, or one thread of it, of one bot on one platform."""

    bot: str
    platform: str
    chat: str
    thread: str = ""

    @cached_property
    def id(self) -> str:
        """The conversation's name in logs and keys, e.g. ``teahouse/telegram/4711``."""
        parts = [part for part in (self.bot, self.platform, self.chat, self.thread) if part]
        joined = "/".join(parts)
        if "%" not in joined and joined.count("/") < len(parts):  # as almost always
            return joined
        return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


class Person(Value):
    """Who wrote. ``language`` is the platform's hint (an IETF tag), empty if it gives none."""

    id: str
    name: str = ""
    language: str = ""


class Kind(StrEnum):
    TEXT = "text"
    COMMAND = "command"
    PHOTO = "photo"
    STICKER = "sticker"
    VOICE = "voice"
    VIDEO = "video"
    DOCUMENT = "document"
    LOCATION = "location"
    OTHER = "other"


class Command(StrEnum):
    """The commands every platform offers under the same name."""

    START = "start"
    HELP = "help"
    NEW = "new"
    HUMAN = "human"
    LANGUAGE = "language"


class Incoming(Value):
    """One message (or edit, or command) that a platform handed over."""

    address: Address
    update: str = Field(description="the platform's id of this event; the same id twice is a duplicate")
    message: str = Field(description="the platform's message id, to reply to; an edit carries the original's")
    sender: Person
    kind: Kind = Kind.TEXT
    text: str = Field(default="", description="what was written, or the caption of a picture")
    command: Command | None = None
    argument: str = Field(default="", description="what followed the command, e.g. 'zh' after /language")
    quoted: str = Field(default="", description="the text of the message that this one replies to")
    post: str = Field(default="", description="the text of the post under which this comment stands")
    group: bool = Field(default=False, description="more than one person writes here")
    addressed: bool = Field(default=True, description="in a group: mentioned, replied to, or a command")
    edited: bool = False
    withdrawn: bool = Field(default=False, description="its sender deleted it before it was answered; its text is gone")
    heard_in: str = Field(
        default="", description="the channel whose history has it, where the platform is read again after a pause"
    )
    disclosed: bool = Field(default=False, description="the platform's page has said already that a bot answers")
    at: datetime = Field(default_factory=now)


class Rung(StrEnum):
    """The rungs of the answer ladder, from the surest; then what is no answer to a question."""

    APPROVED = "approved"
    LOOKED_UP = "looked_up"
    RECOMMENDED = "recommended"
    GROUNDED = "grounded"
    QUOTED = "quoted"
    UNKNOWN = "unknown"
    PERSON = "person"
    COMMAND = "command"
    NOTICE = "notice"


class Card(Value):
    """A product beside an answer: a picture and a link where the platform can show them, else a line of text.

    ``image``, ``url``: http(s) addresses, empty: none; ``price`` as it is said, e.g. ``€24.00 / 50 g``.
    """

    id: str = Field(description="the product's SKU")
    title: str
    text: str = ""
    price: str = ""
    url: str = ""
    image: str = ""


class Button(Value):
    """A way on beside an answer: pressing it asks ``text``, or opens ``url``. Exactly one of the two is given."""

    label: str
    text: str = ""
    url: str = ""


class Reply(Value):
    """A finished answer, as it is kept in the history and in the outbox."""

    id: str = Field(description="made from the turn it answers: the same turn answered again has the same id")
    address: Address
    text: str = Field(description="Markdown (CommonMark)")
    language: str = "en"
    persona: str = ""
    persona_version: str = ""
    rung: Rung = Rung.NOTICE
    trace: str = ""
    cards: tuple[Card, ...] = ()
    buttons: tuple[Button, ...] = ()
    reply_to: str = Field(default="", description="the platform's id of the message that is answered")
    sent: tuple[str, ...] = Field(
        default=(),
        description="the platform's ids of what it shows already, when the reply was given up and is tried again",
    )
    again: bool = Field(default=False, description="it was given up, and is tried again")
    doubtful: str = Field(default="", description="why more of it may be shown already, when it is tried again")
    at: datetime = Field(default_factory=now)


class Outgoing(Value):
    """One platform message to be shown: a part of a reply, or its text so far while it is being written."""

    address: Address
    reply: str = Field(description="the id of the reply that this is a part of")
    part: int = 0
    text: str
    final: bool = True
    reply_to: str = ""
    language: str = "en"
    cards: tuple[Card, ...] = Field(
        default=(), description="products that this message shows, beside its text or alone"
    )
    buttons: tuple[Button, ...] = Field(default=(), description="what stands under this message")


class Line(Value):
    """One line of a conversation's history."""

    id: str
    role: Literal["shopper", "bot", "agent", "overheard"]
    text: str
    speaker: str = ""
    kind: Kind = Kind.TEXT
    rung: Rung | None = None
    trace: str = ""
    language: str = ""
    cards: tuple[Card, ...] = ()
    buttons: tuple[Button, ...] = ()
    message: str = Field(default="", description="the platform's message id")
    delivery: Literal["", "sent", "ambiguous", "failed"] = Field(
        default="",
        description="of the bot's: nothing unusual is known; sent when it was tried again; perhaps shown twice; given up",
    )
    delivery_reason: str = ""
    at: datetime = Field(default_factory=now)


class Draft(Value):
    """The text of a reply so far. ``text`` is empty while the bot is still thinking (typing)."""

    address: Address
    reply: str
    text: str = ""
    reply_to: str = ""
    language: str = "en"


@lru_cache(1000)
def stable_id(*parts: str) -> str:
    """128 bits of SHA-256 as 32 hex digits: the same parts give the same id in every process."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
