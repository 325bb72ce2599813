"""Commands on a connection that is kept: each answer is of its own command, whatever became of the times before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError, TimeoutError

from core.exchange import Command, Exchange
from core.packing import packing


@pytest.fixture
async def client(embedded_url: str) -> AsyncIterator[redis.Redis]:
    async with redis.Redis.from_url(embedded_url, decode_responses=True, retry=Retry(NoBackoff(), 1)) as opened:
        yield packing(opened)


@pytest.fixture
def exchange(client: redis.Redis) -> Exchange:
    return Exchange(client)


async def say(exchange: Exchange, *texts: str) -> list[object]:
    return await exchange.ask([Command(("ECHO", text)) for text in texts], 5.0)


async def test_the_answers_are_in_order_and_a_refusal_is_one_of_them(exchange: Exchange) -> None:
    one, refused, two = await exchange.ask([Command(("ECHO", "1")), Command(("GET",)), Command(("ECHO", "二"))], 5.0)
    assert (one, two) == ("1", "二")
    assert isinstance(refused, ResponseError)


async def test_one_connection_is_kept_and_answers_are_read_as_redis_py_does(
    exchange: Exchange, client: redis.Redis, prefix: str
) -> None:
    await client.zadd(f"{prefix}:scores", {"a": 1.5})
    range_ = ("ZRANGE", f"{prefix}:scores", 0, -1, "WITHSCORES")
    ids = [await exchange.ask([Command(("CLIENT", "ID"))], 5.0) for _ in range(3)]
    assert ids[0] == ids[1] == ids[2]
    (scores,) = await exchange.ask([Command(range_, {"withscores": True})], 5.0)
    assert [tuple(entry) for entry in scores] == [("a", 1.5)]


async def test_a_connection_that_the_server_ended_is_replaced(exchange: Exchange, client: redis.Redis) -> None:
    ((number,),) = [await exchange.ask([Command(("CLIENT", "ID"))], 5.0)]
    await client.client_kill_filter(_id=str(number))
    assert await say(exchange, "a") == ["a"]
    assert await exchange.ask([Command(("CLIENT", "ID"))], 5.0) != [number]


async def test_what_comes_too_late_is_nobody_elses_answer(exchange: Exchange, prefix: str) -> None:
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        await exchange.ask([Command(("BLPOP", f"{prefix}:nothing", 1)), Command(("ECHO", "late"))], 0.05)
    assert await say(exchange, "b", "c") == ["b", "c"]


async def test_who_is_cancelled_while_waiting_leaves_nothing_behind(exchange: Exchange, prefix: str) -> None:
    for pause_s in (0.0, 0.001, 0.02):
        asked = asyncio.create_task(
            exchange.ask([Command(("BLPOP", f"{prefix}:nothing", 1)), Command(("ECHO", "x"))], 5.0)
        )
        await asyncio.sleep(pause_s)
        asked.cancel()
        await asyncio.wait({asked})
        assert asked.cancelled()
        assert await say(exchange, "d") == ["d"]
