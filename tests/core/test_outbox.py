"""The outbox on a real store: in order, each part once, an answer grows in one message, nothing blocks for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import pytest

from core.botfile import Bot
from core.errors import ChannelError, ChatClosed, RateLimited, SendAmbiguous, SendFailed, SendRejected
from core.messages import Draft, Outgoing, Reply
from core.outbox import TRIES, Outbox
from core.state import Outcome, State, Turn
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S, Recording
from tests.core.helpers import KEEP, line, message
from tests.core.service import Desk, chat, desk, stop, until

GROUNDED = "We repair broken handles within 10 days."
ASKED = "do you repair broken handles?"


@pytest.fixture
async def store(embedded_url: str, prefix: str) -> AsyncIterator[Store]:
    async with Store.open(embedded_url, prefix, lease_ms=6000) as opened:
        yield opened


async def opened(store: Store, where: str = "1") -> Turn:
    await store.put(message("hello", chat(where)), 0, KEEP)
    (turn,), _ = await store.take_turns(0, "mugs", 10, 50)
    return turn.read()


async def commit(store: Store, text: str, where: str = "1", turn: Turn | None = None) -> Turn:
    """A finished reply stands in the outbox."""
    turn = turn or await opened(store, where)
    reply = Reply(id=turn.reply_id, address=turn.address, text=text)
    await store.commit(turn, Outcome(state=State(), lines=(line(text, "bot"),), reply=reply), KEEP)
    return turn


async def kept(at: Desk, field: str) -> str:
    """What the store knows of the conversation."""
    return str(await at.store._servers.some().client.hget(at.store._keys.conversation(chat().id).hash, field) or "")


async def recorded(at: Desk) -> None:
    """Until the store knows the message that grows."""

    async def known() -> bool:
        return '"ids"' in await kept(at, "draft")

    await until(known)


async def delivered(at: Desk, turn: Turn) -> None:
    """Until the store knows that the reply went out."""

    async def known() -> bool:
        return turn.reply_id in await kept(at, "delivered")

    await until(known)


async def write(at: Desk, turn: Turn, word: str) -> None:
    """One draft after the other, until cancelled."""
    for number in count():
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text=f"{word} {number}"))
        await asyncio.sleep(0.03)


async def test_replies_go_out_in_order_one_conversation_beside_the_other(at: Desk) -> None:
    for number in range(4):
        for where in "abc":
            await commit(at.store, f"{where}{number}", where)
    async with at.open(workers=0, outboxes=2):
        texts = await at.channel.until_finals(12)
    for where in "abc":
        assert [text for text in texts if text.startswith(where)] == [f"{where}{number}" for number in range(4)]


@pytest.mark.parametrize(
    "fault", [SendFailed("502"), SendAmbiguous("the answer was lost"), RateLimited("slow down", 0.02)]
)
async def test_what_may_pass_is_sent_again(at: Desk, fault: ChannelError) -> None:
    at.channel.faults.extend([fault, fault])
    await commit(at.store, "one")
    await commit(at.store, "two")
    async with at.open(workers=0):
        assert await at.channel.until_finals(2) == ["one", "two"]
    assert await at.store.dead_letters(chat()) == []


async def test_what_will_never_go_is_put_aside_and_the_next_goes_on(at: Desk) -> None:
    at.channel.faults.append(SendRejected("bad text"))
    await commit(at.store, "one")
    await commit(at.store, "two")
    async with at.open(workers=0):
        assert await at.channel.until_finals(1) == ["two"]
    (letter,) = await at.store.dead_letters(chat())
    assert letter.reply.text == "one"
    assert letter.reason == "SendRejected: bad text"


class Slow(Recording):
    """Shows a message at once, but its answer takes a while."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = asyncio.Event()

    async def send(self, message: Outgoing) -> str:
        sent = await super().send(message)
        await self.answer.wait()
        return sent


async def test_what_is_under_way_when_we_are_stopped_is_not_sent_again(store: Store, bot: Bot) -> None:
    channel = Slow()
    at = desk(store, bot, ScriptedModel(), channel)
    turn = await commit(store, "one")
    stopping = asyncio.create_task(at.outbox(grace_s=PATIENCE_S).run())
    await channel.until("one")
    stopping.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not stopping.done(), "it waits for the answer"
    channel.answer.set()
    await asyncio.gather(stopping, return_exceptions=True)
    await delivered(at, turn)
    async with at.open(workers=0):
        await commit(store, "two")
        assert await channel.until_finals(2) == ["one", "two"]


