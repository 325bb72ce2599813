"""What is evaluated next: one token for every answer that is being written, and a bounded part of waiting prompts.

Pure Python: it knows tokens and sequences, not the library. The decode thread's step reads
``turns = plan()``, decode them, ``evaluated(turns)``, then ``append`` or ``finish`` for each drawn token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

from models.cache import PrefixCache, common_prefix
from models.runner import Limits, Slice
from models.waiting import WaitingLine

_TRIED_AT_ONCE = 16  # candidates looked at for one free place
_WORTH_WAITING = 32  # tokens that somebody else is evaluating right now


@dataclass(slots=True, eq=False)
class Job:
    """One request. ``tokens`` is the prompt and what was drawn so far; the first ``done`` of them are in the cache."""

    number: int
    owner: str
    prompt: Sequence[int]
    max_tokens: int
    overtaken: int = 0
    sequence: int = -1
    cached: int = 0
    done: int = 0
    tokens: list[int] = field(default_factory=list)

    @property
    def reads(self) -> bool:
        """Its prompt is not evaluated to the end yet."""
        return self.done < len(self.prompt)

    @property
    def drawn(self) -> int:
        return len(self.tokens) - len(self.prompt)


@dataclass(frozen=True, slots=True)
class Turn:
    job: Job
    slice: Slice


class Scheduler:
    """``chunk``: how many prompt tokens a step may hold while somebody's answer is being written."""

    def __init__(self, cache: PrefixCache, limits: Limits, *, parallel: int, chunk: int) -> None:
        self._cache = cache
        self._batch = limits.batch
        self._chunk = max(parallel, min(chunk, limits.batch - parallel))  # so that each reader gets on in each step
        self._shares = limits.rewinds
        self._parallel = parallel
        self._line = WaitingLine(patience=4 * parallel)
        self._running: list[Job] = []

    # ── jobs come and go ─────────────────────────────────────────────────────────────────────────────────

    def submit(self, job: Job) -> None:
        job.tokens = list(job.prompt)
        self._line.join(job)

    def finish(self, job: Job) -> None:
        """The job ended or was cancelled: its place is free, what it evaluated stays for others."""
        if self._leave(job):
            self._cache.release(job.sequence)

    def fail(self, job: Job) -> None:
        """The job's sequence is broken: forget it."""
        if self._leave(job):
            self._cache.discard(job.sequence)

    @property
    def running(self) -> Sequence[Job]:
        return tuple(self._running)

    @property
    def waiting(self) -> int:
        return len(self._line)

    def place(self, number: int) -> int | None:
        """How many requests wait before this one; None: it does not wait (any more)."""
        return self._line.place(number)

    # ── a step ───────────────────────────────────────────────────────────────────────────────────────────

    def plan(self) -> list[Turn]:
        """The next batch; empty only if there is nothing to do."""
        self._admit()
        writers = [job for job in self._running if not job.reads]
        readers = sorted((job for job in self._running if job.reads), key=lambda job: len(job.prompt) - job.done)
        turns = [self._turn(job, 1) for job in writers]
        room = self._chunk if writers else self._batch
        for left, job in zip(range(len(readers), 0, -1), readers, strict=True):
            # The shortest prompt is read first, but each gets its share: a long one delays nobody and still goes on.
            count = min(len(job.prompt) - job.done, max(1, room // left))
            if room < count:
                break
            room -= count
            turns.append(self._turn(job, count))
        return turns

    def evaluated(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            self._cache.extend(turn.job.sequence, turn.slice.tokens)
            turn.job.done += len(turn.slice.tokens)

    def append(self, job: Job, token: int) -> None:
        """``token`` was drawn and the answer goes on."""
        job.tokens.append(token)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────

    def _admit(self) -> None:
        while len(self._running) < self._parallel:
            candidates = islice(self._line.candidates(), _TRIED_AT_ONCE)
            if not any(self._start(cast(Job, candidate)) for candidate in candidates):
                return

    def _start(self, job: Job) -> bool:
        if self._shares and self._should_wait_for_prefix(job):
            return False
        opened = self._cache.open(job.prompt, job.max_tokens)
        if opened is None:
            return False
        job.sequence, job.cached = opened
        job.done = job.cached
        self._line.serve(job)
        self._running.append(job)
        return True

    def _should_wait_for_prefix(self, job: Job) -> bool:
        """Somebody is evaluating the same beginning at this moment: share it when it is there."""
        found = self._cache.lookup(job.prompt)[1]
        for other in self._running:
            if other.reads:
                common = min(common_prefix(job.prompt, other.prompt), len(job.prompt) - 1)
                if other.done < common and common - found >= _WORTH_WAITING:
                    return True
        return False

    def _turn(self, job: Job, count: int) -> Turn:
        end = job.done + count
        return Turn(job, Slice(job.sequence, job.done, job.tokens[job.done : end], sample=end == len(job.tokens)))

    def _leave(self, job: Job) -> bool:
        """False: it had no sequence yet (it waited, or was gone)."""
        if self._line.leave(job) or job not in self._running:
            return False
        self._running.remove(job)
        return True
