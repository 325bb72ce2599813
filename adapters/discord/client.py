"""discord.py's client: from the gateway's events to the inbox."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import discord
from discord.state import ConnectionState

from adapters.discord import commands, presses
from adapters.discord.catchup import LONGEST_AWAY, MESSAGES, RECENT, CatchUp, Gap
from adapters.discord.errors import RAISED
from adapters.discord.intake import Intake, Making
from adapters.discord.pacing import Pacing
from adapters.discord.read import PLATFORM, Reader, from_person, means_me, place
from adapters.discord.rest import Rest
from adapters.discord.threads import Threads
from core.messages import Address, Incoming
from core.ports import Transcript
from core.presses import is_ours

_log = logging.getLogger(__name__)

# Discord waits three seconds for the answer to a command; then it tells the person that we failed.
ACKNOWLEDGE_WITHIN_S = 1.5
_CHANNELS = 2000  # in which somebody wrote, and which are caught up
_RECENT_CHANNELS = 100  # of the servers, those of which nothing is known
_GAPS = 20_000


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
    catch_up: CatchUp
    newest: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def saw(self, channel: int, message: int) -> None:
        self.newest[channel] = max(message, self.newest.get(channel, 0))
        self.newest.move_to_end(channel)
        if len(self.newest) > _CHANNELS:
            self.newest.popitem(last=False)


def _snowflake_of(ago: timedelta) -> int:
    return discord.utils.time_snowflake(discord.utils.utcnow() - ago)


@dataclass(frozen=True, slots=True)
class Server:
    """Where Discord is, how long one request may take, and how many it takes."""

    api_url: str
    timeout_s: float
    pacing: Pacing


class Client(discord.Client):
    def __init__(
        self,
        bot: str,
        server: Server,
        intake: Intake,
        memory: Memory,
        connected: asyncio.Event,
        transcript: Transcript | None = None,
    ) -> None:
        """``connected`` is set while there is a session on an open connection."""
        self._bot = bot
        self._connected = connected
        self._server = server
        self._intake = intake
        self._memory = memory
        self._transcript = transcript
        self._gaps: dict[int, Gap] = {}  # of this session
        self._servers_known = False
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
        server = self._server
        self.rest = Rest(self.loop, server.api_url, server.timeout_s, server.pacing, patient=True)
        self.http = self.rest
        return super()._get_state(**options)

    async def setup_hook(self) -> None:
        self._start(self._sync_commands())

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._connected.clear()
        self._memory.catch_up.gone(self)
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
        """A new session: Discord replays nothing that was said since the last one. The gaps get their places now,
        before new messages arrive."""
        self._memory.catch_up.gone(self)  # until the servers are known
        self._gaps.clear()
        self._servers_known = False
        longest_ago = _snowflake_of(LONGEST_AWAY)
        for channel, newest in reversed(self._memory.newest.items()):  # those that wrote last are read first
            self._leave_gap(Gap(channel, max(newest, longest_ago)))
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
        for channel in self._lately():
            if channel not in self._gaps:
                self._leave_gap(Gap(channel, _snowflake_of(RECENT)))
        self._servers_known = True
        self._memory.catch_up.ready(self)

    async def on_message(self, message: discord.Message) -> None:
        self._end_gap(message)
        self._memory.saw(message.channel.id, message.id)
        incoming = self._incoming(message)
        if incoming is not None:
            await self._put(message, incoming)

    def _incoming(self, message: discord.Message) -> Incoming | None:
        if self.user is None or not from_person(message):
            return None
        thread = self._memory.threads.thread(message, means_me(message, self.user), self.user)
        self._memory.threads.note(message)
        return Reader(self._bot, self.user).read(message, thread)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Discord also "edits" a message to add link previews, pins or a thread: those carry no new edit time."""
        message = payload.message
        if self.user is None or message.edited_at is None or not from_person(message):
            return
        thread = self._memory.threads.thread(message, means_me(message, self.user), self.user)
        await self._put(message, Reader(self._bot, self.user).read(message, thread, edited=True))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self._withdraw(payload.channel_id, payload.message_id)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        for message in sorted(payload.message_ids):
            self._withdraw(payload.channel_id, message)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        press = presses.read(interaction, self._bot)
        if press is not None:
            await self._take_press(interaction, press)
            return
        incoming = commands.read(interaction, self._bot)
        if incoming is None or interaction.channel is None:
            return
        if not commands.may_write(interaction):
            await self._acknowledge(interaction, "cannot_write")
            return

        async def made() -> Incoming:
            return incoming

        await self._store_in_time(interaction, made, "taken")

    async def _take_press(self, interaction: discord.Interaction, press: presses.Press) -> None:
        """What was pressed stands in the conversation as if it had been written; Discord shows nothing more of it."""
        if not is_ours(press.id):
            await self._acknowledge(interaction, "unknown_button")
        elif not commands.may_write(interaction):
            await self._acknowledge(interaction, "cannot_write")
        else:
            await self._store_in_time(interaction, partial(press.said, self._transcript), "")

    async def _store_in_time(self, interaction: discord.Interaction, make: Making, note: str) -> None:
        """Discord is answered in time with ``note`` (empty: nothing to be seen), whatever the store does."""
        if interaction.channel is None:
            return
        storing = asyncio.create_task(self._intake.put(interaction.channel.id, make))
        done, _ = await asyncio.wait({storing}, timeout=ACKNOWLEDGE_WITHIN_S)
        await self._acknowledge(interaction, note if done else "held")
        await storing

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        _log.exception("discord: a mistake in %s", event_method)

    # ── what was missed ──────────────────────────────────────────────────────────────────────────────────

    def _leave_gap(self, gap: Gap) -> None:
        self._gaps[gap.channel] = gap
        if len(self._gaps) > _GAPS:
            del self._gaps[next(iter(self._gaps))]
        self._intake.leave_gap(gap.channel, partial(self._memory.catch_up.fill, gap))

    def _end_gap(self, message: discord.Message) -> None:
        """The first live message of a channel: what came before it, in this session, is no longer missing."""
        channel = message.channel.id
        if channel not in self._gaps and message.guild is None:
            self._leave_gap(Gap(channel, _snowflake_of(LONGEST_AWAY), unknown_direct=True))
        elif channel not in self._gaps and not self._servers_known:
            self._leave_gap(Gap(channel, _snowflake_of(RECENT)))
        gap = self._gaps.get(channel)
        if gap is not None and gap.before is None:
            gap.before = message.id

    def _lately(self) -> Iterator[int]:
        """The servers' channels in which somebody wrote lately."""
        since = _snowflake_of(RECENT)
        channels = [(channel.last_message_id, channel.id) for guild in self.guilds for channel in guild.text_channels]
        threads = [(thread.last_message_id, thread.id) for guild in self.guilds for thread in guild.threads]
        newest = sorted((last or 0, id) for last, id in channels + threads)
        return (id for last, id in newest[-_RECENT_CHANNELS:] if last > since)

    async def history(self, gap: Gap) -> Sequence[discord.Message]:
        """``catchup.Source``. Asks what kind of channel an unknown one is: a message of the history does not say."""
        if gap.unknown_direct:
            return await self._read_back(self.get_partial_messageable(gap.channel), gap)
        where = self.get_channel(gap.channel) or await self.fetch_channel(gap.channel)
        if not isinstance(where, discord.abc.Messageable):
            return []
        if isinstance(where, discord.TextChannel | discord.Thread) and 0 < (where.last_message_id or 0) <= gap.since:
            return []
        return await self._read_back(where, gap)

    async def _read_back(self, where: discord.abc.Messageable, gap: Gap) -> Sequence[discord.Message]:
        found: list[discord.Message] = []
        before = discord.Object(gap.before) if gap.before else None
        after = discord.Object(gap.since)
        async for message in where.history(before=before, after=after, limit=MESSAGES, oldest_first=False):
            if gap.unknown_direct and self.user is not None and message.author.id == self.user.id:
                break
            found.append(message)
        return found[::-1]

    async def read(self, message: discord.Message) -> Incoming | None:
        """``catchup.Source``."""
        self._memory.saw(message.channel.id, message.id)
        return self._incoming(message)

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────────────

    def _withdraw(self, channel: int, message: int) -> None:
        """An event that says neither whose the message was nor whether its answer was to open a thread."""
        found = self.get_channel(channel)
        chat, inside = place(found) if isinstance(found, discord.Thread) else (str(channel), "")
        threads = [inside] if inside else ["", str(message)]
        places = [Address(bot=self._bot, platform=PLATFORM, chat=chat, thread=thread) for thread in threads]
        self._intake.withdraw(channel, places, str(message))

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
        here = {"chat": str(found.parent_id), "thread": str(found.id)}
        return incoming.replace(address=incoming.address.replace(**here))

    async def _acknowledge(self, interaction: discord.Interaction, note: str) -> None:
        try:
            await commands.acknowledge(self.rest, interaction, note)
        except RAISED as error:
            _log.warning("discord: interaction %d was not acknowledged: %s", interaction.id, error)
