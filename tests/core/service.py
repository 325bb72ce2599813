"""Inbox, worker and outbox of the small shop on a real store, as bots/app.py puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from core.answer import Means
from core.botfile import Bot
from core.inbox import StoredInbox
from core.messages import Address, Incoming
from core.outbox import Outbox
from core.ports import TextModel
from core.shelf import Shelf
from core.state import Turn
from core.store import Store
from core.worker import Pace, Worker
from tests.core.channel import PATIENCE_S, Recording
from tests.core.helpers import message

PACE = Pace(retry=0.02, typing_after=0.02, typing_every=0.05, draft_every=0.0)


def chat(name: str = "1") -> Address:
    return Address(bot="mugs", platform="test", chat=name)


@dataclass(slots=True)
class Desk:
    store: Store
    shelf: Shelf
    channel: Recording
    model: TextModel

    async def put(self, text: str, where: str = "1", **fields: object) -> Incoming:
        written = message(text, chat(where), **fields)
        assert await StoredInbox(self.store, self.shelf).put(written)
        return written

    async def take(self) -> Turn:
        """The turn that is due next, as a worker takes it."""
        async with asyncio.timeout(PATIENCE_S):
            while not (taken := (await self.store.take_turns(0, "mugs", 1, 50))[0]):
                await asyncio.sleep(0.01)
        return taken[0].read()

    def worker(self) -> Worker:
        return Worker(self.store, self.shelf, "mugs", Means(self.model), PACE)

    def outbox(self, grace_s: float = 0.0) -> Outbox:
        return Outbox(self.store, self.channel, backoff_s=0.01, grace_s=grace_s)

    @asynccontextmanager
    async def open(self, workers: int = 1, outboxes: int = 1) -> AsyncIterator[None]:
        running = [asyncio.create_task(self.worker().run()) for _ in range(workers)]
        running += [asyncio.create_task(self.outbox().run()) for _ in range(outboxes)]
        try:
            await self._listening(workers, outboxes)
            yield
            for task in running:
                assert not task.done(), task
        finally:
            await stop(*running)

    async def _listening(self, workers: int, outboxes: int) -> None:
        """Until the outboxes hear drafts and the workers news: what is published before is lost."""
        topic = self.store._keys.drafts(self.channel.bot, self.channel.platform)
        await until(partial(self._hearing, topic, outboxes))
        await until(partial(self._hearing, self.store._keys.news("mugs"), workers))

    async def _hearing(self, topic: str, outboxes: int) -> bool:
        listeners = 0
        for server in self.store._servers.masters:
            (_, here), *_ = await server.client.pubsub_numsub(topic)
            listeners += int(here)
        return listeners >= outboxes

    async def history(self, where: str = "1") -> list[tuple[str, str]]:
        log, _ = await self.store.history(chat(where), 100)
        return [(line.role, line.text) for line in log]


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not await true():
            await asyncio.sleep(0.01)


async def stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def desk(store: Store, bot: Bot, model: TextModel, channel: Recording | None = None) -> Desk:
    return Desk(store, Shelf([bot]), channel or Recording(), model)
