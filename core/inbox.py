"""Where messages come in: stored first, then acknowledged. Also the reading of a conversation for its shopper."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime

from core.messages import Address, Incoming, Kind, Line
from core.shelf import Shelf
from core.store import Retention, Store

DAY_MS = 24 * 3600 * 1000
# More than any platform sends in one message; a hostile client must not fill the store.
MAX_STORED_CHARS = 100_000


def retention(days: int, lines: int) -> Retention:
    return Retention(ttl_ms=days * DAY_MS, lines=lines)


class StoredInbox:
    """The port Inbox over the store, for the bots of one shelf."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf

    async def put(self, incoming: Incoming) -> bool:
        limits = self._shelf.bot(incoming.address.bot).config.limits
        if len(incoming.text) > MAX_STORED_CHARS:
            incoming = incoming.replace(text=incoming.text[:MAX_STORED_CHARS])
        # A command is wanted now; only what is written comes in bursts.
        merge_ms = 0 if incoming.kind is Kind.COMMAND else limits.merge_ms
        return await self._store.put(incoming, merge_ms, retention(limits.retention_days, limits.history_lines))


class PlatformMemory:
    """What one bot must know of a platform after a restart."""

    def __init__(self, store: Store, bot: str, platform: str) -> None:
        self._store = store
        self._bot = bot
        self._platform = platform

    async def newest(self) -> Mapping[str, datetime]:
        """Channel → when the newest message that was stored from it was written."""
        return await self._store.heard(self._bot, self._platform)

    async def withdraw(self, places: Sequence[Address], message: str) -> None:
        for place in places:
            await self._store.withdraw(place, message)

    async def moves(self) -> Mapping[str, str]:
        """A group's old id → its new one."""
        return await self._store.moves(self._bot)

    async def moved(self, old: str, new: str) -> None:
        await self._store.moved(self._bot, old, new)


class StoredRelay:
    """The port Relay over the store."""

    def __init__(self, store: Store, bot: str, platform: str) -> None:
        self._store = store
        self._bot = bot
        self._platform = platform

    async def tell(self, notice: str) -> None:
        await self._store.relay(self._bot, self._platform, notice)

    def heard(self) -> AsyncGenerator[str, None]:
        return self._store.relayed(self._bot, self._platform)


class StoredTranscript:
    """The port Transcript over the store: the history and what still waits for its answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, address: Address, limit: int = 100) -> Sequence[Line]:
        log, waiting = await self._store.history(address, limit)
        lines = [line for line in log if line.role != "overheard"]
        said = [line_of(one) for one in waiting if one.kind is not Kind.COMMAND and not one.withdrawn]
        told = await self._store.line.told(address) if waiting else None
        if told is not None:
            said = sorted([*said, told], key=lambda line: line.at)
        return [*lines, *said][-limit:]


def line_of(message: Incoming, meant: bool | None = None) -> Line:
    """A message as a line of the history; ``meant`` for the bot, None: as far as the platform says so."""
    return Line(
        id=message.update,
        role="shopper" if (message.addressed if meant is None else meant) else "overheard",
        text=message.text,
        speaker=message.sender.name if message.group else "",
        kind=message.kind,
        message=message.message,
        at=message.at,
    )
