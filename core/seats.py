"""The seats at the model: who has none waits in line, and is told so."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Sequence

from core.errors import ModelBusy
from core.ports import ChatMessage, GenerationRequest, ModelInfo, Piece, TextModel


class Seats:
    """Those of one worker, for the lines of all partitions. While somebody stands in line a seat that falls free is for
    them.

    ``in_line``: how many stood in each partition's line when it was last looked at.
    """

    def __init__(self, count: int, partitions: Sequence[int]) -> None:
        self.count = count
        self.free = count
        self.held: set[Seat] = set()
        self.in_line = dict.fromkeys(partitions, 0)
        self._stirred = {partition: asyncio.Event() for partition in partitions}

    @property
    def wanted(self) -> bool:
        return any(self.in_line.values())

    def joined_line(self, partition: int) -> None:
        """Somebody stands in line now, here or at another worker."""
        self.in_line[partition] += 1
        self._stirred[partition].set()

    def reserve(self, most: int) -> int:
        """Take up to so many free seats; how many."""
        taken = max(0, min(most, self.free))
        self.free -= taken
        return taken

    def wait_s(self, ahead: int, all_seats: int, held_s: float) -> float:
        """About how long until ``ahead`` of ``all_seats`` (of all workers) have fallen free, if one is held for ``held_s``:
        our own were taken when we know, and those of the others at such times, too. One that is overdue may still take."""
        since = [seat.held_s or 0.0 for seat in self.held] + [0.0] * (self.count - len(self.held))
        left = sorted(max(held_s / 10, held_s - so_far) for so_far in since)
        rounds, last = divmod(math.ceil(ahead * self.count / max(all_seats, self.count)) - 1, self.count)
        return rounds * held_s + left[last]

    def give_back(self, count: int = 1, not_for: int | None = None) -> None:
        """``not_for``: a partition in whose line nobody can take one now."""
        self.free += count
        for partition in self._stirred if count and self.wanted else ():
            if partition != not_for:
                self._stirred[partition].set()

    async def stirred(self, partition: int, seconds: float) -> None:
        """Wait until somebody joins the line or a seat that is wanted falls free, at most so long."""
        stirred = self._stirred[partition]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stirred.wait(), seconds)
        stirred.clear()


class Seat:
    """A turn's seat: taken when its model is asked for the first time, kept until the turn is over."""

    def __init__(self, seats: Seats, taken: bool = False) -> None:
        self._seats = seats
        self._since = 0.0
        if taken:
            self._sit()

    def _sit(self) -> None:
        self._since = time.monotonic()
        self._seats.held.add(self)

    def take(self) -> None:
        """Raises ModelBusy if no seat is free, or others wait for it."""
        if self._since:
            return
        if self._seats.wanted or not self._seats.reserve(1):
            raise ModelBusy("every seat at the model is taken")
        self._sit()

    def leave(self) -> None:
        if self._since:
            self._since = 0.0
            self._seats.held.discard(self)
            self._seats.give_back()

    @property
    def held_s(self) -> float | None:
        return time.monotonic() - self._since if self._since else None


class SeatedModel:
    """A model that is asked from a seat."""

    def __init__(self, model: TextModel, seat: Seat) -> None:
        self._model = model
        self._seat = seat
        self.info: ModelInfo = model.info

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return self._model.count_tokens(messages)

    def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """As the model's; raises ModelBusy if no seat is free."""
        self._seat.take()
        return self._model.generate(request)
