"""The engine side by side with what one would use instead: same run, same file, same personas, same questions.

A round asks every system the same at nearly the same time, one after the other, and the order changes from round to
round: what else happens on the machine then happens to all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

from tests.bench.block import Asker, Block
from tests.bench.bound import Bound
from tests.bench.child import ChildFailed
from tests.bench.progress import Progress, Work
from tests.bench.report import EngineReport, Measured
from tests.bench.servers import ServerFailed
from tests.bench.systems import KEFU, TUNED, Setup, Size, System, open_system
from tests.bench.work import REPLY_TOKENS, Texts, first_turns

_KEFU_PLACES = 8  # the engine's own default; with more shoppers it gets as many places as they are


@dataclass(frozen=True, slots=True)
class Grid:
    """``minutes``: nothing more is begun that would not end in this time; 0: no limit.

    ``np``: places of the tuned llama-server; 0: the best ones are found by trying.
    """

    systems: tuple[str, ...]
    shoppers: tuple[int, ...] = (1, 4, 8, 16, 32)
    personas: tuple[int, ...] = (1, 4)
    turns: tuple[int, ...] = (1, 3)
    rounds: int = 3
    minutes: float = 40.0
    tokens: int = REPLY_TOKENS
    patience_s: float = 120.0
    np: int = 0

    def in_order(self) -> list[int]:
        """The most telling sizes first: what does not fit the time is at the end."""
        return sorted(self.shoppers, key=lambda number: (number > 8, abs(number - 8)))

    def personas_of(self, shoppers: int) -> list[int]:
        """More personas than shoppers are as many as there are shoppers, which is measured already."""
        return [number for number in self.personas if number <= max(shoppers, min(self.personas))]

    def replies(self, shoppers: int) -> int:
        """What each system says in a round."""
        asks = (2 if 1 in self.turns else 1) + (3 if 3 in self.turns else 0)
        return shoppers * asks * len(self.personas_of(shoppers))


class GridRun:
    """Fills ``report`` and calls ``saved`` after each size, so that an end at any time loses little."""

    def __init__(
        self,
        setup: Setup,
        grid: Grid,
        texts: Texts,
        report: EngineReport,
        progress: Progress,
        saved: Callable[[], None],
    ) -> None:
        self._setup = setup
        self._grid = grid
        self._report = report
        self._progress = progress
        self._saved = saved
        self._measured = Measured()
        self._asker = Asker(progress, self._measured, texts, count(), grid.patience_s, grid.tokens)
        self._present = [name for name in grid.systems if name not in report.absent]

    def run(self) -> None:
        grid, started = self._grid, time.monotonic()
        blocks = [(number, shoppers) for number in range(grid.rounds) for shoppers in grid.in_order()]
        self._progress.plan([work for _, shoppers in blocks for work in self._work(shoppers)])
        for number, shoppers in blocks:
            work = self._work(shoppers)
            end_s = time.monotonic() - started + self._progress.estimate(work)
            if grid.minutes and end_s > 60 * grid.minutes:
                self._progress.skip(work)
                self._report.left_out.append(f"round {number + 1} of {shoppers} shoppers: there was no time for it")
                continue
            self._block(number, shoppers)
            self._report.results = self._measured.results()
            self._report.ratios = self._measured.ratios()
            self._report.bound = self._measured.shares()
            self._saved()

    def _work(self, shoppers: int) -> list[Work]:
        return [(name, self._grid.replies(shoppers)) for name in self._present]

    # ── one size in one round ────────────────────────────────────────────────────────────────────────────

    def _block(self, number: int, shoppers: int) -> None:
        np = self._best_np(shoppers)
        with ExitStack() as stack:
            systems = [one for name in [*self._present] if (one := self._opened(stack, name, shoppers, np))]
            bound = self._opened_bound(stack, shoppers) if KEFU in self._present and 1 in self._grid.turns else None
            for personas in self._grid.personas_of(shoppers):
                ordered = systems[::-1] if number % 2 else systems
                Block(self._asker, ordered, bound if personas == 1 else None, number, shoppers, personas).run(
                    self._grid.turns
                )

    def _opened(self, stack: ExitStack, name: str, shoppers: int, np: int) -> System | None:
        """None: it did not start, and the report says why."""
        self._progress.say(f"{shoppers} shoppers · starting {name}")
        size = Size(max(_KEFU_PLACES, shoppers) if name == KEFU else shoppers, np)
        try:
            system = open_system(name, self._setup, size)
        except (ServerFailed, ChildFailed) as error:
            self._report.absent[name] = f"it did not start: {error}"
            self._present.remove(name)
            return None
        self._progress.started()
        stack.callback(system.close)
        return system

    def _opened_bound(self, stack: ExitStack, shoppers: int) -> Bound:
        self._progress.say("starting the bare loop")
        bound = Bound(self._setup.model, max(_KEFU_PLACES, shoppers), self._setup.tuned)
        stack.callback(bound.close)
        return bound

    # ── the best -np ─────────────────────────────────────────────────────────────────────────────────────

    def _best_np(self, shoppers: int) -> int:
        known, tried = self._report.best_np, candidates(shoppers)
        if TUNED not in self._present or self._grid.np:
            return self._grid.np or shoppers
        if str(shoppers) not in known:
            speeds = {places: self._speed(shoppers, places) for places in tried} if len(tried) > 1 else {tried[0]: 1.0}
            known[str(shoppers)] = max(speeds, key=lambda places: speeds[places])
        return known[str(shoppers)]

    def _speed(self, shoppers: int, places: int) -> float:
        """Of first turns, warm: the prompts of the first ask fill its cache."""
        with ExitStack() as stack:
            system = self._opened(stack, TUNED, shoppers, places)
            if system is None:
                return 0.0
            personas = self._asker.fresh_personas(1)
            what = f"{shoppers} shoppers · trying -np {places}"
            self._asker.ask(system, first_turns(shoppers, personas, 0, 1), what)
            return self._asker.ask(system, first_turns(shoppers, personas, 1, self._grid.tokens), what).replies_per_s


def candidates(shoppers: int) -> tuple[int, ...]:
    """How many places the tuned llama-server may have."""
    return tuple(places for places in (4, 8, 16, 32) if places <= shoppers <= 4 * places) or (shoppers,)
