"""Who may write now, so that a platform's rate limits are kept before they are hit. Pure: the clock is passed in.

A write is counted from the moment it goes until ``seconds`` after its answer came. The platform saw it somewhere
between the two, so that a limit is kept on the platform's clock too, however slow the network is.

Finals wait in lanes (a chat each) that take turns: a busy lane delays itself only. Drafts never wait: one that cannot
go now is refused, and each rule keeps some room that only finals may use.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MAX_IDLE = 10_000
"""Buckets that are remembered; beyond it, those in which nothing counts any more are forgotten."""


@dataclass(frozen=True, slots=True)
class Rule:
    """At most ``count`` writes in any ``seconds``. A draft goes only while fewer than ``drafts`` of them are taken."""

    count: int
    seconds: float
    drafts: int

    def __post_init__(self) -> None:
        if not (0 < self.drafts <= self.count and self.seconds > 0):
            raise ValueError(f"{self} lets nothing through: wanted are 0 < drafts <= count and seconds > 0")


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules of one bucket. ``learns``: the platform says more with each answer, and until then one goes at a time."""

    rules: tuple[Rule, ...] = ()
    learns: bool = False


@dataclass(slots=True)
class _Told:
    """What the platform said of its window: ``remaining`` more until ``resets_at``."""

    limit: int
    remaining: int
    resets_at: float


@dataclass(slots=True)
class Bucket:
    """What counts towards one limit. ``ended``: when answers came, oldest first; ``going``: sent, not answered."""

    limits: Limits
    ended: deque[float] = field(default_factory=deque)
    going: int = 0
    waiting: int = 0
    held_until: float = -math.inf
    told: _Told | None = None

    def opens_in(self, now: float, *, ahead: int = 0, draft: bool = False) -> float:
        """Seconds until one more may go after ``ahead`` others; 0: now; infinite: when one of those that go has ended."""
        waits = [self._by_rule(rule, now, ahead, draft) for rule in self.limits.rules]
        if self.limits.learns:
            waits.append(self._by_told(now, ahead))
        return max(0.0, self.held_until - now, *waits)

    def _by_rule(self, rule: Rule, now: float, ahead: int, draft: bool) -> float:
        counted = [at for at in self.ended if at > now - rule.seconds]
        room = rule.drafts if draft else rule.count
        must_expire = len(counted) + self.going + ahead - room + 1
        if must_expire <= 0:
            return 0.0
        if must_expire <= len(counted):
            return counted[must_expire - 1] + rule.seconds - now
        rounds = (must_expire - len(counted) - 1) // room
        return rule.seconds * (1 + rounds)  # at the earliest: those that go have not even ended

    def _by_told(self, now: float, ahead: int) -> float:
        told = self.told
        if told is None:
            return 0.0 if self.going + ahead == 0 else math.inf
        if now >= told.resets_at:
            return 0.0 if self.going + ahead < told.limit else math.inf
        return 0.0 if ahead < told.remaining else told.resets_at - now

    def go(self, now: float) -> None:
        if self.told is not None and now >= self.told.resets_at:
            # A new window of unknown length: what goes already may fall into it.
            self.told = _Told(self.told.limit, self.told.limit - self.going, math.inf)
        if self.told is not None:
            self.told.remaining -= 1
        self.going += 1

    def end(self, now: float, *, written: bool) -> None:
        self.going -= 1
        if written and self.limits.rules:
            self.ended.append(now)
            longest = max(rule.seconds for rule in self.limits.rules)
            while self.ended[0] <= now - longest:
                self.ended.popleft()
        elif self.told is not None and not written:
            self.told.remaining += 1
        if self.told is not None and self.told.resets_at == math.inf and self.going == 0:
            self.told = None  # the platform stopped saying when its window ends: one at a time again

    def learn(self, now: float, limit: int, remaining: int, reset_after: float, counted: bool) -> None:
        """``counted``: from the answer to one of those that go. The others may or may not be in ``remaining``."""
        uncounted = self.going - 1 if counted else self.going
        self.told = _Told(limit, remaining - uncounted, now + reset_after)

    def idle(self, now: float) -> bool:
        busy = self.going or self.waiting or self.held_until > now or (self.told and self.told.resets_at > now)
        longest = max((rule.seconds for rule in self.limits.rules), default=0.0)
        return not busy and not (self.ended and self.ended[-1] > now - longest)


@dataclass(eq=False, slots=True)
class Ticket:
    """One write: waiting in its lane, then going, then done."""

    lane: str
    keys: tuple[str, ...]
    waits: bool = False
    goes: bool = False


