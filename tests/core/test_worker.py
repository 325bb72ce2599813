"""The worker on a real store: one turn at a time in a conversation, many conversations at once, nothing lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.botfile import Bot
from core.errors import GenerationFailed
from core.inbox import PlatformMemory
from core.messages import Kind
from core.ports import GenerationRequest
from core.state import State
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S
from tests.core.service import chat, desk, stop
from tests.core.shop import FILES, open_shop

GROUNDED = "We repair broken handles within 10 days."
ASKED = "do you repair broken handles?"


async def test_a_burst_is_answered_as_one_turn(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel())
    await at.put("When are you open?")
    await at.put("Is there parking?")
    async with at.open():
        assert (await at.channel.until_finals(1))[0].startswith(
            "We are open from nine to five.\n\nThere is no parking."
        )
    assert [role for role, _ in await at.history()] == ["shopper", "shopper", "bot"]


async def test_what_was_deleted_before_its_turn_is_not_answered(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel())
    first, only = await at.put("When are you open?"), await at.put("Is there parking?", "b")
    await at.put("Is there parking?")
    memory = PlatformMemory(store, bot.name, first.address.platform)
    await memory.withdraw([first.address], first.message)
    await memory.withdraw([only.address], only.message)
    async with at.open():
        assert (await at.channel.until_finals(1))[0].startswith("There is no parking.")
        async with asyncio.timeout(PATIENCE_S):
            while (await store.history(only.address, 9))[1]:
                await asyncio.sleep(0.01)
    assert [role for role, _ in await at.history()] == ["shopper", "bot"]
    assert await at.history("b") == []
    assert len(at.channel.finals) == 1


async def test_turns_of_one_conversation_are_in_order_and_conversations_in_parallel(
    store: Store, tmp_path: Path
) -> None:
    """Two workers, five conversations: each model call waits until calls of all five are there."""
    bot = open_shop(tmp_path, bot_yaml=FILES["bot.yaml"].replace("limits: {", "limits: {merges: 0, "))
    together = asyncio.Semaphore(0)
    model = ScriptedModel(GROUNDED, gate=together)
    at = desk(store, bot, model)
    for where in "abcde":
        await at.put(ASKED, where)
    async with at.open(workers=2):
        async with asyncio.timeout(PATIENCE_S):
            while len(model.requests) < 5:
                await asyncio.sleep(0.01)
        for where in "abcde":
            await at.put("When are you open?", where)
        for _ in range(1000):
            together.release()
        await at.channel.until_finals(10)
    for where in "abcde":
        assert [text.split("\n")[0] for role, text in await at.history(where) if role == "bot"] == [
            GROUNDED,
            "We are open from nine to five.",
        ]


async def test_the_model_fails_once(store: Store, bot: Bot) -> None:
    gate = asyncio.Semaphore(0)
    model = ScriptedModel(GROUNDED, gate=gate)
    model.enqueue(GenerationFailed("out of memory"))
    at = desk(store, bot, model)
    await at.put(ASKED)
    async with at.open():
        await at.channel.until("trying again")
        for _ in range(100):
            gate.release()
        assert (await at.channel.until_finals(1))[0].startswith(GROUNDED)
    assert [role for role, _ in await at.history()] == ["shopper", "bot"], "the excuse is no part of the history"
    assert list(at.channel.messages) == ["p1"], "the excuse became the answer"


async def test_the_model_fails_twice_and_the_passage_is_quoted(store: Store, bot: Bot) -> None:
    model = ScriptedModel()
    model.enqueue(GenerationFailed("one"), GenerationFailed("two"))
    at = desk(store, bot, model)
    await at.put(ASKED)
    async with at.open():
        assert GROUNDED in (await at.channel.until_finals(1))[0]
    assert len(model.requests) == 2


async def test_something_unexpected_twice(store: Store, bot: Bot) -> None:
    model = ScriptedModel()
    model.enqueue(ZeroDivisionError(), ZeroDivisionError(), GROUNDED)
    at = desk(store, bot, model)
    await at.put(ASKED)
    async with at.open():
        assert "mail us: hi@mugs.example" in (await at.channel.until_finals(1))[0]
        await at.put(ASKED)
        assert (await at.channel.until_finals(2))[1].startswith(GROUNDED), "the next turn has its own tries"
    assert [text for role, text in await at.history() if role == "shopper"] == [ASKED, ASKED]


async def test_a_failure_is_told_in_the_language_that_was_asked_in(store: Store, bot: Bot) -> None:
    model = ScriptedModel(languages=("en", "zh"))
    model.enqueue(ZeroDivisionError(), ZeroDivisionError())
    at = desk(store, bot, model)
    await at.put("蓝色杯子可以用洗碗机清洗吗")
    async with at.open():
        assert "抱歉" in (await at.channel.until_finals(1))[0]


async def test_what_cannot_even_be_read_is_answered_too(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel())
    for text in (
        "",
        "\u200b",
        "\x00\x07",
        "x" * 1_000_000,
        "‮rtl‮",
        "👍",
        "\ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    ):
        await at.put(text, where=f"c{len(text)}{text[:1]!r}")
    await at.put("", where="sticker", kind=Kind.STICKER)
    async with at.open():
        await at.channel.until_finals(8)


async def test_a_slow_answer_keeps_its_lease(embedded_url: str, prefix: str, bot: Bot) -> None:
    """It is renewed every two seconds here, so that a machine may stall for four."""
    gate = asyncio.Semaphore(0)
    model = ScriptedModel(GROUNDED, gate=gate)
    async with Store.open(embedded_url, prefix, lease_ms=6000) as store:
        at = desk(store, bot, model)
        await at.put(ASKED)
        async with at.open(workers=3):
            async with asyncio.timeout(PATIENCE_S):
                while not model.requests:
                    await asyncio.sleep(0.01)
                first = await leased_until(store)
                while await leased_until(store) < first + store.lease_ms / 10:
                    await asyncio.sleep(0.05)
            for _ in range(100):
                gate.release()
            await at.channel.until_finals(1)
        assert len(model.requests) == 1, "nobody else took it up"


async def leased_until(store: Store) -> float:
    """When the lease on the conversation ends, in ms."""
    due = await store._servers.some().client.zscore(store.work_queue(0, "mugs").due, chat().id)
    assert due is not None
    return float(due)


async def test_a_stopped_workers_turn_goes_on_at_once_elsewhere(embedded_url: str, prefix: str, bot: Bot) -> None:
    """The lease lasts a minute here: the next worker does not have to wait for its end."""
    gate = asyncio.Semaphore(0)
    stuck, fine = ScriptedModel(GROUNDED, gate=gate), ScriptedModel(GROUNDED)
    async with Store.open(embedded_url, prefix, lease_ms=60_000) as store:
        at = desk(store, bot, stuck)
        await at.put(ASKED)
        first = asyncio.create_task(at.worker().run())
        async with asyncio.timeout(PATIENCE_S):
            while not stuck.requests:
                await asyncio.sleep(0.01)
        await stop(first)
        assert len(stuck.cancelled) == 1
        at.model = fine
        async with at.open():
            assert (await at.channel.until_finals(1))[0].startswith(GROUNDED)
        _, waiting = await store.history(chat(), 10)
        assert waiting == []


async def test_stopping_is_no_failed_try(embedded_url: str, prefix: str, bot: Bot) -> None:
    async with Store.open(embedded_url, prefix, lease_ms=60_000) as store:
        gate = asyncio.Semaphore(0)
        stuck = ScriptedModel(GROUNDED, gate=gate)
        at = desk(store, bot, stuck)
        await at.put(ASKED)
        for restarts in range(1, 4):
            worker = asyncio.create_task(at.worker().run())
            async with asyncio.timeout(PATIENCE_S):
                while len(stuck.requests) < restarts:
                    await asyncio.sleep(0.01)
            await stop(worker)
        assert (await at.take()).attempts == 0


async def test_a_conversation_remembers(store: Store, bot: Bot) -> None:
    seen: list[GenerationRequest] = []

    def script(request: GenerationRequest) -> str:
        seen.append(request)
        return GROUNDED

    at = desk(store, bot, ScriptedModel(script))
    async with at.open():
        await at.put(ASKED, "ann")
        await at.channel.until_finals(1)
        await at.put("how long does a repair of handles take?", "ann")
        await at.channel.until_finals(2)
        await at.put("do you repair other broken handles?", "ben")
        await at.channel.until_finals(3)
    ann, ben = (" ".join(message.content for message in request.messages) for request in seen[1:])
    assert ASKED in ann
    assert ASKED not in ben
    assert "how long" not in ben


async def test_an_edit_that_changes_nothing_says_nothing(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel())
    async with at.open():
        first = await at.put("When are you open?")
        await at.channel.until_finals(1)
        await at.put("When are you open?", message=first.message, edited=True)
        await at.put("Is there parking?", message=first.message, edited=True)
        assert (await at.channel.until_finals(2))[1].startswith("There is no parking.")


async def test_the_state_survives(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel())
    await at.put("When are you open?")
    async with at.open():
        await at.channel.until_finals(1)
        await at.put("Is there parking?")
        finals = await at.channel.until_finals(2)
    assert "I am a bot." in finals[0]
    assert "I am a bot." not in finals[1], "said once"
    turn_state = State(language="en", greeted=True, last_speaker="ann")
    await at.put("x")
    assert (await at.take()).state == turn_state


async def test_a_message_that_kills_its_workers_is_put_aside(store: Store, bot: Bot) -> None:
    """Five workers died over it (out of memory, a crash in C): the sixth tells the shopper and does not try again."""
    model = ScriptedModel(GROUNDED)
    at = desk(store, bot, model)
    await at.put(ASKED)
    dying = desk(Store(store._servers, store._keys, lease_ms=1), bot, model)
    for deaths in range(5):
        assert (await dying.take()).deaths == deaths
    async with at.open():
        assert "mail us: hi@mugs.example" in (await at.channel.until_finals(1))[0]
    assert model.requests == []
    assert (await at.history())[0] == ("shopper", ASKED)


async def test_what_cannot_be_read_holds_up_nobody_else(store: Store, bot: Bot) -> None:
    """As if a newer version had written it: it stays, and waits for somebody who can read it."""
    at = desk(store, bot, ScriptedModel(GROUNDED))
    await at.put(ASKED, "broken")
    await store._servers.some().client.rpush(store._keys.conversation(chat("broken").id).waiting, "no JSON")
    for where in "abc":
        await at.put(ASKED, where)
    async with at.open():
        assert len(await at.channel.until_finals(3)) == 3
    for where in "abc":
        assert [role for role, _ in await at.history(where)] == ["shopper", "bot"]
    assert await store._servers.some().client.llen(store._keys.conversation(chat("broken").id).waiting) == 2
