"""What is remembered of a person, on a real store and through the worker: asked first, kept after a yes, erased at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.answer import Means
from core.botfile import Bot
from core.inbox import StoredInbox
from core.keys import PERSON_MS
from core.messages import Address, Command, Line, Person, Rung
from core.people import StoredPeople
from core.recommend.wishes import Need, Remembered
from core.shelf import Shelf
from core.store import Store
from core.worker import Worker
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S
from tests.core.helpers import command, message
from tests.core.recommend.shops import SHOES, KeptInMemory, Talk, open_shop
from tests.core.service import PACE, stop

NO_LEATHER = Remembered(needs=(Need(kind="without", value="leather", said="no leather", finds=("leather", "suede")),))


@pytest.fixture
def remembering(tmp_path: Path) -> Bot:
    return open_shop(tmp_path, SHOES, "{remember: true, questions: 0}")


class Shopper:
    """Writes to the shop from chats of their own; each answer is read from the store's history."""

    def __init__(self, store: Store, bot: Bot, person: str = "ann") -> None:
        self.store = store
        self.inbox = StoredInbox(store, Shelf([bot]))
        self.person = Person(id=person, name=person)

    async def say(self, text: str, chat: str = "1", name: Command | None = None) -> Line:
        where = Address(bot="shop", platform="test", chat=chat)
        before = len((await self.store.history(where, 100))[0]) if name is not Command.NEW else 0
        written = command(name, where=where) if name else message(text, where)
        assert await self.inbox.put(written.replace(sender=self.person))
        async with asyncio.timeout(PATIENCE_S):
            while True:
                lines, waiting = await self.store.history(where, 100)
                if not waiting and lines and lines[-1].role == "bot" and (name or len(lines) > before):
                    return lines[-1]
                await asyncio.sleep(0.01)

    async def products(self, text: str, chat: str = "1") -> list[str]:
        line = await self.say(text, chat)
        assert line.rung is Rung.RECOMMENDED, line.text
        return [card.id for card in line.cards]


@asynccontextmanager
async def working(store: Store, bot: Bot) -> AsyncIterator[None]:
    means = Means(ScriptedModel(), people=store.people)
    running = asyncio.create_task(Worker(store, Shelf([bot]), "shop", means, PACE).run())
    try:
        yield
    finally:
        await stop(running)


async def test_after_a_yes_the_next_conversation_knows(store: Store, remembering: Bot) -> None:
    ann = Shopper(store, remembering)
    async with working(store, remembering):
        first = await ann.say("I'm looking for hiking boots, no leather")
        assert [card.id for card in first.cards] == ["S2"]
        assert "(yes/no)" in first.text
        assert [button.text for button in first.buttons] == ["yes", "no"]
        assert "I will remember" in (await ann.say("yes please")).text
        later = await ann.say("recommend something waterproof", chat="2")
        assert "from last time: “no leather”" in later.text
        assert [card.id for card in later.cards] == ["S8"]
        assert "(yes/no)" not in later.text, "it is asked once"
        assert "“no leather”" in (await ann.say("what do you know about me?", chat="3")).text
        ben = Shopper(store, remembering, "ben")
        assert "S1" in await ben.products("recommend something waterproof", chat="4"), "another person"


async def test_new_keeps_and_forget_me_erases(store: Store, remembering: Bot) -> None:
    ann = Shopper(store, remembering)
    async with working(store, remembering):
        await ann.say("想买徒步鞋，不要真皮")
        assert "记住了" in (await ann.say("要")).text
        await ann.say("", name=Command.NEW)
        assert await ann.products("推荐防水的鞋") == ["S8"]
        assert "都忘了" in (await ann.say("忘记我")).text
        await ann.say("", name=Command.NEW)
        assert "S1" in await ann.products("推荐防水的鞋")
        assert "没有记住" in (await ann.say("你知道我什么", chat="9")).text
    assert not [key async for key in store._servers.some().client.scan_iter(f"{store._keys.prefix}:person:*")]


async def test_without_a_yes_nothing_is_kept(store: Store, remembering: Bot) -> None:
    ann = Shopper(store, remembering)
    async with working(store, remembering):
        await ann.say("I'm looking for hiking boots, no leather")
        assert "will not remember" in (await ann.say("no thanks")).text
        assert "(yes/no)" not in (await ann.say("recommend something waterproof")).text
        other = await ann.say("recommend something waterproof", chat="2")
        assert "S1" in [card.id for card in other.cards]
    assert not [key async for key in store._servers.some().client.scan_iter(f"{store._keys.prefix}:person:*")]


async def test_what_is_kept_tells_nobody_whose_it_is_and_ends(store: Store) -> None:
    where = Address(bot="shop", platform="telegram", chat="4711")
    people = store.people
    await people.remember(where, "4711", NO_LEATHER)
    assert await people.recall(where, "4711") == NO_LEATHER
    client = store._servers.some().client
    (key,) = [key async for key in client.scan_iter(f"{store._keys.prefix}:person:*")]
    assert "4711" not in key
    assert 0 < await client.pttl(key) <= PERSON_MS
    again = StoredPeople(store._ask, store._keys)
    assert await again.recall(where, "4711") == NO_LEATHER, "every process finds the same person"
    assert await people.recall(where.replace(platform="discord"), "4711") is None
    assert await people.recall(where.replace(bot="other"), "4711") is None
    assert await people.forget(where, "4711")
    assert not await people.forget(where, "4711")
    assert await people.recall(where, "4711") is None


# ── who is asked, and who is not ─────────────────────────────────────────────────────────────────────────


async def test_nobody_is_asked_and_the_store_is_left_alone_where_it_is_off(tmp_path: Path) -> None:
    people = KeptInMemory()
    talk = Talk(open_shop(tmp_path, SHOES, "{questions: 0}"), people)
    assert "(yes/no)" not in await talk.text("I'm looking for hiking boots, no leather")
    await talk.text("something cheaper")
    await talk.reply("how much is delivery?")
    assert people.calls == 0


async def test_nothing_of_somebody_else_is_remembered_and_nothing_in_a_group(remembering: Bot) -> None:
    people = KeptInMemory()
    assert "(yes/no)" not in await Talk(remembering, people).text("I want waterproof shoes for my daughter")
    reply = await Talk(remembering, people).reply("recommend waterproof shoes", group=True)
    assert reply.cards
    assert "(yes/no)" not in reply.text
    assert not people.kept


async def test_what_changes_after_the_yes_is_kept_too(remembering: Bot) -> None:
    people = KeptInMemory()
    talk = Talk(remembering, people)
    await talk.text("recommend something waterproof")
    await talk.text("yes")
    await talk.text("no leather")
    ((_, kept),) = people.kept.items()
    assert {need.value for need in kept.needs} == {"waterproof", "leather"}


async def test_another_word_than_yes_or_no_decides_nothing(remembering: Bot) -> None:
    people = KeptInMemory()
    talk = Talk(remembering, people)
    await talk.text("recommend something waterproof")
    assert (await talk.reply("the first")).cards
    assert talk.wishes.consent == "asked"
    assert not people.kept


async def test_what_was_said_here_is_told_where_nothing_is_remembered(tmp_path: Path) -> None:
    talk = Talk(open_shop(tmp_path, SHOES, "{questions: 0}"))
    assert (await talk.reply("what do you know about me?")).rung is not Rung.RECOMMENDED
    await talk.skus("想买徒步鞋，不要真皮")
    assert "“不要真皮”" in await talk.text("你记得我什么")
    await talk.text("忘记我")
    assert talk.state.wishes is None
