"""Working through a queue of conversations: take what is due, wait out a store that is away.

The worker and the outbox are both such consumers; what they do with a conversation is theirs.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

import structlog

from core.backoff import delay_s
from core.errors import LeaseLost, StoreUnavailable

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

# The bell wakes an idle consumer at once; this is for the bell that was lost with a restarted server.
IDLE_S = 2.0
BACKOFF_CAP_S = 2.0
RELEASE_S = 3.0
# After so many have been begun, what they have written goes out: others work on it while the next ones are handled.
AT_A_TIME = 4


class Taken(Protocol):
    """Something of one conversation, under a lease."""

    @property
    def conversation(self) -> str: ...


Item = TypeVar("Item", bound=Taken)
Item_co = TypeVar("Item_co", covariant=True)


class Take(Protocol[Item_co]):
    """Takes at most ``limit``, when something calls for it or else in ``after_s`` seconds (0: now)."""

    def __call__(self, limit: int, *, after_s: float) -> Awaitable[tuple[Sequence[Item_co], float | None]]: ...


async def consume(
    limit: int,
    take: Take[Item],
    handle: Callable[[Item], Awaitable[None]],
    *,
    release: Callable[[], Awaitable[object]] | None = None,
    grace_s: float = 0.0,
) -> None:
    """Handle all of a queue as it falls due, at most ``limit`` at once, until cancelled. What is being handled then may
    go on for ``grace_s`` before it is cancelled, too.

    ``take`` gives what is due and the seconds until the next is; ``release`` gives back what a ``take`` that was
    cancelled may have taken. What ``handle`` raises is logged; the conversation is due again when its lease runs out.
    """
    work = _Work(limit, take, handle)
    try:
        while True:
            await work.take()
            await work.begin()
    except asyncio.CancelledError:
        await work.stop_taking(release)
        raise
    finally:
        await work.end(grace_s)


class _Work(Generic[Item]):
    """The next are asked for before those that were taken are begun: an answer is there when these have been."""

    def __init__(self, limit: int, take: Take[Item], handle: Callable[[Item], Awaitable[None]]) -> None:
        self._limit = limit
        self._take = take
        self._handle = handle
        self._after_s = 0.0
        self._due: deque[Item] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._taking: asyncio.Task[tuple[Sequence[Item], float | None]] | None = None

    @property
    def _room(self) -> int:
        return self._limit - len(self._running) - len(self._due)

    def _ask(self) -> asyncio.Task[tuple[Sequence[Item], float | None]]:
        if self._taking is None:
            self._taking = asyncio.create_task(patiently(partial(self._take, self._room, after_s=self._after_s)))
        return self._taking

    async def take(self) -> None:
        while self._room <= 0:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            self._after_s = 0.0
        taken, next_s = await self._ask()
        self._taking = None
        self._due.extend(taken)
        self._after_s = IDLE_S if next_s is None else min(IDLE_S, next_s)

    async def begin(self) -> None:
        if self._room > 0:
            self._ask()
        while self._due:
            self._begin(min(AT_A_TIME, len(self._due)))
            await asyncio.sleep(0)

    def _begin(self, count: int) -> None:
        for _ in range(count):
            task = asyncio.create_task(_logged(self._handle, self._due.popleft()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def stop_taking(self, release: Callable[[], Awaitable[object]] | None) -> None:
        """What was taken is begun, for who handles it to give it back; what may have been taken in vain is released."""
        taking = self._taking
        if taking is not None:
            taking.cancel()
            await asyncio.wait({taking})
            if not taking.cancelled() and taking.exception() is None:
                self._due.extend(taking.result()[0])
            else:
                await _given_back(release)
        self._begin(len(self._due))
        await asyncio.sleep(0)

    async def end(self, grace_s: float) -> None:
        if self._running and grace_s:
            await asyncio.wait(self._running, timeout=grace_s)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def _given_back(release: Callable[[], Awaitable[object]] | None) -> None:
    """Another consumer shall go on at once with what was taken in vain, and not wait for the end of the lease."""
    if release is not None:
        giving = asyncio.ensure_future(release())
        await asyncio.wait({giving}, timeout=RELEASE_S)
        giving.cancel()
        await asyncio.gather(giving, return_exceptions=True)


async def _logged(handle: Callable[[Item], Awaitable[None]], one: Item) -> None:
    try:
        await handle(one)
    except LeaseLost as error:
        log.warning("lease lost", conversation=one.conversation, reason=str(error))
    except StoreUnavailable as error:
        log.warning("store away, the conversation is taken up again", conversation=one.conversation, reason=str(error))
    except Exception:
        log.exception("unexpected, the conversation is taken up again", conversation=one.conversation)


async def patiently(call: Callable[[], Awaitable[Result]]) -> Result:
    """Call until the store answers; says once for what reason it is away, and once that it is back."""
    tries = 0
    away = ""
    while True:
        try:
            result = await call()
        except StoreUnavailable as error:
            if (kind := re.split(r" \(|:", str(error))[0]) != away:  # without what the server or the system added
                away = kind
                log.warning("waiting for the store", reason=str(error))
            await asyncio.sleep(delay_s(tries, 0.05, BACKOFF_CAP_S))
            tries += 1
        else:
            if away:
                log.info("the store is back")
            return result
