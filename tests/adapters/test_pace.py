"""The rate limits, with a clock of our own: kept on the platform's side, fair, and nothing is left behind."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.pace import MAX_IDLE, Limits, Pace, Rule, Ticket

CHAT = Rule(3, 3.0, drafts=2)
OVERALL = Rule(5, 1.0, drafts=3)


def limits(key: str) -> Limits:
    if key.startswith("route"):
        return Limits(learns=True)
    return Limits((OVERALL,)) if key == "all" else Limits((CHAT,))


def keys(chat: str) -> tuple[str, str]:
    return ("all", chat)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Platform:
    """Sees each write somewhere between its start and its end, and judges by its own clock."""

    seen: list[tuple[float, str]] = field(default_factory=list)

    def most_in(self, seconds: float, chat: str = "") -> int:
        times = sorted(at for at, where in self.seen if where == chat or not chat)
        return max((sum(first <= at < first + seconds for at in times) for first in times), default=0)


@dataclass(order=True)
class Flight:
    ends: float
    ticket: Ticket = field(compare=False)


def run(clock: Clock, pace: Pace, writes: list[tuple[float, str, float, float]]) -> tuple[Platform, list[str]]:
    """Play ``writes``: (when it is wanted, chat, how long the call takes, where in that time the platform sees it).

    Returns what the platform saw and the chats in the order in which they went.
    """
    platform, flights, went = Platform(), list[Flight](), list[str]()
    details: dict[Ticket, tuple[float, float]] = {}
    arrivals = sorted(writes)
    start = clock.now
    for _ in range(100_000):
        for ticket in pace.admit():
            took, seen_at = details[ticket]
            platform.seen.append((clock.now + took * seen_at, ticket.lane))
            flights.append(Flight(clock.now + took, ticket))
            went.append(ticket.lane)
        moments = [flight.ends for flight in flights] + [start + wanted for wanted, *_ in arrivals[:1]]
        if (wait := pace.next_in()) is not None:
            moments.append(clock.now + wait)
        if not moments:
            break
        clock.now = max(clock.now, min(moments))
        for flight in [flight for flight in flights if flight.ends <= clock.now]:
            flights.remove(flight)
            pace.end(flight.ticket)
        while arrivals and start + arrivals[0][0] <= clock.now:
            _, chat, took, seen_at = arrivals.pop(0)
            details[pace.enter(chat, keys(chat))] = (took, seen_at)
    return platform, went


WRITES = st.lists(
    st.tuples(st.floats(0, 10), st.sampled_from("abcd"), st.floats(0, 2), st.floats(0, 1)), min_size=1, max_size=40
)


@settings(max_examples=150, deadline=None)
@given(WRITES)
def test_the_platform_never_sees_too_many_and_all_arrive(writes: list[tuple[float, str, float, float]]) -> None:
    pace = Pace(clock := Clock(), limits)
    platform, went = run(clock, pace, writes)
    assert Counter(went) == Counter(chat for _, chat, _, _ in writes)
    # A hair less than the window: the platform's times are sums of floats.
    assert platform.most_in(OVERALL.seconds - 1e-6) <= OVERALL.count
    assert all(platform.most_in(CHAT.seconds - 1e-6, chat) <= CHAT.count for chat in "abcd")
    assert pace.waiting() == []
    assert all(pace.bucket(key).going == pace.bucket(key).waiting == 0 for key in ("all", *"abcd"))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 30), st.floats(0, 1), st.floats(0, 1))
def test_a_busy_chat_delays_only_itself(backlog: int, took: float, seen_at: float) -> None:
    """One message each of two chats behind the backlog of a third go with the first that are let through."""
    pace = Pace(clock := Clock(), limits)
    writes = [(0.0, "a", took, seen_at)] * backlog + [(0.0, "b", took, seen_at), (0.0, "c", took, seen_at)]
    _, went = run(clock, pace, writes)
    assert went.index("b") < 3
    assert went.index("c") < 3


def test_turns_go_round() -> None:
    pace = Pace(clock := Clock(), limits)
    _, went = run(clock, pace, [(0.0, chat, 0.0, 0.0) for chat in "aaabbbcccddd"])
    assert went == list("abcd" * 3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "draft", "drop", "end", "wait"])), max_size=60)
)
def test_whatever_is_given_back_leaves_no_trace(steps: list[tuple[str, str]]) -> None:
    """Cancelled while it waited, cancelled when it was let through, or written: in the end all places are free."""
    pace = Pace(clock := Clock(), limits)
    held: list[Ticket] = []
    for chat, step in steps:
        match step:
            case "enter":
                held.append(pace.enter(chat, keys(chat)))
            case "draft" if pace.expected_wait(chat, keys(chat), draft=True) == 0:
                held.append(pace.pass_by(chat, keys(chat)))
            case "drop" if held:
                pace.drop(held.pop(0))
            case "end" if held and held[0].goes:
                pace.end(held.pop(0))
            case _:
                clock.now += 0.7
        pace.admit()
    for ticket in held:
        pace.drop(ticket)
        pace.drop(ticket)  # twice is once
    clock.now += 3.0
    assert pace.next_in() is None
    free = [pace.enter("a", keys("a")) for _ in range(CHAT.count)]
    assert pace.admit() == free


def test_drafts_give_way() -> None:
    pace = Pace(clock := Clock(), limits)
    for _ in range(CHAT.drafts):
        assert pace.expected_wait("a", keys("a"), draft=True) == 0
        pace.end(pace.pass_by("a", keys("a")))
    assert pace.expected_wait("a", keys("a"), draft=True) == pytest.approx(3.0)
    assert pace.expected_wait("a", keys("a")) == 0, "a final still has its place"
    assert pace.expected_wait("b", keys("b"), draft=True) == 0
    pace.end(pace.pass_by("b", keys("b")))
    assert pace.expected_wait("c", keys("c"), draft=True) == pytest.approx(1.0), "nor do drafts take all of the whole"
    clock.now += 1.0
    assert pace.expected_wait("c", keys("c"), draft=True) == 0


def test_a_draft_never_overtakes_a_final_of_its_chat() -> None:
    pace = Pace(clock := Clock(), limits)
    pace.hold("a", 5)
    waiting = pace.enter("a", keys("a"))
    assert pace.admit() == []
    assert pace.expected_wait("a", keys("a"), draft=True) == math.inf
    clock.now += 5
    assert pace.admit() == [waiting]


def test_a_held_bucket_waits_exactly_so_long() -> None:
    pace = Pace(clock := Clock(), limits)
    pace.hold("a", 7)
    pace.hold("a", 3)  # an earlier end changes nothing
    a, b = pace.enter("a", keys("a")), pace.enter("b", keys("b"))
    assert pace.admit() == [b]
    assert pace.next_in() == pace.held_for("a") == 7
    clock.now += 6.99
    assert pace.admit() == []
    clock.now += 0.01
    assert pace.admit() == [a]


def test_the_expected_wait_counts_who_is_ahead() -> None:
    pace = Pace(Clock(), limits)
    waits = []
    for _ in range(8):
        waits.append(pace.expected_wait("a", keys("a")))
        pace.enter("a", keys("a"))
    assert waits[:3] == [0, 0, 0]
    assert waits[3:6] == [pytest.approx(3.0)] * 3
    assert waits[6] == pytest.approx(6.0)


def test_a_bucket_that_learns() -> None:
    """As Discord's: nothing is known at first, then the platform says with each answer how many more."""
    pace = Pace(clock := Clock(), limits)
    tickets = [pace.enter("r", ("route",)) for _ in range(10)]
    assert pace.admit() == tickets[:1], "one at a time until something is known"
    assert pace.next_in() is None
    pace.learn("route", limit=3, remaining=2, reset_after=4.0)
    pace.end(tickets[0])
    assert pace.admit() == tickets[1:3]
    assert pace.next_in() == 4.0
    pace.learn("route", limit=3, remaining=1, reset_after=3.5)  # the other one is not in it yet
    pace.end(tickets[1])
    assert pace.admit() == []
    clock.now += 3.5
    assert pace.admit() == tickets[3:5], "in the new window, with one of the old that may fall into it"
    for ticket in tickets[2:5]:
        pace.end(ticket)
    assert pace.admit() == tickets[5:6], "its answers said nothing: one at a time again"


def test_idle_buckets_are_forgotten() -> None:
    pace = Pace(clock := Clock(), limits)
    pace.hold("held", 10**6)
    for number in range(MAX_IDLE * 2):
        pace.end(pace.pass_by(str(number), (str(number),)))
        clock.now += 0.1
    assert len(pace._buckets) <= MAX_IDLE
    assert pace.held_for("held") > 0


@pytest.mark.parametrize(("count", "seconds", "drafts"), [(0, 1, 0), (3, 0, 1), (3, 1, 0), (3, 1, 4)])
def test_a_rule_that_lets_nothing_through(count: int, seconds: float, drafts: int) -> None:
    with pytest.raises(ValueError, match="lets nothing through"):
        Rule(count, seconds, drafts)
