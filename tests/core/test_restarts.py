"""The store's process is killed in the middle; the worker and the outbox are killed anywhere. Nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
import redis.asyncio as redis

from bots.valkey import embedded_server, find_carried_server
from core.errors import StoreUnavailable
from core.messages import Incoming
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, message
from tests.core.service import chat, desk
from tests.core.shop import open_shop

GROUNDED = "We repair broken handles within 10 days."
ASKED = "do you repair broken handles?"


async def kill(url: str) -> None:
    client = redis.Redis.from_url(url)
    process = int((await client.info("server"))["process_id"])
    await client.aclose()
    os.kill(process, signal.SIGKILL)


async def put_patiently(store: Store, written: Incoming) -> None:
    """As an adapter does: the platform is told only when it is stored."""
    while True:
        try:
            await store.put(written, 0, KEEP)
            return
        except StoreUnavailable:
            await asyncio.sleep(0.05)


async def test_the_store_is_killed_while_it_is_answered(tmp_path: Path) -> None:
    gate = asyncio.Semaphore(0)
    model = ScriptedModel(GROUNDED, gate=gate)
    async with (
        embedded_server(tmp_path / "data", find_carried_server()) as url,
        Store.open(url, lease_ms=6000) as store,
    ):
        at = desk(store, open_shop(tmp_path), model)
        async with at.open():
            await at.put(ASKED, "a")
            async with asyncio.timeout(PATIENCE_S):
                while not model.requests:
                    await asyncio.sleep(0.01)
            # what is written is on the disk within a second, and a test may not wait for that
            client = redis.Redis.from_url(url)
            await client.config_set("appendfsync", "always")
            await client.aclose()
            await kill(url)
            late = message("When are you open?", chat("b"))
            putting = asyncio.create_task(put_patiently(store, late))
            for _ in range(1000):
                gate.release()
            finals = await at.channel.until_finals(2)
            await putting
        assert sorted(text.split("\n")[0] for text in finals) == [
            "We are open from nine to five.",
            GROUNDED,
        ]
        assert [role for role, _ in await at.history("a")] == ["shopper", "bot"]
        assert not await store.put(late, 0, KEEP), "stored once"


@pytest.mark.parametrize("after_s", [0.02, 0.06, 0.12])
async def test_everything_is_stopped_at_any_moment(store: Store, tmp_path: Path, after_s: float) -> None:
    """Four conversations; worker and outbox are stopped again and again; each is answered exactly once."""
    model = ScriptedModel(GROUNDED)
    at = desk(store, open_shop(tmp_path), model)
    for where in "abcd":
        await at.put(ASKED, where)
    for _ in range(3):
        async with at.open():
            await asyncio.sleep(after_s)
    async with at.open():
        finals = await at.channel.until_finals(4)
    assert len(finals) == 4
    for where in "abcd":
        assert [role for role, _ in await at.history(where)] == ["shopper", "bot"]
