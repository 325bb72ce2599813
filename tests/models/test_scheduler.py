from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.cache import PrefixCache
from models.job import Job, Turn
from models.prefix import common_prefix
from models.runner import Slice
from models.scheduler import Scheduler
from models.speculation import Speculator, StepCost
from models.spill import Spill
from models.waiting import WaitingLine
from tests.models.runner import NextToken, ScriptedRunner, hashed, looping


def drafting() -> Speculator:
    """Drafts whenever it can: what it was told of the cost says that rows are free."""
    cost = StepCost()
    for tokens in range(1, 20):
        cost.observe(tokens, 1.0)
    return Speculator(cost)


class Bench:
    """A scheduler, its cache and a scripted runner, driven step by step as the decode thread does."""

    def __init__(
        self,
        *,
        next_token: NextToken = hashed,
        parallel: int = 3,
        chunk: int = 8,
        cells: int = 128,
        batch: int = 32,
        keep: int = 64,
        spill: int = 0,
        window: int = 0,
        rewinds: bool = True,
        drafts: bool = False,
        alike_from: int = 1,
        refuses: Callable[[bytes], bool] = lambda data: False,
    ) -> None:
        self.runner = ScriptedRunner(
            next_token,
            cells=cells,
            sequences=parallel + 4,
            batch=batch,
            window=window,
            rewinds=rewinds,
            refuses=refuses,
            rows=parallel + 5,
            alike_from=alike_from,
        )
        self.spill = Spill(spill) if spill else None
        self.speculator = drafting() if drafts else None
        self.cache = PrefixCache(self.runner, self.runner.limits, keep=keep, spill=self.spill)
        self.scheduler = Scheduler(
            self.cache, self.runner.limits, parallel=parallel, chunk=chunk, drafter=self.speculator
        )
        self.parallel = parallel
        self.keep = keep if rewinds else 0
        self.numbers = count()
        self.open: dict[int, Job] = {}
        self.finished: list[Job] = []

    def submit(self, prompt: Sequence[int], max_tokens: int = 4, owner: str = "bot/a", adapter: str = "") -> Job:
        job = Job(next(self.numbers), owner, list(prompt), max_tokens, adapter)
        self.open[job.number] = job
        self.scheduler.submit(job)
        return job

    def cancel(self, job: Job) -> None:
        if self.open.pop(job.number, None):
            self.scheduler.finish(job)

    def fail(self, job: Job) -> None:
        if self.open.pop(job.number, None):
            self.scheduler.fail(job)

    def step(self) -> list[Slice]:
        preemptions = self.cache.counters.preemptions
        turns = self.scheduler.plan()
        lasting = any(job.left >= 16 for job in self.scheduler.running)
        if lasting and self.cache.counters.preemptions == preemptions:
            assert self.cache.idle_cells <= self.keep, "a step looks at no more than the budget"
        assert bool(turns) == bool(self.open), "a step does something whenever there is something to do"
        assert len(self.scheduler.running) <= self.parallel
        adapters = {turn.job.adapter for turn in turns}
        assert len(adapters) <= 1
        assert {turn.job.number for turn in turns} == {
            job.number for job in self.scheduler.running if job.adapter in adapters
        }
        if turns:
            self.runner.decode([turn.slice for turn in turns], turns[0].job.adapter)
            self.scheduler.evaluated(turns)
        row = 0
        for turn in turns:
            if turn.slice.wanted:
                self._draw(turn, row)
            row += turn.slice.wanted
        self.check()
        return [turn.slice for turn in turns]

    def _draw(self, turn: Turn, row: int) -> None:
        job, right, ended = turn.job, 0, False
        while not ended:
            token = self.runner.next_token(self.runner.row_tokens(row + right))
            job.tokens.append(token)
            ended = job.left == 0
            if ended or right == len(turn.draft) or token != turn.draft[right]:
                break
            right += 1
        if turn.draft:
            self.scheduler.accepted(turn, right)
        if ended:
            self.finished.append(self.open.pop(job.number))
            self.scheduler.finish(job)

    def check(self) -> None:
        cache, runner = self.cache, self.runner
        assert cache.used_cells == runner.used_cells
        assert cache.used_cells + cache.reserved_cells <= runner.limits.cells
        assert cache.busy_sequences == len(self.scheduler.running)
        running = {cell for job in self.scheduler.running for cell in runner.cells_of(job.sequence)}
        assert cache.idle_cells == runner.used_cells - len(running)
        for number in range(runner.limits.sequences):
            assert list(cache.tokens(number)) == runner.tokens(number)

    def drain(self, limit: int = 4000) -> int:
        for steps in range(limit):
            if not self.open:
                return steps
            self.step()
        raise AssertionError("somebody starves")