async def test_a_dead_letter_that_is_put_back_goes_on_where_it_broke_off(at: Desk) -> None:
    at.channel.faults.extend([None, ChatClosed("blocked")])
    await commit(at.store, "one\n---\ntwo")
    async with at.open(workers=0):
        await until(at_least_one(at.store))
        (letter,) = await at.store.all_dead_letters()
        assert await at.store.requeue(letter)
        assert not await at.store.requeue(letter), "twice is once"
        assert await at.channel.until_finals(2) == ["one", "two"]
    assert [call for call in at.channel.calls if call[0] == "send"] == [("send", "p1", "one"), ("send", "p2", "two")]
    assert await at.store.all_dead_letters() == []


async def test_a_dead_letter_can_be_dropped(at: Desk) -> None:
    at.channel.faults.append(SendRejected("bad text"))
    await commit(at.store, "one")
    async with at.open(workers=0):
        await until(at_least_one(at.store))
    (letter,) = await at.store.all_dead_letters()
    assert await at.store.drop(letter)
    assert not await at.store.drop(letter)
    assert await at.store.take_unsent(0, "mugs", "test", 10) == ([], None)


def at_least_one(store: Store) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return bool(await store.all_dead_letters())

    return there


async def test_a_platform_that_never_recovers_does_not_block_for_ever(at: Desk) -> None:
    at.channel.faults.extend([SendFailed("502")] * TRIES)
    await commit(at.store, "one")
    await commit(at.store, "two")
    async with asyncio.timeout(60), at.open(workers=0):
        await at.channel.until("two")
    assert [letter.reply.text for letter in await at.store.dead_letters(chat())] == ["one"]


async def test_what_begins_to_show_while_its_reply_is_taken_is_edited_to_its_end(at: Desk) -> None:
    """The first draft is under way to the platform; the store learns of it too late for who sends the reply."""
    at.channel.gate = asyncio.Semaphore(0)
    turn = await opened(at.store)
    async with at.open(workers=0):
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="fin"))
        async with asyncio.timeout(PATIENCE_S):
            while not at.channel.asked:
                await asyncio.sleep(0.01)
        await commit(at.store, "finished", turn=turn)

        async def taken() -> bool:
            return (
                await at.store._servers.some().client.hget(at.store._keys.conversation(chat().id).hash, "out_fence")
                is not None
            )

        await until(taken)
        at.channel.gate.release()
        assert await at.channel.until_finals(1) == ["finished"]
    assert at.channel.calls == [("send", "p1", "fin"), ("edit", "p1", "finished")]


async def test_a_rate_limit_is_no_failed_try(at: Desk) -> None:
    at.channel.faults.extend([RateLimited("slow down", 0.0)] * (TRIES * 3))
    await commit(at.store, "one")
    async with at.open(workers=0):
        assert await at.channel.until_finals(1) == ["one"]


async def test_an_error_of_the_adapter_is_not_the_end(store: Store, bot: Bot) -> None:
    """A bug in an adapter: logged, tried again like any failure, the other conversations go on."""
    at = desk(store, bot, ScriptedModel())
    at.channel.faults.extend([ZeroDivisionError()] * TRIES)  # type: ignore[list-item]
    await commit(store, "one", "a")
    await commit(store, "two", "a")
    async with at.open(workers=0):
        assert await at.channel.until_finals(1) == ["two"]
    (letter,) = await store.dead_letters(chat())
    assert (letter.reply.text, letter.reason) == ("one", "ZeroDivisionError: ")


async def test_each_part_is_sent_once_though_the_second_fails(at: Desk) -> None:
    at.channel.faults.extend([None, SendFailed("502"), SendFailed("502"), None, SendFailed("502")])
    await commit(at.store, "one\n---\ntwo\n---\nthree")
    async with at.open(workers=0):
        await at.channel.until("three")
    assert [text for what, _, text in at.channel.calls if what == "send"] == ["one", "two", "three"]


async def test_a_crash_between_two_parts(at: Desk) -> None:
    """The first outbox dies while the second part is on its way: the first part is not sent again."""
    at.channel.gate = asyncio.Semaphore(1)
    await commit(at.store, "one\n---\ntwo")
    async with at.open(workers=0):
        await at.channel.until("one")
        await asyncio.sleep(0.05)
    at.channel.gate = None
    async with at.open(workers=0):
        await at.channel.until("two")
    assert at.channel.texts == ["one", "two"]
    assert len([1 for what, _, _ in at.channel.calls if what == "send"]) == 2


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_grows_in_one_message(store: Store, bot: Bot) -> None:
    gate = asyncio.Semaphore(0)
    at = desk(store, bot, ScriptedModel(GROUNDED, gate=gate))
    await at.put(ASKED)
    async with at.open():
        async with asyncio.timeout(PATIENCE_S):
            while not at.channel.typed:
                await asyncio.sleep(0.01)
        for _ in range(3):
            gate.release()
        await at.channel.until("We repair")
        for _ in range(100):
            gate.release()
        await at.channel.until_finals(1)
    assert list(at.channel.messages) == ["p1"]
    assert at.channel.texts[0].startswith(GROUNDED)


