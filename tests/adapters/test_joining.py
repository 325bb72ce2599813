"""What a shopper adds, edits or deletes while the answer is written, over the platforms' wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from adapters.discord import DiscordChannel
from adapters.telegram import TelegramChannel
from core.answer import Means
from core.botfile import Bot, load_bot
from core.inbox import PlatformMemory, StoredInbox
from core.outbox import Outbox
from core.shelf import Shelf
from core.store import Store
from core.worker import Worker
from models.scripted import ScriptedModel
from tests.adapters.discord.parts import channel_for
from tests.adapters.outboxes import until
from tests.adapters.telegram.helpers import make_channel
from tests.core.service import PACE
from tests.core.shop import make_shop
from tests.platforms.discord_server import DiscordServer
from tests.platforms.telegram_server import TelegramServer

GROUNDED = "We repair broken handles within 10 days."
ASKED = "do you repair broken handles?"
MORE = "and how long does the repair take?"


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return load_bot(make_shop(tmp_path).rename(tmp_path / "teahouse"))


@asynccontextmanager
async def serving(store: Store, bot: Bot, channel: TelegramChannel | DiscordChannel) -> AsyncIterator[ScriptedModel]:
    """The whole way, with a model that says a word when it is let."""
    model, shelf = ScriptedModel(GROUNDED, gate=asyncio.Semaphore(0)), Shelf([bot])
    running = [
        asyncio.create_task(channel.listen(StoredInbox(store, shelf))),
        asyncio.create_task(Worker(store, shelf, bot.name, Means(model), PACE).run()),
        asyncio.create_task(Outbox(store, channel, grace_s=0.0).run()),
    ]
    topics = (store._keys.news(bot.name), store._keys.drafts(bot.name, channel.platform))

    async def heard(topic: str) -> bool:
        return bool((await store._servers.some().client.pubsub_numsub(topic))[0][1])

    try:
        for topic in topics:
            await until(partial(heard, topic))
        async with asyncio.timeout(30):
            await channel.connected.wait()
        yield model
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def let(model: ScriptedModel, words: int = 100) -> None:
    assert model.gate is not None
    for _ in range(words):
        model.gate.release()


async def asked(model: ScriptedModel, times: int) -> None:
    async def so_often() -> bool:
        return len(model.requests) >= times

    await until(so_often)


async def test_what_is_added_on_telegram_joins_the_answer_that_is_seen(store: Store, bot: Bot) -> None:
    async with TelegramServer() as server:
        channel, ann = make_channel(server), server.private("Ann")
        async with serving(store, bot, channel) as model:
            server.user_says(ann, ASKED)
            await asked(model, 1)
            let(model, 5)
            await server.until(lambda: server.replies(ann), 30)
            server.user_says(ann, MORE)
            await asked(model, 2)
            let(model)
            await server.until(lambda: GROUNDED in server.replies(ann)[0].text, 30)
        await channel.close()
        assert len(server.replies(ann)) == 1
    assert len(model.cancelled) == 1
    assert MORE in model.requests[1].messages[-1].content


async def test_what_is_edited_on_telegram_is_answered_as_it_is_now(store: Store, bot: Bot) -> None:
    async with TelegramServer() as server:
        channel, ann = make_channel(server), server.private("Ann")
        async with serving(store, bot, channel) as model:
            said = server.user_says(ann, ASKED)
            await asked(model, 1)
            server.user_edits(said, "When are you open?")
            await server.until(lambda: server.replies(ann), 30)
            assert server.replies(ann)[0].text.startswith("We are open from nine to five.")
        await channel.close()
    assert len(model.cancelled) == 1


async def test_what_is_deleted_on_discord_is_not_answered(store: Store, bot: Bot) -> None:
    """A part of the answer is seen already: it gives way to a notice."""
    async with DiscordServer() as server:
        mei = server.user("Mei")
        dm = server.dm(mei)
        channel = channel_for(server, withdrawals=PlatformMemory(store, bot.name, "discord"))
        async with serving(store, bot, channel) as model:
            said = await server.user_says(dm, ASKED, user=mei)
            await asked(model, 1)
            let(model, 5)
            await server.until(lambda: server.from_bot(dm), 30)
            await server.deletes(said)
            await server.until(lambda: "is gone" in server.from_bot(dm)[0].content, 30)
        assert len(server.from_bot(dm)) == 1
    assert len(model.cancelled) == 1
