"""Turns per second through everything but the model: put → claim → open → respond → commit → outbox → the platform.

The store is the embedded server, the model answers at once and the platform takes everything, so this is what the core
itself allows. Shoppers write the next message when they have the answer to the last one.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import redis.asyncio as redis
from rich.table import Table

from bots.valkey import embedded_server, find_carried_server
from core.botfile import Bot, load_bot
from core.inbox import StoredInbox
from core.messages import Address, Incoming, Outgoing, Person
from core.outbox import Outbox
from core.ports import Inbox, Traits
from core.shelf import Shelf
from core.store import Store
from core.worker import Worker
from models.scripted import ScriptedModel

_BOT = Path(__file__).resolve().parents[2] / "bots" / "teahouse"
_PLATFORM = "bench"
# Answered from a note by the (scripted) model: the longest way through the ladder.
_QUESTION = "How should I store green tea once it is opened?"
_ANSWER = "Once opened, drink green and yellow tea within 3 months."
# What redis-py sends; everything else in the server's statistics is called by the Lua functions.
_SENT_BY_CLIENT = ("evalsha", "publish", "blpop", "exec", "script|load")
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class TurnsBench:
    turns: int = 2000
    shoppers: tuple[int, ...] = (1, 32)


@dataclass(frozen=True, slots=True)
class TurnsResult:
    """``round_trips``: commands that the client sent; ``commands``: with those that the Lua functions called inside."""

    shoppers: int
    turns: int
    turns_per_s: float
    p50_ms: float
    p95_ms: float
    commands_per_turn: float
    round_trips_per_turn: float
    failed: int


class RecordingChannel:
    """A platform that takes everything at once and tells each shopper when the answer is there."""

    bot = _BOT.name
    platform = _PLATFORM
    traits = Traits(max_chars=4000, streams=False, typing=False)

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.texts: list[str] = []
        self._waiting: dict[str, asyncio.Event] = {}

    async def answered(self, address: Address) -> None:
        await self._waiting[address.id].wait()

    def expect(self, address: Address) -> None:
        self._waiting[address.id] = asyncio.Event()

    async def listen(self, inbox: Inbox) -> None:
        self.connected.set()

    def split(self, text: str) -> list[str]:
        return [text]

    async def send(self, message: Outgoing) -> str:
        self.texts.append(message.text)
        self._waiting[message.address.id].set()
        return str(len(self.texts))

    async def edit(self, sent: str, message: Outgoing) -> None:
        pass

    async def typing(self, address: Address) -> None:
        pass


async def run(bench: TurnsBench, say: Callable[[str], None]) -> list[TurnsResult]:
    results = []
    for shoppers in bench.shoppers:
        say(f"{bench.turns} turns of {shoppers} shopper{'s' * (shoppers != 1)}")
        with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
            async with embedded_server(Path(folder), find_carried_server()) as url:
                results.append(await _measure(url, shoppers, max(1, bench.turns // shoppers)))
    return results


async def _measure(url: str, shoppers: int, each: int) -> TurnsResult:
    async with _shop(url, shoppers) as (inbox, channel), redis.Redis.from_url(url) as client:
        await asyncio.gather(*(_shopper(inbox, channel, number, 1, "warm") for number in range(shoppers)))
        await client.config_resetstat()
        started = time.perf_counter()
        times = await asyncio.gather(*(_shopper(inbox, channel, number, each, "") for number in range(shoppers)))
        seconds = time.perf_counter() - started
        commands = await _commands(client)
        wrong = sum(not text.startswith(_ANSWER) for text in channel.texts)
    ordered = sorted(one for shopper in times for one in shopper)
    turns = len(ordered)
    return TurnsResult(
        shoppers=shoppers,
        turns=turns,
        turns_per_s=round(turns / seconds, 1),
        p50_ms=round(1000 * ordered[turns // 2], 2),
        p95_ms=round(1000 * ordered[int(0.95 * (turns - 1))], 2),
        commands_per_turn=round(sum(commands.values()) / turns, 2),
        round_trips_per_turn=round(sum(commands[name] for name in _SENT_BY_CLIENT) / turns, 2),
        failed=wrong,
    )


@asynccontextmanager
async def _shop(url: str, shoppers: int) -> AsyncIterator[tuple[StoredInbox, RecordingChannel]]:
    """The sample shop with its worker and outbox; a message is answered at once and not held back for a burst."""
    bot = _without_waiting(load_bot(_BOT), shoppers)
    async with Store.open(url) as store, asyncio.TaskGroup() as group:
        shelf, channel = Shelf([bot]), RecordingChannel()
        running = [
            group.create_task(Worker(store, shelf, bot.name, ScriptedModel(_ANSWER)).run()),
            group.create_task(Outbox(store, channel).run()),
        ]
        yield StoredInbox(store, shelf), channel
        for task in running:
            task.cancel()


def _without_waiting(bot: Bot, concurrency: int) -> Bot:
    limits = bot.config.limits.model_copy(update={"merge_ms": 0, "concurrency": max(16, concurrency)})
    return replace(bot, config=bot.config.model_copy(update={"limits": limits}))


async def _shopper(inbox: StoredInbox, channel: RecordingChannel, number: int, turns: int, name: str) -> list[float]:
    """Seconds from each message to its answer."""
    address = Address(bot=_BOT.name, platform=_PLATFORM, chat=f"{name}{number}")
    times = []
    for turn in range(turns):
        channel.expect(address)
        started = time.perf_counter()
        async with asyncio.timeout(_PATIENCE_S):
            await inbox.put(_message(address, turn))
            await channel.answered(address)
        times.append(time.perf_counter() - started)
    return times


def _message(address: Address, turn: int) -> Incoming:
    update = f"{address.chat}-{turn}"
    return Incoming(address=address, update=update, message=update, sender=Person(id=address.chat), text=_QUESTION)


async def _commands(client: redis.Redis) -> Counter[str]:
    stats = cast(dict[str, dict[str, int]], await client.info("commandstats"))
    return Counter({name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()})


def as_json(results: Sequence[TurnsResult]) -> list[dict[str, object]]:
    return [asdict(row) for row in results]


def table(results: Sequence[TurnsResult]) -> Table:
    shown = Table(title="Turns through the embedded store, with a model that answers at once", title_justify="left")
    for name in ("shoppers", "turns/s", "p50 ms", "p95 ms", "commands/turn", "round trips/turn", "failed"):
        shown.add_column(name, justify="right")
    for row in results:
        shown.add_row(
            *(str(row.shoppers), f"{row.turns_per_s:.0f}", f"{row.p50_ms:.1f}", f"{row.p95_ms:.1f}"),
            *(f"{row.commands_per_turn:.1f}", f"{row.round_trips_per_turn:.1f}", str(row.failed)),
        )
    return shown
