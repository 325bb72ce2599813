"""Messages on their way into the inbox: in order within a channel, and kept here while the store is away.

Discord does not send a message a second time, so what the store cannot take yet must wait in memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.errors import StoreError
from core.messages import Incoming
from core.ports import Inbox

_log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
LAST_CHANCE_S = 0.5

Making = Callable[[], Awaitable[Incoming]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    make: Making
    stored: asyncio.Future[None]


class Intake:
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._queues: dict[int, deque[_Waiting]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @property
    def waiting(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    async def put(self, channel: int, make: Making) -> None:
        """Returns when the message is stored. Its place in the channel's order is the moment of the call."""
        stored = asyncio.get_running_loop().create_future()
        self._queues.setdefault(channel, deque()).append(_Waiting(make, stored))
        if channel not in self._tasks:
            self._tasks[channel] = asyncio.create_task(self._drain(channel), name=f"discord intake {channel}")
        await asyncio.shield(stored)

    async def close(self) -> None:
        """Stop: what is on its way gets a moment; what the store still cannot take is lost, which is said."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_CHANCE_S)
        if self.waiting:
            _log.error("discord: stopped while the store was away; %d messages were not stored", self.waiting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for queue in self._queues.values():
            for item in queue:
                item.stored.cancel()
        self._queues.clear()

    async def _drain(self, channel: int) -> None:
        queue = self._queues[channel]
        try:
            while queue:
                await self._store(queue[0])
                item = queue.popleft()
                if not item.stored.done():
                    item.stored.set_result(None)
            del self._queues[channel]
        finally:
            del self._tasks[channel]

    async def _store(self, item: _Waiting) -> None:
        try:
            incoming = await item.make()
        except Exception:
            _log.exception("discord: a message could not be read and is left out")
            return
        wait = FIRST_WAIT_S
        while True:
            try:
                await self._inbox.put(incoming)
                return
            except StoreError as error:
                _log.warning("discord: %s is not stored yet (%s); next try in %.1f s", incoming.update, error, wait)
            except Exception:
                _log.exception("discord: %s could not be stored and is left out", incoming.update)
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
