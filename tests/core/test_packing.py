"""Commands are packed in C, in the bytes that redis-py would send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import redis.asyncio as redis
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import Sentinel

from core.bells import rung
from core.packing import packing
from core.servers import open_servers


def of_client(client: redis.Redis) -> AbstractConnection:
    connection: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


def sentinel() -> Sentinel:
    return Sentinel([("localhost", 1)])  # type: ignore[no-untyped-call]


CLIENTS: list[Callable[[], redis.Redis]] = [
    lambda: redis.Redis(),
    lambda: redis.Redis(ssl=True),
    lambda: redis.Redis.from_url("redis://localhost"),
    lambda: redis.Redis.from_url("rediss://localhost"),
    lambda: redis.Redis.from_url("unix:///tmp/x.sock"),
    lambda: sentinel().master_for("mymaster"),
    lambda: sentinel().master_for("mymaster", ssl=True),
]


@pytest.mark.parametrize("number", range(len(CLIENTS)))
def test_every_kind_of_connection_packs_in_c(number: int) -> None:
    client = CLIENTS[number]()
    before = type(of_client(client))
    connection = of_client(packing(client))
    assert isinstance(connection, before), "it is still a connection of that kind"
    assert type(connection).pack_command is not before.pack_command
    assert type(of_client(packing(client))) is type(connection), "twice is once"


@given(st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers(), st.floats(), st.binary())))
def test_the_bytes_are_those_of_redis_py(arguments: list[str | int | float | bytes]) -> None:
    theirs = of_client(redis.Redis())
    ours = of_client(packing(redis.Redis()))
    for command in ("EVALSHA", "CLIENT SETINFO", "SET"):
        packed = b"".join(ours.pack_command(command, *arguments))
        assert packed == b"".join(theirs.pack_command(command, *arguments))


async def test_long_arguments_arrive_whole(embedded_url: str) -> None:
    text = "茶" * 100_000
    async with open_servers(embedded_url) as servers:
        client = servers.some().client
        assert await client.echo(text) == text


async def test_who_is_stopped_at_any_moment_of_waiting_stops(embedded_url: str) -> None:
    """redis-py's own writing loses a cancellation that comes just when it ends; each would wait for a bell that never rings."""
    async with asyncio.timeout(60), open_servers(embedded_url) as servers:
        for steps in range(40):
            waiting = asyncio.create_task(rung(servers, (f"nobody rings {steps}",), 5.0))
            for _ in range(steps % 20):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
