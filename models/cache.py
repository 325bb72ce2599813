"""Which tokens are kept in the KV cache: what a prompt can share, what is evicted, what is spilled and comes back.

The cache is *unified*: a cell can belong to several sequences. A prompt that begins like any sequence, whomever it
belongs to, shares those cells and evaluates the rest. A finished sequence stays, idle, until its cells are wanted;
what runs is never evicted. What leaves the cells may be spilled into host memory and come back as a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.prefixes import KnownPrefixes
from models.runner import Limits, Memory
from models.sequences import Held, Sequences
from models.spill import WORTH, Spill, Spilled

_RESTORES = 3  # for one prompt: a persona, and what continues it


@dataclass(slots=True)
class Counters:
    """``hits``: prompts that found a beginning; tokens evaluated and saved from it; sequences evicted; answers
    preempted; sequences spilled into and restored from host memory, and the bytes there now; tokens drafted, and
    accepted.
    """

    prompts: int = 0
    hits: int = 0
    evaluated_tokens: int = 0
    saved_tokens: int = 0
    evictions: int = 0
    preemptions: int = 0
    spilled: int = 0
    restored: int = 0
    spilled_bytes: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0


class PrefixCache:
    """``keep``: how many cells idle sequences may hold on to while others are answered.

    More saves evaluation, or a copy if there is a ``spill``, but every held cell makes each step of all running answers
    slower.
    ``spill``: where evicted sequences go. ``prefixes`` is told what prompts of different owners have in common.
    """

    def __init__(
        self,
        memory: Memory,
        limits: Limits,
        *,
        keep: int,
        spill: Spill | None = None,
        prefixes: KnownPrefixes | None = None,
        counters: Counters | None = None,
    ) -> None:
        self.counters = counters or Counters()
        self._memory = memory
        self._keep = keep if limits.rewinds else 0
        self._spill = spill if limits.rewinds else None
        self._prefixes = prefixes
        self._sequences = Sequences(memory, limits)

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────

    @property
    def used_cells(self) -> int:
        return self._sequences.used_cells

    @property
    def reserved_cells(self) -> int:
        return self._sequences.reserved_cells

    @property
    def idle_cells(self) -> int:
        return self._sequences.idle_cells

    @property
    def busy_sequences(self) -> int:
        return len(self._sequences.busy())

    def tokens(self, number: int) -> Sequence[int]:
        return self._sequences[number].tokens

    def lookup(self, prompt: Sequence[int], adapter: str = "") -> tuple[int | None, int]:
        """The sequence that begins most like ``prompt``, and for how many tokens.

        At least the prompt's last token is left to evaluate: the first token of the answer is drawn from it.
        """
        return self._sequences.lookup(prompt, adapter)

    # ── the life of a sequence ───────────────────────────────────────────────────────────────────────────

    def open(
        self, prompt: Sequence[int], answer: int, *, adapter: str = "", owner: str = "", again: bool = False
    ) -> tuple[int, int] | None:
        """A sequence for ``prompt`` and ``answer`` more tokens: its number and how many tokens it holds already.

        None: there is no room now, even if everything idle went. ``again``: this prompt was counted before.
        """
        number, shared = self._lookup_or_restore(prompt, answer, adapter)
        source = self._sequences[number] if number is not None else None
        need = len(prompt) - shared + answer
        if need > self._sequences.could_free(source, shared):
            return None
        if source and not again:
            self._notice(source, prompt[:shared], owner)
        target = self._target(source, shared)
        if target is None:
            return None
        if source:
            self._sequences.touch(source)  # so that it goes last
        self._sequences.touch(target)
        self._make_room(need, spare={target.number})
        target.busy, target.prompt, target.claim = True, len(prompt), len(prompt) + answer
        target.adapter, target.owner = adapter, owner
        if not again:
            self._count(shared)
        return target.number, shared

    def extend(self, number: int, tokens: Sequence[int]) -> None:
        """These tokens were evaluated: they are in the KV cache now."""
        self._sequences.extend(self._sequences[number], tokens)
        self.counters.evaluated_tokens += len(tokens)

    def truncate(self, number: int, length: int) -> None:
        """Take back what was evaluated after the first ``length`` tokens."""
        self._sequences.cut(self._sequences[number], length)

    def claimed(self, number: int) -> int:
        """Up to how many tokens the sequence may grow without asking."""
        return self._sequences[number].claim

    def grow(self, number: int, length: int, *, evict: bool = True) -> bool:
        """Set cells aside for a sequence of ``length`` tokens. False: there is no room (and ``evict``: nothing idle)."""
        sequence = self._sequences[number]
        if sequence.claim >= length:
            return True
        need = length - max(sequence.claim, len(sequence.tokens))
        if evict:
            self._make_room(need)
        if need > self._sequences.free_cells:
            return False
        sequence.claim = length
        return True

    def release(self, number: int) -> None:
        """The sequence is done: its tokens stay for others, until their cells are wanted."""
        sequence = self._sequences[number]
        sequence.busy, sequence.claim = False, 0
        self._sequences.touch(sequence)

    def discard(self, number: int) -> None:
        """Forget the sequence: what the KV cache holds of it is not known any more."""
        sequence = self._sequences[number]
        sequence.busy, sequence.claim = False, 0
        self._sequences.cut(sequence, 0)

    def trim(self) -> None:
        """A step is coming: what is idle beyond the budget goes. While nothing runs it costs nobody anything."""
        while self.idle_cells > self._keep:
            if self._evict(self._sequences.oldest_idle()) is None:
                return

    def copy_idle(self) -> bool:
        """Copy one idle sequence into host memory, so that it has only to be dropped later. False: nothing is left to do.

        Takes some 20 ms: for moments in which nobody waits.
        """
        scratch = self._sequences.empty()
        if self._spill is None or scratch is None:
            return False
        newest = max(self._sequences.idle(), key=lambda one: one.used, default=None)
        for sequence in self._sequences.idle():
            alone = sequence is newest and not self._sequences.busy()  # it goes last, and with it what they all share
            start = self._lost(self._spill, sequence, 0 if alone else None)
            if not _has(sequence, start) and self._spill.wants(len(sequence.tokens) - start):
                data = self._copied(sequence.number, scratch.number, start, len(sequence.tokens))
                kept = self._put(self._spill, sequence, start, data)
                sequence.copied = start if kept else None
                return kept
        return False

    def evict_idle(self) -> int:
        """Make all the room there is, saving nothing; returns how many sequences went."""
        before = self.counters.evictions
        while victim := self._sequences.oldest_idle():
            self._evict(victim, spill=False)
        return self.counters.evictions - before

    # ── for prefixes on disk ─────────────────────────────────────────────────────────────────────────────

    def adopt(self, adapter: str, tokens: Sequence[int], data: bytes) -> bool:
        """Take in what ``saved`` gave, as an idle sequence, if there is room.

        False too if most of it is there already (an older form of the same prefix).
        """
        target = self._sequences.empty()
        if (
            target is None
            or len(tokens) > self._sequences.free_cells
            or 4 * self.lookup(tokens, adapter)[1] > 3 * len(tokens)
        ):
            return False
        return self._sequences.restore(target, adapter, tokens, data, None, 0)

    def saved(self, adapter: str, tokens: Sequence[int]) -> bytes:
        """The cells of exactly these tokens; nothing if no sequence holds them now."""
        number, length = self.lookup([*tokens, -1], adapter)
        target = self._sequences.empty()
        if number is None or length < len(tokens) or target is None:
            return b""
        return self._copied(number, target.number, 0, length)

    # ── inside: coming ───────────────────────────────────────────────────────────────────────────────────

    def _lookup_or_restore(self, prompt: Sequence[int], answer: int, adapter: str) -> tuple[int | None, int]:
        """What ``lookup`` finds, after what was spilled and begins more like the prompt was copied back."""
        number, shared = self.lookup(prompt, adapter)
        for _ in range(_RESTORES):
            found = self._spill.find(adapter, prompt, shared) if self._spill is not None else None
            if found is None or not self._restore(number, *found, len(prompt) - found[1] + answer):
                break
            number, shared = self.lookup(prompt, adapter)
        return number, shared

    def _restore(self, number: int | None, entry: Spilled, common: int, need: int) -> bool:
        """Copy the entry back as an idle sequence; its head is what sequence ``number`` holds. False: nothing came."""
        assert self._spill is not None
        head = self._sequences[number] if number is not None and entry.start else None
        size = len(entry.tokens) - entry.start
        if size + need > self._sequences.could_free(head, entry.start):
            return False
        spare = {head.number} if head else set()
        target = self._sequences.empty() or self._evict(self._sequences.oldest_idle(spare))
        if target is None:
            return False
        self._make_room(size, spare | {target.number})
        if size > self._sequences.free_cells:
            return False
        if not self._sequences.restore(target, entry.adapter, entry.tokens, entry.data, head, entry.start):
            self._spill.drop(entry)
            return False
        if len(entry.tokens) > common:
            self._sequences.cut(target, common)
        if len(entry.tokens) - common < WORTH:  # else somebody may want the rest
            self._spill.drop(entry)
        self.counters.restored += 1
        return True

    def _target(self, source: Held | None, shared: int) -> Held | None:
        """Continue the source itself if it is idle and only its answer differs; else share into an empty sequence."""
        sequences = self._sequences
        if source and not source.busy and shared >= min(source.prompt, len(source.tokens)):
            sequences.cut(source, shared)
            return source
        empty = sequences.empty() or self._evict(sequences.oldest_idle({source.number} if source else ()))
        if empty is None and source and not source.busy:  # every other sequence runs: cut the source itself
            sequences.cut(source, shared)
            return source
        if empty and source:
            sequences.share(source, empty, shared)
        return empty

    # ── inside: going ────────────────────────────────────────────────────────────────────────────────────

    def _make_room(self, need: int, spare: set[int] | None = None) -> None:
        while need > self._sequences.free_cells:
            if self._evict(self._sequences.oldest_idle(spare or ())) is None:
                return

    def _evict(self, sequence: Held | None, *, spill: bool = True) -> Held | None:
        """The same sequence, empty."""
        if sequence is None:
            return None
        if spill and self._spill is not None:
            self._save(sequence, self._spill)
        self._sequences.cut(sequence, 0)
        self.counters.evictions += 1
        return sequence

    def _save(self, sequence: Held, spill: Spill) -> None:
        """Only what is lost is saved: the head that others hold stays in the cells."""
        start = self._lost(spill, sequence)
        if not _has(sequence, start) and spill.wants(len(sequence.tokens) - start):
            if start:
                self._memory.behead(sequence.number, start)
            self._put(spill, sequence, start, self._memory.save(sequence.number))

    def _lost(self, spill: Spill, sequence: Held, shared: int | None = None) -> int:
        """The token from which on nothing else has what it holds; ``shared``: with sequences that stay."""
        shared = self._sequences.shared_head(sequence) if shared is None else shared
        return max(shared, spill.covered(sequence.adapter, sequence.tokens))

    def _copied(self, number: int, scratch: int, start: int, length: int) -> bytes:
        """The cells of a sequence that stays as it is, by way of the empty sequence ``scratch``."""
        self._memory.share(number, scratch, length)
        try:
            if start:
                self._memory.behead(scratch, start)
            return self._memory.save(scratch)
        finally:
            self._memory.truncate(scratch, 0)

    def _put(self, spill: Spill, sequence: Held, start: int, data: bytes) -> bool:
        kept = bool(data) and spill.put(sequence.adapter, sequence.tokens, start, data)
        self.counters.spilled += kept
        return kept

    # ── inside: notes ────────────────────────────────────────────────────────────────────────────────────

    def _count(self, shared: int) -> None:
        self.counters.prompts += 1
        self.counters.hits += shared > 0
        self.counters.saved_tokens += shared

    def _notice(self, source: Held, common: Sequence[int], owner: str) -> None:
        if self._prefixes is not None and source.owner and owner != source.owner:
            self._prefixes.saw(source.adapter, common[: source.prompt])


def _has(sequence: Held, start: int) -> bool:
    """Whether host memory has the sequence from token ``start`` on."""
    return sequence.copied is not None and sequence.copied <= start
