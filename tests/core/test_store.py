"""The store's promises, on the embedded Valkey and on the distribution's server alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import LeaseLost, StoreUnavailable, StoreVersion, TurnChanged
from core.inbox import PlatformMemory, StoredTranscript, line_of
from core.messages import Address, Command, Draft, Reply
from core.state import Beginning, DeadLetter, Outcome, Shown, State, Trace, Turn, Unsent
from core.store import Retention, Store
from core.taken import TakenTurn
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, address, command, line, message


@pytest.fixture(params=["embedded", "distribution", "cluster"])
async def store(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Store]:
    url = request.getfixturevalue(f"{request.param}_url")
    async with Store.open(url, prefix, lease_ms=5000) as opened:
        yield opened


def partition(store: Store, where: Address) -> int:
    return store._keys.partition(where.id)


async def due_turns(store: Store, bot: str = "shop") -> tuple[list[TakenTurn], float | None]:
    """Those of all partitions, and the shortest time until the next is due in one."""
    each = [await store.take_turns(number, bot, 10, 50) for number in store.partitions]
    return [one for taken, _ in each for one in taken], min((s for _, s in each if s is not None), default=None)


async def opened(store: Store, where: Address) -> Turn:
    """Take what is due; it must be the conversation at ``where``."""
    async with asyncio.timeout(PATIENCE_S):
        while not (due := (await due_turns(store, where.bot))[0]):
            await asyncio.sleep(0.02)
    (turn,) = due
    assert turn.conversation == where.id
    return turn.read()


async def unsent_at(store: Store, where: Address) -> Unsent:
    """Take what is due to be sent; it must be a reply in the conversation at ``where``."""
    async with asyncio.timeout(PATIENCE_S):
        while not (due := (await store.take_unsent(partition(store, where), where.bot, where.platform, 10))[0]):
            await asyncio.sleep(0.02)
    (unsent,) = due
    assert unsent.conversation == where.id
    return unsent.read()


def outcome(turn: Turn, text: str = "fine") -> Outcome:
    reply = Reply(id=turn.reply_id, address=turn.address, text=text)
    trace = Trace(
        id="t1", reply=reply.id, persona="p", persona_version="1", rung="unknown", question="q", language="en"
    )
    return Outcome(state=State(language="zh"), lines=(line("hello"), line(text, "bot")), reply=reply, trace=trace)


async def test_what_is_put_is_claimed_answered_and_sent_once(store: Store) -> None:
    where = address()
    assert await store.put(message("one", where), 0, KEEP)
    turn = await opened(store, where)
    assert [m.text for m in turn.messages] == ["one"]
    await store.commit(turn, outcome(turn), KEEP)

    unsent = await unsent_at(store, where)
    assert unsent.reply.text == "fine"
    await store.sent(unsent, unsent.shown.replace(ids=("9",)))
    assert await store.take_unsent(partition(store, where), "shop", "test", 10) == ([], None)

    log, waiting = await store.history(where, 10)
    assert [entry.text for entry in log] == ["hello", "fine"]
    assert waiting == []
    trace = await store.trace(where, "t1")
    assert trace is not None
    assert trace.reply == turn.reply_id


async def test_the_same_update_is_stored_once(store: Store) -> None:
    first = message("one")
    assert await store.put(first, 0, KEEP)
    assert not await store.put(first, 0, KEEP)
    turn = await opened(store, first.address)
    await store.commit(turn, outcome(turn), KEEP)
    assert not await store.put(first, 0, KEEP), "also after it was answered"


async def test_a_burst_is_one_turn(store: Store) -> None:
    for text in ("one", "two", "three"):
        await store.put(message(text), 1500, KEEP)
    due, wait = await due_turns(store)
    assert due == []
    assert wait is not None
    turn = await opened(store, address())
    assert [m.text for m in turn.messages] == ["one", "two", "three"]


async def test_a_command_is_a_turn_of_its_own(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    await store.put(command(Command.NEW), 0, KEEP)
    await store.put(message("two"), 0, KEEP)
    for texts in (["one"], [""], ["two"]):
        turn = await opened(store, address())
        assert [m.text for m in turn.messages] == texts
        await store.commit(turn, outcome(turn), KEEP)


async def test_what_comes_while_it_is_answered_waits_for_the_next_turn(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    first = await opened(store, address())
    await store.put(message("two"), 0, KEEP)
    due, _ = await due_turns(store)
    assert due == [], "the conversation is held"
    await store.commit(first, outcome(first), KEEP)
    second = await opened(store, address())
    assert [m.text for m in second.messages] == ["two"]
    assert [entry.text for entry in second.history] == ["hello", "fine"]
    assert second.state.language == "zh"
    assert second.reply_id != first.reply_id


async def test_a_dead_workers_conversation_goes_on_and_its_late_write_fails(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    short = Store(store._servers, store._keys, lease_ms=50)
    dead = await opened(short, address())
    taken_over = await opened(store, address())  # after the lease
    assert taken_over.messages == dead.messages
    assert taken_over.reply_id == dead.reply_id
    with pytest.raises(LeaseLost):
        await store.commit(dead, outcome(dead, "late"), KEEP)
    with pytest.raises(LeaseLost):
        await store.renew_turn(dead)
    await store.commit(taken_over, outcome(taken_over, "in time"), KEEP)
    log, _ = await store.history(address(), 10)
    assert [entry.text for entry in log] == ["hello", "in time"]


async def test_a_commit_that_is_repeated_writes_nothing_twice(store: Store) -> None:
    """The client repeats a call when its answer was lost."""
    await store.put(message("one"), 0, KEEP)
    turn = await opened(store, address())
    await store.put(message("two"), 0, KEEP)
    for _ in range(2):
        await store.commit(turn, outcome(turn), KEEP)
    log, waiting = await store.history(address(), 10)
    assert len(log) == 2
    assert [m.text for m in waiting] == ["two"]


async def test_a_renewed_lease_is_kept(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    turn = await opened(store, address())
    queue = store.work_queue(partition(store, address()), "shop")
    server = store._servers.of(queue.due).client
    ends = await server.zscore(queue.due, address().id) or 0.0
    for _ in range(3):
        await asyncio.sleep(0.05)
        await store.renew_turn(turn)
        later = await server.zscore(queue.due, address().id) or 0.0
        assert later >= ends + 50
        ends = later
        assert (await due_turns(store))[0] == []
    await store.commit(turn, outcome(turn), KEEP)


async def test_a_turn_handed_back_is_due_again_with_its_attempts(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    turn = await opened(store, address())
    await store.retry_turn(turn, 0.1, turn.attempts + 1)
    again = await opened(store, address())
    assert again.attempts == 1
    assert again.reply_id == turn.reply_id
    await store.commit(again, outcome(again), KEEP)
    await store.put(message("two"), 0, KEEP)
    assert (await opened(store, address())).attempts == 0


async def test_replies_are_sent_in_order_and_a_repeated_call_loses_none(store: Store) -> None:
    for text in ("one", "two"):
        await store.put(message(text), 0, KEEP)
        turn = await opened(store, address())
        await store.commit(turn, outcome(turn, text), KEEP)
    first = await unsent_at(store, address())
    for _ in range(2):
        await store.sent(first, first.shown)
    second = await unsent_at(store, address())
    assert (first.reply.text, second.reply.text) == ("one", "two")


async def test_what_is_shown_already_is_known_to_the_next_sender(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    turn = await opened(store, address())
    draft = Draft(address=address(), reply=turn.reply_id, text="fi")
    assert await store.begin_draft(draft) == Beginning()
    await store.drafted(draft, "77")
    assert await store.begin_draft(draft) == Beginning(sent="77")
    await store.commit(turn, outcome(turn), KEEP)
    unsent = await unsent_at(store, address())
    assert unsent.shown.ids == ("77",)
    await store.postpone(unsent, unsent.shown.replace(ids=("77", "78"), attempts=3), 0)
    again = await unsent_at(store, address())
    assert again.shown == Shown(reply=turn.reply_id, ids=("77", "78"), attempts=3)
    with pytest.raises(LeaseLost):
        await store.shown(unsent, unsent.shown)


async def test_a_dead_letter_keeps_the_reply_and_its_reason(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    turn = await opened(store, address())
    await store.commit(turn, outcome(turn), KEEP)
    unsent = await unsent_at(store, address())
    await store.sent(unsent, unsent.shown, DeadLetter(reply=unsent.reply, reason="blocked"))
    (letter,) = await store.dead_letters(address())
    assert (letter.reply.text, letter.reason) == ("fine", "blocked")


async def test_erasing_forgets_the_history(store: Store) -> None:
    await store.put(message("one"), 0, KEEP)
    turn = await opened(store, address())
    await store.commit(turn, outcome(turn), KEEP)
    await store.put(command(Command.NEW), 0, KEEP)
    turn = await opened(store, address())
    await store.commit(turn, Outcome(state=State(), lines=(line("forgotten", "bot"),), erase=True), KEEP)
    log, _ = await store.history(address(), 10)
    assert [entry.text for entry in log] == ["forgotten"]
    assert await store.trace(address(), "t1") is None, "a trace holds the question"


async def test_only_the_newest_lines_are_kept_and_a_conversation_ends(store: Store) -> None:
    keep = Retention(ttl_ms=60_000, lines=3)
    for text in ("one", "two"):
        await store.put(message(text), 0, keep)
        turn = await opened(store, address())
        await store.commit(turn, outcome(turn, text), keep)
    log, _ = await store.history(address(), 10)
    assert [entry.text for entry in log] == ["one", "hello", "two"]
    await store.put(message("three"), 0, keep)
    turn = await opened(store, address())
    await store.commit(turn, outcome(turn, "three"), Retention(ttl_ms=100, lines=3))
    async with asyncio.timeout(PATIENCE_S):
        while await store.history(address(), 10) != ([], []):
            await asyncio.sleep(0.02)


async def test_drafts_reach_who_listens(store: Store) -> None:
    drafts = store.drafts("shop", "test")
    waiting = asyncio.ensure_future(anext(drafts))
    sent = Draft(address=address(), reply="r", text="你好")
    while not waiting.done():
        await store.publish(sent)
        await asyncio.sleep(0.02)
    assert waiting.result() == sent
    await drafts.aclose()  # type: ignore[attr-defined]


async def test_data_of_another_version_are_refused(embedded_url: str, prefix: str) -> None:
    async with Store.open(embedded_url, prefix) as opened_store:
        await opened_store._servers.some().client.set(f"{prefix}:schema", '{"version": 99, "partitions": 1}')
    with pytest.raises(StoreVersion, match="99"):
        async with Store.open(embedded_url, prefix):
            pass


async def test_a_store_that_is_away_says_so() -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        async with Store.open("unix:///nowhere/at/all.sock", "x"):
            pass


async def test_a_cancelled_call_ends_wherever_it_is(embedded_url: str, prefix: str) -> None:
    """Also while the client connects: a lost cancellation would keep a clean stop waiting for ever."""
    for steps in range(60):
        async with Store.open(embedded_url, prefix) as fresh:
            await fresh._servers.some().client.connection_pool.disconnect()
            waiting = asyncio.create_task(fresh.take_turns(0, "shop", 1, 50, after_s=0.1))
            for _ in range(steps):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting


async def test_channels_are_known_by_their_newest_message(store: Store) -> None:
    late = datetime.now(UTC).replace(microsecond=0)
    early = late - timedelta(hours=1)
    where = address(platform="discord")
    for at in (late, early):
        await store.put(message("hi", where, heard_in="77", at=at), 0, KEEP)
    await store.put(message("edited", where, edited=True), 0, KEEP)
    await store.put(message("hi", address(platform="discord", bot="other"), heard_in="78"), 0, KEEP)
    memory = PlatformMemory(store, "shop", "discord")
    assert await memory.newest() == {"77": late}
    assert await PlatformMemory(store, "shop", "telegram").newest() == {}


async def test_moves_are_kept(store: Store) -> None:
    memory = PlatformMemory(store, "shop", "telegram")
    assert await memory.moves() == {}
    for _ in range(2):
        await memory.moved("-5", "-1005")
    assert await memory.moves() == {"-5": "-1005"}
    assert await PlatformMemory(store, "other", "telegram").moves() == {}


async def test_a_withdrawn_message_waits_no_more_and_is_forgotten(store: Store) -> None:
    where = address()
    secret = message("my number is 555", where, quoted="what is it?")
    await store.put(secret, 0, KEEP)
    turn = await opened(store, where)
    trace = Trace(
        id="t1",
        reply=turn.reply_id,
        persona="p",
        persona_version="1",
        rung="unknown",
        question="my number is 555",
        language="en",
    )
    said = outcome(turn).replace(lines=(line_of(secret), line("thanks", "bot")), trace=trace)
    await store.commit(turn, said, KEEP)
    await store.put(message("my number is 556", where, message=secret.message, edited=True), 0, KEEP)
    await store.put(message("and parking?", where), 0, KEEP)
    taken = await opened(store, where)

    memory = PlatformMemory(store, where.bot, where.platform)
    for _ in range(2):
        await memory.withdraw([address("elsewhere"), where], secret.message)
    lines, waiting = await store.history(where, 10)
    assert [one.text for one in lines] == ["thanks"]
    assert [(one.text, one.withdrawn) for one in waiting] == [("", True), ("and parking?", False)]
    assert await store.trace(where, "t1") is None
    shown = await StoredTranscript(store).read(where)
    assert [one.text for one in shown] == ["thanks", "and parking?"]

    with pytest.raises(TurnChanged):
        await store.commit(taken, outcome(taken), KEEP)
    taken = await store.reread(taken, 50)
    await store.commit(taken, outcome(taken), KEEP)  # who had taken both takes no third one with them
    await store.put(message("third", where), 0, KEEP)
    assert [one.text for one in (await opened(store, where)).messages] == ["third"]
