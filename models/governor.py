"""The thread governor on this machine: it also follows what the machine allows, and looks whether others are busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from models.machine import Others, usable_cpus, usable_threads
from models.threads import ThreadGovernor

log = structlog.get_logger("models.engine")

_BUSY = 0.25  # CPUs that others use; below nobody is a neighbour worth yielding to
_LOOK_S = 1.0  # between two looks at the machine; one takes about 0.2 ms


@dataclass(frozen=True, slots=True)
class Machine:
    """``usable``: how many threads we may have; ``others``: how many CPUs other programs use, None: not known."""

    usable: Callable[[], int]
    others: Callable[[], float | None]
    cpus: int
    clock: Callable[[], float] = time.monotonic


def this_machine() -> Machine:
    return Machine(usable_threads, Others().cpus, len(usable_cpus()))


class MachineGovernor:
    """``most``: threads that pay when nobody else is there; the machine may allow fewer, now or later."""

    def __init__(self, most: int, machine: Machine | None = None) -> None:
        self._most = most
        self._machine = machine or this_machine()
        self._allowed = self._allow()
        self._core = ThreadGovernor(self._allowed)
        self._looked = self._machine.clock()
        self._free = self._seen = self._allowed

    @property
    def count(self) -> int:
        return self._core.count

    def observe(self, tokens: int, seconds: float) -> int | None:
        """A batch of so many tokens took so long. The new number of threads; None: as before."""
        before = self._core.count
        now = self._machine.clock()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._look()
        self._core.observe(tokens, seconds)
        return self._core.count if self._core.count != before else None

    def _allow(self) -> int:
        return max(1, min(self._most, self._machine.usable()))

    def _look(self) -> None:
        allowed = self._allow()
        if allowed != self._allowed:
            log.info("threads", reason="the machine allows another number", most=allowed)
            self._allowed = allowed
            self._core.allow(allowed)
        others = self._machine.others()
        if others is None:
            return
        self._core.alone(others < _BUSY)
        free = max(1, min(allowed, round(self._machine.cpus - others)))
        if free == self._seen and free != self._free:  # seen twice: no passing moment
            self._free = free
            self._core.look_again(free)
        self._seen = free
