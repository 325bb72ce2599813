"""Working through a queue: never more at once than wanted, and whoever is stopped leaves nothing that he has taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from core.errors import StoreUnavailable
from core.queue import AT_A_TIME, consume

LIMIT = 3 * AT_A_TIME


@dataclass(frozen=True)
class One:
    conversation: str


@dataclass
class Source:
    """A queue whose answers need ``steps`` of the event loop. ``given``: what an answer held that was heard; ``lost``: what
    the store has handed out although its answer was not."""

    steps: int
    count: int = 10 * LIMIT
    given: list[One] = field(default_factory=list)
    lost: list[One] = field(default_factory=list)
    taking: int = 0

    async def take(self, limit: int, *, after_s: float) -> tuple[Sequence[One], float | None]:
        self.taking += 1
        assert self.taking == 1, "one answer after the other"
        assert limit > 0
        first = len(self.given) + len(self.lost)
        ones = [One(str(number)) for number in range(first, min(first + limit, self.count))]
        self.lost += ones
        try:
            for _ in range(self.steps):
                await asyncio.sleep(0)
        finally:
            self.taking -= 1
        self.lost = [one for one in self.lost if one not in ones]
        self.given += ones
        return ones, 0.0 if ones else None

    async def release(self) -> None:
        self.lost.clear()


@pytest.mark.parametrize("steps", [0, 1, 3])
async def test_all_are_handled_in_order_and_never_more_than_wanted_at_once(steps: int) -> None:
    source, begun, at_once = Source(steps), list[str](), list[int]()
    running = 0
    done = asyncio.Event()

    async def handle(one: One) -> None:
        nonlocal running
        begun.append(one.conversation)
        running += 1
        at_once.append(running)
        for _ in range(int(one.conversation) % 5):
            await asyncio.sleep(0)
        running -= 1
        if len(begun) == source.count:
            done.set()

    working = asyncio.create_task(consume(LIMIT, source.take, handle))
    async with asyncio.timeout(10):
        await done.wait()
    working.cancel()
    await asyncio.wait({working})
    assert begun == [str(number) for number in range(source.count)]
    assert AT_A_TIME < max(at_once) <= LIMIT


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("before", range(14))
async def test_who_is_stopped_at_any_moment_gives_back_all_that_he_took(steps: int, before: int) -> None:
    source, begun, given_back = Source(steps), set[One](), set[One]()

    async def handle(one: One) -> None:
        begun.add(one)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_back.add(one)
            raise

    working = asyncio.create_task(consume(LIMIT, source.take, handle, release=source.release))
    for _ in range(before):
        await asyncio.sleep(0)
    working.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait({working})
    assert working.cancelled()
    assert given_back == begun == set(source.given)
    assert not source.lost


async def test_a_store_that_is_away_is_asked_again_and_what_fails_disturbs_nobody() -> None:
    source, handled, tries = Source(1, count=5), list[str](), 0
    done = asyncio.Event()

    async def take(limit: int, *, after_s: float) -> tuple[Sequence[One], float | None]:
        nonlocal tries
        tries += 1
        if tries == 2:
            raise StoreUnavailable("away")
        return await source.take(min(2, limit), after_s=after_s)

    async def handle(one: One) -> None:
        handled.append(one.conversation)
        if len(handled) == source.count:
            done.set()
        raise ValueError(one.conversation)

    working = asyncio.create_task(consume(LIMIT, take, handle))
    async with asyncio.timeout(10):
        await done.wait()
    working.cancel()
    await asyncio.wait({working})
    assert handled == [str(number) for number in range(source.count)]
