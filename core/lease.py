"""Holding what was taken: its lease is renewed for as long as the work on it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from core.errors import LeaseLost, StoreUnavailable

log = structlog.get_logger(__name__)


def held(done: int, conversation: str) -> None:
    """Raises LeaseLost if a function of the store has found another fence."""
    if done != 1:
        raise LeaseLost(f"another process took over {conversation}")


class meanwhile:
    """Run ``work`` beside the block from ``after_s`` on, until the block ends. Most blocks end before: no task then."""

    def __init__(self, after_s: float, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._after_s = after_s
        self._work = work
        self._begun: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._after_s, self._begin)

    def _begin(self) -> None:
        self._begun = asyncio.create_task(self._work())

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._begun is not None:
            self._begun.cancel()
            await asyncio.gather(self._begun, return_exceptions=True)


class interruptible:
    """Gives a function with which another task ends the block: there it raises what the function is given. A block that
    is just ending raises it, too."""

    def __init__(self) -> None:
        self._reason: Exception | None = None
        self._over = False

    async def __aenter__(self) -> Callable[[Exception], None]:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._wanted = task, task.cancelling()
        return self.interrupt

    def interrupt(self, reason: Exception) -> None:
        if self._reason is None and not self._over:
            self._reason = reason
            self._task.cancel()

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        self._over = True
        if self._reason is None:
            return
        try:
            await asyncio.sleep(0)  # a cancellation that came too late for the block is felt here
        except asyncio.CancelledError as felt:
            error = felt
        if isinstance(error, asyncio.CancelledError):
            raise error if self._task.uncancel() > self._wanted else self._reason from None


class held_lease:
    """Renew a lease while the block runs. When it is lost the block is cancelled and what ``renew`` raised comes out."""

    def __init__(self, renew: Callable[[], Awaitable[None]], lease_ms: int) -> None:
        self._renew = renew
        self._every_s = lease_ms / 3000
        self._interruptible = interruptible()
        self._meanwhile = meanwhile(self._every_s, self._keep)

    async def __aenter__(self) -> None:
        await self._interruptible.__aenter__()
        await self._meanwhile.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        try:
            await self._meanwhile.__aexit__()
        finally:
            await self._interruptible.__aexit__(kind, error, at)

    async def _keep(self) -> None:
        while True:
            try:
                await self._renew()
            except StoreUnavailable as error:
                # Nobody else can take the lease either while the store is away; the fence decides when it is back.
                log.debug("lease not renewed", reason=str(error))
            except Exception as error:
                self._interruptible.interrupt(error)
                return
            await asyncio.sleep(self._every_s)
