"""What is evaluated next: a token (and a draft) for every answer that is being written, a bounded part of prompts.

Pure Python: it knows tokens and sequences, not the library. The decode thread's step reads
``turns = plan()``, decode them, ``evaluated(turns)``, then ``append`` for each token that was drawn, ``accepted(turn, …)``
for each turn that had a draft, ``finish`` at an answer's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Protocol

from models.cache import PrefixCache
from models.job import Job, Turn
from models.prefix import common_prefix
from models.runner import Limits, Slice
from models.waiting import WaitingLine

_TRIED_AT_ONCE = 16  # candidates looked at for one free place
_WORTH_WAITING = 32  # tokens that somebody else is evaluating right now
_CLAIMED_AT_ONCE = 16  # cells
_WORTH_TRIMMING = 16  # steps to come: fewer would gain less than copying costs
_LEAST_ANSWER = 16  # cells set aside for an answer when it starts, or a quarter of its longest form


class Drafter(Protocol):
    """Guesses how answers go on."""

    def propose(self, jobs: Sequence[Job], *, reading: int, room: int) -> Mapping[int, Sequence[int]]:
        """By the jobs' numbers; ``room`` tokens altogether; ``reading``: prompt tokens that share the step."""
        ...

    def forget(self, number: int) -> None: ...