class Pace:
    def __init__(self, clock: Callable[[], float], limits: Callable[[str], Limits]) -> None:
        """``limits``: those of the bucket with this key."""
        self._clock = clock
        self._limits = limits
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._lanes: OrderedDict[str, deque[Ticket]] = OrderedDict()  # in the order of their turns

    def bucket(self, key: str) -> Bucket:
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = Bucket(self._limits(key))
            self._forget()
        self._buckets.move_to_end(key)
        return found

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────

    def expected_wait(self, lane: str, keys: Sequence[str], *, draft: bool = False) -> float:
        """About how long a new write would wait; infinite: until one that goes has ended. Exact for 0."""
        now = self._clock()
        if draft:
            behind = math.inf if self._lanes.get(lane) else 0.0
            return max(behind, *(self.bucket(key).opens_in(now, draft=True) for key in keys))
        buckets = [self.bucket(key) for key in keys]
        return max(0.0, *(bucket.opens_in(now, ahead=bucket.waiting) for bucket in buckets))

    def enter(self, lane: str, keys: Sequence[str]) -> Ticket:
        """The end of the lane's queue; ``admit`` says when it may go."""
        ticket = Ticket(lane, tuple(keys), waits=True)
        self._lanes.setdefault(lane, deque()).append(ticket)
        for key in ticket.keys:
            self.bucket(key).waiting += 1
        return ticket

    def pass_by(self, lane: str, keys: Sequence[str]) -> Ticket:
        """A draft that may go now (``expected_wait`` was 0) goes."""
        ticket = Ticket(lane, tuple(keys))
        self._go(ticket)
        return ticket

    # ── turns ────────────────────────────────────────────────────────────────────────────────────────────

    def admit(self) -> list[Ticket]:
        """Those that wait and may go now; they go. One of each lane, then again, as long as there is room."""
        admitted: list[Ticket] = []
        more = True
        while more:
            more = False
            for lane in list(self._lanes):
                ticket = self._lanes[lane][0]
                if self._opens_in(ticket) > 0:
                    continue
                self._leave_lane(ticket)
                self._go(ticket)
                if lane in self._lanes:
                    self._lanes.move_to_end(lane)
                admitted.append(ticket)
                more = True
        return admitted

    def next_in(self) -> float | None:
        """Seconds until ``admit`` is worth another try; None: not before something ends or enters."""
        waits = [wait for queue in self._lanes.values() if (wait := self._opens_in(queue[0])) < math.inf]
        return min(waits, default=None)

    def end(self, ticket: Ticket) -> None:
        """It was answered, or nobody waits for its answer any more."""
        self._stop(ticket, written=True)

    def drop(self, ticket: Ticket) -> None:
        """It will not go, or would have gone and was not written."""
        if ticket.waits:
            self._leave_lane(ticket)
        else:
            self._stop(ticket, written=False)

    def hold(self, key: str, seconds: float) -> None:
        """The platform asked to wait."""
        bucket = self.bucket(key)
        bucket.held_until = max(bucket.held_until, self._clock() + seconds)

    def held_for(self, key: str) -> float:
        return max(0.0, self.bucket(key).held_until - self._clock())

    def learn(self, key: str, limit: int, remaining: int, reset_after: float, *, counted: bool = True) -> None:
        """What the platform's answer to a write says of a bucket's window; ``counted``: the write is this bucket's."""
        self.bucket(key).learn(self._clock(), limit, remaining, reset_after, counted)

    def waiting(self) -> list[tuple[Ticket, float]]:
        """All that wait, with about how long still."""
        return [
            (ticket, self._opens_in(ticket, at)) for queue in self._lanes.values() for at, ticket in enumerate(queue)
        ]

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────────────

    def _opens_in(self, ticket: Ticket, ahead: int = 0) -> float:
        now = self._clock()
        return max(0.0, *(self.bucket(key).opens_in(now, ahead=ahead) for key in ticket.keys))

    def _leave_lane(self, ticket: Ticket) -> None:
        ticket.waits = False
        queue = self._lanes[ticket.lane]
        queue.remove(ticket)
        if not queue:
            del self._lanes[ticket.lane]
        for key in ticket.keys:
            self.bucket(key).waiting -= 1

    def _go(self, ticket: Ticket) -> None:
        ticket.goes = True
        now = self._clock()
        for key in ticket.keys:
            self.bucket(key).go(now)

    def _stop(self, ticket: Ticket, *, written: bool) -> None:
        if not ticket.goes:
            return
        ticket.goes = False
        now = self._clock()
        for key in ticket.keys:
            self.bucket(key).end(now, written=written)

    def _forget(self) -> None:
        if len(self._buckets) <= MAX_IDLE:
            return
        now = self._clock()
        for key in list(self._buckets)[: MAX_IDLE // 10]:
            if self._buckets[key].idle(now):
                del self._buckets[key]
