"""Prompt-lookup speculation: an answer that quotes its prompt is drafted from there and verified in one batch.

The last tokens of prompt and answer are looked up in all that came before; what followed there is the draft. Every
token is still drawn by the request's own sampler, so a draft changes when the text comes and not the text, but for near
ties: the cells of a refused draft lie elsewhere afterwards, and sums in another order end in other last bits. How much is
drafted is decided by measured times: only where it makes more tokens a second likely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.job import Job

LONGEST = 8  # tokens of one draft
_MATCHED = (3, 2)  # so many last tokens are looked up, the longer match first
_MEMORY = 0.9  # of what a job's drafts were worth, from draft to draft
_REST = 0.98  # the same, for each step without a draft: whoever missed is tried again later
_PRIOR_WEIGHT = 1.0
_FADE = 0.99  # of what is known about a step's cost, from step to step


class LookupIndex:
    """Where the short token sequences of ``tokens`` stood last; grows with the list, each token is looked at once."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = tokens
        self._followed: dict[tuple[int, ...], int] = {}  # a few tokens → where the one after them stands
        self._known = 0

    def draft(self, longest: int) -> Sequence[int]:
        """What followed the last time that the tokens at the end were there before; nothing if they were not."""
        self._update()
        for size in _MATCHED:
            if len(self._tokens) >= size:
                at = self._followed.get(tuple(self._tokens[-size:]))
                if at is not None:
                    return self._tokens[at : at + longest]
        return ()

    def _update(self) -> None:
        tokens = self._tokens
        for at in range(max(self._known, 1), len(tokens)):  # ``at`` follows what is entered, so the end itself is not
            for size in _MATCHED:
                if at >= size:
                    self._followed[tuple(tokens[at - size : at])] = at
        self._known = len(tokens)


@dataclass(slots=True)
class StepCost:
    """Learns ``seconds = fixed + each × tokens`` from steps; newer ones count more. None until it has seen enough."""

    _weight: float = 0.0
    _tokens: float = 0.0
    _squares: float = 0.0
    _seconds: float = 0.0
    _products: float = 0.0
    _seen: int = 0

    def observe(self, tokens: int, seconds: float) -> None:
        known = self.line()
        if known and tokens:  # a stall of the machine says nothing about the model
            seconds = min(seconds, 3 * (known[0] + known[1] * tokens))
        self._seen += 1
        self._weight = self._weight * _FADE + 1
        self._tokens = self._tokens * _FADE + tokens
        self._squares = self._squares * _FADE + tokens * tokens
        self._seconds = self._seconds * _FADE + seconds
        self._products = self._products * _FADE + tokens * seconds

    def line(self) -> tuple[float, float] | None:
        """``fixed`` and ``each``; None: the steps were too few, or too much alike."""
        if self._seen < 8 or self._weight <= 0:
            return None
        mean = self._tokens / self._weight
        variance = self._squares / self._weight - mean * mean
        if variance < 0.05:
            return None
        seconds = self._seconds / self._weight
        each = max(0.0, (self._products / self._weight - mean * seconds) / variance)
        return max(0.0, seconds - each * mean), each


def share_out(
    offers: Sequence[tuple[int, float]], *, base: int, reading: int, fixed: float, each: float, room: int
) -> list[int]:
    """How many tokens of each draft to evaluate, so that the expected tokens per second are most.

    ``offers``: each draft's length, and how likely each of its tokens is to be right if all before it were. ``base``:
    answers in the step, each of which gets a token anyway; ``reading``: prompt tokens in it. A token at depth d of a
    draft brings p**d tokens; it is taken while that is more than the step's tokens per second pay for its time.
    """
    gains = sorted(
        ((chance ** (depth + 1), -index) for index, (length, chance) in enumerate(offers) for depth in range(length)),
        reverse=True,
    )
    taken = [0] * len(offers)
    tokens, seconds = float(base), fixed + each * (base + reading)
    for gain, index in gains[:room]:
        if gain * seconds <= each * tokens:
            break
        taken[-index] += 1
        tokens += gain
        seconds += each
    return taken


@dataclass(slots=True)
class _Drafts:
    index: LookupIndex
    right: float = 0.0
    judged: float = 0.0
    offered: Sequence[int] = field(default=())


class Speculator:
    """Drafts for all answers. Lives in the decode thread."""

    def __init__(self, cost: StepCost | None = None) -> None:
        self._cost = cost or StepCost()
        self._jobs: dict[int, _Drafts] = {}
        self._prior = 0.5  # how likely a token of a draft is right, in answers so far
        self._probes = 0

    def propose(self, jobs: Sequence[Job], *, reading: int, room: int) -> Mapping[int, Sequence[int]]:
        candidates = [(job, self._jobs_drafts(job)) for job in jobs]
        offers = [self._offer(job, drafts, room) for job, drafts in candidates]
        line = self._cost.line()
        if line is None:  # nothing is known of the cost yet: short drafts now and then find it out
            self._probes += 1
            counts = [min(length, self._probes % 4) for length, _ in offers]
        else:
            counts = share_out(offers, base=len(jobs), reading=reading, fixed=line[0], each=line[1], room=room)
        chosen: dict[int, Sequence[int]] = {}
        for (job, drafts), count in zip(candidates, counts, strict=True):
            count = min(count, room)
            if count:
                chosen[job.number] = drafts.offered[:count]
                room -= count
            else:
                drafts.right, drafts.judged = drafts.right * _REST, drafts.judged * _REST
        return chosen

    def judge(self, number: int, drafted: int, accepted: int) -> None:
        """So many tokens of a draft were right; the one after them, if there was one, was wrong."""
        trials = accepted + (accepted < drafted)
        if drafts := self._jobs.get(number):
            drafts.right = drafts.right * _MEMORY + accepted
            drafts.judged = drafts.judged * _MEMORY + trials
        for trial in range(trials):
            self._prior += 0.01 * ((trial < accepted) - self._prior)
        self._prior = min(0.9, max(0.3, self._prior))

    def observe(self, tokens: int, seconds: float) -> None:
        """A step without prompts took so long."""
        self._cost.observe(tokens, seconds)

    def forget(self, number: int) -> None:
        self._jobs.pop(number, None)

    def _jobs_drafts(self, job: Job) -> _Drafts:
        known = self._jobs.get(job.number)
        if known is None:
            known = self._jobs[job.number] = _Drafts(LookupIndex(job.tokens))
        return known

    def _offer(self, job: Job, drafts: _Drafts, room: int) -> tuple[int, float]:
        drafts.offered = drafts.index.draft(min(LONGEST, room, job.left - 1)) if job.left > 1 else ()
        chance = (drafts.right + self._prior * _PRIOR_WEIGHT) / (drafts.judged + _PRIOR_WEIGHT)
        return len(drafts.offered), chance
