"""Which sequence holds which tokens, and how many cells of the KV cache they take together.

The cache is *unified*: a cell can belong to several sequences. A prompt that begins like any sequence, whomever it
belongs to, shares those cells and evaluates the rest. A finished sequence stays, idle, until its cells are wanted;
what runs is never evicted. A running sequence has the cells that it may still need reserved, so it can always finish.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from models.runner import Limits, Memory

_COMPARED_AT_ONCE = 64


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    end = min(len(a), len(b))
    start = 0
    while start < end and a[start : start + _COMPARED_AT_ONCE] == b[start : start + _COMPARED_AT_ONCE]:
        start += _COMPARED_AT_ONCE
    start = min(start, end)
    while start < end and a[start] == b[start]:
        start += 1
    return start


@dataclass(slots=True)
class Counters:
    """``hits``: prompts that found a beginning; tokens evaluated and saved; sequences evicted."""

    prompts: int = 0
    hits: int = 0
    evaluated_tokens: int = 0
    saved_tokens: int = 0
    evictions: int = 0


@dataclass(slots=True, eq=False)
class _Sequence:
    number: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    prompt: int = 0  # how many of the tokens are the prompt's
    reserved: int = 0  # cells that it may still take
    busy: bool = False
    used: int = 0  # when it was last used, on the cache's own clock


class PrefixCache:
    """``keep``: how many cells idle sequences may hold on to.

    More saves evaluation, but every held cell makes each step of all running answers a little slower.
    """

    def __init__(self, memory: Memory, limits: Limits, *, keep: int) -> None:
        self.counters = Counters()
        self._memory = memory
        self._limits = limits
        self._keep = keep if limits.rewinds else 0
        self._sequences = [_Sequence(number) for number in range(limits.sequences)]
        self._holders: dict[int, int] = {}  # cell → how many sequences hold it
        self._next_cell = 0
        self._clock = 0

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────

    @property
    def used_cells(self) -> int:
        return len(self._holders)

    @property
    def reserved_cells(self) -> int:
        return sum(sequence.reserved for sequence in self._sequences)

    @property
    def busy_sequences(self) -> int:
        return sum(sequence.busy for sequence in self._sequences)

    def tokens(self, number: int) -> Sequence[int]:
        return self._sequences[number].tokens

    def lookup(self, prompt: Sequence[int]) -> tuple[int | None, int]:
        """The sequence that begins most like ``prompt``, and for how many tokens.

        At least the prompt's last token is left to evaluate: the first token of the answer is drawn from it.
        """
        best, length = None, 0
        if not self._limits.rewinds:
            return best, length
        for sequence in self._sequences:
            if len(sequence.tokens) <= length:
                continue
            shared = min(common_prefix(sequence.tokens, prompt), len(prompt) - 1)
            if shared > length:
                best, length = sequence, shared
        return (best.number, length) if best else (None, 0)

    # ── the life of a sequence ───────────────────────────────────────────────────────────────────────────

    def open(self, prompt: Sequence[int], answer: int) -> tuple[int, int] | None:
        """A sequence for ``prompt`` and ``answer`` more tokens: its number and how many tokens it holds already.

        None: there is no room now, even if everything idle went; nothing was changed.
        """
        number, shared = self.lookup(prompt)
        source = self._sequences[number] if number is not None else None
        need = len(prompt) - shared + answer
        if not self._could_fit(need, source, shared):
            return None
        target = self._target(source, shared)
        if target is None:
            return None
        if source:
            self._touch(source)  # so that it goes last
        self._touch(target)
        self._make_room(need, spare={target.number})
        target.busy, target.prompt, target.reserved = True, len(prompt), need
        self._count(prompt, shared)
        return target.number, shared

    def extend(self, number: int, tokens: Iterable[int]) -> None:
        """These tokens were evaluated: they are in the KV cache now."""
        sequence = self._sequences[number]
        for token in tokens:
            sequence.tokens.append(token)
            sequence.cells.append(self._next_cell)
            self._holders[self._next_cell] = 1
            self._next_cell += 1
            sequence.reserved -= 1
            self.counters.evaluated_tokens += 1

    def release(self, number: int) -> None:
        """The sequence is done: its tokens stay for others, until their cells are wanted."""
        sequence = self._sequences[number]
        sequence.busy, sequence.reserved = False, 0
        self._touch(sequence)
        while (victim := self._oldest_idle(set())) and self._idle_cells() > self._keep:
            self._evict(victim)

    def discard(self, number: int) -> None:
        """Forget the sequence: what the KV cache holds of it is not known any more."""
        sequence = self._sequences[number]
        sequence.busy, sequence.reserved = False, 0
        self._cut(sequence, 0)

    def evict_idle(self) -> int:
        """Make all the room there is; returns how many sequences went."""
        before = self.counters.evictions
        while victim := self._oldest_idle(set()):
            self._evict(victim)
        return self.counters.evictions - before

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────

    def _could_fit(self, need: int, source: _Sequence | None, shared: int) -> bool:
        held = {cell for sequence in self._sequences if sequence.busy for cell in sequence.cells}
        if source:
            held.update(source.cells[:shared])
        return len(held) + self.reserved_cells + need <= self._limits.cells

    def _target(self, source: _Sequence | None, shared: int) -> _Sequence | None:
        """Continue the source itself if it is idle and only its answer differs; else share into an empty sequence."""
        if source and not source.busy and shared >= min(source.prompt, len(source.tokens)):
            self._cut(source, shared)
            return source
        empty = next((one for one in self._sequences if not one.busy and not one.tokens), None)
        if empty is None and (victim := self._oldest_idle({source.number} if source else set())):
            self._evict(victim)
            empty = victim
        if empty is None and source and not source.busy:  # every other sequence runs: cut the source itself
            self._cut(source, shared)
            return source
        if empty and source:
            self._memory.share(source.number, empty.number, shared)
            empty.tokens, empty.cells = source.tokens[:shared], source.cells[:shared]
            for cell in empty.cells:
                self._holders[cell] += 1
        return empty

    def _make_room(self, need: int, spare: set[int]) -> None:
        while self.used_cells + self.reserved_cells + need > self._limits.cells:
            victim = self._oldest_idle(spare)
            if victim is None:
                return
            self._evict(victim)

    def _oldest_idle(self, spare: set[int]) -> _Sequence | None:
        idle = (one for one in self._sequences if one.tokens and not one.busy and one.number not in spare)
        return min(idle, key=lambda one: one.used, default=None)

    def _idle_cells(self) -> int:
        busy = {cell for sequence in self._sequences if sequence.busy for cell in sequence.cells}
        return sum(cell not in busy for cell in self._holders)

    def _evict(self, sequence: _Sequence) -> None:
        self._cut(sequence, 0)
        self.counters.evictions += 1

    def _cut(self, sequence: _Sequence, length: int) -> None:
        for cell in sequence.cells[length:]:
            self._holders[cell] -= 1
            if not self._holders[cell]:
                del self._holders[cell]
        del sequence.cells[length:], sequence.tokens[length:]
        self._memory.truncate(sequence.number, length)

    def _touch(self, sequence: _Sequence) -> None:
        self._clock += 1
        sequence.used = self._clock

    def _count(self, prompt: Sequence[int], shared: int) -> None:
        self.counters.prompts += 1
        self.counters.hits += shared > 0
        self.counters.saved_tokens += shared
