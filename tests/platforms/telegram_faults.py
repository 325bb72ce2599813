"""Faults that a test schedules for the next calls of a Bot API method."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.platforms.telegram_values import ApiError, Json


@dataclass(frozen=True, slots=True)
class Refuse:
    """An error answer instead of the deed."""

    code: int
    description: str
    parameters: tuple[tuple[str, int], ...] = ()

    def error(self) -> ApiError:
        parameters: Json = dict(self.parameters)
        return ApiError(self.code, self.description, parameters)


def rate_limit(retry_after: int) -> Refuse:
    return Refuse(429, f"Too Many Requests: retry after {retry_after}", (("retry_after", retry_after),))


def server_error(code: int = 500) -> Refuse:
    return Refuse(code, {500: "Internal Server Error", 502: "Bad Gateway"}.get(code, "Service Unavailable"))


def conflict() -> Refuse:
    return Refuse(
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is cut: before the method acted, or after (the answer is lost)."""

    acted: bool


DROP_BEFORE = Drop(acted=False)
DROP_AFTER = Drop(acted=True)


@dataclass(frozen=True, slots=True)
class Delay:
    """The method acts after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Garbage:
    """Acts, but what comes back is a 200 or an error page that is no JSON (a proxy's page)."""

    code: int = 200
    body: str = "<html>Sign in to the hotel's network</html>"


Fault = Refuse | Drop | Delay | Garbage


@dataclass(slots=True)
class Faults:
    """For each method (``*``: any) the faults to come, in order; each holds for ``times`` calls (None: until healed)."""

    _planned: dict[str, list[tuple[Fault, int | None]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, method: str, fault: Fault, times: int | None) -> None:
        with self._lock:
            self._planned.setdefault(method, []).append((fault, times))

    def waiting(self, method: str) -> int:
        """For how many calls of just this method there is a fault to come."""
        with self._lock:
            return sum(1 if times is None else times for _, times in self._planned.get(method, ()))

    def heal(self, method: str | None = None) -> None:
        with self._lock:
            if method is None:
                self._planned.clear()
            else:
                self._planned.pop(method, None)

    def take(self, method: str) -> Fault | None:
        with self._lock:
            for name in (method, "*"):
                planned = self._planned.get(name)
                if planned:
                    fault, times = planned[0]
                    if times is not None:
                        planned[0] = (fault, times - 1)
                        if times <= 1:
                            planned.pop(0)
                    return fault
        return None
