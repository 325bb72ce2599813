"""Inbox, worker and outbox of the small shop on a real store, as bots/app.py puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.botfile import Bot
from core.inbox import StoredInbox
from core.messages import Address, Incoming
from core.outbox import Outbox
from core.ports import TextModel
from core.shelf import Shelf
from core.store import Store
from core.worker import Pace, Worker
from tests.core.channel import Recording
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

    def worker(self) -> Worker:
        return Worker(self.store, self.shelf, "mugs", self.model, PACE)

    def outbox(self) -> Outbox:
        return Outbox(self.store, self.channel, backoff_s=0.01)

    @asynccontextmanager
    async def open(self, workers: int = 1, outboxes: int = 1) -> AsyncIterator[None]:
        running = [asyncio.create_task(self.worker().run()) for _ in range(workers)]
        running += [asyncio.create_task(self.outbox().run()) for _ in range(outboxes)]
        await asyncio.sleep(0.03)  # the outbox listens for drafts
        try:
            yield
            for task in running:
                assert not task.done(), task
        finally:
            await stop(*running)

    async def history(self, where: str = "1") -> list[tuple[str, str]]:
        log, _ = await self.store.history(chat(where), 100)
        return [(line.role, line.text) for line in log]


async def stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def desk(store: Store, bot: Bot, model: TextModel, channel: Recording | None = None) -> Desk:
    return Desk(store, Shelf([bot]), channel or Recording(), model)
