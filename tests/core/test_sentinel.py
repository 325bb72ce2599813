"""A master that sentinels watch over dies; its replica goes on, and so do we."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from core.inbox import StoredInbox
from core.queue import patiently
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.helpers import message
from tests.core.redis_cluster import Watched
from tests.core.service import chat, desk
from tests.core.shop import open_shop

CHATS = 6


async def test_the_replica_takes_over_in_the_middle_of_turns(tmp_path: Path, prefix: str) -> None:
    gate = asyncio.Semaphore(0)
    model = ScriptedModel("We do not know.", gate=gate)
    with Watched(tmp_path) as servers:
        async with Store.open(servers.url, prefix, lease_ms=6000) as store:
            at = desk(store, open_shop(tmp_path), model)
            inbox = StoredInbox(store, at.shelf)
            async with at.open():
                for number in range(CHATS):
                    await at.put("Do you engrave a name?", f"c{number}")
                async with asyncio.timeout(30):
                    while len(model.requests) < CHATS:
                        await asyncio.sleep(0.01)
                assert servers.master.ask("WAIT", 1, 5000) == 1, "what is not yet at the replica dies with the master"
                await asyncio.to_thread(servers.master.kill)
                late = asyncio.create_task(patiently(partial(inbox.put, message("When are you open?", chat("late")))))
                for _ in range(100_000):
                    gate.release()
                finals = await at.channel.until_finals(CHATS + 1)
                assert await late
                assert len(finals) == CHATS + 1
                assert len({sent.address.chat for sent in at.channel.messages.values() if sent.final}) == CHATS + 1
            assert servers.replica.ask("ROLE")[0] == "master"
            assert (await store.server()).startswith("Valkey")
