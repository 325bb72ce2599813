"""A lease is renewed while the work takes, and the work ends when the lease is lost."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import LeaseLost, StoreUnavailable
from core.lease import held_lease, meanwhile
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
