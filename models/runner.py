"""What the engine needs from the library that evaluates tokens. models/llama.py is the real one; tests script theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.ports import Sampling


class DecodeFailed(Exception):
    """A batch could not be evaluated. ``intact``: the memory is as it was before, so parts may be tried again."""

    def __init__(self, message: str, *, intact: bool) -> None:
        super().__init__(message)
        self.intact = intact


@dataclass(frozen=True, slots=True)
class Slice:
    """Tokens of one sequence, to be evaluated at the positions ``start``, ``start + 1``, …

    ``sample``: the next token is going to be drawn after the last of them.
    """

    sequence: int
    start: int
    tokens: Sequence[int]
    sample: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What a runner can hold: ``cells`` tokens of all sequences together, ``batch`` tokens in one decode.

    ``rewinds``: a sequence can be cut back or shared in part (recurrent models cannot).
    """

    cells: int
    sequences: int
    batch: int
    rewinds: bool = True


class Memory(Protocol):
    """The KV cache: cells, each of which belongs to one or more sequences."""

    def share(self, source: int, target: int, length: int) -> None:
        """Let the empty sequence ``target`` hold the first ``length`` cells of ``source`` too; nothing is copied."""
        ...

    def truncate(self, sequence: int, length: int) -> None:
        """Keep the first ``length`` tokens of a sequence; cells that belong to no sequence are free."""
        ...

    def clear(self) -> None:
        """Forget all sequences."""
        ...


class Sampler(Protocol):
    def draw(self, row: int) -> int:
        """Draw the token that follows slice ``row`` of the last decode."""
        ...

    def close(self) -> None: ...


class Runner(Memory, Protocol):
    """Evaluates tokens. Used by one thread only, the decode thread."""

    limits: Limits

    def decode(self, slices: Sequence[Slice]) -> None:
        """Evaluate one batch. Raises DecodeFailed."""
        ...

    def sampler(self, sampling: Sampling, seed: int) -> Sampler: ...

    def close(self) -> None: ...


class Vocabulary(Protocol):
    """Text to tokens and back. Needs no context, so any thread may call it at any time."""

    bos: int | None
    adds_bos: bool

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """``special``: control tokens' names become control tokens; otherwise they are plain text."""
        ...

    def text(self, token: int) -> bytes:
        """The bytes a token stands for (maybe a part of a character); nothing for a control token."""
        ...

    def is_end(self, token: int) -> bool:
        """The model says that its answer ends here."""
        ...

    def close(self) -> None: ...
