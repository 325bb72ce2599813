"""The server's memory: one guild, its channels and threads, direct messages, and everything that was said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.platforms.discord_values import (
    DM,
    HAS_THREAD,
    PUBLIC_THREAD,
    TEXT,
    THREADS,
    Channel,
    Json,
    Message,
    Role,
    Snowflakes,
    User,
)

# "The past few minutes", as Discord says.
NONCE_KNOWN = timedelta(minutes=3)


class World:
    def __init__(self) -> None:
        self.ids = Snowflakes()
        self.bot = User(self.ids.next(), "Teahouse", bot=True)
        self.application = self.ids.next()
        self.guild = self.ids.next()
        self.role = Role(self.ids.next(), "Teahouse", bot_id=self.bot.id)
        self.users: dict[str, User] = {self.bot.id: self.bot}
        self.channels: dict[str, Channel] = {}
        self._messages: dict[str, Message] = {}
        self.threads_made: set[str] = set()  # a message gets a thread once, even if that was deleted
        self.unlisted: set[str] = set()  # threads that the gateway does not tell of, as archived ones
        self.direct: dict[str, str] = {}
        self.commands: list[Json] = []

    # ── people and places ────────────────────────────────────────────────────────────────────────────────

    def user(self, name: str, *, nick: str = "", bot: bool = False) -> User:
        user = User(self.ids.next(), name, nick=nick, bot=bot)
        self.users[user.id] = user
        return user

    def channel(self, name: str, type: int = TEXT) -> Channel:
        return self._keep(Channel(self.ids.next(), type, name=name, guild=self.guild))

    def thread(self, parent: Channel, id: str, name: str, owner: User, type: int = PUBLIC_THREAD) -> Channel:
        made = Channel(id, type, name=name, guild=self.guild, parent=parent.id, owner=owner.id)
        if id in self._messages:
            self.threads_made.add(id)
            self.store(replace(self._messages[id], flags=self._messages[id].flags | HAS_THREAD))
        return self._keep(made)

    def dm(self, user: User) -> Channel:
        if user.id not in self.direct:
            made = self._keep(Channel(self.ids.next(), DM, recipient=user))
            self.direct[user.id] = made.id
        return self.channels[self.direct[user.id]]

    def forbid(self, channel: Channel, *rights: str) -> None:
        self.channels[channel.id] = replace(self.channels[channel.id], forbidden=frozenset(rights))

    def may(self, channel: Channel, right: str) -> bool:
        """Threads take their rights from the channel above."""
        places = [self.channels[id] for id in (channel.id, channel.parent) if id in self.channels]
        return not any(taken in place.forbidden for place in places for taken in ("view", right))

    def _keep(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        return channel

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────

    def store(self, message: Message) -> Message:
        self._messages[message.id] = message
        return message

    def find(self, channel: str, id: str) -> Message | None:
        message = self._messages.get(id)
        return message if message is not None and message.channel == channel else None

    def said_before(self, channel: str, author: User, nonce: str) -> Message | None:
        since = self.ids.now() - NONCE_KNOWN
        known = (m for m in self.messages(channel) if nonce and m.nonce == nonce and m.at >= since)
        return next((m for m in known if m.author == author), None)

    def delete(self, message: Message) -> None:
        del self._messages[message.id]

    def messages(self, channel: str) -> list[Message]:
        return sorted((m for m in self._messages.values() if m.channel == channel), key=lambda m: int(m.id))

    def message_json(self, message: Message, *, with_text: bool = True) -> Json:
        answered = self.find(message.channel, message.reply_to) if message.reply_to else None
        thread = self.channels.get(message.id)
        more = {"thread": thread.json()} if thread is not None else {}
        return {**message.json(answered, with_text=with_text), **more}

    # ── the guild on the wire ────────────────────────────────────────────────────────────────────────────

    def guild_json(self) -> Json:
        inside = [channel for channel in self.channels.values() if channel.guild]
        everyone = Role(self.guild, "@everyone")
        return {
            "id": self.guild,
            "name": "Tea lovers",
            "owner_id": "1",
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "roles": [everyone.json(), self.role.json()],
            "emojis": [],
            "features": [],
            "mfa_level": 0,
            "system_channel_id": None,
            "premium_tier": 0,
            "preferred_locale": "en-US",
            "nsfw_level": 0,
            "stickers": [],
            "unavailable": False,
            "member_count": len(self.users),
            "voice_states": [],
            "members": [{**self.bot.member(), "user": self.bot.json(), "roles": [self.role.id]}],
            "channels": [self._channel_json(channel) for channel in inside if channel.type not in THREADS],
            "threads": [
                self._channel_json(channel)
                for channel in inside
                if channel.type in THREADS and channel.id not in self.unlisted
            ],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
        }

    def _channel_json(self, channel: Channel) -> Json:
        said = self.messages(channel.id)
        return {**channel.json(), "last_message_id": said[-1].id if said else None}

    def application_json(self) -> Json:
        return {
            "id": self.application,
            "name": "Teahouse",
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": User("1", "Owner").json(),
            "verify_key": "0" * 64,
            "flags": 1 << 19,
            "team": None,
        }
