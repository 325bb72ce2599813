"""How many threads the next steps get: learned from how long the steps take, so that a busy neighbour is yielded to.

llama.cpp's threads meet after every operation: one that shares its core with another program holds all of them up, so
fewer threads are faster as long as the neighbour is there. The clock is the sum of what the steps took.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, inf, log, sqrt
from statistics import fmean, median
from typing import Literal

_EXACT = 32  # so many tokens and fewer are told apart one by one, more of them by their first three bits
_LEARN = 0.05  # how fast the seconds of a kind of step are learned
_NOISE = 4.0  # a step so many times slower or faster than its kind is taken for just that much: a stall says little
_RECENT = 6  # steps that say how it goes now
_SLOWER = 1.25  # so much slower than usual is a reason to try fewer threads
_FAR = 3.0  # one step that takes so many times as long, and long, decides at once: waiting for more is what costs
_LONG_S = 0.2
_SHORTEST_S, _LONGEST_STEP_S = 1e-6, 1e4  # a clock that says something else is wrong
_BLOCK = 2  # steps of a trial before it changes sides, so that both sides see the same weather
_ENOUGH = 16  # steps of each side, then the means decide
_SURE = 2.5  # standard errors that decide before
_GAIN = 0.95  # the other count must take less than this of the time
_FIRST_S, _LONGEST_S = 1.0, 30.0  # between two trials; doubled after each that brought nothing
_SHARE = 0.015  # of the time that trials which bring nothing may cost,
_FAIR_S, _FAIR_STEPS = 60.0, 150  # but so many seconds and steps later one may always be made
_REGULAR_S = 60.0  # fewer threads are tried so often even if nothing seems to be slow

Direction = Literal["fewer", "more"]


def kind_of(tokens: int) -> int:
    """Steps of the same kind should take the same time."""
    if tokens <= _EXACT:
        return tokens
    shift = tokens.bit_length() - 3
    return tokens >> shift << shift


def ladder(most: int) -> tuple[int, ...]:
    """The counts that are tried: each about three quarters of the next."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(min(counts[-1] - 1, round(counts[-1] * 0.75)))
    return tuple(reversed(counts))


@dataclass(slots=True)
class _Kind:
    seconds: float
    seen: int = 1

    def learn(self, ratio: float) -> None:
        """``ratio``: how much longer than expected such a step took. At first it is a mean, later it follows slowly."""
        self.seen += 1
        self.seconds *= 1 + max(_LEARN, 1 / self.seen) * (ratio - 1)


@dataclass(slots=True)
class _Trial:
    """Steps of the present count (``stay``) and of another one (``move``), in turns; logarithms of kind's multiples."""

    other: int
    direction: Direction
    stay: list[float]
    noise: float  # the standard deviation of one step
    move: list[float] = field(default_factory=list)
    moving: bool = True
    in_block: int = 0
    spent_s: float = 0.0  # by the steps of the other count

    def add(self, ratio: float, seconds: float) -> bool | None:
        """True: the other count is better; False: it is not; None: go on."""
        (self.move if self.moving else self.stay).append(log(ratio))
        self.spent_s += seconds if self.moving else 0.0
        far = seconds > _LONG_S and self._is_far()
        self.in_block += 1
        if self.in_block >= _BLOCK:
            self.in_block, self.moving = 0, not self.moving
        return self._difference() < 0 if far else self._verdict()

    def _is_far(self) -> bool:
        return bool(self.stay and self.move) and abs(self.move[-1] - self.stay[-1]) > log(_FAR)

    def _difference(self) -> float:
        return fmean(self.move) - fmean(self.stay)

    def _verdict(self) -> bool | None:
        fewest = min(len(self.stay), len(self.move))
        if fewest < _BLOCK:
            return None
        difference = self._difference()
        if fewest >= _ENOUGH:
            return difference < log(_GAIN)
        error = _SURE * self.noise * sqrt(1 / len(self.stay) + 1 / len(self.move))
        if difference - error > log(_GAIN):
            return False
        return True if difference + error < log(_GAIN) else None

    def wasted_s(self) -> float:
        """Seconds that the steps of the other count took longer than they would have taken."""
        difference = self._difference() if self.stay and self.move else log(_FAR)
        return self.spent_s * max(0.0, 1 - exp(-difference))


@dataclass(slots=True)
class _Patience:
    """When the next trial of a direction is due, by the governor's clock."""

    due_s: float
    wait_s: float = _FIRST_S

    def start_over(self, now_s: float) -> None:
        self.wait_s = _FIRST_S
        self.due_s = now_s + _FIRST_S

    def failed(self, now_s: float, fair_s: float) -> None:
        if now_s > self.due_s + 2 * self.wait_s:  # the last failure is long ago
            self.wait_s = _FIRST_S
        self.due_s = now_s + max(self.wait_s, fair_s)
        self.wait_s = min(self.wait_s * 2, _LONGEST_S)


