"""What happens in the decode thread: take what came in, plan a batch, decode it, draw a token for each answer, deliver."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from core.errors import GenerationFailed
from core.ports import GenerationRequest, Piece, Usage
from models.cache import Counters, PrefixCache
from models.mailbox import Mailbox
from models.runner import DecodeFailed, Runner, Sampler, Vocabulary
from models.scheduler import Job, Scheduler, Turn
from models.text import TextStream

log = structlog.get_logger("models.engine")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """``chunk``: prompt tokens of a step while answers are written; ``keep``: cells that idle prefixes may hold."""

    parallel: int
    chunk: int = 64
    keep: int = 1024


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the engine is at this moment, and what its prefix cache has done so far."""

    running: int
    waiting: int
    counters: Counters


@dataclass(slots=True, eq=False)
class Answer:
    """What the decode thread knows of one request."""

    job: Job
    request: GenerationRequest
    seed: int
    mailbox: Mailbox
    text: TextStream
    started: float
    admitted: float | None = None
    first: float | None = None
    sampler: Sampler | None = None
    drawn: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


class Inbox:
    """The only thing that both sides touch. Once it is closed nothing gets in, so nobody waits for an answer in vain."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[Answer | Cancel | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.closed = False

    def put(self, order: Answer | Cancel) -> None:
        with self._lock:
            if self.closed:
                raise GenerationFailed("the model is closed")
            self._orders.put(order)

    def get(self, *, wait: bool) -> Answer | Cancel | None:
        """None: there is nothing, or it was closed."""
        try:
            return self._orders.get(block=wait)
        except queue.Empty:
            return None

    def close(self) -> None:
        with self._lock:
            self.closed = True
            self._orders.put(None)  # wakes the thread


class Decoder:
    """Everything that happens in the decode thread."""

    def __init__(self, runner: Runner, vocabulary: Vocabulary, options: EngineOptions, inbox: Inbox) -> None:
        self._runner = runner
        self._vocabulary = vocabulary
        self._options = options
        self._inbox = inbox
        self._answers: dict[int, Answer] = {}
        self._deliveries: list[tuple[Mailbox, Callable[[], None]]] = []
        self._set_up()

    def _set_up(self) -> None:
        limits = self._runner.limits
        self._cache = PrefixCache(self._runner, limits, keep=self._options.keep)
        self._scheduler = Scheduler(self._cache, limits, parallel=self._options.parallel, chunk=self._options.chunk)

    def load(self) -> Load:
        scheduler = self._scheduler
        return Load(len(scheduler.running), scheduler.waiting, replace(self._cache.counters))

    def run(self) -> None:
        try:
            while not self._inbox.closed:
                self._take_orders()
                self._guarded_step()
                self._deliver()
        finally:
            self.shut_down()

    def _take_orders(self) -> None:
        """Waits only if there is nothing to do."""
        order = self._inbox.get(wait=not self._answers)
        while order is not None:
            if isinstance(order, Answer):
                self._answers[order.job.number] = order
                self._scheduler.submit(order.job)
            elif answer := self._answers.get(order.number):
                self._end(answer)
            order = self._inbox.get(wait=False)

    def _guarded_step(self) -> None:
        try:
            self._step()
        except Exception as error:  # a fault of ours or the library's must not silence every later answer
            log.exception("the model's step failed; starting over with an empty cache")
            for answer in list(self._answers.values()):
                self._fail(answer, f"the model failed: {error}")
            self._runner.clear()
            self._set_up()

    def _step(self) -> None:
        turns = self._decode(self._scheduler.plan())
        for row, turn in enumerate(turns):
            if turn.slice.sample and (answer := self._answers.get(turn.job.number)):
                self._draw(answer, row)

    # ── decoding ─────────────────────────────────────────────────────────────────────────────────────────

    def _decode(self, turns: list[Turn]) -> list[Turn]:
        """Evaluate the batch; returns what was evaluated. What fails alone, too, fails its own request only."""
        if not turns:
            return []
        now = time.monotonic()
        for turn in turns:
            answer = self._answers[turn.job.number]
            answer.admitted = answer.admitted or now
        try:
            self._runner.decode([turn.slice for turn in turns])
        except DecodeFailed as error:
            log.warning("a batch could not be evaluated", reason=str(error), requests=len(turns))
            if error.intact and (len(turns) > 1 or self._cache.evict_idle()):
                self._decode_one_by_one(turns)
            else:
                self._fail_all(turns, error)
            return []
        self._scheduler.evaluated(turns)
        return turns

    def _decode_one_by_one(self, turns: Sequence[Turn]) -> None:
        self._cache.evict_idle()
        for turn in turns:
            try:
                self._runner.decode([turn.slice])
            except DecodeFailed as error:
                self._fail_all([turn], error)
                continue
            self._scheduler.evaluated([turn])
            if turn.slice.sample:
                self._draw(self._answers[turn.job.number], 0)

    def _fail_all(self, turns: Sequence[Turn], error: DecodeFailed) -> None:
        for turn in turns:
            self._fail(self._answers[turn.job.number], f"the model failed: {error}")

    # ── one answer ───────────────────────────────────────────────────────────────────────────────────────

    def _draw(self, answer: Answer, row: int) -> None:
        if answer.sampler is None:
            answer.sampler = self._runner.sampler(answer.request.sampling, answer.seed)
        token = answer.sampler.draw(row)
        answer.first = answer.first or time.monotonic()
        answer.drawn += 1
        if self._vocabulary.is_end(token):
            self._finish(answer, "stop")
            return
        text = answer.text.feed(self._vocabulary.text(token))
        if text:
            self._tell(answer.mailbox, lambda: answer.mailbox.put(text))
        if answer.text.stopped:
            self._finish(answer, "stop")
        elif answer.drawn == answer.request.max_tokens:
            self._finish(answer, "length")
        else:
            self._scheduler.append(answer.job, token)

    def _finish(self, answer: Answer, finish: Literal["stop", "length"]) -> None:
        now, first, admitted = time.monotonic(), answer.first or 0.0, answer.admitted or 0.0
        usage = Usage(
            prompt_tokens=len(answer.job.prompt),
            cached_tokens=answer.job.cached,
            completion_tokens=answer.drawn,
            queued_s=admitted - answer.started,
            first_token_s=first - answer.started,
            total_s=now - answer.started,
            seed=answer.seed,
        )
        last = Piece(text=answer.text.end(), finish=finish, usage=usage)
        self._tell(answer.mailbox, lambda: answer.mailbox.end(last))
        self._end(answer)

    def _fail(self, answer: Answer, reason: str) -> None:
        self._tell(answer.mailbox, lambda: answer.mailbox.fail(GenerationFailed(reason)))
        self._scheduler.fail(answer.job)
        self._end(answer)

    def _end(self, answer: Answer) -> None:
        """Its place is free; nothing of it is left here."""
        self._answers.pop(answer.job.number, None)
        self._scheduler.finish(answer.job)
        if answer.sampler is not None:
            answer.sampler.close()
            answer.sampler = None

    # ── to the event loops ───────────────────────────────────────────────────────────────────────────────

    def _tell(self, mailbox: Mailbox, act: Callable[[], None]) -> None:
        self._deliveries.append((mailbox, act))

    def _deliver(self) -> None:
        """One wake-up for each event loop and step, however many answers got text."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = defaultdict(list)
        for mailbox, act in self._deliveries:
            by_loop[mailbox.loop].append(act)
        self._deliveries = []
        for loop, acts in by_loop.items():
            try:
                loop.call_soon_threadsafe(_all, acts)
            except RuntimeError:  # the loop is closed: nobody reads these answers any more
                for answer in [one for one in self._answers.values() if one.mailbox.loop is loop]:
                    self._end(answer)

    def shut_down(self) -> None:
        self._inbox.close()
        while (order := self._inbox.get(wait=False)) is not None:
            if isinstance(order, Answer):
                self._answers[order.job.number] = order
        for answer in list(self._answers.values()):
            self._fail(answer, "the model is being closed")
        self._deliver()
        self._vocabulary.close()
        self._runner.close()


def _all(acts: Sequence[Callable[[], None]]) -> None:
    for act in acts:
        act()
