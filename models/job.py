"""One request as the scheduler sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.runner import Slice


@dataclass(slots=True, eq=False)
class Job:
    """``tokens`` is the prompt and what was drawn so far; the first ``done`` of them are in the cache.

    ``goal``: how many tokens it has to read before the next one is drawn (after a preemption also what was drawn).
    ``cached``: of the prompt, what was there when it first got a place.
    """

    number: int
    owner: str
    prompt: Sequence[int]
    max_tokens: int
    adapter: str = ""
    overtaken: int = 0
    sequence: int = -1
    cached: int = 0
    done: int = 0
    goal: int = 0
    started: bool = False
    tokens: list[int] = field(default_factory=list)

    @property
    def reads(self) -> bool:
        """Its prompt is not evaluated to the end yet."""
        return self.done < self.goal

    @property
    def drawn(self) -> int:
        return len(self.tokens) - len(self.prompt)

    @property
    def left(self) -> int:
        """How many tokens may still be drawn."""
        return self.max_tokens - self.drawn


@dataclass(frozen=True, slots=True)
class Turn:
    """A job's part of a step. ``draft``: the tokens of the slice that are only guessed."""

    job: Job
    slice: Slice
    draft: Sequence[int] = ()
