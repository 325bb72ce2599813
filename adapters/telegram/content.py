"""What a Telegram message says: its kind, its text without our name in it, its command, and whom it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Message, MessageEntity, User

from core.messages import Command, Kind


@dataclass(frozen=True, slots=True)
class Content:
    """``mentions_us``: by our @name, by a mention of our account, or in a command."""

    kind: Kind
    text: str
    command: Command | None = None
    argument: str = ""
    mentions_us: bool = False
    for_another: bool = False
    """A command that names another bot."""


def read_content(message: Message, me: User) -> Content | None:
    """None for service messages ("Anna joined") and whatever else nobody wrote."""
    kind = _kind(message)
    if kind is None:
        return None
    text = message.text or message.caption or _venue(message)
    entities = message.entities or message.caption_entities
    command = _command(text, entities, me) if message.text else None
    if command:
        return command
    cuts = [entity for entity in entities if _means_us(text, entity, me)]
    return Content(kind, _without(text, cuts), mentions_us=bool(cuts))


def _kind(message: Message) -> Kind | None:
    """An animation also has a document, and a venue a location: the order matters."""
    kinds: tuple[tuple[object, Kind], ...] = (
        (message.text, Kind.TEXT),
        (message.photo, Kind.PHOTO),
        (message.sticker, Kind.STICKER),
        (message.voice or message.audio, Kind.VOICE),
        (message.video or message.video_note or message.animation, Kind.VIDEO),
        (message.document, Kind.DOCUMENT),
        (message.location or message.venue, Kind.LOCATION),
        (_other(message), Kind.OTHER),
    )
    return next((kind for found, kind in kinds if found), None)


def _other(message: Message) -> object:
    return (
        message.contact
        or message.poll
        or message.dice
        or message.game
        or message.story
        or message.paid_media
        or message.invoice
        or message.checklist
        or message.giveaway
        or message.caption
    )


def _venue(message: Message) -> str:
    return f"{message.venue.title}, {message.venue.address}" if message.venue else ""


def _command(text: str, entities: Sequence[MessageEntity], me: User) -> Content | None:
    """``/help``, ``/help@our_bot``, ``/language zh``. An unknown command is a text like any other."""
    first = next(
        (entity for entity in entities if entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0), None
    )
    if first is None:
        return None
    written, argument = text[: first.length], text[first.length :].strip()
    name, _, bot = written.removeprefix("/").partition("@")
    if bot and bot.lower() != (me.username or "").lower():
        return Content(Kind.TEXT, text, for_another=True)
    shown = f"/{name} {argument}".strip()
    known = next((command for command in Command if command == name.lower()), None)
    if known is None:
        return Content(Kind.TEXT, shown, mentions_us=bool(bot))
    return Content(Kind.COMMAND, shown, known, argument, mentions_us=True)


def _means_us(text: str, entity: MessageEntity, me: User) -> bool:
    if entity.type == MessageEntity.TEXT_MENTION:
        return entity.user is not None and entity.user.id == me.id
    if entity.type != MessageEntity.MENTION:
        return False
    return _slice(text, entity.offset, entity.offset + entity.length).lower() == f"@{me.username}".lower()


def _without(text: str, cuts: Sequence[MessageEntity]) -> str:
    """The text without these entities, and without the gap or the comma that they leave."""
    for entity in sorted(cuts, key=lambda cut: cut.offset, reverse=True):
        before = _slice(text, 0, entity.offset)
        after = _slice(text, entity.offset + entity.length, None)
        if not before.strip():
            after = re.sub(r"^[\s,:，：]+", "", after)
        text = before.rstrip(" ") + " " + after.lstrip(" ") if before.strip() and after.strip() else before + after
    return text.strip() if cuts else text


def _slice(text: str, start: int, end: int | None) -> str:
    """By UTF-16 code units, in which Telegram counts."""
    return text.encode("utf-16-le")[2 * start : None if end is None else 2 * end].decode("utf-16-le", "replace")
