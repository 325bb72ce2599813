"""A runner without a model: it keeps the KV cache's books as strictly as the library, and computes the next token."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.errors import RequestInvalid
from core.ports import GenerationRequest, TokenLogprob
from models.runner import DecodeFailed, Limits, Slice

IM_START, IM_END = 256, 257
_SPECIAL = {"<|im_start|>": IM_START, "<|im_end|>": IM_END}

NextToken = Callable[[Sequence[int]], int]
Fault = Callable[[Sequence[Slice]], DecodeFailed | None]


def hashed(tokens: Sequence[int]) -> int:
    """A token that depends on every token before it: a lost or foreign one changes all that follow."""
    return hashlib.sha256(repr(list(tokens)).encode()).digest()[0]


def looping(tokens: Sequence[int]) -> int:
    """Depends on the last two tokens only: such text repeats itself, so drafts of it are often right."""
    return hashed(tokens[-2:]) % 5


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
    """Greedy at temperature 0; otherwise the token depends on the seed and on how often was drawn before."""

    def __init__(self, runner: ScriptedRunner, request: GenerationRequest, seed: int) -> None:
        self._runner = runner
        self._random = random.Random(seed) if request.sampling.temperature else None
        self.closed = False
        runner.open_samplers += 1

    def draw(self, row: int) -> int:
        assert not self.closed
        tokens = self._runner.row_tokens(row)
        if self._random is None:
            return self._runner.next_token(tokens)
        return self._runner.next_token([*tokens[-4:], self._random.randrange(3)])

    def logprob(self, row: int, token: int, top: int) -> TokenLogprob:
        assert not self.closed
        before = len(self._runner.row_tokens(row))
        name = bytes([token]).decode("utf-8", "replace") if token < 256 else ""
        return TokenLogprob(token=name, logprob=-float(before), top=tuple((name, -float(i)) for i in range(top)))

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self._runner.open_samplers -= 1


class _Cell(NamedTuple):
    number: int
    position: int
    token: int
    adapter: str


class ScriptedRunner:
    """``window``: as with a sliding window, cells that it has passed are lost as soon as one sequence alone holds them.

    ``refuses``: says of the data to be restored whether they are refused.
    """

    def __init__(
        self,
        next_token: NextToken = hashed,
        *,
        cells: int = 4096,
        sequences: int = 16,
        batch: int = 256,
        rows: int = 64,
        rewinds: bool = True,
        alike_from: int = 1,
        window: int = 0,
        fault: Fault | None = None,
        refuses: Callable[[bytes], bool] = lambda data: False,
    ) -> None:
        self.limits = Limits(
            cells=cells, sequences=sequences, batch=batch, rows=rows, rewinds=rewinds, alike_from=alike_from
        )
        self.next_token = next_token
        self.fault = fault
        self.refuses = refuses
        self.batch: list[Slice] = []
        self.batches: list[list[Slice]] = []
        self.adapters: list[str] = []
        self.threads: list[int] = []
        self.saves = 0
        self.rests = 0
        self.open_samplers = 0
        self.closed = False
        self._window = window
        self._held: dict[int, list[_Cell]] = {}  # sequence → its cells, by position
        self._holders: Counter[int] = Counter()  # cell → how many sequences hold it
        self._lost: set[int] = set()
        self._rows: list[tuple[list[_Cell], int]] = []  # the cells of its sequence, and how many are up to that row
        self._next = 0

    @property
    def used_cells(self) -> int:
        return len(self._holders)

    def tokens(self, sequence: int) -> list[int]:
        return [cell.token for cell in self._held.get(sequence, [])]

    def cells_of(self, sequence: int) -> set[int]:
        return {cell.number for cell in self._held.get(sequence, [])}

    def row_tokens(self, row: int) -> list[int]:
        """All tokens up to that row of the last decode."""
        held, end = self._rows[row]
        return [cell.token for cell in held[:end]]

    # ── memory ───────────────────────────────────────────────────────────────────────────────────────────

    def share(self, source: int, target: int, length: int) -> None:
        assert self.limits.rewinds
        tail = self._held.get(target, [])
        assert not tail or tail[0].position == length, "the target must be empty, or hold only what follows"
        head = self._held[source][:length]
        assert [cell.position for cell in head] == list(range(length))
        assert len({cell.adapter for cell in head + tail}) <= 1
        self._take(target, head + tail)

    def behead(self, sequence: int, length: int) -> None:
        assert self.limits.rewinds
        self._take(sequence, [cell for cell in self._held[sequence] if cell.position >= length])

    def truncate(self, sequence: int, length: int) -> None:
        assert length == 0 or self.limits.rewinds
        self._take(sequence, [cell for cell in self._held.get(sequence, []) if cell.position < length])

    def clear(self) -> None:
        for sequence in self._held:
            self._take(sequence, [])

    def _take(self, sequence: int, cells: list[_Cell]) -> None:
        """The sequence holds these cells and no others."""
        before = self._held.get(sequence, [])
        self._holders.update(cell.number for cell in cells)
        self._held[sequence] = cells
        for cell in before:
            self._holders[cell.number] -= 1
            if not self._holders[cell.number]:
                del self._holders[cell.number]

    def holds(self, sequence: int, length: int) -> bool:
        lost = [cell.position for cell in self._held[sequence] if cell.number in self._lost]
        return not lost or max(lost) + 1 <= max(0, length - self._window + 1)

    def save(self, sequence: int) -> bytes:
        held = self._held[sequence]
        self.saves += 1
        assert self.limits.rewinds
        assert held
        if self._window and len(held) > self._window:
            return b""
        assert not any(cell.number in self._lost for cell in held)
        return json.dumps([(cell.position, cell.token, cell.adapter) for cell in held]).encode()

    def restore(self, sequence: int, data: bytes) -> bool:
        assert not self._held.get(sequence), "only an empty sequence can be restored"
        saved = json.loads(data)
        if self.refuses(data) or self.used_cells + len(saved) > self.limits.cells:
            return False
        self._take(sequence, [self._cell(position, token, adapter) for position, token, adapter in saved])
        return True

    # ── evaluation ───────────────────────────────────────────────────────────────────────────────────────

    def decode(self, slices: Sequence[Slice], adapter: str = "") -> None:
        size = sum(len(one.tokens) for one in slices)
        assert 0 < size <= self.limits.batch
        assert sum(one.wanted for one in slices) <= self.limits.rows
        assert len({one.sequence for one in slices}) == len(slices)
        self._rows = []
        if self.fault and (error := self.fault(slices)):
            raise error
        if self.used_cells + size > self.limits.cells:
            raise DecodeFailed("no room", intact=True)
        self._lose()
        for one in slices:
            self._evaluate(one, adapter)
        self.batch = list(slices)
        self.batches.append(self.batch)
        self.adapters.append(adapter)

    def _evaluate(self, one: Slice, adapter: str) -> None:
        held = self._held.setdefault(one.sequence, [])
        assert 0 <= one.wanted <= len(one.tokens)
        assert len(held) == one.start, "a token was lost or evaluated twice"
        assert not held or (held[0].position, held[-1].position) == (0, one.start - 1)
        assert not held or held[-1].adapter == adapter, "cells of another adapter"
        seen = held[max(0, one.start - self._window + 1) :] if self._window else ()
        assert not any(cell.number in self._lost for cell in seen), "the window looks at a cell that is gone"
        new = [self._cell(one.start + offset, token, adapter) for offset, token in enumerate(one.tokens)]
        self._holders.update(cell.number for cell in new)
        held += new
        self._rows += [(held, end) for end in range(len(held) - one.wanted + 1, len(held) + 1)]

    def _cell(self, position: int, token: int, adapter: str) -> _Cell:
        self._next += 1
        return _Cell(self._next, position, token, adapter)

    def _lose(self) -> None:
        if not self._window:
            return
        for held in self._held.values():
            passed = len(held) - self._window
            self._lost |= {cell.number for cell in held if self._holders[cell.number] == 1 and cell.position <= passed}

    def sampler(self, request: GenerationRequest, seed: int) -> ScriptedSampler:
        if "?" in request.grammar:
            raise RequestInvalid("the grammar cannot be read at '?': name a rule")
        return ScriptedSampler(self, request, seed)

    def set_threads(self, count: int) -> None:
        self.threads.append(count)

    def rest(self) -> None:
        self.rests += 1

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
