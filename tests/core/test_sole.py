"""Of several gateways one is connected; another goes on when it stops, dies or falls silent."""

from __future__ import annotations

import asyncio
import sys

import pytest

from core.errors import LeaseLost
from core.sole import THIS_PROCESS, Sole, has_ended, this_machine
from core.store import Store

HOLD_MS = 300


def ignored() -> None:
    pass


async def ended_process() -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    return process.pid


async def test_the_second_goes_on_when_the_first_stops(store: Store) -> None:
    stands_by = asyncio.Event()
    order: list[str] = []

    async def second() -> None:
        async with Sole(store, "shop", "telegram").alone(stands_by.set):
            order.append("second")

    async with Sole(store, "shop", "telegram").alone(ignored):
        waiting = asyncio.create_task(second())
        await asyncio.wait_for(stands_by.wait(), 30)
        async with Sole(store, "shop", "discord").alone(ignored), Sole(store, "other", "telegram").alone(ignored):
            order.append("first")
    await asyncio.wait_for(waiting, 30)
    assert order == ["first", "second"]


async def test_who_was_killed_on_this_machine_is_not_waited_for(store: Store) -> None:
    dead = f"{this_machine()} {await ended_process()} x y"
    assert has_ended(dead)
    hour_ms = 3600 * 1000
    assert await store.hold("shop", "telegram", dead, hour_ms, "") == ""
    async with asyncio.timeout(30), Sole(store, "shop", "telegram").alone(ignored):
        pass


async def test_who_is_silent_elsewhere_is_waited_for_until_its_time_is_over(store: Store) -> None:
    elsewhere = "elsewhere 1 x y"
    assert not has_ended(elsewhere)
    assert not has_ended(f"{this_machine()} 1 x y")
    assert not has_ended(f"{this_machine()} {THIS_PROCESS}")
    assert await store.hold("shop", "telegram", elsewhere, HOLD_MS, "") == ""
    stood_by: list[bool] = []
    async with asyncio.timeout(30), Sole(store, "shop", "telegram").alone(lambda: stood_by.append(True)):
        assert stood_by


async def test_who_was_silent_for_too_long_learns_that_another_went_on(store: Store) -> None:
    async def overtaken() -> None:
        async with asyncio.timeout(30), Sole(store, "shop", "telegram", HOLD_MS).alone(ignored):
            holder = await store.hold("shop", "telegram", "me", HOLD_MS, "")
            assert await store.hold("shop", "telegram", "me", 60_000, holder) == ""
            await asyncio.Event().wait()

    with pytest.raises(LeaseLost, match="another gateway took over"):
        await overtaken()
    assert await store.hold("shop", "telegram", "me", HOLD_MS, "") == "", "what is another's is not given up"
