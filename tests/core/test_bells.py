"""Waiting for many bells by one connection: everybody is woken by his own, and a bell that nobody waits for is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

from core.bells import Bells, rung
from core.calls import Calls
from core.keys import Keys, QueueKeys
from core.servers import One
from core.store import Store

LONG_S = 30.0


@pytest.fixture
async def bells(store: Store) -> AsyncIterator[Bells]:
    opened = Bells(store._servers, store._calls, shared=True)
    yield opened
    await opened.close()


def queue(prefix: str, bot: str) -> QueueKeys:
    return Keys(prefix, 16).work(3, bot)


async def ring(store: Store, at: QueueKeys) -> None:
    await store._calls.command("LPUSH", at.bell, 1, key=at.bell)


async def test_each_is_woken_by_his_own_bell_also_who_came_later(store: Store, bells: Bells, prefix: str) -> None:
    queues = [queue(prefix, f"bot{number}") for number in range(6)]
    waiting: list[asyncio.Task[None]] = []
    for one in queues:
        waiting.append(asyncio.create_task(bells.wait(one, LONG_S)))
        await asyncio.sleep(0.01)
    for number in (4, 0, 5, 2, 1, 3):
        assert not waiting[number].done()
        await ring(store, queues[number])
        await waiting[number]


async def test_a_bell_wakes_one_of_those_who_wait_for_it(store: Store, bells: Bells, prefix: str) -> None:
    at = queue(prefix, "bot")
    waiting = {asyncio.create_task(bells.wait(at, LONG_S)) for _ in range(3)}
    while waiting:
        await ring(store, at)
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1


async def test_a_bell_that_nobody_here_waits_for_any_more_rings_elsewhere(
    store: Store, bells: Bells, prefix: str
) -> None:
    stays, leaves = queue(prefix, "stays"), queue(prefix, "leaves")
    staying = asyncio.create_task(bells.wait(stays, LONG_S))
    await bells.wait(leaves, 0.05)  # its bell is still listened for
    elsewhere = asyncio.create_task(rung(store._servers, (leaves.bell,), LONG_S))
    for _ in range(3):
        await ring(store, leaves)
        assert await elsewhere == leaves.bell
        elsewhere = asyncio.create_task(rung(store._servers, (leaves.bell,), LONG_S))
    await ring(store, stays)
    await staying
    elsewhere.cancel()


async def test_nobody_waits_for_a_server_that_is_away(prefix: str) -> None:
    async with redis.Redis(unix_socket_path="/nowhere/at/all.sock", retry=Retry(NoBackoff(), 0)) as away:
        servers = One(away)
        bells = Bells(servers, Calls(servers), shared=True)
        waits = (bells.wait(queue(prefix, bot), LONG_S) for bot in ("a", "b", "a"))
        answers = await asyncio.gather(*waits, return_exceptions=True)
        assert all(isinstance(answer, ConnectionError) for answer in answers)
        await bells.close()
