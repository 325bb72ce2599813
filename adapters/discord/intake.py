"""Messages on their way into the inbox: in order within a channel, and kept here while the store is away.

Discord does not send a message a second time, so what the store cannot take yet must wait in memory; what came in
while there was no connection is put in its place by a gap (see catchup).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from core.errors import StoreError
from core.messages import Address, Incoming
from core.ports import Inbox

_log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
LAST_CHANCE_S = 0.5

Making = Callable[[], Awaitable[Incoming]]
Storing = Callable[[Incoming], Awaitable[None]]
Filling = Callable[[Storing], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One message (``stored`` tells when it is), or a gap that many messages may fill."""

    fill: Filling
    stored: asyncio.Future[None] | None = None


class Withdrawals(Protocol):
    async def withdraw(self, places: Sequence[Address], message: str) -> None:
        """Somebody deleted the message ``message`` (``Incoming.message``) of one of these conversations: which one is not
        said. What still waits there is not answered, and what was stored of it is forgotten. Twice is once; a message
        that nobody knows is none. Raises StoreUnavailable.
        """
        ...


class Intake:
    def __init__(self, inbox: Inbox, withdrawals: Withdrawals | None = None) -> None:
        self._inbox = inbox
        self._withdrawals = withdrawals
        self._queues: dict[int, deque[_Waiting]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @property
    def waiting(self) -> int:
        """Messages that are not stored yet."""
        return sum(item.stored is not None for queue in self._queues.values() for item in queue)

    async def put(self, channel: int, make: Making) -> None:
        """Returns when the message is stored. Its place in the channel's order is the moment of the call."""

        async def fill(store: Storing) -> None:
            await store(await make())

        stored = asyncio.get_running_loop().create_future()
        self._append(channel, _Waiting(fill, stored))
        await asyncio.shield(stored)

    def leave_gap(self, channel: int, fill: Filling) -> None:
        """What comes into the channel from now on waits until ``fill`` has stored what is missing."""
        self._append(channel, _Waiting(fill))

    def withdraw(self, channel: int, places: Sequence[Address], message: str) -> None:
        """The message was deleted; its place in the channel's order is the moment of the call."""
        withdrawals = self._withdrawals
        if withdrawals is None:
            return

        async def fill(store: Storing) -> None:
            await self._surely(partial(withdrawals.withdraw, places, message), f"the deletion of {message}")

        self._append(channel, _Waiting(fill))

    def _append(self, channel: int, item: _Waiting) -> None:
        self._queues.setdefault(channel, deque()).append(item)
        if channel not in self._tasks:
            self._tasks[channel] = asyncio.create_task(self._drain(channel), name=f"discord intake {channel}")

    async def close(self) -> None:
        """Stop: what is on its way gets a moment; what the store still cannot take is lost, which is said."""
        tasks = list(self._tasks.values())
        if self.waiting:
            await asyncio.wait(tasks, timeout=LAST_CHANCE_S)
        if self.waiting:
            _log.error("discord: stopped while the store was away; %d messages were not stored", self.waiting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for queue in self._queues.values():
            for item in queue:
                if item.stored is not None:
                    item.stored.cancel()
        self._queues.clear()

    async def _drain(self, channel: int) -> None:
        queue = self._queues[channel]
        try:
            while queue:
                await self._fill(queue[0])
                item = queue.popleft()
                if item.stored is not None and not item.stored.done():
                    item.stored.set_result(None)
            del self._queues[channel]
        finally:
            del self._tasks[channel]

    async def _fill(self, item: _Waiting) -> None:
        try:
            await item.fill(self._store)
        except Exception:
            _log.exception("discord: a message could not be read and is left out")

    async def _store(self, incoming: Incoming) -> None:
        await self._surely(partial(self._inbox.put, incoming), incoming.update)

    async def _surely(self, put: Callable[[], Awaitable[object]], what: str) -> None:
        """Tried until the store has it."""
        wait = FIRST_WAIT_S
        while True:
            try:
                await put()
                return
            except StoreError as error:
                _log.warning("discord: %s is not stored yet (%s); next try in %.1f s", what, error, wait)
            except Exception:
                _log.exception("discord: %s could not be stored and is left out", what)
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