def alone(prompt: Sequence[int], max_tokens: int, next_token: NextToken = hashed) -> list[int]:
    tokens = list(prompt)
    for _ in range(max_tokens):
        tokens.append(next_token(tokens))
    return tokens


PROMPTS = st.tuples(
    st.sampled_from([(), (1,) * 20, (1,) * 20 + (2,) * 10, (7,) * 40, tuple(range(36))]),
    st.lists(st.integers(0, 3), min_size=1, max_size=20),
).map(lambda parts: [*parts[0], *parts[1]])
OWNERS = st.sampled_from(["a/1", "a/2", "b/1", "c/1"])
ACTIONS = st.one_of(
    st.tuples(st.just("submit"), PROMPTS, st.integers(1, 35), OWNERS, st.sampled_from(["", "", "lora"])),
    st.tuples(st.just("step"), st.integers(1, 12)),
    st.tuples(st.just("pause"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["cancel", "fail"]), st.integers(0, 30)),
)
SETTINGS = st.fixed_dictionaries(
    {
        "next_token": st.sampled_from([hashed, looping]),
        "parallel": st.integers(1, 5),
        "chunk": st.integers(1, 12),
        "cells": st.sampled_from([96, 110, 160, 400]),
        "keep": st.sampled_from([0, 50, 100, 400]),
        "spill": st.sampled_from([0, 1500, 100_000]),
        "window": st.sampled_from([0, 0, 30]),
        "rewinds": st.sampled_from([True, True, True, False]),
        "drafts": st.booleans(),
        "refuses": st.sampled_from([lambda data: False, lambda data: len(data) % 3 == 0]),
    }
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTIONS, max_size=40), SETTINGS)
def test_nothing_is_lost_leaked_or_starved(actions: list[tuple], how: dict) -> None:  # type: ignore[type-arg]
    bench = Bench(**how)
    jobs: list[Job] = []
    for action, *values in actions:
        if action == "submit":
            jobs.append(bench.submit(*values))
        elif action == "step":
            for _ in range(values[0]):
                bench.step()
        elif action == "pause":
            for _ in range(values[0]):
                bench.cache.copy_idle()
                bench.check()
        elif jobs:
            job = jobs[values[0] % len(jobs)]
            bench.cancel(job) if action == "cancel" else bench.fail(job)
            bench.check()
    bench.drain()
    for job in bench.finished:
        assert job.tokens == alone(job.prompt, job.max_tokens, how["next_token"])
    assert bench.spill is None or bench.spill.bytes <= how["spill"]
    bench.cache.evict_idle()
    assert bench.runner.used_cells == bench.cache.reserved_cells == bench.cache.busy_sequences == 0


def test_a_long_prompt_does_not_freeze_running_answers() -> None:
    bench = Bench(parallel=3, chunk=8, cells=600, batch=64)
    writer = bench.submit([1, 2, 3], max_tokens=40)
    bench.step()
    bench.submit([9] * 300)
    for _ in range(20):
        slices = bench.step()
        assert sum(len(one.tokens) for one in slices) <= 8 + 1
        assert [len(one.tokens) for one in slices if one.sequence == writer.sequence] == [1]


def test_a_short_prompt_is_read_before_a_long_one_that_came_first() -> None:
    bench = Bench(parallel=3, chunk=8, cells=600, batch=64)
    bench.submit([1, 2, 3], max_tokens=60)
    bench.step()
    bench.submit([9] * 200, max_tokens=1, owner="bot/long")
    short = bench.submit([8] * 8, max_tokens=1, owner="bot/short")
    bench.drain()
    assert bench.finished[0] is short


def test_the_same_beginning_is_evaluated_once_even_if_all_come_at_once() -> None:
    bench = Bench(parallel=4, chunk=16, cells=600, batch=64)
    persona = [5] * 100
    for number in range(4):
        bench.submit([*persona, number, number], max_tokens=2, owner=f"bot/{number}")
    bench.drain()
    counters = bench.cache.counters
    assert counters.saved_tokens == 3 * len(persona)
    assert counters.evaluated_tokens == len(persona) + 4 * (2 + 1)
    assert counters.hits == 3


def test_the_next_turn_evaluates_only_what_is_new() -> None:
    bench = Bench(cells=400, keep=200)
    first = bench.submit([1] * 50, max_tokens=5)
    bench.drain()
    second = bench.submit([*first.tokens[:54], 3, 3, 3], max_tokens=1)
    bench.drain()
    assert second.cached == 54
    assert bench.runner.batches[-1][0].tokens == [3, 3, 3]


