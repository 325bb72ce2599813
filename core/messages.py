"""The values that travel through Kefu. Nothing here imports anything of ours but what values are made of."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Literal

import msgspec

from core.value import Value


def now() -> datetime:
    return datetime.now(UTC)


class Address(Value, frozen=True, kw_only=True, gc=True, dict=True):  # dict: it remembers its id
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


class Person(Value, frozen=True, kw_only=True):
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


class Incoming(Value, frozen=True, kw_only=True):
    """One message (or edit, or command) that a platform handed over."""

    address: Address
    # The platform's id of this event; the same id twice is a duplicate.
    update: str
    # The platform's message id, to reply to; an edit carries the original's.
    message: str
    sender: Person
    kind: Kind = Kind.TEXT
    # What was written, or the caption of a picture.
    text: str = ""
    command: Command | None = None
    # What followed the command, e.g. 'zh' after /language.
    argument: str = ""
    # The text of the message that this one replies to.
    quoted: str = ""
    # The text of the post under which this comment stands.
    post: str = ""
    # More than one person writes here.
    group: bool = False
    # In a group: mentioned, replied to, or a command.
    addressed: bool = True
    edited: bool = False
    # Its sender deleted it before it was answered; its text is gone.
    withdrawn: bool = False
    # The channel whose history has it, where the platform is read again after a pause.
    heard_in: str = ""
    # The platform's page has said already that a bot answers.
    disclosed: bool = False
    at: datetime = msgspec.field(default_factory=now)


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


class Card(Value, frozen=True, kw_only=True):
    """A product beside an answer: a picture and a link where the platform can show them, else a line of text.

    ``image``, ``url``: http(s) addresses, empty: none; ``price`` as it is said, e.g. ``€24.00 / 50 g``.
    """

    # The product's SKU.
    id: str
    title: str
    text: str = ""
    price: str = ""
    url: str = ""
    image: str = ""


class Button(Value, frozen=True, kw_only=True):
    """A way on beside an answer: pressing it asks ``text``, or opens ``url``. Exactly one of the two is given."""

    label: str
    text: str = ""
    url: str = ""


class Reply(Value, frozen=True, kw_only=True):
    """A finished answer, as it is kept in the history and in the outbox."""

    # Made from the turn it answers: the same turn answered again has the same id.
    id: str
    address: Address
    # Markdown (CommonMark).
    text: str
    language: str = "en"
    persona: str = ""
    persona_version: str = ""
    rung: Rung = Rung.NOTICE
    trace: str = ""
    cards: tuple[Card, ...] = ()
    buttons: tuple[Button, ...] = ()
    # The platform's id of the message that is answered.
    reply_to: str = ""
    # The platform's ids of what it shows already, when the reply was given up and is tried again.
    sent: tuple[str, ...] = ()
    # It was given up, and is tried again.
    again: bool = False
    # Why more of it may be shown already, when it is tried again.
    doubtful: str = ""
    at: datetime = msgspec.field(default_factory=now)


class Outgoing(Value, frozen=True, kw_only=True):
    """One platform message to be shown: a part of a reply, or its text so far while it is being written."""

    address: Address
    # The id of the reply that this is a part of.
    reply: str
    part: int = 0
    text: str
    final: bool = True
    reply_to: str = ""
    language: str = "en"
    # Products that this message shows, beside its text or alone.
    cards: tuple[Card, ...] = ()
    # What stands under this message.
    buttons: tuple[Button, ...] = ()


class Line(Value, frozen=True, kw_only=True):
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
    # The platform's message id.
    message: str = ""
    # Of the bot's: nothing unusual is known; sent when it was tried again; perhaps shown twice; given up.
    delivery: Literal["", "sent", "ambiguous", "failed"] = ""
    delivery_reason: str = ""
    at: datetime = msgspec.field(default_factory=now)


class Draft(Value, frozen=True, kw_only=True):
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
