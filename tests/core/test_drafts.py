"""The first draft of a reply, wherever it is interrupted: shown once, and its reply is edited into it or on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.botfile import Bot
from core.errors import ChatClosed, RateLimited, SendAmbiguous, SendFailed
from core.messages import Address, Draft, Line, Outgoing, Reply
from core.state import Outcome, State, Turn
from core.store import Store
from core.taken import ENDED
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S, Recording
from tests.core.helpers import KEEP, line, message
from tests.core.service import Desk, chat, desk, stop, until

LOST = SendAmbiguous("the answer was lost")


@pytest.fixture
async def store(embedded_url: str, prefix: str) -> AsyncIterator[Store]:
    async with Store.open(embedded_url, prefix, lease_ms=6000) as opened:
        yield opened


async def opened(store: Store) -> Turn:
    await store.put(message("hello", chat()), 0, KEEP)
    (turn,), _ = await store.take_turns(0, "mugs", 10, 50)
    return turn.read()


async def commit(store: Store, text: str, turn: Turn) -> None:
    reply = Reply(id=turn.reply_id, address=turn.address, text=text)
    said = Line(id=reply.id, role="bot", text=text)
    await store.commit(turn, Outcome(state=State(), lines=(line("hello"), said), reply=reply), KEEP)


async def delivery(store: Store) -> tuple[str, str]:
    log, _ = await store.history(chat(), 100)
    return log[-1].delivery, log[-1].delivery_reason


def draft(turn: Turn, text: str = "We rep") -> Draft:
    return Draft(address=chat(), reply=turn.reply_id, text=text)


async def kept(store: Store, field: str) -> str:
    return str(await store._servers.some().client.hget(store._keys.conversation(chat().id).hash, field) or "")


async def asked(channel: Recording, count: int = 1) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while channel.asked < count:
            await asyncio.sleep(0.01)


async def all_sent(store: Store) -> None:
    async def empty() -> bool:
        return not await store._servers.some().client.exists(store._keys.conversation(chat().id).out)

    await until(empty)


@pytest.mark.parametrize("arrived", [0, 1])
async def test_a_draft_whose_answer_was_lost_is_the_last_one(at: Desk, arrived: int) -> None:
    """Each further one could be a further copy of it; the finished reply is sent, and on record."""
    turn = await opened(at.store)
    at.channel.faults.append(LOST)
    at.channel.lost = arrived
    async with at.open(workers=0):
        for text in ("We", "We rep", "We repair"):
            await at.store.publish(draft(turn, text))
            await asked(at.channel)
            await asyncio.sleep(0.05)
        await commit(at.store, "We repair.", turn)
        await all_sent(at.store)
    assert at.channel.texts == ["We"] * arrived + ["We repair."]
    assert at.channel.asked == 2
    assert await delivery(at.store) == ("ambiguous", ENDED)


async def test_where_the_platform_knows_a_repetition_the_draft_goes_on(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel(), Recording(repeat_window_s=120.0))
    turn = await opened(store)
    at.channel.faults.append(LOST)
    at.channel.lost = 1
    async with at.open(workers=0):
        await at.store.publish(draft(turn, "We"))
        await at.channel.until("We")
        await asyncio.sleep(0.05)
        await at.store.publish(draft(turn, "We repair"))
        await at.channel.until("We repair")
        await commit(store, "We repair.", turn)
        await all_sent(store)
    assert at.channel.texts == ["We repair."]
    assert await delivery(store) == ("", "")


@pytest.mark.parametrize("arrived", [True, False])
async def test_killed_between_the_draft_and_its_record(at: Desk, arrived: bool) -> None:
    """Another process goes on: no second beginning, and the finished reply is on record."""
    turn = await opened(at.store)
    await at.store.begin_draft(draft(turn))
    if arrived:
        await at.channel.send(Outgoing(address=chat(), reply=turn.reply_id, text="We rep", final=False))
    async with at.open(workers=0):
        await at.store.publish(draft(turn, "We repair"))
        await asyncio.sleep(0.1)
        await commit(at.store, "We repair.", turn)
        await all_sent(at.store)
    assert at.channel.texts == ["We rep"] * arrived + ["We repair."]
    assert await delivery(at.store) == ("ambiguous", ENDED)


async def test_killed_after_the_record_of_the_draft(at: Desk) -> None:
    turn = await opened(at.store)
    await at.store.begin_draft(draft(turn))
    sent = await at.channel.send(Outgoing(address=chat(), reply=turn.reply_id, text="We rep", final=False))
    await at.store.drafted(draft(turn), sent)
    await commit(at.store, "We repair.", turn)
    async with at.open(workers=0):
        await all_sent(at.store)
    assert at.channel.texts == ["We repair."]
    assert await delivery(at.store) == ("", "")


async def test_an_id_that_could_not_be_recorded_is_recorded_with_the_next_draft(at: Desk) -> None:
    turn = await opened(at.store)
    hash = at.store._keys.conversation(chat().id).hash
    async with at.open(workers=0):
        await at.store.publish(draft(turn, "We"))
        await at.channel.until("We")

        async def recorded() -> bool:
            return '"ids"' in await kept(at.store, "draft")

        await until(recorded)
        client = at.store._servers.some().client
        await client.hset(hash, "draft", f'{{"reply": "{turn.reply_id}"}}')  # as if that call had not come through
        await client.hset(hash, "draft_at", "1")
        await at.store.publish(draft(turn, "We rep"))
        await until(recorded)


async def test_the_reply_waits_for_a_draft_that_another_process_is_sending(at: Desk) -> None:
    """A gateway that is being stopped has its first draft under way; the next one takes the finished reply."""
    turn = await opened(at.store)
    at.channel.gate = asyncio.Semaphore(0)
    first = asyncio.create_task(at.outbox(grace_s=PATIENCE_S).run())
    await at._listening(0, 1)
    await at.store.publish(draft(turn))
    await asked(at.channel)
    first.cancel()
    await commit(at.store, "We repair.", turn)
    second = asyncio.create_task(at.outbox(grace_s=PATIENCE_S).run())
    await asyncio.sleep(0.2)
    assert at.channel.asked == 1, "it waits"
    at.channel.gate.release()
    assert await at.channel.until_finals(1) == ["We repair."]
    await all_sent(at.store)
    at.channel.gate = None
    await stop(first, second)
    assert at.channel.calls == [("send", "p1", "We rep"), ("edit", "p1", "We repair.")]
    assert await delivery(at.store) == ("", "")


async def test_two_processes_show_one_beginning(at: Desk) -> None:
    turn = await opened(at.store)
    async with at.open(workers=0, outboxes=2):
        for text in ("We", "We rep"):
            await at.store.publish(draft(turn, text))
            await at.channel.until(text)
            await asyncio.sleep(0.05)
        await commit(at.store, "We repair.", turn)
        await all_sent(at.store)
    assert at.channel.texts == ["We repair."]
    assert await delivery(at.store) == ("", "")


async def test_another_process_shows_nothing_over_the_finished_reply(at: Desk) -> None:
    """Its newest draft waits for its turn while we send the reply."""
    at.channel.traits = at.channel.traits.model_copy(update={"edit_interval_s": 0.5})
    turn = await opened(at.store)
    other = asyncio.create_task(at.outbox()._drafts.run())
    await at._listening(0, 1)
    await at.store.publish(draft(turn, "We"))
    await at.channel.until("We")
    await at.store.publish(draft(turn, "We rep"))
    await commit(at.store, "We repair.", turn)
    async with at.open(workers=0):
        await all_sent(at.store)
        await asyncio.sleep(0.6)
    await stop(other)
    assert at.channel.texts == ["We repair."]


async def test_a_draft_that_was_surely_not_taken_leaves_no_doubt(at: Desk) -> None:
    turn = await opened(at.store)
    at.channel.faults.append(SendFailed("502"))
    async with at.open(workers=0):
        await at.store.publish(draft(turn))
        await asked(at.channel)
        await commit(at.store, "We repair.", turn)
        await all_sent(at.store)
    assert at.channel.texts == ["We repair."]
    assert await delivery(at.store) == ("", "")


async def test_a_mark_can_be_made_twice_by_one_call_only(store: Store) -> None:
    """The client repeats a call whose answer was lost; another process's call is another one."""
    turn = await opened(store)
    keys = store._keys.conversation(chat().id)
    mark = f'{{"reply": "{turn.reply_id}", "by": "me"}}'
    for _ in range(2):
        assert await store._call("begin", (keys.hash, keys.out), turn.reply_id, mark) == ["send"]
    other = await store.begin_draft(draft(turn))
    assert other.wanted
    assert other.unanswered_s is not None
    await store.drafted(draft(turn), "")
    assert (await store.begin_draft(draft(turn))).unanswered_s is None, "it was lifted"


