"""What can be made to go wrong, once or several times, at one of the server's routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Act = Literal["never", "first"]


@dataclass(frozen=True, slots=True)
class Fault:
    """``act``: whether the server does what was asked before it fails.

    ``status`` 0: no answer; the connection is dropped, or with ``hang`` kept open in silence.
    """

    status: int = 0
    act: Act = "never"
    code: int = 0
    retry_after: float = 0.0
    via: bool = True
    everywhere: bool = False  # a global rate limit
    hang: bool = False


def too_many(retry_after: float, *, via: bool = True, everywhere: bool = False) -> Fault:
    """429. Without ``Via`` it comes from Cloudflare and not from Discord."""
    return Fault(status=429, retry_after=retry_after, via=via, everywhere=everywhere)


def broken(status: int = 500, act: Act = "never") -> Fault:
    return Fault(status=status, act=act)


def refused(status: int, code: int) -> Fault:
    return Fault(status=status, code=code)


def dropped(act: Act = "first") -> Fault:
    """The connection is cut instead of an answer; ``first``: after the server has acted."""
    return Fault(act=act)


def silent(act: Act = "first") -> Fault:
    """The answer never comes."""
    return Fault(act=act, hang=True)


class Schedule:
    """Faults waiting for their route, such as ``POST /channels/{channel}/messages``."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Fault]] = {}

    def add(self, route: str, fault: Fault, times: int) -> None:
        self._waiting.setdefault(route, []).extend([fault] * times)

    def waiting(self, route: str) -> int:
        return len(self._waiting.get(route, ()))

    def take(self, route: str) -> Fault | None:
        waiting = self._waiting.get(route)
        return waiting.pop(0) if waiting else None

    def clear(self) -> None:
        self._waiting.clear()


class Limit:
    """``count`` requests in ``seconds`` for each name, as Discord limits sending in a channel (5 in 5 s)."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._seconds = seconds
        self._windows: dict[str, tuple[float, int]] = {}

    def use(self, name: str, now: float) -> tuple[int, float]:
        """What remains after this request (-1: it is too many), and the seconds until the window ends."""
        start, used = self._windows.get(name, (now, 0))
        if now - start >= self._seconds:
            start, used = now, 0
        self._windows[name] = (start, used + 1)
        return max(self._count - used - 1, -1), self._seconds - (now - start)

    def headers(self, remaining: int, left_s: float, bucket: str) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self._count),
            "X-RateLimit-Remaining": str(max(remaining, 0)),
            "X-RateLimit-Reset-After": f"{left_s:.3f}",
            "X-RateLimit-Bucket": bucket,
        }
