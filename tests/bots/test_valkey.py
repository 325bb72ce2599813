"""The embedded server: keeps what it was told, is shared, started again when it dies, taken over when its owner was killed."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis.asyncio as redis

from bots.valkey import answers, embedded_server, find_carried_server, find_server, socket_of
from core.errors import StoreUnavailable
from tests.bots.running import command, running, shop


async def info(url: str) -> dict[str, str]:
    async with redis.Redis.from_url(url) as client:
        return dict(await client.info("server"))


async def put(url: str, key: str) -> None:
    async with redis.Redis.from_url(url) as client:
        await client.set(key, "here")


async def has(url: str, key: str) -> bool:
    async with redis.Redis.from_url(url) as client:
        return bool(await client.exists(key))


async def gone(url: str) -> bool:
    try:
        await info(url)
    except (redis.RedisError, OSError):
        return True
    return False


async def test_it_keeps_what_it_was_told_and_stops_with_its_owner(tmp_path: Path) -> None:
    async with embedded_server(tmp_path) as url:
        await put(url, "one")
    assert await gone(url)
    async with embedded_server(tmp_path) as url:
        assert await has(url, "one")


async def test_a_second_process_shares_it_and_does_not_stop_it(tmp_path: Path) -> None:
    async with embedded_server(tmp_path / "data") as url:
        before = (await info(url))["process_id"]
        code, out, err = await command(tmp_path, "chat", str(shop(tmp_path)), "--ask", "hello", "--session", "s")
        assert (code, err) == (0, "")
        assert "Hello" in out
        assert (await info(url))["process_id"] == before
        async with redis.Redis.from_url(url) as client:
            assert await client.keys("*terminal-s*"), "what was said there is in this store"


async def test_it_is_started_again_when_it_dies(tmp_path: Path) -> None:
    async with embedded_server(tmp_path) as url:
        await put(url, "one")
        before = int((await info(url))["process_id"])
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(20):
            while await gone(url) or int((await info(url))["process_id"]) == before:
                await asyncio.sleep(0.05)
        assert await has(url, "one")


async def test_the_last_who_uses_it_stops_it(tmp_path: Path) -> None:
    """Whoever started it: a gateway that is started anew must not take the store away from the worker."""
    async with AsyncExitStack() as worker:
        async with embedded_server(tmp_path) as url:
            before = (await info(url))["process_id"]
            await worker.enter_async_context(embedded_server(tmp_path))
        assert (await info(url))["process_id"] == before
    assert await gone(url)


async def test_a_server_whose_users_were_killed_is_stopped_by_the_next(tmp_path: Path) -> None:
    folder = str(shop(tmp_path))
    async with running(tmp_path, folder, "--role", "gateway") as killed:
        await killed.stop(signal.SIGKILL)
    async with embedded_server(tmp_path / "data") as url:
        assert not await gone(url)
    assert await gone(url)


async def test_of_many_who_start_at_once_one_starts_it(tmp_path: Path) -> None:
    async def used() -> str:
        async with embedded_server(tmp_path) as url:
            process = (await info(url))["process_id"]
            together.release()
            await done.wait()
            return process

    together, done = asyncio.Semaphore(0), asyncio.Event()
    users = [asyncio.create_task(used()) for _ in range(5)]
    for _ in users:
        await together.acquire()
    done.set()
    assert len(set(await asyncio.gather(*users))) == 1


async def test_data_are_read_by_the_program_that_wrote_them(tmp_path: Path) -> None:
    """Valkey 9 writes files that an older redis-server, installed later, cannot read."""
    carried = find_carried_server()
    assert carried is not None
    async with embedded_server(tmp_path, carried) as url:
        await put(url, "one")
        async with redis.Redis.from_url(url) as client:
            await client.bgrewriteaof()
    assert find_server(tmp_path) == carried
    async with embedded_server(tmp_path) as url:
        assert "valkey_version" in await info(url)
        assert await has(url, "one")


async def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    assert len(str(socket_of(deep))) < 104
    async with embedded_server(deep) as url:
        await put(url, "one")


async def test_a_server_that_does_not_start_says_where_its_log_is(tmp_path: Path) -> None:
    broken = tmp_path / "server"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(StoreUnavailable, match=r"did not start; its log: .*valkey\.log"):
        async with embedded_server(tmp_path / "data", broken):
            pass


async def test_watching_over_it_ends_whenever_it_is_told_to(tmp_path: Path) -> None:
    """Also while it connects to look: redis-py loses a cancellation there, and a clean stop would wait for ever."""
    async with embedded_server(tmp_path):
        for steps in range(60):
            looking = asyncio.create_task(answers(f"unix://{socket_of(tmp_path)}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            if looking.done():
                break
            looking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await looking