def test_full_means_waiting_and_an_idle_prefix_goes_first() -> None:
    bench = Bench(parallel=3, cells=100, keep=100)
    bench.submit([1] * 30, max_tokens=2, owner="a/1")
    bench.drain()
    assert bench.cache.used_cells > 0
    big, other = bench.submit([2] * 60, max_tokens=10, owner="a/2"), bench.submit([3] * 60, max_tokens=10, owner="a/3")
    bench.step()
    assert bench.cache.counters.evictions == 1
    assert (big.sequence >= 0, other.sequence >= 0) == (True, False)
    assert bench.scheduler.place(other.number) == 0
    bench.drain()
    assert len(bench.finished) == 3


def test_only_so_much_stays_idle() -> None:
    bench = Bench(cells=400, keep=50)
    for number in range(5):
        bench.submit([number] * 30, max_tokens=20)
        bench.drain()
        assert bench.cache.idle_cells <= 50 + 50, "what ran last stays until somebody else runs"
    assert bench.cache.counters.evictions == 3


def test_places_go_round_the_bots_and_their_conversations() -> None:
    bench = Bench(parallel=1, cells=400)
    for number in range(6):
        bench.submit([number, 1], max_tokens=1, owner=f"loud/{number % 2}")
    quiet = bench.submit([9, 9], max_tokens=1, owner="quiet/1")
    bench.drain()
    assert bench.finished.index(quiet) == 1
    assert [job.owner for job in bench.finished if job is not quiet][:4] == ["loud/0", "loud/1"] * 2


def test_a_full_cache_preempts_the_youngest_which_then_goes_on() -> None:
    bench = Bench(parallel=3, cells=100, keep=100, batch=64)
    jobs = [bench.submit([number] * 10, max_tokens=60, owner=f"a/{number}") for number in range(3)]
    bench.step()
    assert len(bench.scheduler.running) == 3, "an answer starts before there is room for its longest form"
    late = bench.submit([9] * 5, max_tokens=1, owner="late/1")
    while not bench.cache.counters.preemptions:
        bench.step()
    assert jobs[0] in bench.scheduler.running
    assert bench.scheduler.place(jobs[2].number) == 0
    assert bench.scheduler.place(late.number) == 1, "whoever lost its place comes before new ones"
    drawn = jobs[2].drawn
    assert drawn > 0
    bench.drain()
    assert bench.finished[0] is jobs[0]
    for job in jobs:
        assert job.tokens == alone(job.prompt, 60)


def test_a_preempted_answer_reads_little_again_if_its_cells_are_still_there() -> None:
    bench = Bench(parallel=2, cells=120, keep=120, spill=100_000, batch=64)
    first, second = (bench.submit([number] * 40, max_tokens=30, owner=f"a/{number}") for number in (1, 2))
    bench.drain()
    assert bench.cache.counters.preemptions > 0
    assert bench.cache.counters.evaluated_tokens < 40 + 40 + 30 + 30 + 5
    assert (first.tokens, second.tokens) == (alone([1] * 40, 30), alone([2] * 40, 30))


def test_adapters_share_neither_cells_nor_steps_and_nobody_starves() -> None:
    bench = Bench(parallel=4, cells=600, keep=300, batch=64)
    jobs = [bench.submit([5] * 50, 20, f"a/{name}", adapter=name) for name in ("", "x", "y")]
    again = bench.submit([5] * 50, 20, "b/x", adapter="x")
    for _ in range(9):
        bench.step()
    assert bench.runner.adapters == ["", "x", "y"] * 3
    bench.drain()
    assert [jobs[0].cached, jobs[2].cached] == [0, 0]
    assert sorted([jobs[1].cached, again.cached]) == [0, 49], "the same adapter shares"


def test_the_third_turn_comes_back_from_host_memory() -> None:
    persona = [number % 7 for number in range(100)]
    bench = Bench(parallel=2, cells=900, keep=400, batch=128, spill=1_000_000)
    talks: dict[int, list[int]] = {}
    for turn in range(3):
        for shopper in range(30):
            before = talks.get(shopper, persona)
            job = bench.submit([*before, 10 + shopper, 50 + turn] + [shopper] * 30, max_tokens=20, owner=f"b/{shopper}")
            bench.drain()
            talks[shopper] = job.tokens
            if turn:
                assert job.cached == len(before) - 1, "only what is new is evaluated"
    counters = bench.cache.counters
    assert counters.restored >= 55, "all but the few that were still in the cells"
    assert counters.evaluated_tokens < 100 + 30 * 3 * 53


