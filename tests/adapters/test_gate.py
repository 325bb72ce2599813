"""Waiting at the turnstile: in order, not too long, and cancelled at any moment without a trace."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.gate import Gate
from adapters.pace import Limits, Rule
from core.errors import RateLimited


def gate_for(count: int, seconds: float, *, longest_wait_s: float = 5.0) -> Gate:
    return Gate(lambda key: Limits((Rule(count, seconds, drafts=1),)), longest_wait_s)


async def write(gate: Gate, lane: str, took: float = 0.0) -> None:
    async with gate.turn(lane, [lane]):
        await asyncio.sleep(took)


async def test_finals_wait_in_order() -> None:
    gate, done = gate_for(2, 0.05), list[int]()

    async def say(number: int) -> None:
        async with gate.turn("a", ["a"]):
            done.append(number)

    await asyncio.gather(*(say(number) for number in range(9)))
    assert done == list(range(9))


async def test_a_wait_that_is_too_long_is_somebody_elses() -> None:
    gate = gate_for(2, 60.0)
    await write(gate, "a")
    await write(gate, "a")
    with pytest.raises(RateLimited) as caught:
        await write(gate, "a")
    assert 50 < caught.value.retry_after <= 60
    await write(gate, "b")


async def test_who_waits_when_the_platform_asks_for_a_long_pause_is_sent_away() -> None:
    gate = gate_for(1, 4.0)
    await write(gate, "a")
    waiting = asyncio.create_task(write(gate, "a"))
    await asyncio.sleep(0)
    gate.hold("a", 30)
    with pytest.raises(RateLimited) as caught:
        await waiting
    assert 20 < caught.value.retry_after <= 30
    assert gate.held_for("a") > 20
    assert gate.held_for("b") == 0


async def test_a_draft_never_waits() -> None:
    gate = gate_for(2, 30.0)
    async with gate.turn("a", ["a"], draft=True):
        with pytest.raises(RateLimited) as caught:
            async with gate.turn("a", ["a"], draft=True):
                pass
    assert caught.value.retry_after == pytest.approx(30, abs=5)
    await write(gate, "a")  # the final has its place


async def test_a_failing_write_frees_its_place() -> None:
    gate = gate_for(1, 0.01)
    for _ in range(5):
        with pytest.raises(OSError, match="broken"):
            async with gate.turn("a", ["a"]):
                raise OSError("broken")
    await write(gate, "a")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), min_size=1, max_size=12), st.integers(0, 8))
def test_cancelled_at_any_moment(tasks: list[tuple[str, int]], settle: int) -> None:
    """Before it waits, while it waits, in the moment it is let through, while it writes: all places are free again."""

    async def check() -> None:
        gate = gate_for(2, 0.001)
        running = [asyncio.create_task(write(gate, lane, 0.0005)) for lane, _ in tasks]
        for turn in range(settle + 7):
            for task, (_, when) in zip(running, tasks, strict=True):
                if when == turn:
                    task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*running, return_exceptions=True)
        async with asyncio.timeout(5):
            await asyncio.gather(*(write(gate, lane) for lane in "aabb"))
        assert gate._pace.waiting() == []
        assert all(gate._pace.bucket(lane).going == 0 for lane in "ab")

    asyncio.run(check())
