"""A runner without a model: it keeps the KV cache's books as strictly as the library, and computes the next token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from core.ports import Sampling
from models.runner import DecodeFailed, Limits, Slice

IM_START, IM_END = 256, 257
_SPECIAL = {"<|im_start|>": IM_START, "<|im_end|>": IM_END}

NextToken = Callable[[Sequence[int]], int]
Fault = Callable[[Sequence[Slice]], DecodeFailed | None]


def hashed(tokens: Sequence[int]) -> int:
    """A token that depends on every token before it: a lost or foreign one changes all that follow."""
    return hashlib.sha256(repr(list(tokens)).encode()).digest()[0]


def saying(answer: str) -> NextToken:
    """After the assistant's header it says ``answer``, byte by byte, and then ends."""
    header = b"assistant\n"
    spoken = answer.encode()

    def following(tokens: Sequence[int]) -> int:
        last = max(index for index, token in enumerate(tokens) if token == IM_START)
        said = len(tokens) - last - 1 - len(header)
        return spoken[said] if said < len(spoken) else IM_END

    return following


class ScriptedSampler:
    def __init__(self, runner: ScriptedRunner) -> None:
        self._runner = runner
        self.closed = False
        runner.open_samplers += 1

    def draw(self, row: int) -> int:
        assert not self.closed
        return self._runner.next_token(self._runner.tokens(self._runner.batch[row].sequence))

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self._runner.open_samplers -= 1


class ScriptedRunner:
    def __init__(
        self,
        next_token: NextToken = hashed,
        *,
        cells: int = 4096,
        sequences: int = 16,
        batch: int = 256,
        rewinds: bool = True,
        fault: Fault | None = None,
    ) -> None:
        self.limits = Limits(cells=cells, sequences=sequences, batch=batch, rewinds=rewinds)
        self.next_token = next_token
        self.fault = fault
        self.batch: list[Slice] = []
        self.batches: list[list[Slice]] = []
        self.open_samplers = 0
        self.closed = False
        self._cells: dict[int, list[tuple[int, int]]] = {}  # sequence → (cell, token)
        self._next = 0

    @property
    def used_cells(self) -> int:
        return len({cell for held in self._cells.values() for cell, _ in held})

    def tokens(self, sequence: int) -> list[int]:
        return [token for _, token in self._cells.get(sequence, [])]

    def share(self, source: int, target: int, length: int) -> None:
        assert self.limits.rewinds
        assert not self._cells.get(target), "the target must be empty"
        assert len(self._cells[source]) >= length
        self._cells[target] = self._cells[source][:length]

    def truncate(self, sequence: int, length: int) -> None:
        assert length == 0 or self.limits.rewinds
        self._cells[sequence] = self._cells.get(sequence, [])[:length]

    def clear(self) -> None:
        self._cells.clear()

    def decode(self, slices: Sequence[Slice]) -> None:
        size = sum(len(one.tokens) for one in slices)
        assert 0 < size <= self.limits.batch
        assert len({one.sequence for one in slices}) == len(slices)
        if self.fault and (error := self.fault(slices)):
            raise error
        if self.used_cells + size > self.limits.cells:
            raise DecodeFailed("no room", intact=True)
        for one in slices:
            held = self._cells.setdefault(one.sequence, [])
            assert one.start == len(held), "a token was lost or evaluated twice"
            for token in one.tokens:
                held.append((self._next, token))
                self._next += 1
        self.batch = list(slices)
        self.batches.append(self.batch)

    def sampler(self, sampling: Sampling, seed: int) -> ScriptedSampler:
        return ScriptedSampler(self)

    def close(self) -> None:
        assert not self.closed
        assert not self.open_samplers
        self.closed = True


class ByteVocabulary:
    """One token for each byte, and ChatML's two control tokens."""

    bos: int | None = None
    adds_bos = False

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        if special:
            for name, token in _SPECIAL.items():
                head, found, tail = text.partition(name)
                if found:
                    return [*self.tokenize(head, special=True), token, *self.tokenize(tail, special=True)]
        return list(text.encode("utf-8", "replace"))

    def text(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""

    def is_end(self, token: int) -> bool:
        return token == IM_END

    def close(self) -> None:
        pass
