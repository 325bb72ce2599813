"""What is measured beside the grid: a long prompt among writers, speculation, a busy neighbour."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from statistics import median

from core.config import ModelConfig
from models.machine import usable_threads
from tests.bench.grounded import grounded
from tests.bench.kefu import Kefu, config_of
from tests.bench.progress import Progress
from tests.bench.report import LongPrompt, Neighbour, Speculation
from tests.bench.systems import KEFU, LLAMA_CPP_SERVER, LLAMA_CPP_SERVER_QUEUED, Setup, Size, System, open_system
from tests.bench.work import Asked, Prompt, Said, Texts, first_turns, long_prompt

ONE_AT_A_TIME = (LLAMA_CPP_SERVER, LLAMA_CPP_SERVER_QUEUED)  # nobody writes while a prompt is read
_LONG_AFTER_S = 1.0
_LONG_PLACE_TOKENS = 4096
_FIRST_NUMBER = 5000  # of personas that the grid does not use


@dataclass(frozen=True, slots=True)
class Parts:
    setup: Setup
    texts: Texts
    progress: Progress
    rounds: int
    tokens: int
    patience_s: float

    # ── a long prompt ────────────────────────────────────────────────────────────────────────────────────

    def long_prompt(self, name: str, writers: int) -> LongPrompt:
        """Twice: without the long prompt, to know how even the text usually comes, and with it."""
        with ExitStack() as stack:
            self.progress.say(f"a long prompt · starting {name}")
            size = Size(max(8, writers + 1), max(8, writers + 1), _LONG_PLACE_TOKENS)
            system = open_system(name, self.setup, size)
            stack.callback(system.close)
            persona = [self.texts.numbered_persona(_FIRST_NUMBER)]
            self._ask(system, first_turns(writers, persona, 0, 1), "a long prompt")
            usual = self._ask(system, first_turns(writers, persona, 0, 3 * self.tokens), "a long prompt")
            late = long_prompt(self.texts, writers, _LONG_AFTER_S)
            told = self._ask(system, [*first_turns(writers, persona, 1, 3 * self.tokens), late], "a long prompt").said
        return LongPrompt(
            system=name,
            writers=writers,
            prompt_tokens=told[-1].prompt or self.texts.long_tokens,
            longest_gap_s=_longest_gap(told[:-1]),
            usual_longest_gap_s=_longest_gap(usual.said),
            first_token_s=None if told[-1].failed else round(told[-1].first_s, 3),
            failed=sum(bool(one.failed) for one in (*told, *usual.said)),
        )

    # ── speculation ──────────────────────────────────────────────────────────────────────────────────────

    def speculation(self, shoppers: Sequence[int]) -> Iterator[Speculation]:
        """Grounded replies, warm, with drafts and without, one after the other in each round.

        A second engine without them tells how many texts differ anyway, by who happened to be in a step with whom.
        """
        config = config_of(self.setup.model, max(8, *shoppers), self.setup.tuned)
        with ExitStack() as stack:
            systems = [
                self._opened(stack, f"{KEFU}, speculation {word}", config.model_copy(update={"speculate": speculate}))
                for word, speculate in (("on", True), ("off", False), ("off again", False))
            ]
            for system in systems:
                self._ask(system, grounded(max(shoppers), 0), "speculation")
            numbers = count()
            for number in shoppers:
                rounds = [self._each(systems, grounded(number, next(numbers)), one) for one in range(self.rounds)]
                yield _speculation(number, rounds)

    def _each(self, systems: Sequence[System], prompts: Sequence[Prompt], number: int) -> Sequence[Asked]:
        first = number % len(systems)
        order = (*systems[first:], *systems[:first])
        asked = {system.name: self._ask(system, prompts, f"speculation · {len(prompts)} shoppers") for system in order}
        return [asked[system.name] for system in systems]

    # ── a neighbour ──────────────────────────────────────────────────────────────────────────────────────

    def neighbour(self, shoppers: int, busy: int = 1) -> Neighbour:
        """Beside ``busy`` programs that take all they get: the engine's own choice of threads, and each fixed one."""
        with ExitStack() as stack:
            config, tuned = config_of(self.setup.model, max(8, shoppers), self.setup.tuned), self.setup.tuned
            systems = {"governed": self._opened(stack, KEFU, config)}
            for threads in fixed_counts(usable_threads()):
                fixed = {
                    "threads": threads,
                    "tune": False,  # with a number of threads this means: exactly so many, whatever happens
                    "flash_attention": tuned.flash_attention,
                    "kv_type": tuned.kv_type,
                    "batch": tuned.batch,
                }
                name = f"{KEFU}, {threads} thread{'s' * (threads != 1)}"
                systems[str(threads)] = self._opened(stack, name, config.model_copy(update=fixed))
            stack.enter_context(busy_programs(busy))
            persona = [self.texts.numbered_persona(_FIRST_NUMBER + 1)]
            for system in systems.values():
                self._ask(system, first_turns(shoppers, persona, 0, self.tokens), "a busy neighbour")
            rounds = [self._beside(systems, shoppers, persona, number) for number in range(self.rounds)]
        return _neighbour(busy, shoppers, rounds)

    def _beside(
        self, systems: Mapping[str, Kefu], shoppers: int, persona: Sequence[str], number: int
    ) -> dict[str, float]:
        order = list(systems.items())[:: -1 if number % 2 else 1]
        prompts = first_turns(shoppers, persona, number + 1, self.tokens)
        what = f"a busy neighbour · round {number + 1}"
        return {name: self._ask(system, prompts, what).replies_per_s for name, system in order}

    # ── all of them ──────────────────────────────────────────────────────────────────────────────────────

    def _opened(self, stack: ExitStack, name: str, config: ModelConfig) -> Kefu:
        self.progress.say(f"starting {name}")
        system = Kefu(name, config, self.setup.data_dir)
        stack.callback(system.close)
        return system

    def _ask(self, system: System, prompts: Sequence[Prompt], what: str) -> Asked:
        with self.progress.asking(system.name, len(prompts), what):
            return system.ask(prompts, self.patience_s)


