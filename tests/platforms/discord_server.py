"""A small strict Discord on a loopback port: REST and gateway, for the real discord.py.

    async with DiscordServer() as discord:
        general, mei = discord.text_channel("general"), discord.user("Mei")
        channel = DiscordChannel(bot="teahouse", token=discord.token, api_url=discord.api_url)
        ...
        await discord.user_says(general, "How much is delivery?", user=mei, mention=True)
        await discord.until(lambda: discord.messages(general)[-1].author == discord.bot)
        discord.fail(SEND, dropped(), times=2)

It keeps everything that was said and every call, so that a test can judge what a person would have seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.platforms.discord_faults import Fault, Limit
from tests.platforms.discord_gateway import DIRECT_MESSAGES, GUILD_MESSAGES, GUILDS, Gateway
from tests.platforms.discord_rest import API, Call, Interaction, Rest, mentioned
from tests.platforms.discord_values import (
    DEFAULT,
    FORUM,
    PUBLIC_THREAD,
    REPLY,
    TEXT,
    Attachment,
    Channel,
    Json,
    Message,
    User,
)
from tests.platforms.discord_world import World

SEND = "POST /channels/{channel}/messages"
EDIT = "PATCH /channels/{channel}/messages/{message}"
TYPING = "POST /channels/{channel}/typing"
OPEN_THREAD = "POST /channels/{channel}/messages/{message}/threads"
GET_CHANNEL = "GET /channels/{channel}"
HISTORY = "GET /channels/{channel}/messages"
READ_MESSAGE = "GET /channels/{channel}/messages/{message}"
LOGIN = "GET /users/@me"
GATEWAY = "GET /gateway/bot"
GET_COMMANDS = "GET /applications/{application}/commands"
PUT_COMMANDS = "PUT /applications/{application}/commands"
CALLBACK = "POST /interactions/{interaction}/{token}/callback"

_ALL_RIGHTS = (1 << 10) | (1 << 11) | (1 << 38)  # view, send, send in threads


class DiscordServer:
    def __init__(self, token: str = "MTIz.test-token.secret") -> None:
        self.token = token
        self.world = World()
        self._change = asyncio.Event()
        self.gateway = Gateway(self.world, token, self._changed)
        self._rest = Rest(self.world, self.gateway, token, self._changed)
        self._runner: web.AppRunner | None = None
        self._port = 0

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start, or start again on the same port: everything that was said is still there."""
        self._runner = web.AppRunner(self._rest.app(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        self.gateway.url = f"ws://127.0.0.1:{self._port}/gateway"

    async def stop(self) -> None:
        """Like a machine that is switched off: connections break and new ones are refused."""
        self.gateway.abort()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._port}{API}"

    @property
    def bot(self) -> User:
        return self.world.bot

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────────────

    def _changed(self) -> None:
        self._change.set()

    async def until(self, true: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Wait until something holds; what happens at this server is looked at at once, all else often."""
        async with asyncio.timeout(timeout_s):
            while not true():
                self._change.clear()
                try:
                    async with asyncio.timeout(0.02):
                        await self._change.wait()
                except TimeoutError:
                    continue

    async def ready(self, sessions: int = 1) -> None:
        """Wait until this many bots are connected."""
        await self.until(lambda: self.gateway.identified >= sessions and self.gateway.connected() >= sessions)

    async def ready_again(self, sessions: int) -> None:
        """Wait until a bot has a new session after so many."""
        await self.until(lambda: self.gateway.identified > sessions)

    # ── people and places ────────────────────────────────────────────────────────────────────────────────

    def user(self, name: str, *, nick: str = "", bot: bool = False) -> User:
        return self.world.user(name, nick=nick, bot=bot)

    def text_channel(self, name: str) -> Channel:
        return self.world.channel(name, TEXT)

    def forum(self, name: str) -> Channel:
        return self.world.channel(name, FORUM)

    def dm(self, user: User) -> Channel:
        return self.world.dm(user)

    async def opens_thread(
        self, parent: Channel, name: str, user: User, *, on: Message | None = None, type: int = PUBLIC_THREAD
    ) -> Channel:
        """A person opens a thread, from a message or without one; in a forum that is a post."""
        thread = self.world.thread(parent, on.id if on else self.world.ids.next(), name, user, type)
        await self.gateway.dispatch("THREAD_CREATE", {**thread.json(), "newly_created": True}, GUILDS)
        return thread

    def thread_of(self, message: Message) -> Channel | None:
        return self.world.channels.get(message.id)

    def delete_channel(self, channel: Channel) -> None:
        del self.world.channels[channel.id]

    def lock(self, thread: Channel) -> None:
        self.world.channels[thread.id] = replace(self.world.channels[thread.id], locked=True)

    def forbid(self, channel: Channel, *rights: str) -> None:
        """Take rights from the bot: view, send, read (the history), threads (opening them), embed (links)."""
        self.world.forbid(channel, *rights)

    # ── what people do ───────────────────────────────────────────────────────────────────────────────────

    async def user_says(
        self,
        channel: Channel,
        text: str,
        *,
        user: User,
        mention: bool = False,
        role_mention: bool = False,
        reply_to: Message | None = None,
        attachments: Sequence[Attachment] = (),
        sticker: str = "",
        forwarded: str = "",
        webhook: bool = False,
        type: int | None = None,
    ) -> Message:
        """``mention`` puts the bot's mention in front. A reply does not ring the one who is replied to."""
        if mention or role_mention:
            text = (f"<@{self.bot.id}> " if mention else f"<@&{self.world.role.id}> ") + text
        message = Message(
            id=self.world.ids.next(),
            channel=channel.id,
            author=user,
            content=text,
            at=self.world.ids.now(),
            guild=channel.guild,
            type=type if type is not None else REPLY if reply_to else DEFAULT,
            mentions=mentioned(self.world, text),
            roles=(self.world.role.id,) if role_mention else (),
            attachments=tuple(attachments),
            sticker=sticker,
            reply_to=reply_to.id if reply_to else "",
            forwarded=forwarded,
            webhook=user.id if webhook else "",
        )
        self.world.store(message)
        await self._rest.announce("MESSAGE_CREATE", message)
        return message

    async def user_edits(self, message: Message, text: str) -> Message:
        before = self._now(message)
        edited = self.world.store(
            replace(before.with_text(text, self.world.ids.now()), mentions=mentioned(self.world, text))
        )
        await self._rest.announce("MESSAGE_UPDATE", edited)
        return edited

    async def link_preview(self, message: Message) -> None:
        """Discord itself updates the message: the same text, no new edit time."""
        await self._rest.announce("MESSAGE_UPDATE", self._now(message))

    async def deletes(self, *messages: Message) -> None:
        """Several at once, as a moderator does, are one event."""
        for message in messages:
            self.world.delete(self._now(message))
        first = messages[0]
        where = {"channel_id": first.channel, **({"guild_id": first.guild} if first.guild else {})}
        intent = GUILD_MESSAGES if first.guild else DIRECT_MESSAGES
        if len(messages) == 1:
            await self.gateway.dispatch("MESSAGE_DELETE", {"id": first.id, **where}, intent)
        else:
            ids = [message.id for message in messages]
            await self.gateway.dispatch("MESSAGE_DELETE_BULK", {"ids": ids, **where}, intent)

    async def slash(
        self, channel: Channel, command: str, *, user: User, argument: str = "", locale: str = "en-US"
    ) -> Interaction:
        """Use a slash command. The bot has three seconds; ``Interaction.callback`` is what it answered."""
        option = {"name": "language", "type": 3, "value": argument}
        data: dict[str, object] = {"id": "1", "name": command, "type": 1, "options": [option] if argument else []}
        return await self._interact(channel, user, 2, {"data": data, "locale": locale})

    async def press(self, message: Message, label: str, *, user: User, locale: str = "en-US") -> Interaction:
        """Press a button under a message of the bot."""
        now = self._now(message)
        id = next(button["custom_id"] for button in now.buttons if button["label"] == label)
        more = {"data": {"custom_id": id, "component_type": 2}, "locale": locale, "message": now.json()}
        return await self._interact(self.world.channels[message.channel], user, 3, more)

    async def _interact(self, channel: Channel, user: User, kind: int, more: Json) -> Interaction:
        interaction = Interaction(self.world.ids.next(), f"aW50ZXJhY3Rpb24-{self.world.ids.next()}", kind)
        self._rest.interactions[interaction.id] = interaction
        person: dict[str, object] = {"user": user.json()}
        if channel.guild:
            member = {**user.member(), "user": user.json(), "permissions": str(_ALL_RIGHTS)}
            person = {"member": member, "guild_id": channel.guild, "guild": {"id": channel.guild, "features": []}}
        rights = _ALL_RIGHTS if self.world.may(channel, "send") else 0
        payload: dict[str, object] = {
            "id": interaction.id,
            "application_id": self.world.application,
            "type": kind,
            "token": interaction.token,
            "version": 1,
            "channel_id": channel.id,
            "channel": channel.json(),
            "app_permissions": str(rights),
            "entitlements": [],
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10485760,
            "context": 0 if channel.guild else 1,
            **person,
            **more,
        }
        copies, self.gateway.duplicates = 1 + self.gateway.duplicates, 0
        for session in list(self.gateway.sessions.values()):  # interactions need no intent
            for _ in range(copies):
                await session.dispatch("INTERACTION_CREATE", payload)
        return interaction

    def passes(self, seconds: float) -> None:
        """Let time pass: later messages carry later times. Nobody waits."""
        self.world.ids.ahead_s += seconds

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────

    def fail(self, route: str, fault: Fault, times: int = 1) -> None:
        self._rest.faults.add(route, fault, times)

    def failing(self, route: str) -> int:
        """How many of its next calls will fail."""
        return self._rest.faults.waiting(route)

    def when_acted(self, do: Callable[[Call], None]) -> None:
        """``do`` is called when something was done as it was asked for, and before that is answered."""
        self._rest.when_acted = do

    def limit_sending(self, count: int, seconds: float) -> None:
        """So many messages and edits in so many seconds for each channel; Discord itself takes 5 in 5 s."""
        self._rest.limit = Limit(count, seconds)

    def limit_all(self, count: int, seconds: float) -> None:
        """So many requests in so many seconds; Discord itself takes 50 in 1 s."""
        self._rest.limit_all = Limit(count, seconds)

    def heal(self) -> None:
        self._rest.faults.clear()

    def duplicate_next(self, copies: int = 1) -> None:
        """The next event is sent this many times more."""
        self.gateway.duplicates = copies

    # ── judging ──────────────────────────────────────────────────────────────────────────────────────────

    def messages(self, channel: Channel) -> list[Message]:
        """What stands in a channel, oldest first."""
        return self.world.messages(channel.id)

    def from_bot(self, channel: Channel) -> list[Message]:
        return [message for message in self.messages(channel) if message.author == self.bot]

    def texts(self, channel: Channel) -> list[str]:
        return [message.content for message in self.from_bot(channel)]

    @property
    def calls(self) -> list[Call]:
        return self._rest.calls

    def called(self, route: str) -> list[Call]:
        return [call for call in self._rest.calls if call.route == route]

    def _now(self, message: Message) -> Message:
        found = self.world.find(message.channel, message.id)
        assert found is not None, f"message {message.id} was deleted"
        return found
