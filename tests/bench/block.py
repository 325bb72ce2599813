"""So many shoppers and personas in one round: the conversations, and what is measured of them.

A *cold* start: the persona, and with it all that stands behind it, was never seen by the system since it was started.
A *warm* one: the persona was asked before, and in a third turn the same conversation's first two turns were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.bound import Bound, work_of
from tests.bench.child import ChildFailed
from tests.bench.progress import Progress
from tests.bench.report import Cell, Measured
from tests.bench.systems import KEFU, System
from tests.bench.work import Asked, Prompt, Start, Texts, first_turns, next_turns, with_personas


@dataclass(frozen=True, slots=True)
class Asker:
    """``numbers`` of personas, each used once."""

    progress: Progress
    measured: Measured
    texts: Texts
    numbers: Iterator[int]
    patience_s: float
    tokens: int

    def fresh_personas(self, wanted: int) -> list[str]:
        return [self.texts.numbered_persona(next(self.numbers)) for _ in range(wanted)]

    def ask(self, system: System, prompts: Sequence[Prompt], what: str) -> Asked:
        with self.progress.asking(system.name, len(prompts), what):
            return system.ask(prompts, self.patience_s)


@dataclass(frozen=True, slots=True)
class Block:
    asker: Asker
    systems: Sequence[System]
    bound: Bound | None
    number: int
    shoppers: int
    personas: int

    def run(self, turns: Sequence[int]) -> None:
        seen = self.asker.fresh_personas(self.personas)
        if 1 in turns:
            self._measure_first_turns(self._questions(seen, 0), "cold")
        opened = self._questions(seen, 1)
        if 1 in turns:
            told = self._measure_first_turns(opened, "warm")
        else:
            told = {one.name: self._ask(one, opened, "first turns") for one in self.systems}
        if 3 in turns:
            self._measure_third_turns(opened, told)

    def _questions(self, personas: Sequence[str], variant: int) -> list[Prompt]:
        return first_turns(self.shoppers, personas, variant, self.asker.tokens)

    def _measure_first_turns(self, prompts: Sequence[Prompt], start: Start) -> dict[str, Asked]:
        told = {}
        for system in self.systems:
            told[system.name] = asked = self._measure(system, prompts, 1, start)
            if system.name == KEFU and self.bound and not any(one.failed for one in asked.said):
                self._compare(self.bound, asked, start)
        return told

    def _compare(self, bound: Bound, ours: Asked, start: Start) -> None:
        self.asker.progress.say("the bare loop")
        try:
            seconds = bound.seconds(work_of(ours.said, shared_is_there=start == "warm"))
        except ChildFailed as error:
            self.asker.progress.say(f"the bare loop failed: {error}")
            return
        self.asker.measured.add_bound(self.shoppers, start, self.shoppers / seconds, seconds / ours.seconds)

    def _measure_third_turns(self, opened: Sequence[Prompt], told: dict[str, Asked]) -> None:
        """A third turn's history are the replies that the same system gave in the first two."""
        third: dict[str, list[Prompt]] = {}
        for system in self.systems:
            second = next_turns(opened, told[system.name].said, 2)
            said = self._ask(system, second, "second turns").said
            third[system.name] = next_turns(second, said, 3)
        for system in self.systems:
            self._measure(system, third[system.name], 3, "warm")
        unseen = self.asker.fresh_personas(self.personas)
        for system in self.systems:
            self._measure(system, with_personas(third[system.name], unseen), 3, "cold")

    def _measure(self, system: System, prompts: Sequence[Prompt], turn: int, start: Start) -> Asked:
        asked = self._ask(system, prompts, f"{'first' if turn == 1 else 'third'} turns, {start}")
        self.asker.measured.add(Cell(self.shoppers, self.personas, turn, start), system.name, self.number, asked)
        return asked

    def _ask(self, system: System, prompts: Sequence[Prompt], part: str) -> Asked:
        personas = f"{self.personas} persona{'s' * (self.personas != 1)}"
        what = f"round {self.number + 1} · {self.shoppers} shoppers, {personas} · {part}"
        return self.asker.ask(system, prompts, what)
