"""Kill it anywhere: shoppers write on two platforms while everything is killed, cut off and repeated.

A gateway and two workers run as an operator starts them, over a real store that has everything on the disk before it says
so. Any of them is killed at any moment and started again; some are stopped for longer than a lease and go on. The platforms are our wire servers, in this process, and judge
what shoppers see in the end: each message carries a word of its own, and the answers must name every word once, in the
order of the conversation.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import redis.asyncio as redis

from core.keys import Keys
from core.messages import Address
from core.store import Store
from tests.bench.chaos_judge import Recorded, Seen, Verdict, judge
from tests.bench.chaos_plan import GATEWAY, Chaos, Kill, Plan, plan
from tests.bench.chaos_processes import Crew, crew
from tests.bench.chaos_town import Town, town, until
from tests.core.invariants import violations

# So long nothing may happen at all before what is open counts as lost.
PATIENCE_S = 90.0
_CONNECT_S = 60.0
_LOOK_S = 0.25
_MOMENT_S = 3.0
_LINES = 10_000
_QUEUES = ("ready", "line", "due")
# An answer that nobody wanted any more must have had the time to appear.
_QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class ChaosResult:
    """``lost``, ``duplicated``, ``reordered``, ``ambiguous``, ``answered``: messages. ``merged``: messages that were
    answered together with an earlier one. ``ended``: how often a process ended by itself (the store was away when it
    started). ``slowest``: the message that waited longest, ``killed_at``: who was killed when, by the same clock.
    ``violations``: what does not fit together in the store at the end.
    """

    messages: int
    conversations: int
    kills: int
    seed: int
    lost: int
    duplicated: int
    reordered: int
    ambiguous: int
    longest_silence_s: float
    answered: int
    merged: int
    seconds: float
    slowest: str
    killed: Mapping[str, int]
    stalled: Mapping[str, int]
    killed_at: tuple[str, ...]
    ended: Mapping[str, int]
    faults: Mapping[str, int]
    notices: Mapping[str, int]
    violations: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def failed(self) -> bool:
        return bool(self.lost or self.duplicated or self.reordered or self.violations)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


async def run(chaos: Chaos, folder: Path, say: Callable[[str], None]) -> ChaosResult:
    """``folder``: an empty one with a short path, for the store and the logs."""
    planned, started = plan(chaos), time.monotonic()
    async with town(chaos.conversations) as here:
        say("starting a store, a gateway and two workers")
        async with crew(folder, here.shop(folder), here.secrets) as people:
            await until(here.connected, _CONNECT_S)
            await _Run(chaos, planned, here, people, say).play()
            await drained(here, people, say)
            seen = await recorded(here.seen(), people.store.url)
            wrong = await stored_wrong(people.store.url)
            await people.up()  # one that is only starting ends at once, and says so in its exit code
            codes = await people.stop()
            wrong += [f"{name} ended with exit code {code}" for name, code in codes.items() if code]
            verdict = judge(seen, [*people[GATEWAY].killed, *people[GATEWAY].stalled])
            return _result(chaos, planned, people, verdict, wrong, time.monotonic() - started)


class _Run:
    """Plays the plan: what shoppers write, what is killed and what goes wrong, each at its moment."""

    def __init__(self, chaos: Chaos, planned: Plan, here: Town, people: Crew, say: Callable[[str], None]) -> None:
        self._chaos = chaos
        self._plan = planned
        self._town = here
        self._crew = people
        self._say = say
        self._began = 0.0

    async def play(self) -> None:
        for move in self._plan.openings:
            await self._town.make(move)
        await until(lambda: not self._town.open(), PATIENCE_S)
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            group.create_task(self._kill())
            group.create_task(self._stall())
            group.create_task(self._break())
        self._town.heal()

    async def _at(self, moment: float) -> bool:
        """Wait for it; False: it has passed."""
        left = self._began + moment - time.monotonic()
        await asyncio.sleep(max(0.0, left))
        return left > 0

    async def _write(self) -> None:
        for number, move in enumerate(self._plan.moves, 1):
            await self._at(move.at_s)
            await self._town.make(move)
            if number % 20 == 0:
                kills, planned = self._crew.kills, self._chaos.kills
                self._say(f"{number} of {len(self._plan.moves)} moves of shoppers, {kills} of {planned} kills")

    async def _kill(self) -> None:
        async with asyncio.TaskGroup() as away:
            for kill in self._plan.kills:
                late = not await self._at(kill.at_s)
                if late and not kill.early:  # it was waited for others to come up: not all at once now
                    await asyncio.sleep(kill.up_s / 2)
                await _kill(self._town, self._crew, kill)
                away.create_task(_back(self._crew, kill))  # others may be killed meanwhile

    async def _stall(self) -> None:
        async with asyncio.TaskGroup() as stalling:
            for stall in self._plan.stalls:
                await self._at(stall.at_s)
                stalling.create_task(self._crew[stall.victim].stall(stall.lasts_s))

    async def _break(self) -> None:
        for trouble in self._plan.troubles:
            await self._at(trouble.at_s)
            await self._town.trouble(trouble)


async def _kill(here: Town, people: Crew, kill: Kill) -> None:
    """One that is not there, as it was killed just before, is started first. If its moment does not come, then at once."""
    victim = people[kill.victim]
    if not kill.early and not await victim.is_up():
        victim.start()
        await victim.up()
        await asyncio.sleep(kill.up_s)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(here.at_moment(kill.moment, victim.strike), _MOMENT_S)
        return
    while not victim.strike():
        victim.start()
        await asyncio.sleep(_LOOK_S)


async def _back(people: Crew, kill: Kill) -> None:
    await asyncio.sleep(kill.away_s)
    people[kill.victim].start()


async def drained(here: Town, people: Crew, say: Callable[[str], None]) -> None:
    """Until every word is answered and nothing waits any more; or until nothing has happened for too long."""
    latest, since = (-1, -1), time.monotonic()
    while time.monotonic() - since < PATIENCE_S:
        missing = len(here.open())
        waiting = 0 if missing else await still_waiting(people.store.url)
        if (missing, waiting) != latest:
            latest, since = (missing, waiting), time.monotonic()
            say(f"{missing} messages wait for their answers" if missing else f"{waiting} conversations to be ended")
        if not missing and not waiting and time.monotonic() - since >= _QUIET_S:
            return
        await asyncio.sleep(_LOOK_S)


# ── the store at the end ─────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[redis.Redis]:
    async with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


async def still_waiting(url: str) -> int:
    """How many conversations wait for a worker, for a seat at the model or for a sender; -1: the store does not say."""
    try:
        async with _client(url) as client:
            names = [name for queue in _QUEUES for name in await client.keys(f"{Keys().prefix}:*:{queue}:*")]
            return sum([int(await client.zcard(name)) for name in names])
    except (redis.RedisError, OSError):
        return -1


async def stored_wrong(url: str) -> list[str]:
    async with _client(url) as client:
        return await violations(client, Keys())


async def recorded(seen: Mapping[str, Seen], url: str) -> dict[str, Seen]:
    """With what the store has on record of each conversation."""
    found: dict[str, Seen] = {}
    async with Store.open(url) as store:
        for place, one in seen.items():
            bot, platform, chat = place.split("/")
            lines, _ = await store.history(Address(bot=bot, platform=platform, chat=chat), _LINES)
            record = tuple(Recorded(line.text, line.delivery == "ambiguous") for line in lines if line.role == "bot")
            found[place] = replace(one, record=record)
    return found


def _result(
    chaos: Chaos, planned: Plan, people: Crew, verdict: Verdict, wrong: list[str], seconds: float
) -> ChaosResult:
    moments = [(at, process.name) for process in people.all for at in process.killed]
    return ChaosResult(
        messages=chaos.messages,
        conversations=chaos.conversations,
        kills=people.kills,
        seed=chaos.seed,
        lost=verdict.lost,
        duplicated=verdict.duplicated,
        reordered=verdict.reordered,
        ambiguous=verdict.ambiguous,
        longest_silence_s=round(verdict.longest_silence_s, 2),
        answered=verdict.answered,
        merged=verdict.merged,
        seconds=round(seconds, 1),
        slowest=verdict.slowest,
        killed_at=tuple(f"{at:.1f} {name}" for at, name in sorted(moments)),
        killed={process.name: len(process.killed) for process in people.all},
        stalled={process.name: len(process.stalled) for process in people.all if process.stalled},
        ended={process.name: len(process.ended) for process in people.all if process.ended},
        faults=dict(sorted(Counter(trouble.fault for trouble in planned.troubles).items())),
        notices=dict(verdict.notices),
        violations=tuple(wrong),
        problems=tuple(verdict.problems),
    )
