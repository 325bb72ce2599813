"""The conversations of the chaos benchmark on the wire servers: where shoppers write, and what they see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.bench.chaos_judge import Send, Text
from tests.bench.chaos_words import BOT
from tests.platforms.discord_server import EDIT, SEND, DiscordServer
from tests.platforms.discord_values import Channel, User
from tests.platforms.discord_values import Message as DiscordMessage
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Chat
from tests.platforms.telegram_values import Message as TelegramMessage
from tests.platforms.telegram_values import User as TelegramUser

# Of ten conversations one is a group or a server's channel with two shoppers, all others are private.
_SHARED = 10


class Place(Protocol):
    """``conversation``: its name in the store. ``exactly_once``: the platform itself can keep a send from being doubled.

    Messages are known by the numbers that they were written with.
    """

    @property
    def conversation(self) -> str: ...

    @property
    def exactly_once(self) -> bool: ...

    async def says(self, message: int, text: str) -> None: ...

    async def edits(self, message: int, text: str) -> bool:
        """False: that cannot be done here, or not any more."""
        ...

    async def deletes(self, message: int) -> bool:
        """False: the bot is told nothing of it here, or it is gone already."""
        ...

    def texts(self) -> list[Text]:
        """What the bot wrote, as it stands now, oldest first."""
        ...


@dataclass(slots=True)
class TelegramPlace:
    server: TelegramServer
    chat: Chat
    shoppers: Sequence[TelegramUser]
    exactly_once: bool = False
    _said: dict[int, TelegramMessage] = field(default_factory=dict)

    @property
    def conversation(self) -> str:
        return f"{BOT}/telegram/{self.chat.id}"

    async def says(self, message: int, text: str) -> None:
        shopper = self.shoppers[message % len(self.shoppers)]
        text = text if self.chat.user else f"@{self.server.me.username} {text}"
        self._said[message] = self.server.user_says(self.chat, text, user=shopper)

    async def edits(self, message: int, text: str) -> bool:
        text = text if self.chat.user else f"@{self.server.me.username} {text}"
        self.server.user_edits(self._said[message], text)
        return True

    async def deletes(self, message: int) -> bool:
        return False

    def texts(self) -> list[Text]:
        return [Text(str(message.id), message.text) for message in self.server.replies(self.chat)]


@dataclass(slots=True)
class DiscordPlace:
    server: DiscordServer
    channel: Channel
    shoppers: Sequence[User]
    exactly_once: bool = True
    _said: dict[int, DiscordMessage] = field(default_factory=dict)

    @property
    def conversation(self) -> str:
        return f"{BOT}/discord/{self.channel.id}"

    async def says(self, message: int, text: str) -> None:
        shopper, mention = self.shoppers[message % len(self.shoppers)], bool(self.channel.guild)
        self._said[message] = await self.server.user_says(self.channel, text, user=shopper, mention=mention)

    async def edits(self, message: int, text: str) -> bool:
        if message not in self._said:
            return False
        text = f"<@{self.server.bot.id}> {text}" if self.channel.guild else text
        await self.server.user_edits(self._said[message], text)
        return True

    async def deletes(self, message: int) -> bool:
        if message not in self._said:
            return False
        await self.server.deletes(self._said.pop(message))
        return True

    def texts(self) -> list[Text]:
        return [Text(message.id, message.content) for message in self.server.from_bot(self.channel)]


def settle(telegram: TelegramServer, discord: DiscordServer, conversations: int) -> list[Place]:
    """So many conversations, every other one on Telegram."""
    places: list[Place] = []
    for number in range(conversations):
        shared = number // 2 % _SHARED == _SHARED - 1
        if number % 2 == 0:
            people = [telegram.user(f"Ann{number}"), telegram.user(f"Bo{number}")]
            chat = telegram.group(f"Group {number}", people) if shared else telegram.private(people[0])
            places.append(TelegramPlace(telegram, chat, people if shared else people[:1]))
        else:
            users = [discord.user(f"Cleo{number}"), discord.user(f"Dan{number}")]
            channel = discord.text_channel(f"room-{number}") if shared else discord.dm(users[0])
            places.append(DiscordPlace(discord, channel, users if shared else users[:1]))
    return places


def telegram_sends(server: TelegramServer) -> Iterator[Send]:
    """Every text that the server took, in the order in which they came; also those whose answer was lost."""
    for call in server.calls:
        if call.acted and call.method.lower() in ("sendmessage", "editmessagetext"):
            made = str(call.made or call.params.get("message_id", ""))
            place = f"{BOT}/telegram/{call.params['chat_id']}"
            yield Send(place, made, call.at, bool(call.made), call.status == 200, call.params["text"])


def discord_sends(server: DiscordServer) -> Iterator[Send]:
    for call in server.calls:
        if call.acted and call.route in (SEND, EDIT):
            _, _, channel, _, *message = call.path.split("/")
            made = call.made or "".join(message)
            text = str(json.loads(call.body).get("content", ""))
            yield Send(f"{BOT}/discord/{channel}", made, call.at, bool(call.made), call.status < 400, text)