class Scheduler:
    """``chunk``: how many prompt tokens a step may hold while somebody's answer is being written.

    An answer starts with only a part of its cells set aside. If one needs a cell and nothing idle is left to evict, the
    youngest that runs is preempted: it waits, keeps what it has drawn, and reads it again later. The oldest always gets
    on, so everything ends, provided that each request alone fits (the engine refuses what does not).
    """

    def __init__(
        self, cache: PrefixCache, limits: Limits, *, parallel: int, chunk: int, drafter: Drafter | None = None
    ) -> None:
        self._cache = cache
        self._batch = limits.batch
        self._rows = limits.rows
        self._alike_from = limits.alike_from
        self._parallel = min(parallel, limits.rows, limits.sequences, max(1, limits.batch // 2))
        # so that each reader gets on in each step
        self._chunk = max(self._parallel, min(chunk, limits.batch - self._parallel))
        self._shares = limits.rewinds
        self._drafter = drafter if limits.rewinds else None
        self._line: WaitingLine[Job] = WaitingLine(patience=4 * parallel)
        self._running: list[Job] = []
        self._turn_of: dict[str, int] = {}  # adapter → when it last had a step
        self._steps = 0
        self._stirred = True  # something changed that may let somebody in

    # ── jobs come and go ─────────────────────────────────────────────────────────────────────────────────

    def submit(self, job: Job) -> None:
        job.tokens = list(job.prompt)
        self._line.join(job)
        self._stirred = True

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

    @property
    def parallel(self) -> int:
        return self._parallel

    def place(self, number: int) -> int | None:
        """How many requests wait before this one; None: it does not wait (any more)."""
        return self._line.place(number)

    def place_of(self, owner: str) -> int | None:
        return self._line.place_of(owner)

    # ── a step ───────────────────────────────────────────────────────────────────────────────────────────

    def plan(self) -> list[Turn]:
        """The next batch, all of one adapter; empty only if there is nothing to do."""
        if self._stirred:
            self._admit()
        if max((job.left for job in self._running), default=0) >= _WORTH_TRIMMING:
            self._cache.trim()
        turns: list[Turn] = []
        while self._running and not turns:  # nobody may be left of an adapter after preemption
            turns = self._plan_for(self._next_adapter())
        return turns

    def evaluated(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            self._stirred = self._stirred or turn.job.reads
            self._cache.extend(turn.job.sequence, turn.slice.tokens)
            turn.job.done += len(turn.slice.tokens)

    def append(self, job: Job, token: int) -> None:
        """``token`` was drawn and the answer goes on."""
        job.tokens.append(token)

    def accepted(self, turn: Turn, count: int) -> None:
        """Only the first ``count`` tokens of the draft were drawn: the others are taken back."""
        if count < len(turn.draft):
            turn.job.done -= len(turn.draft) - count
            self._cache.truncate(turn.job.sequence, turn.job.done)

    # ── inside: a batch ──────────────────────────────────────────────────────────────────────────────────

    def _next_adapter(self) -> str:
        """The one that has had no step for longest."""
        self._steps += 1
        self._turn_of = {job.adapter: self._turn_of.get(job.adapter, 0) for job in self._running}
        chosen = min(self._turn_of, key=lambda adapter: self._turn_of[adapter])
        self._turn_of[chosen] = self._steps
        return chosen

    def _plan_for(self, adapter: str) -> list[Turn]:
        jobs = [job for job in self._running if job.adapter == adapter]
        for job in sorted((job for job in jobs if not job.reads), key=lambda job: job.number):
            self._find_cell(job)
        jobs = [job for job in self._running if job.adapter == adapter]
        writers = [job for job in jobs if not job.reads]
        readers = [job for job in jobs if job.reads]
        reading = self._read(readers, self._room(len(readers), len(writers)))
        drafts = self._drafts(writers, sum(len(turn.slice.tokens) for turn in reading), len(jobs))
        return [self._write(job, drafts.get(job.number, ())) for job in writers] + reading

    def _room(self, readers: int, writers: int) -> int:
        """For prompts: the more wait for their first word, and the fewer for their next, the more room they get."""
        most = self._batch - writers
        return min(most, self._chunk * max(1, readers // writers)) if writers else most

    def _read(self, readers: list[Job], room: int) -> list[Turn]:
        """The shortest prompt is read first, but each gets its share: a long one delays nobody and still goes on."""
        turns = []
        readers.sort(key=lambda job: job.goal - job.done)
        for left, job in zip(range(len(readers), 0, -1), readers, strict=True):
            count = min(job.goal - job.done, max(1, room // left))
            if room < count:
                break
            room -= count
            end = job.done + count
            last = int(end == job.goal)
            turns.append(Turn(job, Slice(job.sequence, job.done, job.tokens[job.done : end], wanted=last)))
        return turns

    def _drafts(self, writers: Sequence[Job], reading: int, jobs: int) -> Mapping[int, Sequence[int]]:
        room = min(self._rows - jobs, self._batch - len(writers) - reading)
        if self._drafter is None or room <= 0 or not writers:
            return {}
        # Where few tokens come out otherwise than more, a draft would change the text and not only its pace.
        if len(writers) + reading < self._alike_from:
            return {}
        return self._drafter.propose(writers, reading=reading, room=room)

    def _write(self, job: Job, draft: Sequence[int]) -> Turn:
        draft = draft[: job.left - 1]
        if draft and not self._cache.grow(job.sequence, len(job.tokens) + len(draft), evict=False):
            draft = ()
        tokens = [*job.tokens[job.done :], *draft]
        return Turn(job, Slice(job.sequence, job.done, tokens, wanted=1 + len(draft)), draft)

    # ── inside: places ───────────────────────────────────────────────────────────────────────────────────

    def _admit(self) -> None:
        self._stirred = False
        while len(self._running) < self._parallel:
            if not any(self._start(job) for job in islice(self._line.candidates(), _TRIED_AT_ONCE)):
                return

    def _start(self, job: Job) -> bool:
        if self._shares and self._should_wait_for_prefix(job):
            return False
        answer = min(job.left, max(_LEAST_ANSWER, job.max_tokens // 4))
        opened = self._cache.open(job.tokens, answer, adapter=job.adapter, owner=job.owner, again=job.started)
        if opened is None:
            return False
        job.sequence, job.done = opened
        job.goal = len(job.tokens)
        if not job.started:
            job.started, job.cached = True, job.done
        self._line.serve(job)
        self._running.append(job)
        return True

    def _should_wait_for_prefix(self, job: Job) -> bool:
        """Somebody is evaluating the same beginning at this moment: share it when it is there."""
        found = -1
        for other in self._running:
            if other.reads and other.adapter == job.adapter:
                common = min(common_prefix(job.tokens, other.tokens), len(job.tokens) - 1)
                if other.done < common:
                    found = self._cache.lookup(job.tokens, job.adapter)[1] if found < 0 else found
                    if common - found >= _WORTH_WAITING:
                        return True
        return False

    def _find_cell(self, job: Job) -> None:
        """Set aside the cell of the next token; somebody younger, or the job itself, may have to wait for that."""
        while job in self._running and not self._claim(job):
            youngest = max(self._running, key=lambda other: other.number)
            if len(self._running) == 1:
                return  # the decode is going to say that there is no room
            self._preempt(youngest)

    def _claim(self, job: Job) -> bool:
        """Some cells at once while there are plenty; asking for each is dear."""
        need = len(job.tokens)
        some = need - 1 + min(job.left, _CLAIMED_AT_ONCE)
        cache, sequence = self._cache, job.sequence
        return cache.claimed(sequence) >= need or cache.grow(sequence, some, evict=False) or cache.grow(sequence, need)

    def _preempt(self, job: Job) -> None:
        self._running.remove(job)
        self._cache.release(job.sequence)
        job.sequence, job.done = -1, 0
        self._line.rejoin(job)
        self._cache.counters.preemptions += 1

    def _leave(self, job: Job) -> bool:
        """False: it had no sequence yet (it waited, or was gone)."""
        self._stirred = True
        if self._drafter is not None:
            self._drafter.forget(job.number)
        if self._line.leave(job) or job not in self._running:
            return False
        self._running.remove(job)
        return True
