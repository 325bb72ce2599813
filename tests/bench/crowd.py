"""A crowd before a slow model: who is answered, who is told that it takes a while, and how well that was foretold."""

from __future__ import annotations

import asyncio
import math
import re
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import mean

from rich.table import Table

from bots.valkey import embedded_server, find_carried_server
from core.answer import Means
from core.botfile import Bot, load_bot
from core.inbox import StoredInbox
from core.messages import Address, Incoming, Outgoing, Person
from core.outbox import Outbox
from core.phrases import Phrase, say
from core.ports import GenerationRequest, Inbox, Piece, Traits
from core.shelf import Shelf
from core.store import Store
from core.worker import Worker
from tests.bench.turns_shop import ONE_QUESTION, PLATFORM, TEAHOUSE, AtOnce

APPROVED_QUESTION = "How much is delivery?"
APPROVED = 10
# What is told is rounded and the model is not the only thing that runs: so much later than foretold is not given up yet.
_PATIENCE = 2.0
_MORE_S = 60.0
_PERSON = say(Phrase.BUSY, "en", contact="").split(":")[0]
_TOLD = re.compile(r"in line(?:, about (\d+) (second|minute)s)?")


@dataclass(frozen=True, slots=True)
class Crowd:
    chats: int = 150
    at_once: int = 8
    answer_s: float = 40.0

    @property
    def rounds(self) -> int:
        return -(-self.chats // self.at_once)


@dataclass(frozen=True, slots=True)
class CrowdResult:
    """``answered``: with what the model said; ``to_a_person``: sent there, because they would wait longer than
    limits.busy_wait_s; ``dropped``: neither. ``told``: that they wait; ``untold``: waited for the model longer than is
    said at once, and were not told.

    Seconds: ``longest_wait_s`` from a question to its answer; ``longest_untold_s`` from it to the first that was heard,
    of those who waited; ``told_error_s``: see the command's help; ``longest_approved_s``: of approved answers.
    """

    chats: int
    at_once: int
    answer_s: float
    answered: int
    to_a_person: int
    dropped: int
    waited: int
    told: int
    told_twice: int
    untold: int
    longest_wait_s: float
    longest_untold_s: float
    told_error_s: float | None
    approved: int
    longest_approved_s: float
    most_at_once: int

    def problems(self) -> list[str]:
        found = []
        if self.dropped:
            found.append(f"{self.dropped} of {self.chats} were not answered")
        if self.untold:
            found.append(f"{self.untold} waited and were not told")
        if self.told_twice:
            found.append(f"{self.told_twice} were told twice")
        if self.most_at_once > self.at_once:
            found.append(f"the model was asked for {self.most_at_once} answers at once")
        return found


class SlowModel(AtOnce):
    """Takes ``answer_s`` for each answer; knows when it began with which chat, and how many it answered at once."""

    def __init__(self, answer_s: float) -> None:
        super().__init__()
        self.began: dict[str, float] = {}
        self.said: dict[str, str] = {}
        self.most = 0
        self._answer_s = answer_s
        self._busy = 0

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        self.began[request.owner] = time.monotonic()
        self._busy += 1
        self.most = max(self.most, self._busy)
        try:
            pieces = [piece async for piece in super().generate(request)]
            self.said[request.owner] = "".join(piece.text for piece in pieces)
            for piece in pieces:
                await asyncio.sleep(self._answer_s / len(pieces))
                yield piece
        finally:
            self._busy -= 1


@dataclass(slots=True)
class Said:
    """What one shopper was told and when; ``asked_at`` on the same clock."""

    asked_at: float
    heard: list[tuple[float, str]] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def told(self) -> list[tuple[float, str]]:
        return [(at, text) for at, text in self.heard if _TOLD.search(text)]

    @property
    def answer(self) -> str:
        return next((text for _, text in self.heard if not _TOLD.search(text)), "")

    @property
    def answered_at(self) -> float | None:
        return next((at for at, text in self.heard if not _TOLD.search(text)), None)


class Platform:
    """Takes everything at once and remembers it."""

    bot = TEAHOUSE.name
    platform = PLATFORM
    traits = Traits(max_chars=4000, streams=False, typing=False)

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.said: dict[str, Said] = {}

    async def listen(self, inbox: Inbox) -> None:
        self.connected.set()

    def split(self, text: str) -> list[str]:
        return [text]

    async def send(self, message: Outgoing) -> str:
        said = self.said[message.address.id]
        said.heard.append((time.monotonic(), message.text))
        if said.answered_at is not None:
            said.answered.set()
        return message.reply

    async def edit(self, sent: str, message: Outgoing) -> None:
        pass

    async def typing(self, address: Address) -> None:
        pass


def slow_shop(crowd: Crowd) -> Bot:
    """The sample shop with as many seats. What is told from 15 seconds on is scaled with the model's time."""
    bot = load_bot(TEAHOUSE)
    usual = bot.config.limits
    limits = usual.model_copy(
        update={"concurrency": crowd.at_once, "tell_wait_s": min(usual.tell_wait_s, crowd.answer_s * 3 / 8)}
    )
    return replace(bot, config=bot.config.model_copy(update={"limits": limits}))


async def run(crowd: Crowd, say: Callable[[str], None]) -> CrowdResult:
    bot, model, platform = slow_shop(crowd), SlowModel(crowd.answer_s), Platform()
    async with _serving(bot, model, platform) as inbox:
        say("one shopper asks, so that it is known how long an answer takes")
        await _all([_asks(inbox, platform, "before", ONE_QUESTION)], crowd.answer_s * _PATIENCE + _MORE_S)
        say(f"{crowd.chats} shoppers ask at once; about {crowd.rounds * crowd.answer_s / 60:.1f} minutes")
        model.most = 0
        asking = [_asks(inbox, platform, str(number), ONE_QUESTION) for number in range(crowd.chats)]
        approved = [_asks(inbox, platform, f"approved-{number}", APPROVED_QUESTION) for number in range(APPROVED)]
        await _all([*asking, *approved], crowd.rounds * crowd.answer_s * _PATIENCE + _MORE_S)
    return _result(crowd, bot, model, platform)


@asynccontextmanager
async def _serving(bot: Bot, model: SlowModel, platform: Platform) -> AsyncIterator[StoredInbox]:
    with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
        async with embedded_server(Path(folder), find_carried_server()) as url, Store.open(url) as store:
            shelf = Shelf([bot])
            running = [
                asyncio.create_task(Worker(store, shelf, bot.name, Means(model)).run()),
                asyncio.create_task(Outbox(store, platform).run()),
            ]
            yield StoredInbox(store, shelf)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def _asks(inbox: StoredInbox, platform: Platform, name: str, question: str) -> None:
    address = _where(name)
    said = platform.said[address.id] = Said(time.monotonic())
    await inbox.put(Incoming(address=address, update="1", message="1", sender=Person(id=name), text=question))
    await said.answered.wait()


async def _all(asking: Iterable[Coroutine[None, None, None]], patience_s: float) -> None:
    """Until all are answered, or it takes too long: then the result says who is not."""
    tasks = [asyncio.create_task(one) for one in asking]
    await asyncio.wait(tasks, timeout=patience_s)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


def _result(crowd: Crowd, bot: Bot, model: SlowModel, platform: Platform) -> CrowdResult:
    asked = [platform.said[_where(str(number)).id] for number in range(crowd.chats)]
    approved = [platform.said[_where(f"approved-{number}").id] for number in range(APPROVED)]
    began = [model.began.get(_where(str(number)).id) for number in range(crowd.chats)]
    # A seat that falls free at once is no wait; what is told only from some seconds on is not told before.
    short_s = bot.config.limits.tell_wait_s + crowd.answer_s / 4
    waited = [one for one, at in zip(asked, began, strict=True) if at is None or at - one.asked_at > short_s]
    said = [(one.answer, model.said.get(_where(str(number)).id)) for number, one in enumerate(asked)]
    answered = sum(bool(right) and answer.startswith(right or "") for answer, right in said)
    to_a_person = sum(answer.startswith(_PERSON) for answer, _ in said)
    waits = [one.answered_at - one.asked_at for one in asked if one.answered_at is not None]
    errors = [abs(error) for one, at in zip(asked, began, strict=True) if (error := _error(one, at)) is not None]
    return CrowdResult(
        **asdict(crowd),
        answered=answered,
        to_a_person=to_a_person,
        dropped=crowd.chats - answered - to_a_person,
        waited=len(waited),
        told=sum(bool(one.told) for one in asked),
        told_twice=sum(len(one.told) > 1 for one in asked),
        untold=sum(not one.told for one in waited),
        longest_wait_s=round(max(waits, default=0.0), 1),
        longest_untold_s=round(max((one.heard[0][0] - one.asked_at for one in waited if one.heard), default=0.0), 1),
        told_error_s=round(mean(errors), 1) if errors else None,
        approved=sum(one.answered_at is not None for one in approved),
        longest_approved_s=round(max((one.answered_at or math.inf) - one.asked_at for one in approved), 2),
        most_at_once=model.most,
    )


def _error(said: Said, began: float | None) -> float | None:
    """How much longer it took until the model began than was foretold, in seconds; None: no time was told."""
    if not said.told or began is None:
        return None
    at, text = said.told[0]
    found = _TOLD.search(text)
    if found is None or found[1] is None:
        return None
    return began - at - int(found[1]) * (60 if found[2] == "minute" else 1)


def _where(name: str) -> Address:
    return Address(bot=TEAHOUSE.name, platform=PLATFORM, chat=name)


def table(result: CrowdResult) -> Table:
    shown = Table(title="A crowd before a slow model", title_justify="left", show_header=False)
    for name, value in asdict(result).items():
        shown.add_row(name.replace("_s", " (s)") if name.endswith("_s") else name.replace("_", " "), str(value))
    return shown