async def test_no_draft_for_a_chat_that_is_closed(at: Desk) -> None:
    turn = await opened(at.store)
    at.channel.faults.append(ChatClosed("blocked"))
    async with at.open(workers=0):
        await commit(at.store, "one", turn)
        await all_sent(at.store)
        await at.store.publish(Draft(address=chat(), reply="another", text="We"))
        await asyncio.sleep(0.1)
    assert at.channel.asked == 1


# ── drafts give way ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "But"])
async def test_a_rate_limited_draft_does_not_hold_up_what_comes_after_it(at: Desk, text: str) -> None:
    """The platform wants an hour; the finished reply and the next one's drafts are shown as soon as it takes them."""
    turn = await opened(at.store)
    at.channel.faults.extend([None, RateLimited("slow", 3600.0)])
    async with at.open(workers=0):
        await at.store.publish(draft(turn, "We"))
        await at.channel.until("We")
        await at.store.publish(draft(turn, "We rep"))

        async def limited() -> bool:
            return not at.channel.faults

        await until(limited)
        await commit(at.store, "We repair.", turn)
        assert await at.channel.until_finals(1) == ["We repair."]
        await all_sent(at.store)
        following = await opened(at.store)
        await at.store.publish(draft(following, text))

        async def shown() -> bool:
            return bool(at.channel.typed) or "But" in at.channel.texts

        await until(shown)


