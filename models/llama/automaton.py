"""Follows a text through a grammar, byte by byte, and says which bytes may come next.

A *reading* is one way to understand the text so far: what is expected next, and what then, as a stack. A state is all
readings together; what was worked out about a state once is kept, for a text is in few different states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.llama.gbnf import Characters, Rules

MOST_READINGS = 4096  # of an ambiguous grammar some readings are dropped; what is left is in the grammar all the same
_MOST_STATES = 50_000
_MOST_CELLS = 500_000


@dataclass(slots=True, eq=False)
class Cell:
    """``item``: the place in the grammar that comes next; ``below``: what comes when its rule is at an end."""

    item: int
    below: Cell | None


@dataclass(slots=True, eq=False)
class State:
    """``ends``: the text may end here; ``partial``: bytes of a character that is not complete yet."""

    readings: tuple[Cell, ...]
    ends: bool
    partial: bytes
    following: dict[int, State | None] = field(default_factory=dict)
    mask: NDArray[np.uint8] | None = None


class Automaton:
    """Not for several threads. ``work``: readings that were looked at, ever."""

    def __init__(self, rules: Rules) -> None:
        self._symbols: list[Characters | int | None] = []  # all bodies in a row; None: the end of a body
        self._starts: list[tuple[int, ...]] = []
        self.work = 0
        for alternatives in rules.alternatives:
            starts = []
            for body in alternatives:
                starts.append(len(self._symbols))
                self._symbols += [*body, None]
            self._starts.append(tuple(starts))
        self._root = rules.root
        self._reset()

    def _reset(self) -> None:
        """Forget what was worked out; states that somebody holds stay right."""
        self._cells: dict[tuple[int, Cell | None], Cell] = {}
        self._states: dict[tuple[tuple[Cell, ...], bool, bytes], State] = {}
        first = [self._cell(start, None) for start in self._starts[self._root] if self._symbols[start] is not None]
        empty = any(self._symbols[start] is None for start in self._starts[self._root])
        self.start = self._state(first, ends=empty)

    def follow(self, state: State | None, data: bytes) -> State | None:
        """None: not in the grammar."""
        for byte in data:
            if state is None:
                return None
            if byte in state.following:
                state = state.following[byte]
            else:
                before = state
                state = before.following[byte] = self._step(before, byte)
        return state

    def _step(self, state: State, byte: int) -> State | None:
        if len(self._states) > _MOST_STATES or len(self._cells) > _MOST_CELLS:
            self._reset()
        partial = state.partial + bytes((byte,))
        window = code_points(partial)
        if window is None:
            return None
        low, high, complete = window
        self.work += len(state.readings) + 1
        meeting = [cell for cell in state.readings if self._expected(cell).meets(low, high)]
        if not meeting:
            return None
        if not complete:
            return self._intern(tuple(meeting), False, partial)
        return self._advanced(meeting)

    def _advanced(self, cells: Iterable[Cell]) -> State:
        rest: list[Cell] = []
        ends = False
        for cell in cells:
            after = self._after(cell)
            if after is None:
                ends = True
            else:
                rest.append(after)
        return self._state(rest, ends=ends)

    def _state(self, cells: list[Cell], *, ends: bool) -> State:
        """The readings of all ``cells``, each down to a character that is expected."""
        readings: dict[Cell, None] = {}
        todo = cells[::-1]
        seen = set(todo)
        while todo and len(readings) < MOST_READINGS and len(seen) < 4 * MOST_READINGS:
            cell = todo.pop()
            symbol = self._symbols[cell.item]
            if not isinstance(symbol, int):
                readings[cell] = None
                continue
            after = self._after(cell)
            for start in self._starts[symbol]:
                deeper = after if self._symbols[start] is None else self._cell(start, after)
                if deeper is None:
                    ends = True
                elif deeper not in seen:
                    seen.add(deeper)
                    todo.append(deeper)
        self.work += len(seen)
        return self._intern(tuple(readings), ends, b"")

    def _after(self, cell: Cell) -> Cell | None:
        """What comes after the first symbol of ``cell``; None: nothing, the text is at an end."""
        return cell.below if self._symbols[cell.item + 1] is None else self._cell(cell.item + 1, cell.below)

    def _expected(self, cell: Cell) -> Characters:
        symbol = self._symbols[cell.item]
        assert isinstance(symbol, Characters)
        return symbol

    def _cell(self, item: int, below: Cell | None) -> Cell:
        key = item, below
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = Cell(item, below)
        return found

    def _intern(self, readings: tuple[Cell, ...], ends: bool, partial: bytes) -> State:
        key = readings, ends, partial
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = State(readings, ends, partial)
        return found


def code_points(data: bytes) -> tuple[int, int, bool] | None:
    """The characters that bytes, UTF-8 of at most one of them, may stand for (first, last), and whether they are complete.

    None: no UTF-8.
    """
    lead = data[0]
    if lead < 0x80:
        return lead, lead, True
    if 0xC2 <= lead <= 0xDF:
        length, value, least = 2, lead & 0x1F, 0x80
    elif 0xE0 <= lead <= 0xEF:
        length, value, least = 3, lead & 0x0F, 0x800
    elif 0xF0 <= lead <= 0xF4:
        length, value, least = 4, lead & 0x07, 0x10000
    else:
        return None
    for byte in data[1:]:
        if byte & 0xC0 != 0x80:
            return None
        value = value << 6 | byte & 0x3F
    missing = 6 * (length - len(data))
    low, high = max(value << missing, least), min((value + 1 << missing) - 1, 0x10FFFF)
    return (low, high, not missing) if low <= high else None
