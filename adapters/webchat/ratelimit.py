"""How much one session and one network address may send. In this process's memory, and of bounded size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from pydantic import Field

from core.value import CheckedValue


class Allowance(CheckedValue):
    """``burst`` at once, then one each ``every_s`` seconds."""

    burst: int = Field(gt=0)
    every_s: float = Field(gt=0)


class Allowances(CheckedValue):
    """A network address may stand for a whole office or campus, so it gets more than one session."""

    session_messages: Allowance = Allowance(burst=20, every_s=2.0)
    address_messages: Allowance = Allowance(burst=120, every_s=0.5)
    address_sessions: Allowance = Allowance(burst=60, every_s=2.0)
    session_streams: int = Field(default=12, gt=0, description="open tabs of one session")


class RateLimit:
    """A token bucket for each key; the keys that were not used for longest are forgotten first."""

    def __init__(self, allowance: Allowance, keys: int = 20_000, clock: Callable[[], float] = monotonic) -> None:
        self._allowance = allowance
        self._keys = keys
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> float:
        """0 when it is allowed; else the seconds to wait."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now)
        wait = full_at - now - (self._allowance.burst - 1) * self._allowance.every_s
        if wait > 1e-9:
            return wait
        self._full_at[key] = full_at + self._allowance.every_s
        self._full_at.move_to_end(key)
        while len(self._full_at) > self._keys:
            self._full_at.popitem(last=False)
        return 0.0