async def test_a_platform_that_cannot_edit_gets_only_the_whole(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel(GROUNDED), Recording(streams=False))
    await at.put(ASKED)
    async with at.open():
        await at.channel.until_finals(1)
    assert len(at.channel.calls) == 1


async def test_drafts_are_throttled_and_the_newest_counts(at: Desk) -> None:
    turn = await opened(at.store)
    loop = asyncio.get_running_loop()
    async with at.open(workers=0):
        began = loop.time()
        for number in range(200):
            await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text=f"word {number}"))
        await at.channel.until("word 199")
        intervals = (loop.time() - began) / at.channel.traits.edit_interval_s
    assert len(at.channel.calls) <= intervals + 2
    assert [what for what, _, _ in at.channel.calls].count("send") == 1


async def test_the_final_edits_the_draft_also_after_a_crash(at: Desk) -> None:
    turn = await opened(at.store)
    async with at.open(workers=0):
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="We rep"))
        await at.channel.until("We rep")
        await recorded(at)
    await commit(at.store, "We repair.", turn=turn)
    async with at.open(workers=0):
        assert await at.channel.until_finals(1) == ["We repair."]
    assert at.channel.texts == ["We repair."]


async def test_a_draft_goes_on_in_its_message_after_a_crash(at: Desk) -> None:
    turn = await opened(at.store)
    for text in ("We rep", "We repair bro"):
        async with at.open(workers=0):
            await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text=text))
            await at.channel.until(text)
            await recorded(at)
    assert at.channel.texts == ["We repair bro"]


async def test_a_late_draft_does_not_overwrite_the_answer(at: Desk) -> None:
    turn = await commit(at.store, "Done.")
    async with at.open(workers=0):
        await at.channel.until_finals(1)
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="Do"))
        await commit(at.store, "Next.")
        await at.channel.until("Next.")
        await asyncio.sleep(0.1)
    assert at.channel.texts == ["Done.", "Next."]


async def test_a_late_draft_after_a_restart_does_not_either(at: Desk) -> None:
    """A second outbox has not seen the answer go out; the store knows it."""
    turn = await commit(at.store, "Done.")
    async with at.open(workers=0):
        await at.channel.until_finals(1)
        await delivered(at, turn)
    async with at.open(workers=0):
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="Do"))
        await asyncio.sleep(0.15)
    assert at.channel.texts == ["Done."]


async def test_a_draft_waits_for_the_reply_before_it(at: Desk) -> None:
    at.channel.faults.append(RateLimited("slow down", 0.3))
    await commit(at.store, "First.")
    turn = await opened(at.store)
    async with at.open(workers=0):
        writing = asyncio.create_task(write(at, turn, "Second"))
        await at.channel.until("Second")
        await stop(writing)
    assert [text for text in at.channel.texts if not text.startswith("Second")] == ["First."]
    assert at.channel.texts[0] == "First."


async def test_a_draft_that_fails_does_no_harm(at: Desk) -> None:
    turn = await opened(at.store)
    at.channel.faults.extend([RateLimited("slow", 0.05), SendFailed("502")])
    async with at.open(workers=0):
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="We"))
        await asyncio.sleep(0.15)
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="We rep"))
        await asyncio.sleep(0.1)
        await commit(at.store, "We repair.", turn=turn)
        assert await at.channel.until_finals(1) == ["We repair."]


async def test_a_rate_limited_draft_waits_once(at: Desk) -> None:
    """After the wait the drafts are shown at their usual pace again."""
    turn = await opened(at.store)
    at.channel.faults.append(RateLimited("slow", 1.0))
    async with at.open(workers=0):
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="a"))
        await asyncio.sleep(0.1)
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="b"))
        await at.channel.until("b")
        async with asyncio.timeout(2.9):  # three waits would take three seconds
            for text in ("c", "d", "e"):
                await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text=text))
                await at.channel.until(text)


async def test_a_draft_that_cannot_be_edited_any_more(at: Desk) -> None:
    """The shopper deleted the growing message: the answer comes as a new one."""
    turn = await opened(at.store)
    async with at.open(workers=0):
        await at.store.publish(Draft(address=chat(), reply=turn.reply_id, text="We"))
        await at.channel.until("We")
        await recorded(at)
        at.channel.faults.append(SendRejected("message to edit not found"))
        await commit(at.store, "We repair.", turn=turn)
        assert await at.channel.until_finals(1) == ["We repair."]
    assert await at.store.dead_letters(chat()) == []


def test_an_outbox_needs_only_store_and_channel(store: Store) -> None:
    assert Outbox(store, Recording())
