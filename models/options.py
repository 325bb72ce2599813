"""What an engine is told when it is made, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from models.cache import Counters


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """``chunk``: prompt tokens of a step while answers are written; ``spill_bytes`` of host memory for
    conversations that left the cells (0: off). ``keep``: cells that idle conversations may hold while others are
    answered; None: none where they can be spilled, else some. ``speculate``: draft from the prompt
    where it pays.
    """

    parallel: int
    chunk: int = 64
    keep: int | None = None
    spill_bytes: int = 0
    speculate: bool = True


class Governor(Protocol):
    """Says how many threads pay at this moment."""

    def observe(self, tokens: int, seconds: float) -> int | None:
        """A batch of so many tokens took so long. The new number of threads; None: as before."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the engine is at this moment, and what its prefix cache has done so far.

    ``pace_s``: how long an answer occupies its place, a moving average; None: there was none yet.
    """

    running: int
    waiting: int
    counters: Counters
    pace_s: float | None = None
