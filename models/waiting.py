"""Who waits for a place, and who is next: fair between bots, then between their conversations, then in order.

An owner is ``bot/conversation``. A place goes to the bot that was served longest ago, in it to the conversation that
was served longest ago. Whoever was overtaken often enough comes before everybody, so nobody waits for ever. Whoever
had a place and lost it (preempted) comes before them all, the oldest first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_REMEMBERED = 4096


class Waiter(Protocol):
    number: int
    owner: str
    overtaken: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """``place``: how many come before it. ``expected_s``: for how long, from the measured pace; None: not known yet."""

    place: int
    expected_s: float | None


W = TypeVar("W", bound=Waiter)


def bot_of(owner: str) -> str:
    return owner.partition("/")[0]


class WaitingLine(Generic[W]):
    """``patience``: how many later arrivals may go first before nobody may any more.

    Only the decode thread changes it; ``place`` and ``place_of`` may be asked by any thread.
    """

    def __init__(self, *, patience: int) -> None:
        self._patience = patience
        self._line: dict[int, W] = {}
        self._preempted: dict[int, W] = {}
        self._served: OrderedDict[str, int] = OrderedDict()  # bot or owner → when a place was last given to it
        self._turn = 0

    def __len__(self) -> int:
        return len(self._line) + len(self._preempted)

    def join(self, waiter: W) -> None:
        self._line[waiter.number] = waiter

    def rejoin(self, waiter: W) -> None:
        """It had a place and lost it: it is the next one to get one."""
        self._preempted[waiter.number] = waiter

    def leave(self, waiter: W) -> bool:
        """False: it was not waiting."""
        gone = self._line.pop(waiter.number, None) or self._preempted.pop(waiter.number, None)
        return gone is not None

    def serve(self, waiter: W) -> None:
        """It leaves the line for a place; those who came before it were overtaken."""
        if self._preempted.pop(waiter.number, None):
            return
        del self._line[waiter.number]
        for other in self._line.values():
            if other.number < waiter.number:
                other.overtaken += 1
        self._turn += 1
        for name in (f"{bot_of(waiter.owner)}/", waiter.owner):
            self._served[name] = self._turn
            self._served.move_to_end(name)
        while len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)

    def candidates(self) -> Iterator[W]:
        """Those who may take a free place now, best first; only the first of an owner, only one if it must go next."""
        if self._preempted:
            yield self._preempted[min(self._preempted)]
            return
        oldest = next(iter(self._line.values()), None)
        if oldest is not None and oldest.overtaken >= self._patience:
            yield oldest
            return
        heads: dict[str, W] = {}
        for waiter in self._line.values():
            heads.setdefault(waiter.owner, waiter)
        yield from sorted(heads.values(), key=self._rank)

    def place(self, number: int) -> int | None:
        """How many came before it, or lost their place, and still wait; None: it does not wait."""
        preempted, line = list(self._preempted), list(self._line)  # copied in one step of the interpreter
        if number in preempted:
            return sum(other < number for other in preempted)
        return len(preempted) + sum(other < number for other in line) if number in line else None

    def place_of(self, owner: str) -> int | None:
        """The best place that one of the owner's requests has."""
        waiters = [*list(self._preempted.values()), *list(self._line.values())]
        places = [self.place(waiter.number) for waiter in waiters if waiter.owner == owner]
        return min((place for place in places if place is not None), default=None)

    def _rank(self, waiter: W) -> tuple[int, int, int]:
        bot = self._served.get(f"{bot_of(waiter.owner)}/", 0)
        return bot, self._served.get(waiter.owner, 0), waiter.number
