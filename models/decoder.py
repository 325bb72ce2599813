"""What happens in the decode thread: take what came in, plan a batch, decode it, draw a token for each answer, deliver."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

import structlog

from core.errors import GenerationFailed, ModelError, RequestInvalid
from models.accounts import Accounts
from models.answer import Answer
from models.cache import Counters, PrefixCache
from models.inbox import Cancel, Inbox
from models.job import Turn
from models.mailbox import Post
from models.options import EngineOptions, Governor, Load
from models.prefixes import PrefixStore
from models.runner import DecodeFailed, Runner, Vocabulary
from models.scheduler import Scheduler
from models.speculation import Speculator
from models.spill import Spill
from models.waiting import Waiting
from models.warmth import WarmStart

log = structlog.get_logger("models.engine")

_MOMENT_S = 0.005
_PAUSE_S = 0.02  # without a request before an idle conversation is copied
_REST_S = 0.25  # without a request before the threads that help are let go of
_QUIET_S = 2.0  # without a request before something is written to disk
_KEPT_WITHOUT_SPILL = 640  # cells
_PACE_MEMORY = 0.9  # of how long answers take, from answer to answer


class Decoder:
    """Everything that happens in the decode thread."""

    def __init__(
        self,
        runner: Runner,
        vocabulary: Vocabulary,
        options: EngineOptions,
        inbox: Inbox,
        *,
        adapters: Collection[str] = (),
        governor: Governor | None = None,
        prefixes: PrefixStore | None = None,
    ) -> None:
        self._runner = runner
        self._vocabulary = vocabulary
        self._options = options
        self._inbox = inbox
        self._governor = governor
        self._warmth = WarmStart(prefixes, adapters) if prefixes and runner.limits.rewinds else None
        self._answers: dict[int, Answer] = {}
        self._post = Post()
        self._counters = Counters()
        self._accounts = Accounts()
        self._pace: float | None = None
        self._set_up()

    def _set_up(self) -> None:
        options, limits = self._options, self._runner.limits
        self._spill = Spill(options.spill_bytes) if options.spill_bytes else None
        self._speculator = Speculator() if options.speculate and limits.rewinds else None
        self._cache = PrefixCache(
            self._runner,
            limits,
            keep=self._keep(options),
            spill=self._spill,
            prefixes=self._warmth.known if self._warmth else None,
            counters=self._counters,
        )
        self._scheduler = Scheduler(
            self._cache, limits, parallel=options.parallel, chunk=options.chunk, drafter=self._speculator
        )

    def _keep(self, options: EngineOptions) -> int:
        """Every step of running answers looks at idle cells, too; what is spilled comes back as a copy."""
        if options.keep is not None:
            return options.keep
        return 0 if options.spill_bytes else _KEPT_WITHOUT_SPILL

    # ── asked by other threads ───────────────────────────────────────────────────────────────────────────

    def load(self) -> Load:
        counters = replace(self._counters, spilled_bytes=self._spill.bytes if self._spill else 0)
        return Load(len(self._scheduler.running), self._scheduler.waiting, counters, self._pace)

    def waiting(self, owner: str) -> Waiting | None:
        place = self._scheduler.place_of(owner)
        if place is None:
            return None
        pace = self._pace
        return Waiting(place, None if pace is None else (place + 1) * pace / self._scheduler.parallel)

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        if self._warmth:
            self._guarded_load(self._warmth)
        try:
            while not self._inbox.closed:
                self._take_orders()
                self._guarded_step()
                self._deliver()
                self._accounts.tell(self.load)
        finally:
            self.shut_down()

    def _take_orders(self) -> None:
        """After a pause more may come in the same moment: to wait for them costs less than a first step without them."""
        rested = not self._answers
        order = self._wait() if rested else self._inbox.get()
        while order is not None:
            if isinstance(order, Answer):
                self._answers[order.job.number] = order
                self._scheduler.submit(order.job)
            elif answer := self._answers.get(order.number):
                self._end(answer)
            more = rested and len(self._answers) < self._options.parallel
            order = self._inbox.get(wait=_MOMENT_S if more else 0.0)

    def _wait(self) -> Answer | Cancel | None:
        """Nothing runs; what nobody should have to wait for is done meanwhile."""
        copying = self._spill is not None
        while copying and not self._inbox.closed:
            if order := self._inbox.get(wait=_PAUSE_S):
                return order
            copying = not self._inbox.closed and self._guarded_copy()
        if order := self._inbox.get(wait=_REST_S):
            return order
        self._runner.rest()
        while self._warmth and self._warmth.has_work and not self._inbox.closed:
            if order := self._inbox.get(wait=_QUIET_S):
                return order
            if not self._inbox.closed:
                self._guarded_store(self._warmth)
        return self._inbox.get(wait=None) if not self._inbox.closed else None

    def _guarded_step(self) -> None:
        try:
            self._step()
        except Exception as error:  # a fault of ours or the library's must not silence every later answer
            log.exception("the model's step failed; starting over with an empty cache")
            for answer in self._answers.values():
                self._refuse(answer, GenerationFailed(f"the model failed: {error}"))
                answer.close()
            self._answers.clear()
            self._runner.clear()
            self._set_up()

    def _guarded_load(self, warmth: WarmStart) -> None:
        try:
            warmth.load(self._cache)
        except Exception:  # a warm start is a favour
            log.exception("stored prefixes could not be loaded; starting with an empty cache")
            self._runner.clear()
            self._set_up()

    def _guarded_copy(self) -> bool:
        try:
            return self._cache.copy_idle()
        except Exception:
            log.exception("an idle conversation could not be copied")
            return False

    def _guarded_store(self, warmth: WarmStart) -> None:
        try:
            warmth.store_one(self._cache)
        except Exception:
            log.exception("a prefix could not be stored")

    def _step(self) -> None:
        turns = self._with_samplers(self._scheduler.plan())
        if not turns:
            return
        reads = any(turn.job.reads for turn in turns)
        started = time.perf_counter()
        decoded = self._decode(turns)
        self._draw_all(decoded)
        if self._speculator and decoded and not reads:
            self._speculator.observe(_tokens(decoded), time.perf_counter() - started)

    def _with_samplers(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Whoever gets its first step gets its sampler; a request that the model cannot follow fails here, alone."""
        now = time.monotonic()
        for turn in turns:
            answer = self._answers[turn.job.number]
            answer.admitted = answer.admitted or now
            if answer.sampler is None:
                try:
                    answer.sampler = self._runner.sampler(answer.request, answer.seed)
                except RequestInvalid as error:
                    self._refuse(answer, error)
                    self._end(answer)
        return [turn for turn in turns if turn.job.number in self._answers]

    # ── decoding ─────────────────────────────────────────────────────────────────────────────────────────

    def _decode(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Evaluate the batch; returns what was evaluated. What fails alone, too, fails its own request only."""
        started = time.perf_counter()
        try:
            self._runner.decode([turn.slice for turn in turns], turns[0].job.adapter)
        except DecodeFailed as error:
            log.warning("a batch could not be evaluated", reason=str(error), requests=len(turns))
            if error.intact and (len(turns) > 1 or self._cache.evict_idle()):
                self._decode_one_by_one(turns)
            else:
                self._fail_all(turns, error)
            return ()
        if self._governor and (count := self._governor.observe(_tokens(turns), time.perf_counter() - started)):
            self._runner.set_threads(count)
        self._scheduler.evaluated(turns)
        return turns

    def _decode_one_by_one(self, turns: Sequence[Turn]) -> None:
        self._cache.evict_idle()
        for turn in turns:
            try:
                self._runner.decode([turn.slice], turn.job.adapter)
            except DecodeFailed as error:
                self._fail_all([turn], error)
                continue
            self._scheduler.evaluated([turn])
            self._draw_all([turn])

    def _fail_all(self, turns: Sequence[Turn], error: DecodeFailed) -> None:
        for turn in turns:
            self._fail(self._answers[turn.job.number], f"the model failed: {error}")

    # ── one answer ───────────────────────────────────────────────────────────────────────────────────────

    def _draw_all(self, turns: Sequence[Turn]) -> None:
        row = 0
        for turn in turns:
            if turn.slice.wanted:
                self._draw(self._answers[turn.job.number], turn, row)
            row += turn.slice.wanted

    def _draw(self, answer: Answer, turn: Turn, row: int) -> None:
        """The token after this turn, and one more for each token of the draft that was right."""
        right = 0
        token, finish = answer.draw(row, self._vocabulary)
        while finish is None:
            self._scheduler.append(answer.job, token)
            if right == len(turn.draft) or token != turn.draft[right]:
                break
            right += 1
            token, finish = answer.draw(row + right, self._vocabulary)
        if turn.draft:
            self._judge(turn, right)
        if finish is None:
            text, logprobs = answer.take()
            if text:
                self._post.add(answer.mailbox, lambda: answer.mailbox.put(text, logprobs))
        else:
            last = answer.last_piece(finish)
            self._post.add(answer.mailbox, lambda: answer.mailbox.end(last))
            self._end(answer)

    def _judge(self, turn: Turn, right: int) -> None:
        self._scheduler.accepted(turn, right)
        self._counters.drafted_tokens += len(turn.draft)
        self._counters.accepted_tokens += right
        if self._speculator:
            self._speculator.judge(turn.job.number, len(turn.draft), right)

    def _fail(self, answer: Answer, reason: str) -> None:
        self._refuse(answer, GenerationFailed(reason))
        self._scheduler.fail(answer.job)
        self._end(answer)

    def _refuse(self, answer: Answer, error: ModelError) -> None:
        self._post.add(answer.mailbox, lambda: answer.mailbox.fail(error))

    def _end(self, answer: Answer) -> None:
        """Its place is free; nothing of it is left here."""
        self._answers.pop(answer.job.number, None)
        self._scheduler.finish(answer.job)
        answer.close()
        if answer.admitted is not None:
            held = time.monotonic() - answer.admitted
            self._pace = held if self._pace is None else self._pace * _PACE_MEMORY + held * (1 - _PACE_MEMORY)

    # ── to the event loops, and the end ──────────────────────────────────────────────────────────────────

    def _deliver(self) -> None:
        for loop in self._post.deliver():  # it is closed: nobody reads these answers any more
            for answer in [one for one in self._answers.values() if one.mailbox.loop is loop]:
                self._end(answer)

    def shut_down(self) -> None:
        self._inbox.close()
        while (order := self._inbox.get()) is not None:
            if isinstance(order, Answer):
                self._answers[order.job.number] = order
        for answer in list(self._answers.values()):
            self._fail(answer, "the model is being closed")
        self._deliver()
        self._accounts.tell(self.load, now=True)
        while self._warmth and self._warmth.has_work:
            self._guarded_store(self._warmth)
        self._vocabulary.close()
        self._runner.close()


def _tokens(turns: Sequence[Turn]) -> int:
    return sum(len(turn.slice.tokens) for turn in turns)
