"""What is added or withdrawn while an answer is made: the answer begins anew, is given once, and in the same message."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from core.botfile import Bot
from core.errors import LeaseLost, TurnChanged
from core.inbox import PlatformMemory
from core.messages import Command, Draft, Incoming, Kind, Outgoing
from core.queue import consume
from core.state import Outcome, State, Turn
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.helpers import KEEP
from tests.core.service import Desk, chat, desk, stop, until
from tests.core.shop import FILES, open_shop

GROUNDED = "We repair broken handles within 10 days."
ASKED = "do you repair broken handles?"
MORE = "and how long does the repair take?"


def shop(folder: Path, limits: str) -> Bot:
    return open_shop(folder, bot_yaml=FILES["bot.yaml"].replace("merge_ms: 30", limits))


def gated(store: Store, bot: Bot) -> tuple[Desk, ScriptedModel]:
    """A desk whose model says a word when it is let."""
    model = ScriptedModel(GROUNDED, gate=asyncio.Semaphore(0))
    return desk(store, bot, model), model


def let(model: ScriptedModel, words: int = 1000) -> None:
    assert model.gate is not None
    for _ in range(words):
        model.gate.release()


async def asked(model: ScriptedModel, times: int) -> str:
    """Wait until the model was asked so often; the whole last prompt."""

    async def so_often() -> bool:
        return len(model.requests) >= times

    await until(so_often)
    return "\n".join(message.content for message in model.requests[-1].messages)


async def withdraw(at: Desk, message: Incoming) -> None:
    memory = PlatformMemory(at.store, "mugs", message.address.platform)
    await memory.withdraw([message.address], message.message)


async def show(at: Desk, turn: Turn) -> None:
    """A draft of the turn's answer, as the outbox shows and records it."""
    draft = Draft(address=turn.address, reply=turn.reply_id, text="We")
    await at.store.begin_draft(draft)
    sent = await at.channel.send(Outgoing(address=turn.address, reply=turn.reply_id, text="We", final=False))
    await at.store.drafted(draft, sent)


async def nothing_waits(at: Desk, where: str = "1") -> None:
    async def empty() -> bool:
        return not (await at.store.history(chat(where), 9))[1]

    await until(empty)


async def test_what_is_added_joins_the_answer(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED)
        await asked(model, 1)
        await at.put(MORE)
        assert MORE in await asked(model, 2)
        let(model)
        await at.channel.until_finals(1)
        await nothing_waits(at)
    assert len(model.cancelled) == 1
    assert len(model.requests) == 2
    assert [role for role, _ in await at.history()] == ["shopper", "shopper", "bot"]


async def test_what_is_shown_already_is_edited_and_not_repeated(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED)
        let(model, 5)
        await at.channel.until("We repair")
        await at.put(MORE)
        await asked(model, 2)
        let(model)
        await at.channel.until_finals(1)
    assert list(at.channel.messages) == ["p1"]
    assert sum(what == "send" for what, *_ in at.channel.calls) == 1


async def test_a_burst_joins_as_one(store: Store, tmp_path: Path) -> None:
    at, model = gated(store, shop(tmp_path, "merge_ms: 500"))
    async with at.open():
        await at.put(ASKED)
        await asked(model, 1)
        await asyncio.gather(*(at.put(text) for text in ("hi", "are you there", MORE)))
        assert f"hi\nare you there\n{MORE}" in await asked(model, 2)
        let(model)
        await at.channel.until_finals(1)
    assert len(model.requests) == 2


async def test_it_begins_anew_only_so_often(store: Store, tmp_path: Path) -> None:
    at, model = gated(store, shop(tmp_path, "merge_ms: 10, merges: 2"))
    async with at.open():
        await at.put(ASKED)
        for times in (1, 2):
            await asked(model, times)
            await at.put(MORE)
        await asked(model, 3)
        await at.put("do you engrave broken handles?")
        await asyncio.sleep(0.2)  # it would begin anew now
        assert len(model.requests) == 3
        let(model)
        await at.channel.until_finals(2)
    roles = [role for role, _ in await at.history()]
    assert roles == ["shopper", "shopper", "shopper", "bot", "shopper", "bot"]


async def test_what_is_overheard_changes_nothing(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED, group=True)
        await asked(model, 1)
        await at.put("nice weather", group=True, addressed=False, sender={"id": "ben"})
        await asyncio.sleep(0.2)
        let(model)
        await at.channel.until_finals(1)
        await nothing_waits(at)
    assert len(model.requests) == 1
    assert [role for role, _ in await at.history()] == ["shopper", "bot", "overheard"]


