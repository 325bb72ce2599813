"""Turns per second through everything but the model: put → take → respond → commit → outbox → the platform.

As on a machine with two cores: the embedded server, one worker process with a model that answers at once, and this
process with the inbox, the outbox and a platform that takes everything. Shoppers write the next message when they have
the answer to the last one, and begin another conversation after a few.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from statistics import median_low
from typing import cast

import redis.asyncio as redis
from rich.table import Table

from bots.valkey import embedded_server, find_carried_server
from core.botfile import Bot
from core.inbox import StoredInbox
from core.messages import Address, Incoming, Outgoing, Person
from core.outbox import Outbox
from core.ports import Inbox, Traits
from core.shelf import Shelf
from core.store import Store
from tests.bench.machine import stolen_s
from tests.bench.turns_shop import ONE_QUESTION, PLATFORM, TEAHOUSE, answered_from_notes, mixed, shop
from tests.bench.turns_stored import fill, memory
from tests.bench.turns_worker import WorkerProcess, worker_process

_NOT_OURS = ("info", "config|resetstat", "config|set", "ping", "hello", "client|setinfo")
_PATIENCE_S = 60.0
_TURNS_OF_A_CONVERSATION = 5
# The share of the machine up to which nobody else is felt on it; with a tenth of it gone a turn takes a third longer.
_QUIET = 0.02
_TRIES = 3

# Each question with the answer that it must get; empty: any.
Questions = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TurnsBench:
    """``shoppers`` write at once; ``stored`` conversations are there already, each number in a store of its own.

    What is asked is a mix of all kinds of questions, as in a shop. All stores are measured one after the other, ``rounds``
    times, ``turns`` each time, and the median of each figure counts: a machine is not as fast in one minute as in the
    next. A round in which others had a part of the machine is measured again, at most twice. ``others``: also only such
    questions as go the longest way, one question again and again, and one shopper alone.
    """

    turns: int = 5000
    rounds: int = 5
    shoppers: int = 64
    stored: tuple[int, ...] = (10, 10_000, 1_000_000)
    others: bool = True


@dataclass(frozen=True, slots=True)
class TurnsResult:
    """``asked``: what, ``stored``: conversations that were there before.

    ``round_trips``: how often the server read something that the clients sent together; ``commands``: all, with those
    that the Lua functions called inside. ``bytes_per_turn``: between the clients and the server, both ways. ``*_cpu_ms``: of
    each turn, of the worker, of this process (inbox, outbox, the shoppers themselves) and of the server. ``stolen``: the share
    of the machine's CPU time meanwhile that went to others on the same hardware, which makes all of it slower; None: not known.
    """

    asked: str
    stored: int
    shoppers: int
    turns: int
    turns_per_s: float
    p50_ms: float
    p95_ms: float
    commands_per_turn: float
    round_trips_per_turn: float
    bytes_per_turn: int
    bytes_per_conversation: int
    worker_cpu_ms: float
    gateway_cpu_ms: float
    store_cpu_ms: float
    stolen: float | None
    failed: int


class RecordingChannel:
    """A platform that takes everything at once and tells each shopper when the answer is there."""

    bot = TEAHOUSE.name
    platform = PLATFORM
    traits = Traits(max_chars=4000, streams=False, typing=False)

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[str]] = {}

    def expect(self, address: Address) -> asyncio.Future[str]:
        self._waiting[address.id] = answer = asyncio.get_running_loop().create_future()
        return answer

    async def listen(self, inbox: Inbox) -> None:
        self.connected.set()

    def split(self, text: str) -> list[str]:
        return [text]

    async def send(self, message: Outgoing) -> str:
        answer = self._waiting.pop(message.address.id)
        if not answer.done():  # the shopper has not left
            answer.set_result(message.text)
        return message.reply

    async def edit(self, sent: str, message: Outgoing) -> None:
        pass

    async def typing(self, address: Address) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Asked:
    """``mix``: as in a shop; ``notes``: what is answered from notes, with the answers."""

    bot: Bot
    mix: Questions
    notes: Questions


@dataclass(frozen=True, slots=True)
class _Shop:
    """Everything that runs, and what is known of the conversations in it."""

    inbox: StoredInbox
    channel: RecordingChannel
    worker: WorkerProcess
    client: redis.Redis


async def run(bench: TurnsBench, say: Callable[[str], None]) -> list[TurnsResult]:
    """One row for each number of stored conversations, then, with the most of them, one for each other measurement."""
    say("finding out what is answered from notes")
    bot = shop(bench.shoppers)
    asked = _Asked(bot, dict.fromkeys(mixed(), ""), await answered_from_notes(bot))
    async with AsyncExitStack() as stack:
        shops = [await stack.enter_async_context(_filled(bench, asked, stored, say)) for stored in bench.stored]

        async def mixed_round() -> list[TurnsResult]:
            return [await one.mix() for one in shops]

        rounds = await quietest(bench.rounds, mixed_round)
        rows = [median_of(column) for column in zip(*rounds, strict=True)]
        return rows + (await shops[-1].others() if bench.others else [])


async def quietest(
    wanted: int, measured: Callable[[], Awaitable[Sequence[TurnsResult]]]
) -> Sequence[Sequence[TurnsResult]]:
    """So many rounds, in which others took least of the machine: as soon as so many were quiet, of at most three times as
    many. One with a wrong answer is kept before all others."""
    rounds: list[Sequence[TurnsResult]] = []
    while len(rounds) < _TRIES * wanted and sum(_taken(one) <= _QUIET for one in rounds) < wanted:
        rounds.append(await measured())
    return sorted(rounds, key=lambda one: (not any(row.failed for row in one), _taken(one)))[:wanted]


def _taken(rows: Sequence[TurnsResult]) -> float:
    return max(row.stolen or 0.0 for row in rows)


def median_of(rows: Sequence[TurnsResult]) -> TurnsResult:
    """Of each figure; of the wrong answers all."""
    every = zip(*(astuple(row) for row in rows), strict=True)
    medians = TurnsResult(*(one[0] if isinstance(one[0], str) or None in one else median_low(one) for one in every))
    return replace(medians, failed=sum(row.failed for row in rows))


@asynccontextmanager
async def _filled(
    bench: TurnsBench, asked: _Asked, stored: int, say: Callable[[str], None]
) -> AsyncIterator[_Measurements]:
    """A shop with so many conversations, of which turns can be measured."""
    with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
        async with embedded_server(Path(folder), find_carried_server()) as url:
            # A rewrite of the append-only file would fall into one measurement and not into another.
            async with redis.Redis.from_url(url) as client:
                await client.config_set("auto-aof-rewrite-percentage", 0)
            async with _shop(url, asked.bot, bench.shoppers) as standing:
                measurements = _Measurements(bench, asked, standing, say)
                await measurements.fill(stored)
                yield measurements


@asynccontextmanager
async def _shop(url: str, bot: Bot, shoppers: int) -> AsyncIterator[_Shop]:
    channel = RecordingChannel()
    with worker_process(url, shoppers) as worker:
        async with Store.open(url) as store, redis.Redis.from_url(url) as client:
            sending = asyncio.create_task(Outbox(store, channel).run())
            try:
                yield _Shop(StoredInbox(store, Shelf([bot])), channel, worker, client)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)


class _Measurements:
    def __init__(self, bench: TurnsBench, asked: _Asked, standing: _Shop, say: Callable[[str], None]) -> None:
        self._bench = bench
        self._asked = asked
        self._shop = standing
        self._say = say
        self._stored = 0
        self._bytes = 0
        self._conversations = 0

    async def fill(self, wanted: int) -> None:
        """Have at least ``wanted`` conversations stored beside those that are measured."""
        for questions in (self._asked.notes, self._asked.mix):
            await self._turns(questions, 20 * self._bench.shoppers, self._bench.shoppers)  # warm
        model = self._new_conversation()
        await self._shopper(self._asked.notes, 0, _TURNS_OF_A_CONVERSATION, model)
        self._say(f"storing {wanted} conversations")
        await fill(self._shop.client, model, 0, 0)  # what the server needs for the copying itself
        before = await memory(self._shop.client)
        await fill(self._shop.client, model, 1, wanted)
        self._bytes = await memory(self._shop.client) - before
        self._stored = wanted

    async def mix(self) -> TurnsResult:
        mix = self._asked.mix
        return await self._measure(f"a mix of {len(mix)} questions", mix, self._bench.shoppers)

    async def others(self) -> list[TurnsResult]:
        """Only what goes the longest way, one question again and again, and one shopper alone."""
        notes = self._asked.notes
        generated = f"{len(notes)} questions on notes"
        return [
            await self._quietly(generated, notes, self._bench.shoppers),
            await self._quietly("one question on a note", {ONE_QUESTION: ""}, self._bench.shoppers),
            await self._quietly(generated, notes, 1),
        ]

    async def _quietly(self, asked: str, questions: Questions, shoppers: int) -> TurnsResult:
        async def once() -> list[TurnsResult]:
            return [await self._measure(asked, questions, shoppers)]

        return (await quietest(1, once))[0][0]

    async def _measure(self, asked: str, questions: Questions, shoppers: int) -> TurnsResult:
        turns = self._bench.turns if shoppers > 1 else max(1, self._bench.turns // 5)
        self._say(f"{turns} turns: {asked}, {shoppers} at once, {self._stored} conversations stored")
        client, worker = self._shop.client, self._shop.worker
        await client.config_resetstat()
        server = await _server(client)
        stolen = stolen_s()
        cpu, here, started = worker.cpu_s(), time.process_time(), time.perf_counter()
        times, failed = await self._turns(questions, turns, shoppers)
        seconds, here, cpu = time.perf_counter() - started, time.process_time() - here, worker.cpu_s() - cpu
        share = _share(stolen, stolen_s(), seconds)
        commands, after = await _commands(client), await _server(client)
        ordered, turns = sorted(times), len(times)
        return TurnsResult(
            asked=asked,
            stored=self._stored,
            shoppers=shoppers,
            turns=turns,
            turns_per_s=round(turns / seconds, 1),
            p50_ms=round(1000 * ordered[turns // 2], 2),
            p95_ms=round(1000 * ordered[int(0.95 * (turns - 1))], 2),
            commands_per_turn=round(sum(commands.values()) / turns, 2),
            round_trips_per_turn=round((after.reads - server.reads) / turns, 2),
            bytes_per_turn=round((after.bytes - server.bytes) / turns),
            bytes_per_conversation=round(self._bytes / self._stored),
            worker_cpu_ms=round(1000 * cpu / turns, 3),
            gateway_cpu_ms=round(1000 * here / turns, 3),
            store_cpu_ms=round(1000 * (after.cpu_s - server.cpu_s) / turns, 3),
            stolen=share,
            failed=failed,
        )

    async def _turns(self, questions: Questions, turns: int, shoppers: int) -> tuple[list[float], int]:
        """Seconds from each message to its answer, and how many answers were wrong."""
        each = max(1, turns // shoppers)
        said = await asyncio.gather(*(self._shopper(questions, number * each, each) for number in range(shoppers)))
        return [one for times, _ in said for one in times], sum(failed for _, failed in said)

    async def _shopper(
        self, questions: Questions, first: int, turns: int, where: Address | None = None
    ) -> tuple[list[float], int]:
        asked, times, failed = list(questions.items()), [], 0
        for turn in range(turns):
            if where is None or (turn and turn % _TURNS_OF_A_CONVERSATION == 0):
                where = self._new_conversation()
            question, wanted = asked[(first + turn) % len(asked)]
            answer = self._shop.channel.expect(where)
            started = time.perf_counter()
            async with asyncio.timeout(_PATIENCE_S):
                await self._shop.inbox.put(_message(where, turn, question))
                text = await answer
            times.append(time.perf_counter() - started)
            failed += not text.startswith(wanted)
        return times, failed

    def _new_conversation(self) -> Address:
        self._conversations += 1
        return Address(bot=TEAHOUSE.name, platform=PLATFORM, chat=str(self._conversations))


def _message(address: Address, turn: int, question: str) -> Incoming:
    return Incoming(address=address, update=str(turn), message=str(turn), sender=Person(id=address.chat), text=question)


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    if before is None or after is None:
        return None
    return round((after - before) / (seconds * (os.cpu_count() or 1)), 3)


@dataclass(frozen=True, slots=True)
class _Server:
    reads: int
    bytes: int
    cpu_s: float


async def _server(client: redis.Redis) -> _Server:
    info = await client.info("everything")
    return _Server(
        int(info["total_reads_processed"]),
        int(info["total_net_input_bytes"]) + int(info["total_net_output_bytes"]),
        float(info["used_cpu_user"]) + float(info["used_cpu_sys"]),
    )


async def _commands(client: redis.Redis) -> Counter[str]:
    stats = cast(dict[str, dict[str, int]], await client.info("commandstats"))
    called = {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}
    return Counter({name: calls for name, calls in called.items() if name not in _NOT_OURS})


def as_json(results: Sequence[TurnsResult]) -> list[dict[str, object]]:
    return [asdict(row) for row in results]


def table(results: Sequence[TurnsResult]) -> Table:
    """One column for each measurement: so it fits a terminal of 80 columns."""
    shown = Table(title="Turns through the embedded store, with a model that answers at once", title_justify="left")
    shown.add_column("")
    for row in results:
        shown.add_column(row.asked, justify="right")
    for name, figures in (
        ("conversations stored", [f"{row.stored:,}" for row in results]),
        ("shoppers at once", [f"{row.shoppers}" for row in results]),
        ("turns/s", [f"[bold]{row.turns_per_s:,.0f}[/]" for row in results]),
        ("p50 / p95, ms", [f"{row.p50_ms:.1f} / {row.p95_ms:.1f}" for row in results]),
        ("commands a turn", [f"{row.commands_per_turn:.1f}" for row in results]),
        ("round trips a turn", [f"{row.round_trips_per_turn:.1f}" for row in results]),
        ("bytes a turn", [f"{row.bytes_per_turn:,}" for row in results]),
        ("bytes a conversation", [f"{row.bytes_per_conversation:,}" for row in results]),
        ("CPU ms: worker", [f"{row.worker_cpu_ms:.2f}" for row in results]),
        ("CPU ms: gateway", [f"{row.gateway_cpu_ms:.2f}" for row in results]),
        ("CPU ms: store", [f"{row.store_cpu_ms:.2f}" for row in results]),
        ("CPU that others took", ["–" if row.stolen is None else f"{row.stolen:.0%}" for row in results]),
        ("wrong answers", [f"{row.failed}" for row in results]),
    ):
        shown.add_row(name, *figures)
    return shown
