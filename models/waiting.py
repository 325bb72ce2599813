"""Who waits for a place, and who is next: fair between bots, then between their conversations, then in order.

An owner is ``bot/conversation``. A place goes to the bot that was served longest ago, in it to the conversation that
was served longest ago. Whoever was overtaken often enough comes before everybody, so nobody waits for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol, TypeVar

_REMEMBERED = 4096


class Waiter(Protocol):
    number: int
    owner: str
    overtaken: int


W = TypeVar("W", bound=Waiter)


def bot_of(owner: str) -> str:
    return owner.partition("/")[0]


class WaitingLine:
    """``patience``: how many later arrivals may go first before nobody may any more."""

    def __init__(self, *, patience: int) -> None:
        self._patience = patience
        self._line: OrderedDict[int, Waiter] = OrderedDict()
        self._served: OrderedDict[str, int] = OrderedDict()  # bot or owner → when a place was last given to it
        self._turn = 0

    def __len__(self) -> int:
        return len(self._line)

    def join(self, waiter: Waiter) -> None:
        self._line[waiter.number] = waiter

    def leave(self, waiter: Waiter) -> bool:
        """False: it was not waiting."""
        return self._line.pop(waiter.number, None) is not None

    def serve(self, waiter: Waiter) -> None:
        """It leaves the line for a place; those who came before it were overtaken."""
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

    def candidates(self) -> Iterator[Waiter]:
        """Those who may take a free place now, best first; only the first of an owner, only one if it must go next."""
        oldest = next(iter(self._line.values()), None)
        if oldest is not None and oldest.overtaken >= self._patience:
            yield oldest
            return
        heads: dict[str, Waiter] = {}
        for waiter in self._line.values():
            heads.setdefault(waiter.owner, waiter)
        yield from sorted(heads.values(), key=self._rank)

    def place(self, number: int) -> int | None:
        """How many came before it and still wait; None: it does not wait."""
        if number not in self._line:
            return None
        return sum(other < number for other in self._line)

    def _rank(self, waiter: Waiter) -> tuple[int, int, int]:
        bot = self._served.get(f"{bot_of(waiter.owner)}/", 0)
        return bot, self._served.get(waiter.owner, 0), waiter.number
