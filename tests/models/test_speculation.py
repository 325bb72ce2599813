from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.job import Job
from models.speculation import LookupIndex, Speculator, StepCost, share_out


def job_of(prompt: list[int], drawn: list[int] | None = None, max_tokens: int = 100) -> Job:
    job = Job(next(_NUMBERS), "a/1", prompt, max_tokens)
    job.tokens = prompt + (drawn or [])
    return job


_NUMBERS = count()


def slow_draft(tokens: list[int], longest: int) -> list[int]:
    for size in (3, 2):
        for at in range(len(tokens) - 1, size - 1, -1):
            if tokens[at - size : at] == tokens[-size:]:
                return tokens[at : at + longest]
    return []


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=10))
def test_the_index_finds_what_a_search_would(tokens: list[int], steps: list[list[int]]) -> None:
    index = LookupIndex(tokens)
    for step in [[], *steps]:
        tokens += step
        assert list(index.draft(5)) == slow_draft(tokens, 5)


def test_an_answer_that_quotes_is_drafted_from_the_passage() -> None:
    passage = [50, 51, 52, 53, 54, 55]
    assert list(LookupIndex([1, 2, *passage, 3, 4, 50, 51]).draft(3)) == [52, 53, 54]
    assert list(LookupIndex([1, 2, 3]).draft(3)) == []


def test_the_cost_is_learned_and_a_stall_hardly_changes_it() -> None:
    cost = StepCost()
    assert cost.line() is None
    for _ in range(100):
        cost.observe(4, 0.022)
        assert cost.line() is None, "steps that are all alike say nothing"
    for step in range(100):
        cost.observe(1 + step % 8, 0.010 + 0.003 * (1 + step % 8))
    line = cost.line()
    assert line is not None
    assert line == pytest.approx((0.010, 0.003), rel=0.05)
    cost.observe(4, 5.0)
    stalled = cost.line()
    assert stalled is not None
    assert stalled[0] + 4 * stalled[1] == pytest.approx(0.022, rel=0.1)


def rate(taken: list[int], offers: list[tuple[int, float]], base: int, fixed: float, each: float) -> float:
    expected = sum(chance ** (depth + 1) for n, (_, chance) in zip(taken, offers, strict=True) for depth in range(n))
    return (base + expected) / (fixed + each * (base + sum(taken)))


@given(
    st.lists(st.tuples(st.integers(0, 8), st.floats(0, 1)), min_size=1, max_size=6),
    st.floats(0.001, 0.1),
    st.floats(0, 0.1),
    st.integers(0, 20),
)
def test_no_draft_is_longer_than_pays(offers: list[tuple[int, float]], fixed: float, each: float, room: int) -> None:
    base = len(offers)
    taken = share_out(offers, base=base, reading=0, fixed=fixed, each=each, room=room)
    assert sum(taken) <= room
    assert all(0 <= count <= length for count, (length, _) in zip(taken, offers, strict=True))
    best = rate(taken, offers, base, fixed, each)
    assert best >= rate([0] * base, offers, base, fixed, each) * (1 - 1e-9)
    for index, now in enumerate(taken):  # and no single token more or less would be better
        for other in (now - 1, now + 1):
            fits = 0 <= other <= offers[index][0] and sum(taken) - now + other <= room
            if fits:
                changed = [*taken[:index], other, *taken[index + 1 :]]
                assert best >= rate(changed, offers, base, fixed, each) * (1 - 1e-9)


def test_many_answers_leave_less_to_gain_than_one() -> None:
    few = share_out([(8, 0.6)], base=1, reading=0, fixed=0.010, each=0.003, room=60)
    many = share_out([(8, 0.6)] * 8, base=8, reading=0, fixed=0.010, each=0.003, room=60)
    assert sum(few) > 0
    assert sum(many) == 0


def known_cost() -> StepCost:
    cost = StepCost()
    for step in range(40):
        cost.observe(1 + step % 8, 0.010 + 0.003 * (1 + step % 8))
    return cost


def test_whoever_misses_is_left_alone_and_tried_again_later() -> None:
    speculator = Speculator(known_cost())
    job = job_of([1, 2, 3, 4, 5, 6, 7, 1, 2])
    drafted = []
    for _ in range(200):
        chosen = speculator.propose([job], reading=0, room=16).get(job.number, ())
        drafted.append(len(chosen))
        if chosen:
            speculator.judge(job.number, len(chosen), 0)
    assert drafted[0] > 0
    assert 0 < sum(map(bool, drafted[20:])) < 90


def test_whoever_hits_gets_longer_drafts() -> None:
    speculator = Speculator(known_cost())
    job = job_of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2])
    lengths = []
    for _ in range(10):
        chosen = speculator.propose([job], reading=0, room=16)[job.number]
        lengths.append(len(chosen))
        speculator.judge(job.number, len(chosen), len(chosen))
    assert lengths[-1] == 8 > lengths[0]


def test_a_draft_keeps_within_the_room_and_the_answer() -> None:
    speculator = Speculator()  # knows no cost: it finds out by short drafts
    ended = job_of([1, 2, 3, 1, 2], max_tokens=1)
    jobs = [job_of([1, 2, 3, 4, 5, 6, 1, 2]) for _ in range(3)]
    for _ in range(8):
        chosen = speculator.propose([*jobs, ended], reading=0, room=4)
        assert sum(map(len, chosen.values())) <= 4
        assert ended.number not in chosen
