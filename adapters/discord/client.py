"""discord.py's client: from the gateway's events to the inbox."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import discord
from discord.state import ConnectionState

from adapters.discord import commands
from adapters.discord.errors import RAISED
from adapters.discord.intake import Intake
from adapters.discord.read import PLATFORM, Reader, from_person, means_me
from adapters.discord.rest import Rest
from adapters.discord.threads import Threads
from core.messages import Incoming

_log = logging.getLogger(__name__)

# Discord waits three seconds for the answer to a command; then it tells the person that we failed.
ACKNOWLEDGE_WITHIN_S = 1.5
# After a start, what was said in a server's channels while the bot was away is read if it is no older than this:
# a restart loses nothing, and nobody is answered who has long gone. (Discord does not list direct messages.)
_AWAY = timedelta(minutes=15)
_CATCH_UP = 200  # messages per channel
_CATCH_UP_CHANNELS = 100
_CHANNELS = 2000


def intents() -> discord.Intents:
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.guild_messages = True
    wanted.dm_messages = True
    wanted.message_content = True
    return wanted


@dataclass
class Memory:
    """What outlives one client: listening makes a new one when the first connection fails.

    ``newest``: channel → the newest message that was seen in it.
    """

    threads: Threads
    newest: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def saw(self, channel: int, message: int) -> None:
        self.newest[channel] = max(message, self.newest.get(channel, 0))
        self.newest.move_to_end(channel)
        if len(self.newest) > _CHANNELS:
            self.newest.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Server:
    """Where Discord is, and how long one request may take."""

    api_url: str
    timeout_s: float


class Client(discord.Client):
    def __init__(self, bot: str, server: Server, intake: Intake, memory: Memory, connected: asyncio.Event) -> None:
        """``connected`` is set while there is a session on an open connection."""
        self._bot = bot
        self._connected = connected
        self._server = server
        self._intake = intake
        self._memory = memory
        self._missed: Mapping[int, int] = {}
        self._background: set[asyncio.Task[None]] = set()
        # A shop's bot does not speak: no warnings about missing voice libraries.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        # No message cache: discord.py changes cached messages in place, and edits bring their whole message.
        super().__init__(
            intents=intents(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            guild_ready_timeout=1.0,  # "ready" is this long after the last server was told: a shop's bot has few
            member_cache_flags=discord.MemberCacheFlags.none(),
        )

    def _get_state(self, **options: Any) -> ConnectionState[Any]:
        # The one place between the making of the HTTP client and its first use; discord.py's own
        # AutoShardedClient overrides it too.
        self.rest = Rest(self.loop, self._server.api_url, self._server.timeout_s)
        self.http = self.rest
        return super()._get_state(**options)

    async def setup_hook(self) -> None:
        self._start(self._sync_commands())

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._connected.clear()
        await super().close()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        # discord.py waits a while before it says "ready", also if it was closed meanwhile.
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Something of our own beside the events; it ends with the client."""
        task = asyncio.create_task(work, name="discord background")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _sync_commands(self) -> None:
        try:
            if self.application_id is not None and await commands.sync(self.rest, self.application_id):
                _log.info("discord: the slash commands were updated")
        except RAISED as error:
            _log.warning("discord: the slash commands could not be updated: %s", error)

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────

    async def on_connect(self) -> None:
        """A new session: Discord replays nothing that was said since the last one. What to look for is fixed now,
        before new messages arrive."""
        self._missed = dict(self._memory.newest)
        self._connected.set()

    async def on_resumed(self) -> None:
        _log.info("discord: %s is connected again", self._bot)
        self._connected.set()

    async def on_disconnect(self) -> None:
        if self._connected.is_set():
            _log.warning("discord: %s has lost its connection and reconnects", self._bot)
        self._connected.clear()

    async def on_ready(self) -> None:
        _log.info("discord: %s is connected as %s in %d servers", self._bot, self.user, len(self.guilds))
        missed, self._missed = {**self._recent(), **self._missed}, {}
        self._start(self._catch_up_all(missed))

    async def on_message(self, message: discord.Message) -> None:
        self._memory.saw(message.channel.id, message.id)
        if self.user is None or not from_person(message):
            return
        thread = self._memory.threads.thread(message, means_me(message, self.user), self.user)
        self._memory.threads.note(message)
        await self._put(message, Reader(self._bot, self.user).read(message, thread))

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Discord also "edits" a message to add link previews, pins or a thread: those carry no new edit time."""
        message = payload.message
        if self.user is None or message.edited_at is None or not from_person(message):
            return
        thread = self._memory.threads.thread(message, means_me(message, self.user), self.user)
        await self._put(message, Reader(self._bot, self.user).read(message, thread, edited=True))

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        incoming = commands.read(interaction, self._bot)
        if incoming is None or interaction.channel is None:
            return
        if not commands.may_write(interaction):
            await self._acknowledge(interaction, "cannot_write")
            return

        async def made() -> Incoming:
            return incoming

        storing = asyncio.create_task(self._intake.put(interaction.channel.id, made))
        done, _ = await asyncio.wait({storing}, timeout=ACKNOWLEDGE_WITHIN_S)
        await self._acknowledge(interaction, "taken" if done else "held")
        await storing

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        _log.exception("discord: a mistake in %s", event_method)

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────────────

    async def _put(self, message: discord.Message, incoming: Incoming) -> None:
        """``incoming`` was read at once; only a channel that the cache does not know is asked for in the queue."""

        async def make() -> Incoming:
            if isinstance(message.channel, discord.PartialMessageable) and incoming.group:
                return await self._with_place(incoming, message.channel.id)
            return incoming

        await self._intake.put(message.channel.id, make)

    async def _with_place(self, incoming: Incoming, channel: int) -> Incoming:
        """A thread that the gateway never told us of would look like a channel: ask."""
        try:
            found = await self.fetch_channel(channel)
        except RAISED as error:
            _log.warning("discord: what channel %d is could not be learnt: %s", channel, error)
            return incoming
        if not isinstance(found, discord.Thread):
            return incoming
        place = {"chat": str(found.parent_id), "thread": str(found.id)}
        return incoming.model_copy(update={"address": incoming.address.model_copy(update=place)})

    def _recent(self) -> Mapping[int, int]:
        """The servers' channels where somebody wrote lately, and from which message on to read them."""
        since = discord.utils.time_snowflake(discord.utils.utcnow() - _AWAY)
        channels = [(channel.last_message_id, channel.id) for guild in self.guilds for channel in guild.text_channels]
        threads = [(thread.last_message_id, thread.id) for guild in self.guilds for thread in guild.threads]
        newest = sorted((last or 0, id) for last, id in channels + threads)
        return {id: since for last, id in newest[-_CATCH_UP_CHANNELS:] if last > since}

    async def _catch_up_all(self, missed: Mapping[int, int]) -> None:
        for channel, newest in missed.items():
            await self._catch_up(channel, newest)

    async def _catch_up(self, channel: int, newest: int) -> None:
        where = self.get_channel(channel) or self.get_partial_messageable(channel)
        if not isinstance(where, discord.abc.Messageable):
            return
        try:
            async for message in where.history(after=discord.Object(newest), limit=_CATCH_UP, oldest_first=True):
                await self.on_message(message)
        except RAISED as error:
            _log.info("discord: what was said in channel %d meanwhile could not be read: %s", channel, error)

    async def _acknowledge(self, interaction: discord.Interaction, note: str) -> None:
        try:
            await commands.acknowledge(self.rest, interaction, note)
        except RAISED as error:
            _log.warning("discord: command %d of %s was not acknowledged: %s", interaction.id, PLATFORM, error)