def test_what_was_copied_in_a_quiet_moment_has_only_to_be_dropped() -> None:
    persona = [number % 7 for number in range(100)]
    bench = Bench(parallel=1, cells=900, keep=0, batch=128, spill=1_000_000)
    first = bench.submit([*persona, *[8] * 40], max_tokens=5, owner="b/1")
    bench.drain()
    second = bench.submit([*persona, *[9] * 40], max_tokens=5, owner="b/2")
    bench.drain()
    while bench.cache.copy_idle():
        pass
    copied, saved = bench.cache.counters.spilled, bench.runner.saves
    assert copied >= 1
    bench.submit([5] * 50, max_tokens=20, owner="b/3")
    bench.drain()
    assert bench.cache.counters.evictions >= 2
    assert (bench.cache.counters.spilled, bench.runner.saves) == (copied, saved), (
        "nothing is copied while somebody waits"
    )
    for before in (second, first):
        again = bench.submit([*before.tokens, 3, 3], max_tokens=5, owner="b/1")
        bench.drain()
        assert again.cached == len(before.tokens) - 1
        assert again.tokens == alone(again.prompt, 5)


def test_many_who_wait_for_their_first_word_get_more_room() -> None:
    bench = Bench(parallel=4, chunk=8, cells=900, batch=64)
    bench.submit([1], max_tokens=30)
    bench.step()
    for number in range(3):
        bench.submit([2 + number] * 40, owner=f"b/{number}")
    assert sum(len(one.tokens) for one in bench.step()) == 1 + 3 * 8


def test_a_prefix_that_was_spilled_whole_serves_as_the_head_of_others() -> None:
    persona = list(range(60))
    bench = Bench(parallel=1, cells=300, keep=120, batch=128, spill=1_000_000)
    first = bench.submit([*persona, *[100] * 40], max_tokens=5, owner="a/1")
    bench.drain()
    bench.submit([*persona, *[101] * 40], max_tokens=5, owner="a/2")
    bench.drain()
    for other in range(3):  # drives both and the persona out of the cells
        bench.submit([200 + other] * 100, max_tokens=5, owner="b/1")
        bench.drain()
    assert bench.cache.lookup([*persona, 0])[1] == 0
    again = bench.submit([*first.tokens[:104], 7], max_tokens=5, owner="a/1")
    bench.drain()
    assert again.cached == 104
    assert again.tokens == alone(again.prompt, 5)


def test_a_window_that_has_passed_makes_a_beginning_unusable() -> None:
    bench = Bench(parallel=1, cells=400, keep=400, batch=200, window=50)
    first = bench.submit([3] * 150, max_tokens=5)
    bench.drain()
    other = bench.submit([3] * 100 + [4], max_tokens=5, owner="a/2")  # its window has been used for others
    onward = bench.submit([*first.tokens[:154], 4], max_tokens=5, owner="a/3")
    bench.drain()
    assert other.cached == 0
    assert onward.cached == 154


class _Waiter:
    def __init__(self, number: int, owner: str) -> None:
        self.number, self.owner, self.overtaken = number, owner, 0


def test_where_a_token_alone_comes_out_otherwise_only_several_get_drafts() -> None:
    """So that no draft changes what is drawn: it would put a lone token among others."""
    bench = Bench(next_token=looping, drafts=True, alike_from=2, cells=256)
    alone = bench.submit([1, 2, 1, 2, 1, 2], max_tokens=12)
    while alone.left:
        assert all(one.wanted <= 1 for one in bench.step()), "a draft for one who writes alone"
    bench.submit([1, 2, 1, 2, 1, 2], max_tokens=24)
    bench.submit([2, 1, 2, 1, 2, 1], max_tokens=24)
    drafted = 0
    while len(bench.open) == 2:
        drafted += sum(one.wanted - 1 for one in bench.step() if one.wanted > 1)
    assert drafted


def test_nobody_is_overtaken_for_ever() -> None:
    line: WaitingLine[_Waiter] = WaitingLine(patience=3)
    numbers = count()
    for _ in range(3):
        line.join(_Waiter(next(numbers), "bot/patient"))
    line.serve(next(line.candidates()))
    served = 0
    patient = next(iter(waiter for waiter in line.candidates()))
    for _ in range(20):
        line.join(_Waiter(next(numbers), f"new{next(numbers)}/x"))
        waiter = next(line.candidates())
        line.serve(waiter)
        served += 1
        if waiter is patient:
            break
    assert served == 4


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_common_prefix(length: int) -> None:
    assert common_prefix([1] * length + [2] * 5, [1] * length + [3] * 9) == length
    assert common_prefix([1] * length, [1] * 200) == length
