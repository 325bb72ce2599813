"""Holding what was taken: its lease is renewed for as long as the work on it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

import structlog

from core.errors import StoreUnavailable

log = structlog.get_logger(__name__)


@asynccontextmanager
async def meanwhile(after_s: float, work: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run ``work`` beside the block from ``after_s`` on, until the block ends. Most blocks end before: no task then."""
    begun: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(after_s, lambda: begun.append(asyncio.create_task(work())))
    try:
        yield
    finally:
        timer.cancel()
        for task in begun:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def held_lease(renew: Callable[[], Awaitable[None]], lease_ms: int) -> AsyncIterator[None]:
    """Renew a lease while the block runs. When it is lost the block is cancelled and what ``renew`` raised comes out."""
    task = asyncio.current_task()
    assert task is not None
    wanted = task.cancelling()
    lost: list[Exception] = []
    every_s = lease_ms / 3000

    async def keep() -> None:
        while True:
            try:
                await renew()
            except StoreUnavailable as error:
                # Nobody else can take the lease either while the store is away; the fence decides when it is back.
                log.debug("lease not renewed", reason=str(error))
            except Exception as error:
                lost.append(error)
                task.cancel()
                return
            await asyncio.sleep(every_s)

    try:
        async with meanwhile(every_s, keep):
            yield
    except asyncio.CancelledError:
        if lost and task.uncancel() <= wanted:
            raise lost[0] from None
        raise
