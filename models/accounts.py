"""Says now and then in the log what the engine has done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

import structlog

from models.cache import Counters
from models.options import Load

log = structlog.get_logger("models.engine")

EVERY_S = 300.0


class Accounts:
    """One line for each ``every_s`` seconds in which anything was answered, and one at the end."""

    def __init__(self, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._told_at = clock()
        self._told = Counters()

    def tell(self, ask: Callable[[], Load], *, now: bool = False) -> None:
        """``now``: do not wait until it is time. Called after every step, so ``ask`` is called only when it is."""
        at = self._clock()
        if not now and at - self._told_at < self._every_s:
            return
        load = ask()
        if load.counters.prompts == self._told.prompts:
            return
        before, after = asdict(self._told), asdict(load.counters)
        done = {name: after[name] - before[name] for name in after} | {"spilled_bytes": load.counters.spilled_bytes}
        seconds = round(at - self._told_at)
        log.info("model", seconds=seconds, running=load.running, waiting=load.waiting, **done)
        self._told, self._told_at = load.counters, at
