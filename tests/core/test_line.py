"""Those who wait for a seat at the model: who needs none goes past them, they keep their place, and are told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from core.botfile import Bot
from core.errors import GenerationFailed, LeaseLost
from core.inbox import PlatformMemory, StoredTranscript
from core.messages import Command, Kind, Rung
from core.phrases import in_line
from core.ports import GenerationRequest, Piece, TextModel
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.helpers import KEEP
from tests.core.invariants import violations
from tests.core.service import Desk, chat, desk, until
from tests.core.shop import FILES, open_shop

GROUNDED = "We repair broken handles within 10 days."
ASKED = "do you repair broken handles?"
MORE = "and how long does the repair take?"
APPROVED = "When are you open?"
NEXT = "You are next in line"


def shop(folder: Path, seats: int = 1, tell_s: float = 0.0, busy_s: float = 600.0) -> Bot:
    limits = f"merge_ms: 0, concurrency: {seats}, tell_wait_s: {tell_s}, busy_wait_s: {busy_s}"
    return open_shop(folder, bot_yaml=FILES["bot.yaml"].replace("merge_ms: 30", limits))


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    """With one seat; who waits at all is told."""
    return shop(tmp_path)


def gated(store: Store, bot: Bot) -> tuple[Desk, ScriptedModel]:
    """A desk whose model says a word when it is let."""
    model = ScriptedModel(GROUNDED, gate=asyncio.Semaphore(0))
    return desk(store, bot, model), model


def let(model: ScriptedModel, words: int = 10_000) -> None:
    assert model.gate is not None
    for _ in range(words):
        model.gate.release()


async def shut(model: ScriptedModel) -> None:
    assert model.gate is not None
    while not model.gate.locked():
        await model.gate.acquire()


async def asked(model: ScriptedModel, times: int) -> list[str]:
    """Wait until the model was asked so often; in which chats it was."""

    async def so_often() -> bool:
        return len(model.requests) >= times

    await until(so_often)
    return [request.owner.rpartition("/")[2] for request in model.requests]


async def stands(at: Desk, *where: str) -> None:
    """Wait until just these wait in line, in this order, and nobody looks at them."""
    keys = at.store._keys

    async def there() -> bool:
        line = await at.store._ask("ZRANGE", keys.line(0, "mugs"), 0, -1)
        leased = [await at.store._ask("HGET", keys.conversation(one).hash, "leased") for one in line]
        return list(line) == [chat(name).id for name in where] and not any(leased)

    await until(there)


def said_in(at: Desk, where: str) -> list[str]:
    """The finished messages in a chat, each without its disclosure."""
    messages = at.channel.messages.values()
    return [one.text.split("\n")[0] for one in messages if one.final and one.address == chat(where)]


async def answered(at: Desk, where: str, count: int) -> list[str]:
    """Wait until so many finished messages stand in a chat."""

    async def there() -> bool:
        return len(said_in(at, where)) >= count

    await until(there)
    return said_in(at, where)


async def consistent(store: Store) -> bool:
    return await violations(store._servers.some().client, store._keys) == []


async def test_what_needs_no_model_goes_past_those_who_wait(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        await at.put(ASKED, "b")
        await stands(at, "b")
        await at.put(APPROVED, "c")
        assert await answered(at, "c", 1) == ["We are open from nine to five."]
        await at.put("", "d", kind=Kind.COMMAND, command=Command.HUMAN)
        await answered(at, "d", 1)
        assert len(model.requests) == 1
        let(model)
        assert (await answered(at, "b", 2))[1] == GROUNDED
    assert await consistent(store)


async def test_who_waits_is_told_once_and_what_is_added_joins(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        await at.put(ASKED, "b")
        (told,) = await answered(at, "b", 1)
        assert told == f"{NEXT}. No need to write again, I will answer as soon as it is your turn."
        await stands(at, "b")
        shown = await StoredTranscript(store).read(chat("b"))
        assert [line.text.partition(".")[0] for line in shown] == [ASKED, NEXT], "as it was said"
        await at.put(MORE, "b")
        await stands(at, "b")
        let(model)
        assert await answered(at, "b", 2) == [told, GROUNDED]
    assert MORE in model.requests[1].messages[-1].content
    assert [role for role, _ in await at.history("b")] == ["shopper", "bot", "shopper", "bot"]
    assert await store.line.told(chat("b")) is None
    assert await consistent(store)


async def test_who_waits_only_a_little_is_not_told(store: Store, tmp_path: Path) -> None:
    """Known from the turns before: a seat is held for some milliseconds here."""
    at, model = gated(store, shop(tmp_path, tell_s=3000))
    let(model, 100)
    async with at.open():
        await at.put(ASKED, "x")
        await answered(at, "x", 1)
        await shut(model)
        await at.put(ASKED, "a")
        await asked(model, 2)
        await at.put(ASKED, "b")
        await stands(at, "b")
        let(model)
        assert await answered(at, "b", 1) == [GROUNDED]


async def test_who_has_waited_long_is_told_also_if_it_was_not_foreseen(store: Store, tmp_path: Path) -> None:
    """Nothing is known yet of how long an answer takes."""
    at, model = gated(store, shop(tmp_path, tell_s=0.3))
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        asked_at = (await at.put(ASKED, "b")).at
        assert (await answered(at, "b", 1))[0].startswith(f"{NEXT}. ")
        told = await store.line.told(chat("b"))
        assert told is not None
        assert (told.at - asked_at).total_seconds() >= 0.3
        await stands(at, "b")
        let(model)
        assert (await answered(at, "b", 2))[1] == GROUNDED
    assert await consistent(store)


async def test_the_first_come_is_served_first_also_if_more_is_said(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        for number, where in enumerate("bcd"):
            await at.put(ASKED, where)
            await stands(at, *"bcd"[: number + 1])
        await at.put(MORE, "b")
        await stands(at, "b", "c", "d")
        let(model)
        assert await asked(model, 4) == ["a", "b", "c", "d"]
        await answered(at, "d", 2)
    assert [said_in(at, where)[0].partition(" in line")[0] for where in "bcd"] == [
        "You are next",
        "You are second",
        "You are third",
    ]


async def test_an_approved_answer_for_who_waits_comes_after_what_waits(store: Store, bot: Bot) -> None:
    """In the order of the conversation: a command waits for the question before it."""
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        await at.put(ASKED, "b")
        await stands(at, "b")
        await at.put("", "b", kind=Kind.COMMAND, command=Command.HUMAN)
        await stands(at, "b")
        let(model)
        told, answer, person = await answered(at, "b", 3)
    assert (told[:11], answer) == (NEXT[:11], GROUNDED)
    assert "talk to a person" in person


async def test_an_edit_into_a_question_that_needs_no_model_is_answered_at_once(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        first = await at.put(ASKED, "b")
        await stands(at, "b")
        await at.put(APPROVED, "b", message=first.message, edited=True)
        assert (await answered(at, "b", 2))[1] == "We are open from nine to five."
        await stands(at)
        let(model)
        await answered(at, "a", 1)
    assert len(model.requests) == 1
    assert await consistent(store)


async def test_what_is_withdrawn_while_it_waits_is_not_answered(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        written = await at.put(ASKED, "b")
        await stands(at, "b")
        await PlatformMemory(store, "mugs", "test").withdraw([chat("b")], written.message)
        await at.put(ASKED, "c")
        await stands(at, "b", "c")
        let(model)
        assert (await answered(at, "c", 2))[1] == GROUNDED
        await stands(at)
    assert await asked(model, 2) == ["a", "c"]
    assert len(said_in(at, "b")) == 1, "only what it was told"


async def test_two_workers_share_the_line(store: Store, bot: Bot) -> None:
    at, model = gated(store, bot)
    async with at.open(workers=2):
        for where in "ab":
            await at.put(ASKED, where)
        await asked(model, 2)
        for where in "cdef":
            await at.put(ASKED, where)
        await stands(at, "c", "d", "e", "f")
        assert len(model.requests) == 2, "each has one seat"
        let(model)
        for where in "cdef":
            assert (await answered(at, where, 2))[1] == GROUNDED
    assert len(model.requests) == 6
    assert await consistent(store)


async def test_those_in_line_do_not_need_the_worker_that_put_them_there(store: Store, bot: Bot) -> None:
    """Also if it died while it did."""
    at, model = gated(store, bot)
    for where in "ab":
        await at.put(ASKED, where)
    parked = await at.take()
    await store.line.join(parked)
    await store.line.park(parked, KEEP.ttl_ms)
    dying = desk(Store(store._servers, store._keys, lease_ms=1), bot, model)
    died = await dying.take()
    await store.line.join(died)
    with pytest.raises(LeaseLost):
        await store.renew_turn(parked)
    let(model)
    async with at.open():
        for where in "ab":
            assert await answered(at, where, 1) == [GROUNDED]
    assert await consistent(store)


async def test_a_stopped_worker_hands_back_and_the_place_is_kept(embedded_url: str, prefix: str, bot: Bot) -> None:
    async with Store.open(embedded_url, prefix, lease_ms=60_000) as store:
        at, model = gated(store, bot)
        async with at.open():
            await at.put(ASKED, "a")
            await asked(model, 1)
            await at.put(ASKED, "b")
            await stands(at, "b")
        let(model)
        async with at.open():
            await answered(at, "b", 2)
            await answered(at, "a", 1)
        assert sorted(await asked(model, 3)) == ["a", "a", "b"]
        assert await consistent(store)


async def test_a_turn_whose_model_failed_waits_in_line_too(store: Store, bot: Bot) -> None:
    """The seat is for who waited; the excuse stands until the answer takes its place."""
    at, model = gated(store, bot)
    model.enqueue(GROUNDED, GenerationFailed("out of memory"), GROUNDED, GROUNDED)
    async with at.open():
        await at.put(ASKED, "a")
        await asked(model, 1)
        for where in "bc":
            await at.put(ASKED, where)
        await stands(at, "b", "c")
        let(model)
        await answered(at, "b", 2)
        await answered(at, "c", 2)
    assert said_in(at, "b")[1] == GROUNDED
    assert len(said_in(at, "b")) == 2, "told once"
    assert sum(one.address == chat("b") for one in at.channel.messages.values()) == 2, "the excuse became the answer"


async def test_who_would_wait_too_long_is_sent_to_a_person(store: Store, tmp_path: Path) -> None:
    at, model = gated(store, shop(tmp_path, busy_s=0))
    let(model, 100)
    async with at.open():
        await at.put(ASKED, "old")
        await answered(at, "old", 1)
        await shut(model)
        await at.put(ASKED, "a")
        await asked(model, 2)
        await at.put(ASKED, "new")
        (person,) = await answered(at, "new", 1)
        assert person.startswith("Many people are asking just now")
        line = (await StoredTranscript(store).read(chat("new")))[-1]
        assert line.rung is Rung.UNKNOWN
        assert "hi@mugs.example" in line.text
        trace = await store.trace(chat("new"), line.trace)
        assert trace is not None
        assert trace.passages
        await at.put(MORE + ASKED, "old")
        await stands(at, "old")
        let(model)
        assert (await answered(at, "old", 3))[2] == GROUNDED, "who is in a conversation waits"
    assert await consistent(store)


class Slow(ScriptedModel):
    """Takes its time; knows how many it answered at once."""

    def __init__(self) -> None:
        super().__init__(GROUNDED)
        self.busy = 0
        self.most = 0

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(0.03)
            async for piece in super().generate(request):
                yield piece
        finally:
            self.busy -= 1


async def test_a_crowd(store: Store, tmp_path: Path) -> None:
    """Forty shoppers at once and eight seats: all are answered, those who wait are told once, nobody is dropped."""
    model = Slow()
    at = desk(store, shop(tmp_path, seats=4), _as_model(model))
    names = [str(number) for number in range(40)]
    async with at.open(workers=2):
        await asyncio.gather(*(at.put(ASKED, name) for name in names))
        for name in names:

            async def there(where: str = name) -> bool:
                return GROUNDED in said_in(at, where)

            await until(there)
        await stands(at)
    assert model.most <= 8
    for name in names:
        *told, answer = said_in(at, name)
        assert answer == GROUNDED
        assert len(told) <= 1
    assert sum(len(said_in(at, name)) == 2 for name in names) >= 20
    assert len(model.requests) == 40
    assert await consistent(store)


async def test_a_crowd_in_several_partitions(store: Store, tmp_path: Path) -> None:
    """As on a cluster: a line in each partition, the same seats for all."""
    parted = Store(store._servers, replace(store._keys, partitions=3))
    model = Slow()
    at = desk(parted, shop(tmp_path, seats=2), _as_model(model))
    names = [str(number) for number in range(15)]
    try:
        async with at.open():
            await asyncio.gather(*(at.put(ASKED, name) for name in names))
            for name in names:
                assert GROUNDED in await answered(at, name, 1) or GROUNDED in await answered(at, name, 2)
    finally:
        await parted._bells.close()
    assert model.most <= 2
    assert len(model.requests) == 15
    assert await consistent(parted)


def _as_model(model: Slow) -> TextModel:
    return model


@pytest.mark.parametrize(
    ("place", "seconds", "language", "text"),
    [
        (3, 40.0, "en", "You are third in line, about 40 seconds."),
        (1, None, "en-GB", "You are next in line."),
        (12, 600.0, "en", "You are number 12 in line, about 10 minutes."),
        (2, 3.0, "de", "You are second in line, about 10 seconds."),
        (3, 40.0, "zh-Hant", "您排在第 3 位，大约需要等 40 秒。"),
        (21, 130.0, "zh", "您排在第 21 位，大约需要等 2 分钟。"),
        (1, None, "zh", "您排在第 1 位。"),
    ],
)
def test_how_it_is_told(place: int, seconds: float | None, language: str, text: str) -> None:
    assert in_line(place, seconds, language).startswith(text)
