"""A start on data of another version: older ones are brought up to date, newer ones refused, whatever dies in between."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import redis.asyncio as redis
from structlog.testing import capture_logs

from core.errors import StoreVersion
from core.keys import SCHEMA, Keys
from core.messages import Address, Line
from core.state import Trace
from core.store import Store
from tests.bots.running import ROOT
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, address, message
from tests.core.invariants import violations
from tests.core.proxy import Proxy, proxy
from tests.core.redis_server import server

LEASE_MS = 500
DAY_MS = 24 * 3600 * 1000


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[redis.Redis]:
    async with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


def trace(number: int, where: Address) -> Trace:
    return Trace(
        id=f"t{where.chat}-{number}", reply=f"r{number}", persona="p", persona_version="1", rung="unknown", question="q",
        language="en",
    )  # fmt: skip


async def write_version_1(url: str, prefix: str, conversations: int = 3, traces: int = 2) -> list[Address]:
    """As the first releases did: each trace has a key of its own, which the line of the reply names."""
    keys = Keys(prefix)
    places = [address(str(number)) for number in range(conversations)]
    async with connected(url) as client, client.pipeline(transaction=False) as pipe:
        pipe.set(keys.schema, '{"version": 1, "partitions": 1}')
        for where in places:
            at = keys.conversation(where.id)
            for one in (trace(number, where) for number in range(traces)):
                line = Line(id=one.reply, role="bot", text="fine", trace=one.id, at=datetime.now(UTC))
                pipe.rpush(at.log, line.to_json())
                pipe.set(f"{prefix}:{{0}}:t:{one.id}", one.to_json(), px=30 * DAY_MS)
            pipe.pexpire(at.log, DAY_MS)
            pipe.hset(at.hash, "state", '{"version": 1, "language": "zh"}')
            pipe.pexpire(at.hash, DAY_MS)
        await pipe.execute()
    return places


async def stored(url: str, prefix: str) -> dict[str, Any]:
    async with connected(url) as client:
        return cast(dict[str, Any], json.loads(str(await client.get(f"{prefix}:schema"))))


async def traces_in(url: str, prefix: str, where: Address) -> list[str]:
    async with connected(url) as client:
        kept = await cast(Any, client.lrange(Keys(prefix).conversation(where.id).traces, 0, -1))
        return [Trace.from_json(one).id for one in kept]


async def left(url: str, prefix: str) -> int:
    async with connected(url) as client:
        return len([name async for name in client.scan_iter(f"{prefix}:{{0}}:t:*", count=1000)])


async def test_the_first_layout_is_brought_up_to_date(embedded_url: str, prefix: str) -> None:
    places = await write_version_1(embedded_url, prefix)
    async with Store.open(embedded_url, prefix, LEASE_MS) as store:
        for where in places:
            for number in (0, 1):
                found = await store.trace(where, f"t{where.chat}-{number}")
                assert found == trace(number, where)
            assert await traces_in(embedded_url, prefix, where) == [f"t{where.chat}-0", f"t{where.chat}-1"]
        assert await left(embedded_url, prefix) == 0
        assert await violations(store._servers.some().client, store._keys) == []
    assert await stored(embedded_url, prefix) == {"version": SCHEMA, "partitions": 1}


async def test_several_processes_start_at_once(embedded_url: str, prefix: str) -> None:
    places = await write_version_1(embedded_url, prefix, conversations=200)

    async def start() -> None:
        async with Store.open(embedded_url, prefix, LEASE_MS):
            assert await left(embedded_url, prefix) == 0, "nobody works on data that are half done"

    with capture_logs() as logs:
        await asyncio.gather(*(start() for _ in range(4)))
    assert [line["event"] for line in logs].count("bringing the data up to date") == 1
    for where in places:
        assert await traces_in(embedded_url, prefix, where) == [f"t{where.chat}-0", f"t{where.chat}-1"]


async def test_a_migration_that_was_killed_goes_on(tmp_path: Path, prefix: str) -> None:
    async with server(tmp_path) as at, proxy(at.url) as network:
        places = await write_version_1(at.url, prefix, conversations=1500)
        await killed_in_the_middle(network, at.url, prefix, 2 * len(places))
        before = await stored(at.url, prefix)
        assert before["version"] == 1
        assert before["migrating"]
        async with Store.open(at.url, prefix, LEASE_MS):
            pass
        for where in places[::100]:
            assert await traces_in(at.url, prefix, where) == [f"t{where.chat}-0", f"t{where.chat}-1"]
        assert await left(at.url, prefix) == 0


async def killed_in_the_middle(network: Proxy, url: str, prefix: str, traces: int) -> None:
    """A process of its own begins, and is killed when some is done and some is not; the network is slow enough for it."""
    network.late_s = 0.02
    program = f"""
import asyncio
from core.store import Store

async def main():
    async with Store.open({network.url!r}, {prefix!r}, {LEASE_MS}):
        pass

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    async with asyncio.timeout(PATIENCE_S):
        while await left(url, prefix) in (0, traces):
            await asyncio.sleep(0.005)
    process.kill()
    await process.wait()
    assert 0 < await left(url, prefix) < traces


async def test_data_of_a_newer_version_are_refused_and_left_alone(embedded_url: str, prefix: str) -> None:
    async with connected(embedded_url) as client:
        await client.set(f"{prefix}:schema", '{"version": 99, "partitions": 1}')
    with pytest.raises(StoreVersion, match=r"of version 99.*older than the one that wrote them.*start that one"):
        async with Store.open(embedded_url, prefix):
            pass
    assert await stored(embedded_url, prefix) == {"version": 99, "partitions": 1}


@pytest.mark.parametrize("text", ["hello", "[]", '{"version": "new"}', '{"version": 1}'])
async def test_what_is_no_version_is_said_so(embedded_url: str, prefix: str, text: str) -> None:
    async with connected(embedded_url) as client:
        await client.set(f"{prefix}:schema", text)
    with pytest.raises(StoreVersion, match="which no version of Kefu writes; point KEFU_REDIS_URL"):
        async with Store.open(embedded_url, prefix):
            pass


async def test_a_version_older_than_all_is_said_so(embedded_url: str, prefix: str) -> None:
    async with connected(embedded_url) as client:
        await client.set(f"{prefix}:schema", '{"version": 0, "partitions": 1}')
    with pytest.raises(StoreVersion, match="start one in between first"):
        async with Store.open(embedded_url, prefix):
            pass


async def test_fields_of_a_newer_minor_version_are_read_past(store: Store) -> None:
    """A newer process and an older one run over one store while they are exchanged."""
    where = address()
    await store.put(message("one", where), 0, KEEP)
    client, at = store._servers.some().client, store._keys.conversation(where.id)
    await newer(client, at.waiting)
    await cast(Any, client.hset(at.hash, "state", '{"version": 1, "language": "zh", "mood": "fine"}'))
    ((turn,), _) = await store.take_turns(0, where.bot, 1, 10)
    assert [one.text for one in turn.read().messages] == ["one"]
    assert turn.read().state.language == "zh"


async def newer(client: redis.Redis, key: str) -> None:
    for index, text in enumerate(await cast(Any, client.lrange(key, 0, -1))):
        await cast(Any, client.lset(key, index, json.dumps({**json.loads(text), "colour": {"deep": [1]}})))
