"""What the engine needs from the library that evaluates tokens. models/llama is the real one; tests script theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.ports import GenerationRequest, TokenLogprob


class DecodeFailed(Exception):
    """A batch could not be evaluated. ``intact``: the memory is as it was before, so parts may be tried again."""

    def __init__(self, message: str, *, intact: bool) -> None:
        super().__init__(message)
        self.intact = intact


@dataclass(frozen=True, slots=True)
class Slice:
    """Tokens of one sequence, to be evaluated at the positions ``start``, ``start + 1``, …

    ``wanted``: after each of so many last tokens the next one may be drawn; each of them is a *row* of the batch.
    """

    sequence: int
    start: int
    tokens: Sequence[int]
    wanted: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a runner can hold: ``cells`` tokens of all sequences together, ``batch`` tokens in one decode.

    ``rows`` after which a token may be drawn in one decode. ``rewinds``: a sequence can be cut back or shared in part
    (recurrent models cannot). ``alike_from``: in a decode of at least so many tokens each comes out the same, whatever
    the others are.
    """

    cells: int
    sequences: int
    batch: int
    rows: int
    rewinds: bool = True
    alike_from: int = 1


class Memory(Protocol):
    """The KV cache: cells, each of which belongs to one or more sequences."""

    def share(self, source: int, target: int, length: int) -> None:
        """Let ``target`` hold the first ``length`` cells of ``source`` too; nothing is copied.

        ``target`` is empty, or holds only a tail that begins at ``length``.
        """
        ...

    def behead(self, sequence: int, length: int) -> None:
        """Let a sequence go of its first ``length`` tokens; the rest stays at its positions."""
        ...

    def holds(self, sequence: int, length: int) -> bool:
        """Whether all is there that a token after the first ``length`` ones looks back at.

        False: a sliding window has passed over them and the cells were used for others.
        """
        ...

    def truncate(self, sequence: int, length: int) -> None:
        """Keep the first ``length`` tokens of a sequence; cells that belong to no sequence are free."""
        ...

    def clear(self) -> None:
        """Forget all sequences."""
        ...

    def save(self, sequence: int) -> bytes:
        """What the cells of a sequence hold, to be given back to a runner of the same model, build and options.

        Maybe only a tail (see ``behead``). Nothing: it cannot be saved whole.
        """
        ...

    def restore(self, sequence: int, data: bytes) -> bool:
        """Fill the empty sequence with what was saved, at the same positions; it takes cells of its own.

        False: refused, nothing changed.
        """
        ...


class Sampler(Protocol):
    def draw(self, row: int) -> int:
        """Draw the token that follows ``row`` of the last decode. Rows are counted over all slices, in their order."""
        ...

    def logprob(self, row: int, token: int, top: int) -> TokenLogprob:
        """Of ``token`` and the ``top`` likeliest ones after ``row``: as the model gave them, before anything else."""
        ...

    def close(self) -> None: ...


class Runner(Memory, Protocol):
    """Evaluates tokens. Used by one thread only, the decode thread."""

    limits: Limits

    def decode(self, slices: Sequence[Slice], adapter: str = "") -> None:
        """Evaluate one batch, all of it with the LoRA adapter of that name. Raises DecodeFailed."""
        ...

    def sampler(self, request: GenerationRequest, seed: int) -> Sampler:
        """Raises RequestInvalid: its grammar, schema or bias is wrong."""
        ...

    def set_threads(self, count: int) -> None:
        """For the decodes from now on."""
        ...

    def rest(self) -> None:
        """There is nothing to do for a while: what only helps to compute may be let go of."""
        ...

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