async def test_the_next_reply_does_not_wait_for_the_pause_of_one_that_was_given_up(at: Desk) -> None:
    """A turn that failed has no finished reply; the drafts of the next one are shown at once."""
    turn = await opened(at.store)
    at.channel.faults.append(RateLimited("slow", 3600.0))
    async with at.open(workers=0):
        await at.store.publish(draft(turn, "We"))
        await asked(at.channel)
        await at.store.publish(Draft(address=chat(), reply="another", text="But"))
        await at.channel.until("But")


class Hanging(Recording):
    """Its typing is never answered."""

    async def typing(self, address: Address) -> None:
        await super().typing(address)
        await asyncio.Event().wait()


async def test_typing_that_hangs_does_not_hold_up_the_reply(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel(), Hanging())
    turn = await opened(store)
    async with at.open(workers=0):
        await store.publish(draft(turn, ""))

        async def typing() -> bool:
            return bool(at.channel.typed)

        await until(typing)
        await commit(store, "We repair.", turn)
        assert await at.channel.until_finals(1) == ["We repair."]


async def test_an_error_of_the_adapter_while_drafting_is_not_the_end(at: Desk) -> None:
    turn = await opened(at.store)
    at.channel.faults.append(ZeroDivisionError())  # type: ignore[arg-type]
    async with at.open(workers=0):
        await at.store.publish(draft(turn))
        await asked(at.channel)
        await commit(at.store, "We repair.", turn)
        assert await at.channel.until_finals(1) == ["We repair."]
