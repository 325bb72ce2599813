"""Idle conversations that left the KV cache: kept in host memory, to be copied back instead of evaluated again.

What other sequences still held when a sequence left (the persona) is not in its entry: that part is shared again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from models.prefix import common_prefix

WORTH = 32  # tokens: fewer are evaluated about as quickly as they are copied


@dataclass(frozen=True, slots=True, eq=False)
class Spilled:
    """``data``: the cells from token ``start`` on, as the runner saved them."""

    number: int
    adapter: str
    tokens: Sequence[int]
    start: int
    data: bytes


class Spill:
    """``budget`` in bytes; the entry that was used longest ago goes first."""

    def __init__(self, budget: int) -> None:
        self.bytes = 0
        self._budget = budget
        self._entries: OrderedDict[int, Spilled] = OrderedDict()
        self._numbers = count()
        self._bytes_per_token = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def wants(self, tokens: int) -> bool:
        """Whether so many tokens are worth saving, as far as is known before."""
        return tokens >= WORTH and tokens * self._bytes_per_token <= self._budget

    def put(self, adapter: str, tokens: Sequence[int], start: int, data: bytes) -> bool:
        """False: it is larger than the whole budget."""
        self._bytes_per_token = len(data) / max(1, len(tokens) - start)
        if len(data) > self._budget:
            return False
        for entry in [entry for entry in self._entries.values() if _covers(adapter, tokens, start, entry)]:
            self.drop(entry)
        while self.bytes + len(data) > self._budget:
            self.drop(next(iter(self._entries.values())))
        entry = Spilled(next(self._numbers), adapter, list(tokens), start, data)
        self._entries[entry.number] = entry
        self.bytes += len(data)
        return True

    def covered(self, adapter: str, tokens: Sequence[int]) -> int:
        """How many tokens at the beginning are here already, in an entry that needs no other."""
        length = 0
        for entry in self._entries.values():
            if entry.adapter == adapter and not entry.start:
                length = max(length, common_prefix(entry.tokens, tokens))
        return length if length >= WORTH else 0

    def find(self, adapter: str, prompt: Sequence[int], resident: int) -> tuple[Spilled, int] | None:
        """The entry that begins most like ``prompt``, and for how many tokens, if it is worth being copied back.

        ``resident``: for how many tokens a sequence in the KV cache does. An entry that begins later is of no use.
        """
        best, length = None, resident + WORTH - 1
        for entry in self._entries.values():
            if entry.adapter != adapter or entry.start > resident or len(entry.tokens) <= length:
                continue
            if length < len(prompt) and entry.tokens[length] == prompt[length]:
                shared = min(common_prefix(entry.tokens, prompt), len(prompt) - 1)
                if shared > length:
                    best, length = entry, shared
        if best is None:
            return None
        self._entries.move_to_end(best.number)
        return best, length

    def drop(self, entry: Spilled) -> None:
        if self._entries.pop(entry.number, None) is not None:
            self.bytes -= len(entry.data)


def _covers(adapter: str, tokens: Sequence[int], start: int, entry: Spilled) -> bool:
    """The older entry holds nothing that the new one does not."""
    return (
        entry.adapter == adapter
        and entry.start >= start
        and len(entry.tokens) <= len(tokens)
        and entry.tokens[-1] == tokens[len(entry.tokens) - 1]  # most differ here already
        and common_prefix(entry.tokens, tokens) == len(entry.tokens)
    )
