"""The embedded server on a full disk, with damaged files, too busy to answer: never two of them, and what to do is said."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any, cast

import pytest
import redis.asyncio as redis
from structlog.testing import capture_logs

from bots.valkey import embedded_server, find_carried_server
from core.errors import StoreUnavailable
from core.messages import Incoming
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, message
from tests.core.invariants import violations
from tests.core.service import chat, desk
from tests.core.shop import open_shop


def program(folder: Path, before: str = "", options: str = "") -> Path:
    """The server, after a line of shell and with more options."""
    carried = find_carried_server()
    assert carried is not None
    script = folder / "valkey-server"
    written = folder / "written"
    written.write_text(f'#!/bin/sh\n{before}\nexec "{carried}" "$@" {options}\n')
    written.chmod(0o755)
    written.replace(script)
    return script


async def process_of(url: str) -> int:
    async with redis.Redis.from_url(url) as client:
        return int((await client.info("server"))["process_id"])


async def has(url: str) -> list[str]:
    async with redis.Redis.from_url(url, decode_responses=True) as client:
        return sorted(str(key) for key in await client.keys("*"))


async def write(folder: Path, *keys: str) -> Path:
    """Write some keys and stop; the file that holds them."""
    async with embedded_server(folder, find_carried_server()) as url, redis.Redis.from_url(url) as client:
        for key in keys:
            await client.set(key, "here")
    (file,) = (folder / "appendonlydir").glob("*.incr.aof")
    return file


async def test_what_was_acknowledged_is_there_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    async with embedded_server(tmp_path, find_carried_server()) as url, redis.Redis.from_url(url) as client:
        assert (await client.config_get("appendfsync"))["appendfsync"] == "always"
        before = await process_of(url)
        for number in range(20):
            await client.set(f"{number}", "here")
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if await process_of(url) != before:
                        break
                except (redis.RedisError, OSError):
                    await asyncio.sleep(0.05)
        assert len(await has(url)) == 20


async def test_a_server_that_hangs_is_not_started_a_second_time(tmp_path: Path) -> None:
    """Two over one folder write into each other's files. It goes on when it can."""
    async with embedded_server(tmp_path, find_carried_server()) as url:
        before = await process_of(url)
        os.kill(before, signal.SIGSTOP)
        second = asyncio.create_task(used_by_another(tmp_path))
        try:
            await asyncio.wait({second}, timeout=3)
            assert not second.done()
        finally:
            os.kill(before, signal.SIGCONT)
        assert await second == before


async def used_by_another(folder: Path) -> int:
    async with embedded_server(folder, find_carried_server()) as url:
        return await process_of(url)


async def test_a_large_file_is_read_for_as_long_as_it_takes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    slow = program(tmp_path, options="--enable-debug-command local")
    async with embedded_server(data, slow) as url, redis.Redis.from_url(url) as client:
        await cast(Any, client).execute_command("DEBUG", "POPULATE", 2000, "filler", 10)
        await client.bgrewriteaof()
        while (await client.info("persistence"))["aof_rewrite_in_progress"]:
            await asyncio.sleep(0.02)
    program(tmp_path, options="--key-load-delay 1000 --loading-process-events-interval-bytes 1024")
    async with embedded_server(data, slow, patience_s=1.0) as url:
        assert len(await has(url)) == 2000


async def test_a_full_disk_is_said_so_and_nothing_is_lost(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk's."""
    data = tmp_path / "data"
    server = program(tmp_path, before="trap '' XFSZ; ulimit -f 120")
    stored: list[str] = []
    with capture_logs() as logs:
        async with embedded_server(data, server) as url, Store.open(url) as store:
            at = desk(store, open_shop(tmp_path), ScriptedModel("We repair broken handles within 10 days."))
            async with at.open():
                while await put(store, message("please " * 100, chat(f"{len(stored)}")), 30_000):
                    stored.append(f"{len(stored)}")
                async with asyncio.timeout(PATIENCE_S):
                    while not any("its disk is full" in str(line.get("reason")) for line in logs):
                        await asyncio.sleep(0.05)
                program(tmp_path)  # somebody makes room
                late = message("Is there parking?", chat("late"))
                async with asyncio.timeout(PATIENCE_S):
                    while not await put(store, late):
                        await asyncio.sleep(0.05)
                await at.channel.until("There is no parking.")
            for where in stored:
                lines, waiting = await store.history(chat(where), 10)
                assert len(lines) + len(waiting) >= 1, where
            assert await violations(store._servers.some().client, store._keys) == []


async def put(store: Store, one: Incoming, merge_ms: int = 0) -> bool:
    try:
        await store.put(one, merge_ms, KEEP)
        return True
    except StoreUnavailable:
        return False


async def test_a_write_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    file = await write(tmp_path, "one", "two", "three")
    os.truncate(file, file.stat().st_size - 5)
    async with embedded_server(tmp_path, find_carried_server()) as url:
        assert await has(url) == ["one", "two"]


async def test_a_damaged_file_is_said_so_and_what_to_do_helps(tmp_path: Path) -> None:
    """As a loss of power leaves it: the end of the file is there, but was never written."""
    file = await write(tmp_path, "one", "two")
    with file.open("ab") as end:
        end.write(bytes(64))
    with pytest.raises(StoreUnavailable, match="is damaged") as raised:
        async with embedded_server(tmp_path, find_carried_server()):
            pass
    advice = re.search(r"bash -c '.*?'", str(raised.value))
    assert advice is not None
    repairing = await asyncio.create_subprocess_shell(f"yes | {advice.group()}", stdout=asyncio.subprocess.DEVNULL)
    assert await repairing.wait() == 0
    async with embedded_server(tmp_path, find_carried_server()) as url:
        assert await has(url) == ["one", "two"]
