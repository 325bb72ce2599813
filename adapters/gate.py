"""The turnstile in front of a platform: the rate limits of ``adapters.pace``, waited for."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from adapters.pace import Limits, Pace, Ticket
from core.errors import RateLimited

LONGEST_WAIT_S = 5.0
"""A longer wait is the outbox's: it holds no place here and survives a restart."""
UNKNOWN_WAIT_S = 1.0
"""What a draft is told that waits for an answer and not for a time."""


class Gate:
    """Every write takes a turn. Cancelling it at any moment gives its place back."""

    def __init__(
        self,
        limits: Callable[[str], Limits],
        longest_wait_s: float = LONGEST_WAIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pace = Pace(clock, limits)
        self._longest_wait_s = longest_wait_s
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, lane: str, keys: Sequence[str], *, draft: bool = False) -> AsyncIterator[None]:
        """The write belongs inside. Raises RateLimited: a draft at once if it cannot go now, all else instead of
        waiting longer than ``longest_wait_s``."""
        ticket = self._draft(lane, keys) if draft else await self._final(lane, keys)
        try:
            yield
        finally:
            self._pace.end(ticket)
            self._serve()

    def hold(self, key: str, seconds: float) -> None:
        """The platform asked to wait. Who would wait too long here is sent away with the time."""
        self._pace.hold(key, seconds)
        for ticket, wait in self._pace.waiting():
            future = self._waiting[ticket]
            if self._longest_wait_s < wait < math.inf and not future.done():
                future.set_exception(_limited(wait))
        self._serve()

    def held_for(self, key: str) -> float:
        """Seconds for which the platform still wants to be left alone."""
        return self._pace.held_for(key)

    def learn(self, key: str, limit: int, remaining: int, reset_after: float, *, counted: bool = True) -> None:
        """What the answer to a write says of a bucket. Call it inside of its turn; ``counted``: it is this bucket's."""
        self._pace.learn(key, limit, remaining, reset_after, counted=counted)

    def _draft(self, lane: str, keys: Sequence[str]) -> Ticket:
        wait = self._pace.expected_wait(lane, keys, draft=True)
        if wait > 0:
            raise _limited(wait)
        return self._pace.pass_by(lane, keys)

    async def _final(self, lane: str, keys: Sequence[str]) -> Ticket:
        wait = self._pace.expected_wait(lane, keys)
        if self._longest_wait_s < wait < math.inf:
            raise _limited(wait)
        ticket = self._pace.enter(lane, keys)
        self._waiting[ticket] = asyncio.get_running_loop().create_future()
        try:
            self._serve()
            await self._waiting[ticket]
        except BaseException:
            self._pace.drop(ticket)
            self._serve()
            raise
        finally:
            del self._waiting[ticket]
        return ticket

    def _serve(self) -> None:
        for ticket in self._pace.admit():
            future = self._waiting[ticket]
            if not future.done():  # else it was cancelled or sent away, and gives its place back when it runs
                future.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait = self._pace.next_in()
        if wait is not None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._serve)


def _limited(wait: float) -> RateLimited:
    seconds = UNKNOWN_WAIT_S if wait == math.inf else wait
    return RateLimited(f"the platform's limit is kept: {seconds:.2f} s to wait", seconds)
