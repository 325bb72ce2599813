"""What is on record when nobody knows whether a reply arrived, when it could not be delivered, and when a chat is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.botfile import Bot
from core.errors import ChannelError, ChatClosed, LeaseLost, RateLimited, SendAmbiguous, SendFailed, SendRejected
from core.messages import Line, Outgoing, Reply
from core.outbox import TRIES
from core.state import Outcome, State, Turn, Unsent
from core.store import Store
from core.taken import ENDED
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S, Recording
from tests.core.helpers import KEEP, line, message
from tests.core.service import Desk, chat, desk, stop, until

LEASE_MS = 300
LOST = SendAmbiguous("the answer was lost")


@pytest.fixture
async def store(embedded_url: str, prefix: str) -> AsyncIterator[Store]:
    async with Store.open(embedded_url, prefix, lease_ms=6000) as opened:
        yield opened


async def commit(store: Store, text: str, where: str = "1", *others: Line) -> Turn:
    """A finished reply stands in the outbox and in the history; ``others`` after it."""
    await store.put(message("hello", chat(where)), 0, KEEP)
    (taken,), _ = await store.take_turns(0, "mugs", 10, 50)
    turn = taken.read()
    reply = Reply(id=turn.reply_id, address=turn.address, text=text)
    said = Line(id=reply.id, role="bot", text=text)
    await store.commit(turn, Outcome(state=State(), lines=(line("hello"), said, *others), reply=reply), KEEP)
    return turn


async def deliveries(store: Store, where: str = "1") -> list[tuple[str, str]]:
    log, _ = await store.history(chat(where), 100)
    return [(one.delivery, one.delivery_reason) for one in log if one.role == "bot"]


async def kept(store: Store, field: str, where: str = "1") -> str:
    return str(await store._servers.some().client.hget(store._keys.conversation(chat(where).id).hash, field) or "")


async def all_sent(store: Store, where: str = "1") -> None:
    """Until nothing waits in the outbox any more."""

    async def empty() -> bool:
        return not await store._servers.some().client.exists(store._keys.conversation(chat(where).id).out)

    await until(empty)


async def dies_with(store: Store, where: str = "1") -> Unsent:
    """A sender takes the reply and is never heard of again; it is due once more when its lease has run out."""
    dying = Store(store._servers, store._keys, lease_ms=LEASE_MS)
    (taken,), _ = await dying.take_unsent(0, "mugs", "test", 1)
    unsent = taken.read()
    assert unsent.conversation == chat(where).id
    return unsent


def outgoing(unsent: Unsent, text: str, part: int = 0) -> Outgoing:
    return Outgoing(address=unsent.reply.address, reply=unsent.reply.id, part=part, text=text)


# ── nobody knows whether it arrived ──────────────────────────────────────────────────────────────────────


async def test_what_is_delivered_as_usual_is_not_written_down(at: Desk) -> None:
    at.channel.faults.extend([SendFailed("502"), RateLimited("slow", 0.0)])
    await commit(at.store, "one")
    async with at.open(workers=0):
        await all_sent(at.store)
    assert at.channel.texts == ["one"]
    assert await deliveries(at.store) == [("", "")]
    assert await kept(at.store, "begun") == ""


@pytest.mark.parametrize("arrived", [0, 1])
async def test_a_lost_answer_is_on_record_where_the_platform_cannot_tell(at: Desk, arrived: int) -> None:
    at.channel.faults.append(LOST)
    at.channel.lost = arrived
    await commit(at.store, "one")
    async with at.open(workers=0):
        await all_sent(at.store)
    assert at.channel.texts == ["one"] * (1 + arrived)
    assert await deliveries(at.store) == [("ambiguous", "the answer was lost")]


@pytest.mark.parametrize("after", [SendFailed("502"), RateLimited("slow", 0.0)])
async def test_the_doubt_outlives_what_was_surely_not_taken(at: Desk, after: ChannelError) -> None:
    at.channel.faults.extend([LOST, after])
    at.channel.lost = 1
    await commit(at.store, "one")
    async with at.open(workers=0):
        await all_sent(at.store)
    assert await deliveries(at.store) == [("ambiguous", "the answer was lost")]


async def test_where_the_platform_knows_a_repetition_nothing_is_ambiguous(store: Store, bot: Bot) -> None:
    at = desk(store, bot, ScriptedModel(), Recording(repeat_window_s=120.0))
    at.channel.faults.append(LOST)
    at.channel.lost = 1
    await commit(store, "one")
    async with at.open(workers=0):
        await all_sent(store)
    assert at.channel.texts == ["one"]
    assert await deliveries(store) == [("", "")]


async def test_a_repetition_after_the_platforms_window_is_ambiguous_again(store: Store, bot: Bot) -> None:
    await commit(store, "one")
    unsent = await dies_with(store)
    long_ago = int(await kept(store, "begun")) - 121_000
    await store._servers.some().client.hset(store._keys.conversation(unsent.conversation).hash, "begun", long_ago)
    at = desk(store, bot, ScriptedModel(), Recording(repeat_window_s=120.0))
    async with at.open(workers=0):
        await all_sent(store)
    assert await deliveries(store) == [("ambiguous", ENDED)]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_sender_that_dies_in_the_middle(at: Desk, arrived: bool) -> None:
    await commit(at.store, "one")
    unsent = await dies_with(at.store)
    if arrived:
        await at.channel.send(outgoing(unsent, "one"))
    async with at.open(workers=0):
        await all_sent(at.store)
    assert at.channel.texts == ["one"] * (1 + arrived)
    assert await deliveries(at.store) == [("ambiguous", ENDED)]
    with pytest.raises(LeaseLost):
        await at.store.sent(unsent, unsent.shown)


async def test_a_sender_that_dies_between_two_parts(at: Desk) -> None:
    """What is known to stand there is not sent again; only the next part may."""
    await commit(at.store, "one\n---\ntwo\n---\nthree")
    unsent = await dies_with(at.store)
    first = await at.channel.send(outgoing(unsent, "one"))
    await at.store.shown(unsent, unsent.shown.replace(ids=(first,)))
    await at.channel.send(outgoing(unsent, "two", 1))
    async with at.open(workers=0):
        await all_sent(at.store)
    assert sorted(at.channel.texts) == ["one", "three", "two", "two"]
    assert await deliveries(at.store) == [("ambiguous", ENDED)]


async def test_a_sender_that_dies_after_the_last_part_leaves_no_doubt(at: Desk) -> None:
    """Editing it once more shows nothing twice."""
    await commit(at.store, "one")
    unsent = await dies_with(at.store)
    first = await at.channel.send(outgoing(unsent, "one"))
    await at.store.shown(unsent, unsent.shown.replace(ids=(first,)))
    async with at.open(workers=0):
        await all_sent(at.store)
    assert at.channel.texts == ["one"]
    assert await deliveries(at.store) == [("", "")]


async def test_an_ambiguous_edit_leaves_no_doubt(at: Desk) -> None:
    await commit(at.store, "one")
    unsent = await dies_with(at.store)
    first = await at.channel.send(outgoing(unsent, "on"))
    await at.store.postpone(unsent, unsent.shown.replace(ids=(first,)), 0)
    at.channel.faults.append(LOST)
    async with at.open(workers=0):
        await all_sent(at.store)
    assert at.channel.texts == ["one"]
    assert await deliveries(at.store) == [("", "")]


async def test_what_is_cut_off_by_a_stop_is_ambiguous(at: Desk) -> None:
    at.channel.gate = asyncio.Semaphore(0)
    await commit(at.store, "one")
    sending = asyncio.create_task(at.outbox().run())
    async with asyncio.timeout(PATIENCE_S):
        while not at.channel.asked:
            await asyncio.sleep(0.01)
    await stop(sending)
    at.channel.gate = None
    async with at.open(workers=0):
        await all_sent(at.store)
    assert await deliveries(at.store) == [("ambiguous", ENDED)]


async def test_what_waits_for_its_draft_when_we_stop_is_not(at: Desk) -> None:
    """Nothing of it was sent, and another sender goes on at once."""
    await commit(at.store, "one")
    outbox = at.outbox()
    async with outbox._drafts.lock(chat().id):
        sending = asyncio.create_task(outbox.run())

        async def taken() -> bool:
            return await kept(at.store, "begun") != ""

        await until(taken)
        await asyncio.sleep(0.05)
        await stop(sending)
    assert await kept(at.store, "begun") == ""
    async with at.open(workers=0):
        await all_sent(at.store)
    assert await deliveries(at.store) == [("", "")]


async def test_the_line_is_found_among_others_and_stays_as_it_was(at: Desk) -> None:
    at.channel.faults.append(LOST)
    text = '说 "hi" \\ / 🍵 \n1.0 and 1e5'
    turn = await commit(at.store, text, "1", line("later"))
    before, _ = await at.store.history(chat(), 100)
    async with at.open(workers=0):
        await all_sent(at.store)
    after, _ = await at.store.history(chat(), 100)
    changed = {"delivery": "ambiguous", "delivery_reason": "the answer was lost"}
    assert after == [one.replace(**changed if one.id == turn.reply_id else {}) for one in before]


async def test_a_history_that_was_erased_meanwhile_stays_so(at: Desk) -> None:
    at.channel.faults.append(LOST)
    await commit(at.store, "one")
    await at.store._servers.some().client.delete(at.store._keys.conversation(chat().id).log)
    async with at.open(workers=0):
        await all_sent(at.store)
    assert await at.store.history(chat(), 100) == ([], [])


# ── what could not be delivered ──────────────────────────────────────────────────────────────────────────


async def given_up(store: Store, count: int = 1) -> None:
    async def there() -> bool:
        return len(await store.dead_letters(chat())) >= count

    await until(there)


async def test_a_reply_that_is_given_up_is_on_record_and_again_when_it_arrived_after_all(at: Desk) -> None:
    at.channel.faults.append(SendRejected("bad text"))
    await commit(at.store, "one")
    async with at.open(workers=0):
        await given_up(at.store)
        assert await deliveries(at.store) == [("failed", "SendRejected: bad text")]
        (letter,) = await at.store.dead_letters(chat())
        assert await at.store.requeue(letter)
        await all_sent(at.store)
    assert at.channel.texts == ["one"]
    assert await deliveries(at.store) == [("sent", "")]


async def test_what_was_given_up_in_doubt_stays_in_doubt_when_it_is_sent_again(at: Desk) -> None:
    at.channel.faults.extend([LOST] * TRIES)
    at.channel.lost = 1
    await commit(at.store, "one")
    async with at.open(workers=0):
        await given_up(at.store)
        (letter,) = await at.store.dead_letters(chat())
        assert letter.doubtful == "the answer was lost"
        assert await at.store.requeue(letter)
        await all_sent(at.store)
    assert at.channel.texts == ["one", "one"]
    assert await deliveries(at.store) == [("ambiguous", "the answer was lost")]


# ── closed chats ─────────────────────────────────────────────────────────────────────────────────────────


async def closed(store: Store) -> None:
    async def noted() -> bool:
        return "blocked" in await kept(store, "closed")

    await until(noted)


async def test_a_closed_chat_is_left_alone_until_somebody_writes_in_it(at: Desk) -> None:
    at.channel.faults.append(ChatClosed("blocked"))
    for text in ("one", "two"):
        await commit(at.store, text)
    async with at.open(workers=0):
        await given_up(at.store, 2)
        assert at.channel.asked == 1, "the second one is not tried"
        await closed(at.store)
        (_, first), (state, second) = await deliveries(at.store)
        assert first == "ChatClosed: blocked"
        assert (state, "not tried" in second, "blocked" in second) == ("failed", True, True)
        await commit(at.store, "three")
        await all_sent(at.store)
    assert at.channel.texts == ["three"]
    assert await kept(at.store, "closed") == ""


async def test_a_chat_in_which_somebody_waits_is_not_closed(at: Desk) -> None:
    """What they wrote since will be answered, and that answer is tried."""
    at.channel.faults.append(ChatClosed("blocked"))
    await commit(at.store, "one")
    await at.store.put(message("are you there?", chat()), 0, KEEP)
    async with at.open(workers=0):
        await given_up(at.store)
    assert await kept(at.store, "closed") == ""
    assert await deliveries(at.store) == [("failed", "ChatClosed: blocked")]


async def test_an_operator_who_sends_it_again_opens_a_closed_chat(at: Desk) -> None:
    at.channel.faults.append(ChatClosed("blocked"))
    await commit(at.store, "one")
    async with at.open(workers=0):
        await given_up(at.store)
        (letter,) = await at.store.dead_letters(chat())
        assert await at.store.requeue(letter)
        await all_sent(at.store)
    assert at.channel.texts == ["one"]
