"""A lease is renewed while the work takes, and the work ends when the lease is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from core.errors import LeaseLost, StoreUnavailable, TurnChanged
from core.lease import held_lease, interruptible, meanwhile
from tests.core.channel import PATIENCE_S

SOON_MS = 3
NEVER_MS = 3_000_000


class Renewals:
    """Counts, and raises what it is given, in this order; None renews."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error


async def test_short_work_needs_no_task_beside_it() -> None:
    renewals = Renewals()
    before = asyncio.all_tasks()
    async with held_lease(renewals, NEVER_MS):
        assert asyncio.all_tasks() == before
    assert renewals.count == 0


async def test_long_work_is_renewed_and_an_absent_store_is_no_loss() -> None:
    renewals = Renewals(None, StoreUnavailable("away"), None)
    async with asyncio.timeout(PATIENCE_S), held_lease(renewals, SOON_MS):
        while renewals.count < 4:
            await asyncio.sleep(0.001)


async def test_work_without_its_lease_ends() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        async with held_lease(Renewals(None, LeaseLost("taken over")), SOON_MS):
            try:
                await asyncio.sleep(PATIENCE_S)
            finally:
                ended.set()

    with pytest.raises(LeaseLost, match="taken"):
        await work()
    assert ended.is_set()
    await asyncio.sleep(0)  # nothing is left of the cancellation


async def test_who_is_cancelled_stays_cancelled() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with held_lease(Renewals(), SOON_MS):
            begun.set()
            await asyncio.sleep(PATIENCE_S)

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_the_work_raises_comes_out() -> None:
    with pytest.raises(ValueError, match="its own"):
        async with held_lease(Renewals(), NEVER_MS):
            raise ValueError("its own")


async def test_what_runs_beside_a_block_ends_with_it() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def beside() -> None:
        begun.set()
        try:
            await asyncio.sleep(PATIENCE_S)
        finally:
            ended.set()

    async with meanwhile(0.001, beside):
        await begun.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_a_block_is_ended_from_outside_with_a_reason() -> None:
    async def work() -> None:
        async with interruptible() as interrupt:
            asyncio.get_running_loop().call_soon(interrupt, TurnChanged("news"))
            await asyncio.sleep(PATIENCE_S)

    with pytest.raises(TurnChanged):
        await work()
    await asyncio.sleep(0)  # nothing is left of the cancellation


@pytest.mark.parametrize("error", [None, ValueError("its own")])
async def test_a_reason_that_comes_when_the_block_is_just_ending_is_raised_too(error: Exception | None) -> None:
    left: list[Callable[[Exception], None]] = []

    async def work() -> None:
        async with interruptible() as interrupt:
            left.append(interrupt)
            interrupt(TurnChanged("the first counts"))
            interrupt(TurnChanged("the second"))
            if error is not None:
                raise error

    with pytest.raises(TurnChanged, match="first"):
        await work()
    left[0](TurnChanged("too late"))
    await asyncio.sleep(0)


async def test_a_block_that_is_cancelled_and_ended_at_once_is_cancelled() -> None:
    begun = asyncio.Event()
    end: list[Callable[[Exception], None]] = []

    async def work() -> None:
        async with interruptible() as interrupt:
            end.append(interrupt)
            begun.set()
            await asyncio.sleep(PATIENCE_S)

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    end[0](TurnChanged("news"))
    with pytest.raises(asyncio.CancelledError):
        await task
