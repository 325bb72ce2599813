"""Commands that are sent together: each caller gets its own answer, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, ResponseError

from core.calls import Calls
from core.server import TOGETHER
from core.servers import One


@pytest.fixture
async def client(embedded_url: str) -> AsyncIterator[redis.Redis]:
    async with redis.Redis.from_url(embedded_url, decode_responses=True) as opened:
        yield opened


@pytest.fixture
async def server(client: redis.Redis) -> AsyncIterator[One]:
    opened = One(client)
    yield opened
    await opened.close()


@pytest.fixture
def calls(server: One) -> Calls:
    return Calls(server)


async def test_everybody_gets_his_own_answer(calls: Calls) -> None:
    texts = [f"{number}" for number in range(2 * TOGETHER + 1)]
    assert await asyncio.gather(*(calls.command("ECHO", text) for text in texts)) == texts


async def test_an_error_is_only_its_callers(calls: Calls, prefix: str) -> None:
    await calls.command("SET", f"{prefix}:text", "a")
    answers = await asyncio.gather(
        *(calls.command("ECHO", "one"), calls.command("LPUSH", f"{prefix}:text", "b"), calls.command("ECHO", "two")),
        return_exceptions=True,
    )
    assert (answers[0], answers[2]) == ("one", "two")
    assert isinstance(answers[1], ResponseError)


async def test_a_server_that_forgot_a_function_learns_it_again(calls: Calls, client: redis.Redis, prefix: str) -> None:
    keys = [f"{prefix}:{{0}}:{name}" for name in ("due", "bell", "c:", "claim")]
    for _ in range(2):
        await client.script_flush()
        both = await asyncio.gather(*(calls.lua("take", keys, (10, 1000, 50, 0, 1000)) for _ in range(2)))
        assert both == [[-1, []], [-1, []]]


async def test_who_gives_up_disturbs_nobody(calls: Calls) -> None:
    asked = [asyncio.create_task(calls.command("ECHO", str(number))) for number in range(4)]
    await asyncio.sleep(0)
    asked[1].cancel()
    late = asyncio.create_task(calls.command("ECHO", "late"))
    answers = await asyncio.gather(*asked, late, return_exceptions=True)
    assert isinstance(answers.pop(1), asyncio.CancelledError)
    assert answers == ["0", "2", "3", "late"]


async def test_nobody_waits_for_a_server_that_is_away() -> None:
    async with redis.Redis(unix_socket_path="/nowhere/at/all.sock", retry=Retry(NoBackoff(), 0)) as away:
        calls = Calls(One(away))
        answers = await asyncio.gather(*(calls.command("PING") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(answer, ConnectionError) for answer in answers)


async def test_closing_waits_for_no_answer(server: One, calls: Calls, prefix: str) -> None:
    asked = [asyncio.create_task(calls.command("BLPOP", f"{prefix}:nothing", 0)) for _ in range(2)]
    await asyncio.sleep(0.05)
    asked.append(asyncio.create_task(calls.command("ECHO", "behind it")))
    await asyncio.sleep(0)
    await server.close()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers)
