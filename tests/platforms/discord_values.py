"""What the Discord server knows: users, channels, messages, and how they look on the wire."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

Json = Mapping[str, object]

DISCORD_EPOCH_MS = 1_420_070_400_000

TEXT, DM, ANNOUNCEMENT, PUBLIC_THREAD, PRIVATE_THREAD, FORUM = 0, 1, 5, 11, 12, 15
THREADS = (10, PUBLIC_THREAD, PRIVATE_THREAD)
DEFAULT, JOIN, REPLY = 0, 7, 19
SUPPRESS_EMBEDS, HAS_THREAD, SILENT = 4, 32, 4096


class Snowflakes:
    """Ids that carry their time, as Discord's do; ``ahead_s`` moves the clock of this server."""

    def __init__(self) -> None:
        self._count = itertools.count()
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.ahead_s, UTC)

    def next(self) -> str:
        milliseconds = int(self.now().timestamp() * 1000) - DISCORD_EPOCH_MS
        return str((milliseconds << 22) | (next(self._count) & 0x3FFFFF))


def iso(moment: datetime) -> str:
    return moment.isoformat()


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    bot: bool = False
    nick: str = ""

    def json(self) -> Json:
        return {
            "id": self.id,
            "username": self.name.lower(),
            "global_name": self.name,
            "discriminator": "0",
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
        }

    def member(self) -> Json:
        return {
            "nick": self.nick or None,
            "roles": [],
            "joined_at": "2024-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
        }


@dataclass(frozen=True, slots=True)
class Role:
    id: str
    name: str
    bot_id: str = ""

    def json(self) -> Json:
        tags = {"tags": {"bot_id": self.bot_id}} if self.bot_id else {}
        return {
            "id": self.id,
            "name": self.name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "position": 1,
            "permissions": "0",
            "managed": bool(self.bot_id),
            "mentionable": True,
            "flags": 0,
            **tags,
        }


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, a direct-message channel (no guild) or a thread (with its parent)."""

    id: str
    type: int
    name: str = ""
    guild: str = ""
    parent: str = ""
    owner: str = ""
    recipient: User | None = None
    locked: bool = False
    forbidden: frozenset[str] = frozenset()  # of: view, send, read, threads, embed

    def json(self) -> Json:
        if self.recipient is not None:
            return {"id": self.id, "type": self.type, "recipients": [self.recipient.json()], "last_message_id": None}
        common: Json = {"id": self.id, "type": self.type, "name": self.name, "guild_id": self.guild}
        if self.type in THREADS:
            return {**common, **self._thread()}
        return {
            **common,
            "position": 0,
            "permission_overwrites": [],
            "parent_id": None,
            "nsfw": False,
            "topic": None,
            "rate_limit_per_user": 0,
            "last_message_id": None,
            **({"available_tags": []} if self.type == FORUM else {}),
        }

    def _thread(self) -> Json:
        stamp = "2026-01-01T00:00:00+00:00"
        times = {"archive_timestamp": stamp, "create_timestamp": stamp}
        return {
            "parent_id": self.parent,
            "owner_id": self.owner,
            "message_count": 0,
            "member_count": 1,
            "rate_limit_per_user": 0,
            "thread_metadata": {"archived": False, "auto_archive_duration": 1440, "locked": self.locked, **times},
        }


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str

    def json(self, id: str) -> Json:
        address = f"https://cdn.discordapp.com/attachments/{id}/{self.name}"
        kind = {"content_type": self.content_type}
        return {"id": id, "filename": self.name, "size": 3, "url": address, "proxy_url": address, **kind}


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message. ``pings`` are the mentions that would have rung somebody's telephone."""

    id: str
    channel: str
    author: User
    content: str
    at: datetime
    guild: str = ""
    type: int = DEFAULT
    edited: datetime | None = None
    mentions: tuple[User, ...] = ()
    roles: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    sticker: str = ""
    reply_to: str = ""
    forwarded: str = ""
    webhook: str = ""
    flags: int = 0
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    nonce: str = ""
    pings: tuple[str, ...] = ()
    history: tuple[str, ...] = field(default=())  # earlier texts, oldest first

    def with_text(self, content: str, at: datetime) -> Message:
        return replace(self, content=content, edited=at, history=(*self.history, self.content))

    @property
    def buttons(self) -> tuple[Json, ...]:
        """In order, without their rows."""
        return tuple(button for row in self.components for button in _buttons(row))

    def json(self, answered: Message | None = None, *, with_text: bool = True) -> Json:
        """``with_text``: False is what a bot without the message content intent gets."""
        optional: dict[str, object] = {}
        if self.guild:
            optional["guild_id"] = self.guild
        if self.reply_to:
            optional["message_reference"] = {"type": 0, "message_id": self.reply_to, "channel_id": self.channel}
            optional["referenced_message"] = answered.json() if answered is not None else None
        if self.forwarded:
            optional["message_reference"] = {"type": 1, "message_id": "1", "channel_id": "1"}
            optional["message_snapshots"] = [{"message": self._snapshot()}]
        if self.webhook:
            optional["webhook_id"] = self.webhook
        if self.nonce:
            optional["nonce"] = self.nonce
        if self.sticker:
            optional["sticker_items"] = [{"id": "749054660769218631", "name": self.sticker, "format_type": 1}]
        return {
            "id": self.id,
            "type": self.type,
            "channel_id": self.channel,
            "author": self.author.json(),
            "content": self.content if with_text else "",
            "timestamp": iso(self.at),
            "edited_timestamp": iso(self.edited) if self.edited else None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [user.json() for user in self.mentions],
            "mention_roles": list(self.roles),
            "attachments": [file.json(str(int(self.id) + at)) for at, file in enumerate(self.attachments, 1)],
            "embeds": [] if self.flags & SUPPRESS_EMBEDS else list(self.embeds),
            "pinned": False,
            "flags": self.flags,
            "components": [
                {**row, "id": number, "components": [{**button, "id": 0} for button in _buttons(row)]}
                for number, row in enumerate(self.components, 1)
            ],
            **optional,
        }

    def _snapshot(self) -> Json:
        stamp = iso(self.at)
        plain: dict[str, Sequence[object]] = {
            "attachments": [],
            "embeds": [],
            "mentions": [],
            "mention_roles": [],
            "components": [],
        }
        return {"type": 0, "content": self.forwarded, "timestamp": stamp, "edited_timestamp": None, "flags": 0, **plain}


def _buttons(row: Json) -> list[Json]:
    found = row["components"]
    assert isinstance(found, list)
    return found