async def test_an_edit_changes_the_question(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        first = await at.put(ASKED)
        await asked(model, 1)
        await at.put("When are you open?", message=first.message, edited=True)
        assert (await at.channel.until_finals(1))[0].startswith("We are open from nine to five.")
        await nothing_waits(at)
    assert len(model.cancelled) == 1
    assert [text for role, text in await at.history() if role == "shopper"] == ["When are you open?"]


async def test_an_edit_that_changes_nothing(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        first = await at.put(ASKED)
        await asked(model, 1)
        await at.put(ASKED, message=first.message, edited=True)
        await asyncio.sleep(0.2)
        let(model)
        await at.channel.until_finals(1)
        await nothing_waits(at)
    assert len(model.requests) == 1
    assert len(at.channel.finals) == 1


async def test_a_command_is_a_turn_of_its_own(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED)
        await asked(model, 1)
        await at.put("", kind=Kind.COMMAND, command=Command.HUMAN)
        await asyncio.sleep(0.2)
        let(model)
        finals = await at.channel.until_finals(2)
    assert len(model.requests) == 1
    assert finals[0].startswith(GROUNDED)
    assert "talk to a person" in finals[1]


async def test_withdrawn_before_anything_is_shown_is_passed_over_in_silence(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        only = await at.put(ASKED)
        await asked(model, 1)
        await withdraw(at, only)
        await nothing_waits(at)
        let(model)
        await at.put("When are you open?", "b")
        await at.channel.until_finals(1)
    assert len(model.cancelled) == 1
    assert at.channel.texts[0].startswith("We are open"), "and nothing of what was withdrawn"
    assert len(at.channel.texts) == 1
    assert await at.history() == []


async def test_withdrawn_when_a_part_is_shown_ends_what_is_shown(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        only = await at.put(ASKED)
        let(model, 5)
        await at.channel.until("We repair")
        await withdraw(at, only)
        (final,) = await at.channel.until_finals(1)
        assert "is gone" in final
        await nothing_waits(at)
    assert list(at.channel.messages) == ["p1"]
    assert [role for role, _ in await at.history()] == ["bot"]


async def test_of_two_messages_one_is_withdrawn(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    await at.put(ASKED)
    second = await at.put(MORE)
    async with at.open():
        assert MORE in await asked(model, 1)
        await withdraw(at, second)
        assert MORE not in await asked(model, 2)
        let(model)
        await at.channel.until_finals(1)
    assert [text for role, text in await at.history() if role == "shopper"] == [ASKED]


async def test_withdrawn_after_it_began_anew_for_the_last_time(store: Store, tmp_path: Path) -> None:
    at, model = gated(store, shop(tmp_path, "merge_ms: 10, merges: 0"))
    async with at.open():
        first = await at.put(ASKED)
        await asked(model, 1)
        await withdraw(at, first)
        await nothing_waits(at)
    assert len(model.cancelled) == 1
    assert at.channel.texts == []


async def test_a_turn_of_which_something_was_withdrawn_is_not_committed(store: Store, bot: Bot) -> None:
    """The withdrawal comes between the last look and the commit."""
    at, _ = gated(store, bot)
    first, _ = await at.put(ASKED), await at.put(MORE)
    turn = await at.take()
    await withdraw(at, first)
    done = Outcome(state=State(), lines=())
    with pytest.raises(TurnChanged):
        await store.commit(turn, done, KEEP)
    fresh = await store.reread(turn, 50)
    assert [message.withdrawn for message in fresh.messages] == [True, False]
    assert fresh.reply_id == turn.reply_id
    await store.commit(fresh, done, KEEP)
    assert await store.history(chat(), 9) == ([], [])


async def test_a_worker_that_hears_no_news_does_not_answer_what_was_withdrawn(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    worker = at.worker()  # not run: it has no subscription
    take = partial(store.take_turns, 0, "mugs", lines=50)
    outbox = asyncio.create_task(at.outbox().run())
    deaf = asyncio.create_task(consume(4, take, worker.handle))
    first, _ = await at.put(ASKED), await at.put(MORE)
    assert ASKED in await asked(model, 1)
    await withdraw(at, first)
    let(model)
    await at.channel.until_finals(1)
    await stop(deaf, outbox)
    assert ASKED not in await asked(model, 2)
    assert len(model.requests) == 2
    assert [text for role, text in await at.history() if role == "shopper"] == [MORE]


async def test_a_worker_dies_and_the_next_takes_what_was_added_too(store: Store, bot: Bot) -> None:
    """What the dead one had shown is edited."""
    at, model = gated(store, bot)
    await at.put(ASKED)
    dying = desk(Store(store._servers, store._keys, lease_ms=1), bot, model)
    turn = await dying.take()
    await show(at, turn)
    await at.put(MORE)
    let(model)
    async with at.open():
        await at.channel.until_finals(1)
        await nothing_waits(at)
    assert MORE in await asked(model, 1)
    assert list(at.channel.messages) == ["p1"]


async def test_a_worker_dies_and_what_it_had_shown_is_withdrawn(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    only = await at.put(ASKED)
    dying = desk(Store(store._servers, store._keys, lease_ms=1), bot, model)
    turn = await dying.take()
    await show(at, turn)
    await withdraw(at, only)
    async with at.open():
        assert "is gone" in (await at.channel.until_finals(1))[0]
    assert list(at.channel.messages) == ["p1"]
    assert model.requests == []


async def test_one_of_two_workers_begins_anew(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open(workers=2):
        for where in "ab":
            await at.put(ASKED, where)
        await asked(model, 2)
        await at.put(MORE, "a")
        assert MORE in await asked(model, 3)
        let(model)
        await at.channel.until_finals(2)
        await nothing_waits(at, "a")
    assert len(model.requests) == 3
    assert len(model.cancelled) == 1


async def test_news_in_a_conversation_that_was_lost_ends_the_work_on_it(
    embedded_url: str, prefix: str, bot: Bot
) -> None:
    """The lease lasts a minute here: without the news it would be known after twenty seconds."""
    async with Store.open(embedded_url, prefix, lease_ms=60_000) as store:
        at, model = gated(store, bot)
        async with at.open():
            await at.put(ASKED)
            await asked(model, 1)
            # As when another worker takes it.
            await store._servers.some().client.hincrby(store._keys.conversation(chat().id).hash, "fence", 1)
            await at.put(MORE)

            async def given_up() -> bool:
                return len(model.cancelled) == 1

            await until(given_up)
            assert at.channel.texts == []


async def test_a_lost_fence_reads_nothing(store: Store, bot: Bot) -> None:
    at, _ = gated(store, bot)
    await at.put(ASKED)
    turn = await at.take()
    await store.commit(turn, Outcome(state=State(), lines=()), KEEP)
    with pytest.raises(LeaseLost):
        await store.reread(turn, 50)
