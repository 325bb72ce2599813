"""A soak: thousands of requests of random lengths and kinds, many of them cancelled; nothing may be left of any of them.

What is random comes from a seed, so that a run can be repeated.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Literal

from core.errors import PromptTooLong, RequestInvalid
from core.ports import ChatMessage, GenerationRequest, Sampling
from models.engine import Engine
from tests.bench.memory import resident_mb

Fate = Literal["read", "closed", "cancelled"]
Outcome = Literal["answered", "closed", "cancelled", "too long", "invalid"]

_PERSONAS = tuple(
    f"You are assistant {number} of a tea house. Answer in short, friendly sentences." for number in "1234"
)
_WORDS = "tea leaf water tin box oolong green black white parcel order price cup 茶 绿茶 快递 🍵 <|im_end|> how what when".split()
_SCHEMA = '{"type": "object", "properties": {"tea": {"type": "string", "maxLength": 12}}, "required": ["tea"]}'
_GRAMMAR = 'root ::= ("yes" | "no") "."'
_WARM_UP = 0.25  # of the requests: caches fill, the allocator takes what it wants
_SAMPLES = 60  # of the memory, in the whole run


@dataclass(frozen=True, slots=True)
class Soak:
    """``at_once``: how many shoppers there are, each with one request; ``most_words`` of a question."""

    requests: int = 2000
    seed: int = 0
    at_once: int = 24
    most_words: int = 300
    most_tokens: int = 48


@dataclass(frozen=True, slots=True)
class Visit:
    """One request and what becomes of it: read to its end, closed after ``pieces``, or cancelled after so many turns
    of the event loop, whatever it does then.
    """

    request: GenerationRequest
    fate: Fate
    pieces: int


@dataclass(slots=True)
class SoakResult:
    """``after_warm_up_mb`` and ``end_mb``: medians of the memory's samples, without conversations spilled on purpose."""

    requests: int
    seed: int
    outcomes: dict[str, int] = field(default_factory=dict)
    after_warm_up_mb: float = 0.0
    end_mb: float = 0.0
    running: int = 0
    waiting: int = 0
    same_text: bool = True
    faults: list[str] = field(default_factory=list)

    @property
    def growth_mb(self) -> float:
        return round(self.end_mb - self.after_warm_up_mb, 1)

    def problems(self, allowed_mb: float) -> Iterator[str]:
        yield from self.faults
        if self.running or self.waiting:
            yield f"{self.running} requests still run and {self.waiting} wait, though nobody reads them"
        if self.growth_mb > allowed_mb:
            yield f"memory grew by {self.growth_mb} MB after the warm-up ({allowed_mb:.0f} MB are allowed)"
        if not self.same_text:
            yield "the same request gave another text at the end than at the beginning"


async def soak(engine: Engine, plan: Soak, say: Callable[[int], None] = lambda _: None) -> SoakResult:
    """``say`` is told how many requests are over."""
    result = SoakResult(plan.requests, plan.seed)
    outcomes: Counter[str] = Counter()
    memory: list[float] = []
    visits = _visits(engine, plan)
    over = 0

    async def shopper() -> None:
        nonlocal over
        for visit in visits:
            try:
                outcomes[await _visit(engine, visit)] += 1
            except Exception as error:
                result.faults.append(f"{type(error).__name__}: {error} (of {visit.request.model_dump_json()[:300]})")
            over += 1
            say(over)
            if over % max(1, plan.requests // _SAMPLES) == 0:
                memory.append(_own_mb(engine))

    before = await _probe(engine)
    await asyncio.gather(*(shopper() for _ in range(plan.at_once)))
    result.same_text = await _probe(engine) == before
    load = await _settled(engine)
    result.running, result.waiting = load
    memory.append(_own_mb(engine))
    warm = memory[round(len(memory) * _WARM_UP) :]
    part = max(1, len(warm) // 4)
    result.after_warm_up_mb = round(median(warm[:part]), 1)
    result.end_mb = round(median(warm[-part:]), 1)
    result.outcomes = dict(sorted(outcomes.items()))
    return result


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────


def _visits(engine: Engine, plan: Soak) -> Iterator[Visit]:
    random = Random(plan.seed)
    for number in range(plan.requests):
        yield _draw(random, number, plan, engine.info.context_tokens)


def _draw(random: Random, number: int, plan: Soak, context: int) -> Visit:
    words = 2 * context if random.random() < 0.01 else int(plan.most_words ** random.random())
    messages = [ChatMessage(role="system", content=random.choice(_PERSONAS))]
    if random.random() < 0.3:
        messages += [_said("user", _text(random, 12)), _said("assistant", _text(random, 20))]
    kind = random.random()
    request = GenerationRequest(
        messages=(*messages, _said("user", _text(random, words))),
        sampling=_sampling(random),
        max_tokens=random.randint(1, plan.most_tokens),
        stop=("tea",) if random.random() < 0.1 else (),
        logprobs=random.choice((0, 3)) if random.random() < 0.1 else None,
        json_schema=_SCHEMA if kind < 0.05 else "",
        grammar=_GRAMMAR if 0.05 < kind < 0.1 else 'root ::= "' if 0.1 < kind < 0.11 else "",
        owner=f"soak/{number % (plan.at_once * 2)}",
    )
    fate: Fate = random.choices(("read", "closed", "cancelled"), (0.6, 0.25, 0.15))[0]
    return Visit(request, fate, random.randint(0, 12))


def _sampling(random: Random) -> Sampling:
    if random.random() < 0.4:
        return Sampling(repeat_penalty=random.choice((1.0, 1.1)))
    return Sampling(
        temperature=random.uniform(0.1, 1.5),
        top_k=random.choice((0, 20)),
        presence_penalty=random.choice((0.0, 0.5)),
        seed=random.choice((None, 7)),
    )


def _text(random: Random, words: int) -> str:
    return " ".join(random.choices(_WORDS, k=max(1, words)))


def _said(role: Literal["user", "assistant"], text: str) -> ChatMessage:
    return ChatMessage(role=role, content=text)


# ── visits ───────────────────────────────────────────────────────────────────────────────────────────────


async def _visit(engine: Engine, visit: Visit) -> Outcome:
    reading = asyncio.create_task(_read(engine, visit))
    if visit.fate == "cancelled":
        for _ in range(visit.pieces):
            await asyncio.sleep(0.005)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            return await reading
        return "cancelled"
    return await reading


async def _read(engine: Engine, visit: Visit) -> Outcome:
    read = 0
    try:
        async with aclosing(engine.generate(visit.request)) as pieces:
            async for piece in pieces:
                read += 1
                if visit.fate == "closed" and read >= visit.pieces and piece.finish is None:
                    return "closed"
    except PromptTooLong:
        return "too long"
    except RequestInvalid:
        return "invalid"
    return "answered"


async def _probe(engine: Engine) -> str:
    """A request that stands alone: its text depends on nothing but the model."""
    request = GenerationRequest(messages=(_said("user", "How is green tea stored?"),), max_tokens=24)
    return "".join([piece.text async for piece in engine.generate(request)])


async def _settled(engine: Engine) -> tuple[int, int]:
    """A cancelled request leaves at the next step; wait for it, within reason."""
    for _ in range(200):
        load = engine.load()
        if not load.running and not load.waiting:
            break
        await asyncio.sleep(0.05)
    return load.running, load.waiting


def _own_mb(engine: Engine) -> float:
    return resident_mb(os.getpid()) - engine.load().counters.spilled_bytes / 1024**2
