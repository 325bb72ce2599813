"""The store's part of the line for a seat at the model: typed stubs for line.lua, park.lua and seats.lua.

Those who wait in it are taken by Store.take_seated().
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from core.keys import BELLS, SEATS_ALIVE_MS, SEATS_MS, Keys
from core.lease import held
from core.messages import Address, Line, Reply
from core.state import Place, Turn

Ask = Callable[..., Awaitable[Any]]


class StoredLine:
    def __init__(self, call: Ask, ask: Ask, keys: Keys) -> None:
        """``call``: a function in core/lua; ``ask``: a command of one key. Both raise StoreUnavailable."""
        self._call = call
        self._ask = ask
        self._keys = keys

    def partition(self, turn: Turn) -> int:
        """Each partition has a line of its own."""
        return self._keys.partition(turn.conversation)

    async def say_seats(self, partition: int, bot: str, worker: str, seats: int) -> None:
        """That ``worker`` lives and has so many seats at the model."""
        await self._call("seats", (self._keys.seats(partition, bot),), worker, seats, SEATS_ALIVE_MS, SEATS_MS)

    async def join(self, turn: Turn) -> Place:
        """Stand in line, still under the lease; who stood there keeps the place. Raises LeaseLost."""
        bot, partition = turn.address.bot, self.partition(turn)
        keys = (
            self._keys.conversation(turn.conversation).hash,
            self._keys.line(partition, bot),
            self._keys.seats(partition, bot),
        )
        found = await self._call("line", keys, turn.conversation, turn.fence)
        held(0 if found is None else 1, turn.conversation)
        number, waited_ms, held_ms, seats, before = found
        return Place(
            number=number,
            waited_s=waited_ms / 1000,
            seats=seats,
            held_s=held_ms / 1000 if held_ms else None,
            stood_before=bool(before),
        )

    async def park(
        self,
        turn: Turn,
        ttl_ms: int,
        notice: Reply | None = None,
        told: Line | None = None,
        look_s: float | None = None,
    ) -> None:
        """A turn that stands in line waits there, without a lease. Raises LeaseLost.

        The ``notice`` is sent, and ``told`` becomes its line of the history when the turn ends; with ``look_s`` the turn is
        due after that time although no seat is free.
        """
        address, partition = turn.address, self.partition(turn)
        keys = self._keys.conversation(turn.conversation)
        work = self._keys.work(partition, address.bot)
        sending = self._keys.sending(partition, address.bot, address.platform)
        done = await self._call(
            "park",
            (keys.hash, work.due, keys.out, sending.due, sending.bell),
            *(turn.conversation, turn.fence, self._keys.news(address.bot), partition),
            told.to_json() if told else "",
            notice.to_json() if notice else "",
            *(ttl_ms, BELLS, "" if look_s is None else int(look_s * 1000)),
        )
        held(done, turn.conversation)

    async def told(self, address: Address) -> Line | None:
        """What a shopper who waits was told of it; it stands in the history when the answer does."""
        stored = await self._ask("HGET", self._keys.conversation(address.id).hash, "told")
        return Line.from_json(stored) if stored else None