def fixed_counts(most: int) -> list[int]:
    """Which fixed counts of threads are tried: all of a small machine; one, half, all but one and all of a big one."""
    return list(range(1, most + 1)) if most <= 4 else [1, most // 2, most - 1, most]


@contextmanager
def busy_programs(number: int) -> Iterator[None]:
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def _longest_gap(said: Sequence[Said]) -> float:
    return round(max(one.longest_gap_s for one in said), 3)


def _speculation(shoppers: int, rounds: Sequence[Sequence[Asked]]) -> Speculation:
    """``rounds``: with drafts, without, and without again."""
    return Speculation(
        shoppers=shoppers,
        off_replies_per_s=round(median(off.replies_per_s for _, off, _ in rounds), 3),
        on_replies_per_s=round(median(on.replies_per_s for on, _, _ in rounds), 3),
        gain=round(median(on.replies_per_s / (off.replies_per_s or 1) for on, off, _ in rounds), 3),
        same_text=sum(_same(on, off) for on, off, _ in rounds),
        same_without=sum(_same(again, off) for _, off, again in rounds),
        replies=shoppers * len(rounds),
        rounds=len(rounds),
    )


def _same(asked: Asked, other: Asked) -> int:
    """How many texts."""
    return sum(one.text == same.text for one, same in zip(asked.said, other.said, strict=True))


def _neighbour(busy: int, shoppers: int, rounds: Sequence[Mapping[str, float]]) -> Neighbour:
    medians = {name: round(median(one[name] for one in rounds), 3) for name in rounds[0]}
    governed = medians.pop("governed")
    best = max(medians, key=lambda name: medians[name])
    return Neighbour(
        busy=busy,
        shoppers=shoppers,
        governed_replies_per_s=governed,
        fixed_replies_per_s=medians,
        share=round(median(one["governed"] / (one[best] or 1) for one in rounds), 3),
        rounds=len(rounds),
    )
