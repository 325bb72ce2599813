"""Holding what was taken: its lease is renewed for as long as the work on it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

import structlog

from core.errors import LeaseLost, StoreUnavailable

log = structlog.get_logger(__name__)


def held(done: int, conversation: str) -> None:
    """Raises LeaseLost if a function of the store has found another fence."""
    if done != 1:
        raise LeaseLost(f"another process took over {conversation}")


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
    every_s = lease_ms / 3000
    async with interruptible() as interrupt:

        async def keep() -> None:
            while True:
                try:
                    await renew()
                except StoreUnavailable as error:
                    # Nobody else can take the lease either while the store is away; the fence decides when it is back.
                    log.debug("lease not renewed", reason=str(error))
                except Exception as error:
                    interrupt(error)
                    return
                await asyncio.sleep(every_s)

        async with meanwhile(every_s, keep):
            yield


@asynccontextmanager
async def interruptible() -> AsyncIterator[Callable[[Exception], None]]:
    """Gives a function with which another task ends the block: there it raises what the function is given. A block that
    is just ending raises it, too."""
    task = asyncio.current_task()
    assert task is not None
    wanted = task.cancelling()
    reasons: list[Exception] = []
    over = False

    def interrupt(reason: Exception) -> None:
        if not (reasons or over):
            reasons.append(reason)
            task.cancel()

    try:
        try:
            yield interrupt
        finally:
            over = True
            if reasons:
                await asyncio.sleep(0)  # a cancellation that came too late for the block is felt here
    except asyncio.CancelledError:
        if reasons and task.uncancel() <= wanted:
            raise reasons[0] from None
        raise
