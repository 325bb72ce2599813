"""discord.py's messages as ``Incoming``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import discord

from core.messages import Address, Command, Incoming, Kind, Person

if TYPE_CHECKING:  # discord.py has these unions for type checkers only
    from discord.abc import MessageableChannel
    from discord.interactions import InteractionChannel

    Channel: TypeAlias = MessageableChannel | InteractionChannel

PLATFORM = "discord"

_MENTION = re.compile(r"<(?P<sort>@!?|@&|#)(?P<id>\d{15,20})>")
_EMOJI = re.compile(r"<a?(?P<name>:\w+:)\d{15,20}>")
_COMMAND = re.compile(r"<(?P<name>/[^:<>\n]+):\d{15,20}>")
# A command that was typed as text: Discord takes up to an hour to show people a new bot's slash commands.
_TYPED = re.compile(rf"/(?P<name>{'|'.join(Command)})(?:\s+(?P<argument>.*))?", re.IGNORECASE | re.DOTALL)
_SPACES = re.compile(r"[ \t]{2,}")


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids in a message's text are called. ``me``: the bot and its role, whose mention says nothing."""

    me: frozenset[int]
    people: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)


def plain(text: str, names: Names) -> str:
    """The text as people see it: names for ids, without the mention of the bot."""

    def name(match: re.Match[str]) -> str:
        number = int(match["id"])
        if number in names.me:
            return ""
        if match["sort"] == "#":
            return "#" + names.channels.get(number, "channel")
        known = names.roles if match["sort"] == "@&" else names.people
        return "@" + known.get(number, "somebody")

    shown = _MENTION.sub(name, text)
    if any(str(number) in text for number in names.me):
        shown = _SPACES.sub(" ", shown)  # a mention that was taken out leaves two spaces
    return _COMMAND.sub(r"\g<name>", _EMOJI.sub(r"\g<name>", shown)).strip()


def place(channel: Channel) -> tuple[str, str]:
    """Chat and thread of an address: a thread stands under its channel (or forum)."""
    if isinstance(channel, discord.Thread):
        return str(channel.parent_id), str(channel.id)
    return str(channel.id), ""


def from_person(message: discord.Message) -> bool:
    """False for our own messages, other bots, webhooks, and what Discord itself writes (joins, pins, boosts)."""
    written = message.type in (discord.MessageType.default, discord.MessageType.reply)
    return written and not message.author.bot and message.webhook_id is None


def means_me(message: discord.Message, me: discord.abc.Snowflake) -> bool:
    """Mentioned (the bot, or the role that Discord made for it), or a reply to one of its messages."""
    if message.guild is None:
        return True
    mentioned = any(user.id == me.id for user in message.mentions)
    role = any(role.tags is not None and role.tags.bot_id == me.id for role in message.role_mentions)
    answered = _answered(message)
    return mentioned or role or (answered is not None and answered.author.id == me.id)


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes the ``Incoming`` of one bot's messages."""

    bot: str
    me: discord.abc.Snowflake

    def read(self, message: discord.Message, thread: str, *, edited: bool = False) -> Incoming:
        """``thread``: where the answer goes, when that is a thread still to be opened; else empty."""
        chat, inside = place(message.channel)
        answered = _answered(message)
        text, attachments = _contents(message)
        text = plain(text, self._names(message))
        kind, addressed = _kind(message, attachments), means_me(message, self.me)
        typed = _TYPED.fullmatch(text) if addressed and kind is Kind.TEXT and not edited else None
        return Incoming(
            address=Address(bot=self.bot, platform=PLATFORM, chat=chat, thread=inside or thread),
            update=_update(message, edited),
            message=str(message.id),
            sender=Person(id=str(message.author.id), name=message.author.display_name),
            kind=kind if typed is None else Kind.COMMAND,
            text=text,
            command=None if typed is None else Command(typed["name"].lower()),
            argument="" if typed is None else (typed["argument"] or "").strip(),
            quoted=plain(answered.content, self._names(answered)) if answered is not None else "",
            post=_post(message.channel),
            group=message.guild is not None,
            addressed=addressed,
            edited=edited,
            heard_in="" if edited else str(message.channel.id),
            at=(message.edited_at if edited else None) or message.created_at,
        )

    def _names(self, message: discord.Message) -> Names:
        roles = {role.id: role for role in message.role_mentions}
        mine = {id for id, role in roles.items() if role.tags is not None and role.tags.bot_id == self.me.id}
        return Names(
            me=frozenset({self.me.id, *mine}),
            people={user.id: user.display_name for user in message.mentions},
            roles={id: role.name for id, role in roles.items()},
            channels={channel.id: channel.name for channel in message.channel_mentions},
        )


def _update(message: discord.Message, edited: bool) -> str:
    """The same for every copy of an event that Discord sends. An edit is known by its time: each has its own."""
    if not edited or message.edited_at is None:
        return f"message:{message.id}"
    return f"edit:{message.id}:{round(message.edited_at.timestamp() * 1_000_000)}"


def _answered(message: discord.Message) -> discord.Message | None:
    """The message that this one replies to, if Discord still has it. (A forwarded one is no reply.)"""
    reference = message.reference
    if reference is None or message.type is not discord.MessageType.reply:
        return None
    return reference.resolved if isinstance(reference.resolved, discord.Message) else None


def _contents(message: discord.Message) -> tuple[str, Sequence[discord.Attachment]]:
    """Text and files; those of the forwarded message where somebody forwarded one."""
    if message.message_snapshots and not message.content:
        forwarded = message.message_snapshots[0]
        return forwarded.content, forwarded.attachments
    if message.poll is not None and not message.content:
        return message.poll.question, message.attachments
    return message.content, message.attachments


def _kind(message: discord.Message, attachments: Sequence[discord.Attachment]) -> Kind:
    if attachments:
        return _kind_of_file(attachments[0])
    if message.stickers or any(snapshot.stickers for snapshot in message.message_snapshots):
        return Kind.STICKER
    return Kind.OTHER if message.poll is not None else Kind.TEXT


def _kind_of_file(file: discord.Attachment) -> Kind:
    sort = (file.content_type or "").partition("/")[0]
    return {"image": Kind.PHOTO, "video": Kind.VIDEO, "audio": Kind.VOICE}.get(sort, Kind.DOCUMENT)


def _post(channel: Channel) -> str:
    """The title of the forum post under which this stands."""
    if isinstance(channel, discord.Thread) and isinstance(channel.parent, discord.ForumChannel):
        return channel.name
    return ""
