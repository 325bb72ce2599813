"""The books of the KV cache: how many cells each sequence holds, and which of them it shares with others.

Cells are counted in blocks, so no call walks over them one by one. What sequences share is always their beginning.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class _Block:
    """Neighbouring cells that the same sequences hold."""

    length: int
    owners: set[int]


class Cells:
    """``used``: cells that belong to any sequence."""

    def __init__(self, sequences: int) -> None:
        self.used = 0
        self._blocks: list[list[_Block]] = [[] for _ in range(sequences)]

    def extend(self, sequence: int, count: int) -> None:
        """The sequence takes so many new cells at its end."""
        blocks = self._blocks[sequence]
        if blocks and len(blocks[-1].owners) == 1:
            blocks[-1].length += count
        elif count:
            blocks.append(_Block(count, {sequence}))
        self.used += count

    def share(self, source: int, target: int, length: int) -> None:
        """The empty ``target`` holds the first ``length`` cells of ``source`` too."""
        kept = self._split(source, length)
        for block in self._blocks[source][:kept]:
            block.owners.add(target)
            self._blocks[target].append(block)

    def cut(self, sequence: int, length: int) -> None:
        """The sequence lets go of all cells but its first ``length``."""
        kept = self._split(sequence, length)
        gone = self._blocks[sequence][kept:]
        del self._blocks[sequence][kept:]
        heir = None
        for block in gone:
            block.owners.discard(sequence)
            if block.owners:
                heir = next(iter(block.owners))
            else:
                self.used -= block.length
        self._join(sequence)
        if heir is not None:
            self._join(heir)

    def shared_head(self, sequence: int) -> int:
        """How many cells at its beginning belong to other sequences too."""
        return sum(block.length for block in self._blocks[sequence] if len(block.owners) > 1)

    def held_by(self, sequences: Collection[int]) -> int:
        """Cells that belong to any of these."""
        blocks = {id(block): block.length for sequence in sequences for block in self._blocks[sequence]}
        return sum(blocks.values())

    def not_held_by(self, sequences: Collection[int], sequence: int, length: int) -> int:
        """Of the first ``length`` cells of ``sequence``: those that belong to none of ``sequences``."""
        count = 0
        for block in self._blocks[sequence]:
            if block.owners.isdisjoint(sequences):
                count += max(0, min(block.length, length))
            length -= block.length
        return count

    def _split(self, sequence: int, length: int) -> int:
        """Let a block end after ``length`` cells; returns how many blocks that are."""
        blocks = self._blocks[sequence]
        for index, block in enumerate(blocks):
            if length <= 0:
                return index
            if length < block.length:
                rest = _Block(block.length - length, set(block.owners))
                block.length = length
                for owner in block.owners:
                    self._blocks[owner].insert(self._blocks[owner].index(block) + 1, rest)
                return index + 1
            length -= block.length
        return len(blocks)

    def _join(self, sequence: int) -> None:
        """Neighbours with the same owners become one block, so that blocks stay few however often they were split."""
        blocks = self._blocks[sequence]
        for index in range(len(blocks) - 1, 0, -1):
            left, right = blocks[index - 1], blocks[index]
            if left.owners == right.owners:
                left.length += right.length
                for owner in right.owners:
                    self._blocks[owner].remove(right)
