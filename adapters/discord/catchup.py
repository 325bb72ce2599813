"""What was said while Discord could not tell us: after a restart, and after a connection that RESUME did not save.

Discord replays nothing then, so the history of a channel is read from the last message that was seen. A gap has its
place in the channel's queue (``adapters.discord.intake``): what comes in live waits behind it, so that a conversation
stays in order. It also stays there while the connection is lost once more.

Which channels: those with an open conversation, direct messages included (``Seen`` over restarts, memory in
between); servers' channels in which somebody wrote just before the start; and a direct chat of which nothing is known,
when its person writes, for Discord lists no direct chats. Edits of messages that were seen are not found again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import discord

from adapters.discord.errors import RAISED
from core.errors import StoreError
from core.messages import Incoming

_log = logging.getLogger(__name__)

# A conversation is caught up this far back, as on Telegram, which keeps for a day what nobody fetched.
LONGEST_AWAY = timedelta(hours=24)
# In a server's channel where nobody talked with the bot before: a restart loses nothing, and nobody is answered who
# has long gone.
RECENT = timedelta(minutes=15)
MESSAGES = 1000  # per channel, the newest
_AT_ONCE = 8
_TRIES = 5
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0

Store = Callable[[Incoming], Awaitable[None]]


class Seen(Protocol):
    """What one bot's inbox has stored from Discord, over restarts."""

    async def newest(self) -> Mapping[str, datetime]:
        """For each channel, thread or direct chat with an open conversation: when its newest stored message was written.

        Where a message stood is not always its address's thread: an answer may open a thread that has the id of the
        question, which stood in the channel. Edits do not count. Raises StoreUnavailable.
        """
        ...


@dataclass(slots=True)
class Gap:
    """What is missing of a channel: after ``since``, and before the first message that came in live.

    ``unknown_direct``: a direct chat of which nothing is known: what stands before our own last message was seen.
    """

    channel: int
    since: int
    before: int | None = None
    unknown_direct: bool = False


class Source(Protocol):
    """A client that is connected and knows its servers."""

    async def history(self, gap: Gap) -> Sequence[discord.Message]:
        """Oldest first. Raises what discord.py raises."""
        ...

    async def read(self, message: discord.Message) -> Incoming | None: ...


class CatchUp:
    """Fills gaps through whichever client is connected."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self._ready = asyncio.Event()
        self._reading = asyncio.Semaphore(_AT_ONCE)

    def ready(self, source: Source) -> None:
        self._source = source
        self._ready.set()

    def gone(self, source: Source) -> None:
        if self._source is source:
            self._source = None
            self._ready.clear()

    async def fill(self, gap: Gap, store: Store) -> None:
        """Store what is missing, oldest first."""
        found = await self._read(gap)
        if len(found) >= MESSAGES:
            _log.error(
                "discord: channel %d had more than %d messages meanwhile; the oldest are left out",
                gap.channel,
                MESSAGES,
            )
        for incoming in found:
            await store(incoming)

    async def _read(self, gap: Gap) -> Sequence[Incoming]:
        wait, tries = _FIRST_WAIT_S, 0
        while True:
            await self._ready.wait()
            source = self._source
            if source is None:
                continue
            try:
                async with self._reading:
                    read = [await source.read(message) for message in await source.history(gap)]
                return [incoming for incoming in read if incoming is not None]
            except discord.HTTPException as error:
                tries += 1
                if error.status < 500 or tries >= _TRIES:
                    _log.warning(
                        "discord: what was said in channel %d meanwhile cannot be read: %s", gap.channel, error
                    )
                    return []
                _log.info("discord: channel %d cannot be read yet: %s", gap.channel, error)
            except (*RAISED, RuntimeError) as error:  # RuntimeError: aiohttp's, when the client was closed meanwhile
                _log.info("discord: channel %d cannot be read yet: %s", gap.channel, error)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)


async def load(seen: Seen) -> Mapping[int, int]:
    """Channel → up to which id it was seen, the newest last; waits while the store is away."""
    wait = _FIRST_WAIT_S
    while True:
        try:
            newest = await seen.newest()
        except StoreError as error:
            _log.warning("discord: where to go on is not known yet (%s); next try in %.1f s", error, wait)
        else:
            pairs = ((at, int(channel)) for channel, at in newest.items() if channel.isdigit())
            # The last id of that millisecond: the newest message itself is not read again.
            return {channel: discord.utils.time_snowflake(at, high=True) for at, channel in sorted(pairs)}
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT_S)
