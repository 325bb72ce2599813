"""Look-ups through the worker on a real store: kept between turns and workers, safe to repeat, given up with the turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.lookup import HttpLookUps, open_look_ups
from core.answer import Means
from core.inbox import PlatformMemory
from core.messages import Button
from core.shelf import Shelf
from core.store import Store
from core.worker import Worker
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S, Recording
from tests.core.lookup_config import bot_yaml
from tests.core.service import PACE, Desk, chat, stop, until
from tests.core.shop import open_shop
from tests.platforms.shop_server import TOKEN, ShopServer, Slow

ASKED = "where is my order W12345? I am ann@tea.example"
FOUND = "Order W12345 is on its way. It should arrive on 5 March 2026."


@pytest.fixture
async def server() -> AsyncIterator[ShopServer]:
    async with ShopServer() as running:
        yield running


@pytest.fixture
async def api() -> AsyncIterator[HttpLookUps]:
    async with open_look_ups([], {"MUGS_TOKEN": TOKEN}) as look_ups:
        yield look_ups


class LookUpDesk(Desk):
    """A desk whose workers look up."""

    api: HttpLookUps

    def worker(self) -> Worker:
        return Worker(self.store, self.shelf, "mugs", Means(self.model, lookups=self.api), PACE)


@pytest.fixture
def at(store: Store, server: ShopServer, api: HttpLookUps, tmp_path: Path) -> LookUpDesk:
    # A look-up that is cancelled must not be over by itself.
    bot = open_shop(
        tmp_path, bot_yaml=bot_yaml(server.url).replace("    keywords:", "    timeout_s: 60\n    keywords:")
    )
    desk = LookUpDesk(store, Shelf([bot]), Recording(), ScriptedModel())
    desk.api = api
    return desk


async def test_another_worker_goes_on_where_the_first_one_was(at: LookUpDesk, server: ShopServer) -> None:
    await at.put(ASKED)
    async with at.open():
        assert "Shall I look this up?" in (await at.channel.until_finals(1))[0]
    await at.put("yes")
    async with at.open():
        assert (await at.channel.until_finals(2))[1].startswith(FOUND)
    await at.put("when will it arrive?")
    async with at.open():
        assert (await at.channel.until_finals(3))[2] == "It should arrive on 5 March 2026."
    assert len(server.asked) == 1, "what was found is kept in the conversation"
    log, _ = await at.store.history(chat(), 10)
    assert log[1].buttons == (Button(label="Yes", text="Yes"), Button(label="No", text="No"))
    trace = await at.store.trace(chat(), log[3].trace)
    assert trace is not None
    assert trace.rung == "looked_up"
    assert TOKEN not in trace.to_json()


async def test_a_worker_that_stops_gives_up_its_request_and_the_next_one_asks_again(
    at: LookUpDesk, server: ShopServer
) -> None:
    await at.put(ASKED)
    async with at.open():
        await at.channel.until_finals(1)
    await at.put("yes")
    server.faults.append(Slow())
    first = asyncio.create_task(at.worker().run())
    async with asyncio.timeout(PATIENCE_S):
        await server.waiting.wait()
    await stop(first)
    async with asyncio.timeout(PATIENCE_S):
        while not server.left:
            await asyncio.sleep(0.01)
    async with at.open():
        assert (await at.channel.until_finals(2))[1].startswith(FOUND)
    assert len(server.asked) == 2


async def test_a_turn_that_changes_gives_up_its_request(at: LookUpDesk, server: ShopServer) -> None:
    await at.put(ASKED)
    async with at.open():
        await at.channel.until_finals(1)
        server.faults.append(Slow())
        agreed = await at.put("yes")
        async with asyncio.timeout(PATIENCE_S):
            await server.waiting.wait()
        await PlatformMemory(at.store, "mugs", agreed.address.platform).withdraw([agreed.address], agreed.message)

        async def given_up() -> bool:
            return server.left == 1

        await until(given_up)
        await at.put("how much is delivery?")
        finals = await at.channel.until_finals(2)
    assert not any(FOUND in text for text in finals), "what was taken back is not done"
    assert len(server.asked) == 1
