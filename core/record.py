"""What is kept of the conversations, for whoever runs the shop. It goes through keys: nothing here is part of a turn."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.calls import Calls
from core.keys import Keys
from core.messages import Incoming, Line, Reply
from core.servers import Servers
from core.state import Closed
from core.taken import lines_of, messages_of
from core.translate import translated
from core.value import Value

# Keys that are looked through in one round trip.
PAGE = 2000


@dataclass(frozen=True, slots=True)
class Record:
    """One conversation. ``waiting``: what was stored and is not answered yet; ``unsent``: what waits in the outbox."""

    conversation: str
    lines: tuple[Line, ...]
    waiting: tuple[Incoming, ...]
    unsent: tuple[Reply, ...]
    closed: Closed | None

    @property
    def at(self) -> datetime | None:
        """When something was said in it last."""
        said: list[Line | Incoming] = [*self.lines[-1:], *self.waiting[-1:]]
        return max((one.at for one in said), default=None)


@dataclass(frozen=True, slots=True)
class Count:
    """How many replies of a bot on a platform were not delivered as usual: ``failed``, or ``ambiguous``."""

    bot: str
    platform: str
    delivery: str
    replies: int


class _Dated(Value, frozen=True, kw_only=True):
    """A line or a message, of which only this is wanted."""

    at: datetime


class Records:
    def __init__(self, servers: Servers, calls: Calls, keys: Keys) -> None:
        self._servers = servers
        self._calls = calls
        self._keys = keys
        self._beginnings = [keys.conversations(partition) for partition in range(keys.partitions)]

    async def of(self, conversation: str) -> Record | None:
        """All that is kept of a conversation; None: nothing is."""
        keys = self._keys.conversation(conversation)
        with translated():
            log, waiting, unsent = [await self._ask("LRANGE", key, 0, -1) for key in (keys.log, keys.waiting, keys.out)]
            closed = await self._ask("HGET", keys.hash, "closed")
        if not (log or waiting or unsent or closed):
            return None
        return Record(
            conversation,
            lines_of(log),
            messages_of(waiting),
            tuple(Reply.from_json(reply) for reply in unsent),
            Closed.from_json(closed) if closed else None,
        )

    async def latest(self, limit: int) -> list[Record]:
        """The conversations in which something was said last, the newest first. Looks through all of them."""
        newest: dict[str, datetime] = {}
        async for keys in self._pages(self._keys.every_conversation, "list"):
            lists = [(key, name) for key in keys if (name := self._conversation_of(key))]
            with translated():
                last = await asyncio.gather(*(self._ask("LINDEX", key, -1) for key, _ in lists))
            for (_, name), stored in zip(lists, last, strict=True):
                if stored:
                    at = _Dated.from_json(stored).at
                    newest[name] = max(at, newest.get(name, at))
            newest = {name: newest[name] for name in heapq.nlargest(limit, newest, key=newest.__getitem__)}
        records = [await self.of(name) for name in newest]
        return [record for record in records if record is not None]

    async def counts(self) -> list[Count]:
        """Of the last months, by bot and platform."""
        found: dict[tuple[str, str, str], int] = {}
        async for keys in self._pages(self._keys.every_count, "hash"):
            for key in keys:
                *_, bot, platform = key.split(":")
                with translated():
                    counted = await self._ask("HGETALL", key)
                for delivery, replies in counted.items():
                    name = (bot, platform, delivery)
                    found[name] = found.get(name, 0) + int(replies)
        return [Count(*name, replies) for name, replies in sorted(found.items())]

    def _conversation_of(self, key: str) -> str:
        """Whose history, or whose waiting messages, are under this key; empty: nobody's."""
        beginning = next((one for one in self._beginnings if key.startswith(one)), None)
        ending = next((one for one in (":log", ":in") if key.endswith(one)), None)
        return key[len(beginning) : -len(ending)] if beginning and ending else ""

    async def _pages(self, glob: str, kind: str) -> AsyncIterator[Sequence[str]]:
        """Keys, many at a time; one that moves to another master meanwhile may come twice."""
        for server in self._servers.masters:
            cursor = 0
            while True:
                with translated():
                    cursor, keys = await server.client.scan(cursor, match=glob, count=PAGE, _type=kind)
                yield [str(key) for key in keys]
                if not cursor:
                    break

    async def _ask(self, name: str, key: str, *args: str | int) -> Any:
        return await self._calls.command(name, key, *args, key=key)
