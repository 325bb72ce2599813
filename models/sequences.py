"""The table of sequences: which tokens each holds, what its cells are, and what room is left. No policy is in here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from models.cells import Cells
from models.prefix import common_prefix
from models.runner import Limits, Memory


@dataclass(slots=True, eq=False)
class Held:
    """One sequence. ``prompt``: so many of its tokens are the prompt's; ``claim``: cells are set aside until it has so
    many tokens; ``used``: when it was last used, on the table's own clock; ``copied``: from this token on it is in host
    memory, too.
    """

    number: int
    adapter: str = ""
    owner: str = ""
    tokens: list[int] = field(default_factory=list)
    prompt: int = 0
    claim: int = 0
    busy: bool = False
    used: int = 0
    copied: int | None = None

    @property
    def reserved(self) -> int:
        return max(0, self.claim - len(self.tokens))


class Sequences:
    """Every change goes to the KV cache and into the books at once."""

    def __init__(self, memory: Memory, limits: Limits) -> None:
        self._memory = memory
        self._limits = limits
        self._held = [Held(number) for number in range(limits.sequences)]
        self._cells = Cells(limits.sequences)
        self._clock = 0

    def __getitem__(self, number: int) -> Held:
        return self._held[number]

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────

    @property
    def used_cells(self) -> int:
        return self._cells.used

    @property
    def reserved_cells(self) -> int:
        return sum(one.reserved for one in self._held if one.busy)

    @property
    def idle_cells(self) -> int:
        """Cells that no running sequence holds."""
        return self._cells.used - self._cells.held_by(self.busy())

    @property
    def free_cells(self) -> int:
        """Cells that nobody holds or has set aside; less than none while a reservation waits for room."""
        return self._limits.cells - self.used_cells - self.reserved_cells

    def could_free(self, source: Held | None, length: int) -> int:
        """The free cells if everything idle went but the first ``length`` tokens of ``source``."""
        busy = self.busy()
        held = self._cells.held_by(busy)
        if source:
            held += self._cells.not_held_by(busy, source.number, length)
        return self._limits.cells - held - self.reserved_cells

    def shared_head(self, one: Held) -> int:
        """How many tokens at its beginning other sequences hold, too."""
        return self._cells.shared_head(one.number)

    def busy(self) -> frozenset[int]:
        return frozenset(one.number for one in self._held if one.busy)

    def empty(self) -> Held | None:
        return next((one for one in self._held if not one.busy and not one.tokens), None)

    def idle(self) -> Sequence[Held]:
        return [one for one in self._held if one.tokens and not one.busy]

    def oldest_idle(self, spare: Collection[int] = ()) -> Held | None:
        idle = (one for one in self.idle() if one.number not in spare)
        return min(idle, key=lambda one: one.used, default=None)

    def lookup(self, prompt: Sequence[int], adapter: str) -> tuple[int | None, int]:
        """The sequence that begins most like ``prompt``, and for how many of its tokens but the last."""
        broken: set[int] = set()  # a sliding window has passed over a part of these
        while True:
            best, length = self._longest(prompt, adapter, broken)
            if best is None or self._memory.holds(best, length):
                return best, length
            broken.add(best)

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────────

    def touch(self, one: Held) -> None:
        self._clock += 1
        one.used = self._clock

    def extend(self, one: Held, tokens: Sequence[int]) -> None:
        """These were evaluated, by the runner itself."""
        one.copied = None
        one.tokens.extend(tokens)
        self._cells.extend(one.number, len(tokens))

    def share(self, source: Held, target: Held, length: int) -> None:
        """The empty ``target`` holds the first ``length`` tokens of ``source``, too."""
        self._memory.share(source.number, target.number, length)
        self._cells.share(source.number, target.number, length)
        target.adapter, target.tokens = source.adapter, source.tokens[:length]

    def cut(self, one: Held, length: int) -> None:
        """It keeps its first ``length`` tokens."""
        one.copied = None
        self._cells.cut(one.number, length)
        del one.tokens[length:]
        self._memory.truncate(one.number, length)

    def restore(
        self, one: Held, adapter: str, tokens: Sequence[int], data: bytes, head: Held | None, start: int
    ) -> bool:
        """Fill the empty sequence from ``data``, which begins at token ``start``; ``head`` has what is before that.

        Nobody's answer is in it, so it may be continued. False: refused, nothing changed.
        """
        if not self._memory.restore(one.number, data):
            return False
        if head:
            self.share(head, one, start)
        one.adapter, one.owner, one.prompt, one.tokens = adapter, "", 0, list(tokens)
        self._cells.extend(one.number, len(tokens) - start)
        self.touch(one)
        return True

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────

    def _longest(self, prompt: Sequence[int], adapter: str, without: Collection[int]) -> tuple[int | None, int]:
        best, length = None, 0
        if not self._limits.rewinds:
            return best, length
        for one in self._held:
            tokens = one.tokens
            if len(tokens) <= length or one.adapter != adapter or tokens[length] != prompt[length]:
                continue
            shared = min(common_prefix(tokens, prompt), len(prompt) - 1)
            if shared > length and one.number not in without:
                best, length = one.number, shared
        return best, length