class ThreadGovernor:
    """Told after each step how long it took; says when the count of threads changes. Starts with the most."""

    def __init__(self, most: int) -> None:
        self._most = self._count = max(1, most)
        self._now_s = 0.0
        self._kinds: dict[int, _Kind] = {}
        self._recent: deque[float] = deque(maxlen=_RECENT)  # what steps took, as multiples of their kind
        self._level = 1.0  # what they take with the present count
        self._usual = 1.0  # the same, but it rises slowly: what they would take if nothing had happened
        self._variance = 0.02  # of the logarithm of a step's time
        self._step_s = 0.0
        self._trial: _Trial | None = None
        self._fewer = _Patience(0.0)
        self._more = _Patience(_FIRST_S)
        self._regular_s = _FIRST_S
        self._hint = 0
        self._alone = False

    @property
    def count(self) -> int:
        """What the next step is meant to run with."""
        trial = self._trial
        return trial.other if trial is not None and trial.moving else self._count

    def allow(self, most: int) -> int | None:
        """The machine now allows so many threads; the new count if it changes by that."""
        most, before = max(1, most), self.count
        if most == self._most:
            return None
        had_all = self._count == self._most
        self._most, self._trial = most, None
        if had_all or self._count > most:
            self._switch(most)
        self._more.start_over(self._now_s)
        self._fewer.start_over(self._now_s)
        return self.count if self.count != before else None

    def look_again(self, free: int) -> None:
        """Something changed on the machine: what did not pay a while ago may pay now. ``free``: cores for us, about."""
        self._hint = free
        for patience in (self._fewer, self._more):
            patience.due_s = min(patience.due_s, self._now_s)
        self._regular_s = self._regular_s if free >= self._count else self._now_s

    def alone(self, alone: bool) -> None:
        """Whether it is known that no other program is busy: then steps are slow for other reasons, and all threads work."""
        self._alone = alone
        if alone and self.count != self._most:
            self._trial = None
            self._switch(self._most)
            self._level = self._usual

    def observe(self, tokens: int, seconds: float) -> int | None:
        """A step of so many tokens took so long; the count for the steps from now on, None if it stays."""
        if tokens <= 0 or not 0 < seconds < inf:
            return None
        before = self.count
        seconds = min(max(seconds, _SHORTEST_S), _LONGEST_STEP_S)
        self._now_s += seconds
        ratio = self._learn(kind_of(tokens), seconds)
        if ratio is not None and not self._alone:
            if self._trial is None:
                self._consider(ratio, seconds)
            else:
                self._go_on(self._trial, ratio, seconds)
        return self.count if self.count != before else None

    # ── learning ─────────────────────────────────────────────────────────────────────────────────────────

    def _learn(self, number: int, seconds: float) -> float | None:
        """The step's time as a multiple of what its kind takes; None for a kind that was not known."""
        kind = self._kinds.get(number)
        trying = self._trial is not None and self._trial.moving
        if kind is None:
            if not trying:
                self._kinds[number] = _Kind(seconds / self._level)
            return None
        ratio = seconds / kind.seconds
        if not trying:
            self._follow(kind, ratio, seconds)
        return ratio

    def _follow(self, kind: _Kind, ratio: float, seconds: float) -> None:
        ratio = min(max(ratio, self._level / _NOISE), self._level * _NOISE)
        kind.learn(ratio / self._level)
        self._recent.append(ratio)
        self._step_s += 0.1 * (seconds - self._step_s)
        if self._trial is None and len(self._recent) == _RECENT:
            now = median(self._recent)
            self._level += 0.1 * (now - self._level)
            self._usual += (0.1 if now < self._usual else 0.005) * (now - self._usual)
            self._variance += 0.02 * (min(log(ratio / now) ** 2, 0.25) - self._variance)

    # ── trying ───────────────────────────────────────────────────────────────────────────────────────────

    def _consider(self, ratio: float, seconds: float) -> None:
        """Begin a trial if there is a reason and it is time."""
        if self._count > 1 and self._fewer_may_help(ratio, seconds):
            self._begin("fewer")
        elif self._count < self._most and self._now_s >= self._more.due_s:
            self._begin("more")

    def _fewer_may_help(self, ratio: float, seconds: float) -> bool:
        if seconds > _LONG_S and ratio > _FAR * self._usual:
            return True
        if self._now_s >= self._fewer.due_s and len(self._recent) == _RECENT:
            return self._now_s >= self._regular_s or median(self._recent) > _SLOWER * self._usual
        return self._now_s >= self._regular_s

    def _begin(self, direction: Direction) -> None:
        stay = [log(ratio) for ratio in list(self._recent)[-_BLOCK:]]
        self._trial = _Trial(self._next(direction), direction, stay, noise=max(0.03, sqrt(self._variance)))

    def _next(self, direction: Direction) -> int:
        hint, self._hint = self._hint, 0
        if (1 <= hint < self._count) if direction == "fewer" else (self._count < hint <= self._most):
            return hint
        counts = sorted({*ladder(self._most), self._count})
        pairs = pairwise(counts if direction == "more" else counts[::-1])
        return next(other for present, other in pairs if present == self._count)

    def _go_on(self, trial: _Trial, ratio: float, seconds: float) -> None:
        better = trial.add(ratio, seconds)
        if better is None:
            return
        self._trial = None
        now, fair = self._now_s, self._fair_s(trial)
        patience, back = (self._fewer, self._more) if trial.direction == "fewer" else (self._more, self._fewer)
        self._regular_s = now + max(_REGULAR_S, fair)
        if not better:
            patience.failed(now, fair if trial.direction == "more" else 0.0)
            self._accept(trial.stay)
            return
        self._switch(trial.other)
        self._accept(trial.move)
        patience.start_over(now)
        patience.due_s = now  # where this helped, more of it may help more
        self._regular_s = now if trial.direction == "fewer" else self._regular_s
        back.start_over(now)

    def _fair_s(self, trial: _Trial) -> float:
        """How long to wait, so that trials that bring nothing cost a small share of the time only."""
        return min(trial.wasted_s() / _SHARE, max(_FAIR_S, _FAIR_STEPS * self._step_s))

    def _switch(self, count: int) -> None:
        self._count = count
        self._recent.clear()

    def _accept(self, logarithms: Sequence[float]) -> None:
        """How it goes in this trial is how it usually goes with the present count from now on."""
        ratios = [exp(one) for one in logarithms[-_RECENT:]]
        self._recent.clear()
        self._recent.extend(ratios)
        self._level = self._usual = median(ratios)
