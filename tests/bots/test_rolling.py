"""A rolling restart: processes are stopped and started again one after the other, and no shopper notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from core.phrases import Phrase, say
from core.store import Store
from tests.bench.chaos import drained, recorded, stored_wrong
from tests.bench.chaos_judge import judge
from tests.bench.chaos_plan import GATEWAY, WORKERS, Move
from tests.bench.chaos_processes import Crew, crew
from tests.bench.chaos_town import Town, town, until
from tests.bench.chaos_words import BOT
from tests.platforms.openai_faults import Hold

CONVERSATIONS = 12
EVERY_S = 0.2
WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    town: Town
    crew: Crew


@asynccontextmanager
async def running(conversations: int, workers: Sequence[str] = WORKERS) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        # A unix socket lies in it, whose path may not be long.
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="kefu-")))
        here = await stack.enter_async_context(town(conversations))
        people = await stack.enter_async_context(crew(folder, here.shop(folder), here.secrets, workers))
        await until(here.connected, WAIT_S)
        yield Running(here, people)


def moves(conversations: int) -> Iterator[Move]:
    """One message after the other, in one conversation after the other."""
    return (Move(0.0, "says", number % conversations, number, number) for number in count())


async def chatter(here: Town) -> None:
    for move in moves(CONVERSATIONS):
        await here.make(move)
        await asyncio.sleep(EVERY_S)


async def restart(people: Crew, name: str) -> None:
    assert await people[name].stop() == 0
    people[name].start()
    await people[name].up()


async def test_no_shopper_notices_a_rolling_restart_under_load() -> None:
    async with running(CONVERSATIONS) as at:
        here, people = at.town, at.crew
        writing = asyncio.create_task(chatter(here))
        for name in (*WORKERS, GATEWAY):
            answered = len(here.model.chats)
            await until(lambda before=answered: len(here.model.chats) > before + 5, WAIT_S)  # type: ignore[misc]
            await restart(people, name)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await drained(here, people, lambda said: None)
        seen = await recorded(here.seen(), people.store.url)
        verdict = judge(seen, [])
        assert verdict.problems == []
        assert (verdict.lost, verdict.duplicated, verdict.reordered, verdict.ambiguous) == (0, 0, 0, 0)
        assert verdict.notices == {}, "nothing but answers"
        trouble = [say(Phrase.TRYING_AGAIN, "en"), say(Phrase.FAILED, "en", contact="")[:30]]
        shown = [send.text for one in seen.values() for send in one.sends]
        assert not [text for text in shown if any(sentence in text for sentence in trouble)], "not for a moment either"
        assert await stored_wrong(people.store.url) == []


async def test_a_stopped_worker_hands_back_what_it_had() -> None:
    """Another one goes on at once: nobody waits for the end of a lease, and it does not count as a death."""
    worker = WORKERS[0]
    async with running(1, [worker]) as at:
        here, people = at.town, at.crew
        here.model.fail(Hold(asyncio.Event(), after=3))
        await here.make(next(moves(1)))
        await until(lambda: bool(here.model.chats) and here.model.chats[0].sent == 3, WAIT_S)
        assert await people[worker].stop() == 0
        await until(lambda: here.model.chats[0].ended == "left", WAIT_S)  # nobody generates for nobody
        async with Store.open(people.store.url) as store:
            (taken,), _ = await store.take_turns(0, BOT, 10, lines=10)
            turn = taken.read()
            assert turn.deaths == 0
            await store.retry_turn(turn, 0, turn.attempts)
        people[worker].start()
        await drained(here, people, lambda said: None)
        (one,) = (await recorded(here.seen(), people.store.url)).values()
        verdict = judge({"": one}, [])
        assert (verdict.problems, verdict.answered) == ([], 1)
