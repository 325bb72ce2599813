from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cache import PrefixCache, common_prefix
from models.runner import Slice
from models.scheduler import Job, Scheduler
from models.waiting import WaitingLine
from tests.models.runner import ScriptedRunner, hashed


class Bench:
    """A scheduler, its cache and a scripted runner, driven step by step as the decode thread does."""

    def __init__(self, *, parallel: int = 3, chunk: int = 8, cells: int = 128, batch: int = 32, keep: int = 64) -> None:
        self.runner = ScriptedRunner(cells=cells, sequences=parallel + 4, batch=batch)
        self.cache = PrefixCache(self.runner, self.runner.limits, keep=keep)
        self.scheduler = Scheduler(self.cache, self.runner.limits, parallel=parallel, chunk=chunk)
        self.parallel = parallel
        self.numbers = count()
        self.open: dict[int, Job] = {}
        self.finished: list[Job] = []

    def submit(self, prompt: Sequence[int], max_tokens: int = 4, owner: str = "bot/a") -> Job:
        job = Job(next(self.numbers), owner, list(prompt), max_tokens)
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
        turns = self.scheduler.plan()
        assert bool(turns) == bool(self.open), "a step does something whenever there is something to do"
        assert len(self.scheduler.running) <= self.parallel
        assert {turn.job.number for turn in turns} == {job.number for job in self.scheduler.running}
        if turns:
            self.runner.decode([turn.slice for turn in turns])
            self.scheduler.evaluated(turns)
        for turn in turns:
            if turn.slice.sample:
                self._draw(turn.job)
        self.check()
        return [turn.slice for turn in turns]

    def _draw(self, job: Job) -> None:
        token = hashed(self.runner.tokens(job.sequence))
        if job.drawn + 1 == job.max_tokens:
            job.tokens.append(token)
            self.finished.append(self.open.pop(job.number))
            self.scheduler.finish(job)
        else:
            self.scheduler.append(job, token)

    def check(self) -> None:
        cache, runner = self.cache, self.runner
        assert cache.used_cells == runner.used_cells
        assert cache.used_cells + cache.reserved_cells <= runner.limits.cells
        assert cache.busy_sequences == len(self.scheduler.running)
        for number in range(runner.limits.sequences):
            assert list(cache.tokens(number)) == runner.tokens(number)

    def drain(self, limit: int = 2000) -> int:
        for steps in range(limit):
            if not self.open:
                return steps
            self.step()
        raise AssertionError("somebody starves")


def alone(prompt: Sequence[int], max_tokens: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(max_tokens):
        tokens.append(hashed(tokens))
    return tokens


PROMPTS = st.tuples(
    st.sampled_from([(), (1,) * 20, (1,) * 20 + (2,) * 10, (7,) * 40]),
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
).map(lambda parts: [*parts[0], *parts[1]])
ACTIONS = st.one_of(
    st.tuples(st.just("submit"), PROMPTS, st.integers(1, 12), st.sampled_from(["a/1", "a/2", "b/1", "c/1"])),
    st.tuples(st.just("step"), st.integers(1, 6)),
    st.tuples(st.sampled_from(["cancel", "fail"]), st.integers(0, 30)),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(ACTIONS, max_size=40), st.integers(1, 4), st.integers(1, 12), st.sampled_from([96, 128, 400]))
def test_nothing_is_lost_leaked_or_starved(actions: list[tuple], parallel: int, chunk: int, cells: int) -> None:  # type: ignore[type-arg]
    bench = Bench(parallel=parallel, chunk=chunk, cells=cells)
    jobs: list[Job] = []
    for action, *values in actions:
        if action == "submit":
            jobs.append(bench.submit(*values))
        elif action == "step":
            for _ in range(values[0]):
                bench.step()
        elif jobs:
            job = jobs[values[0] % len(jobs)]
            bench.cancel(job) if action == "cancel" else bench.fail(job)
            bench.check()
    bench.drain()
    for job in bench.finished:
        assert job.tokens == alone(job.prompt, job.max_tokens)
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
        bench.submit([number] * 30, max_tokens=1)
        bench.drain()
    assert bench.cache.used_cells <= 50


def test_places_go_round_the_bots_and_their_conversations() -> None:
    bench = Bench(parallel=1, cells=400)
    for number in range(6):
        bench.submit([number, 1], max_tokens=1, owner=f"loud/{number % 2}")
    quiet = bench.submit([9, 9], max_tokens=1, owner="quiet/1")
    bench.drain()
    assert bench.finished.index(quiet) == 1
    assert [job.owner for job in bench.finished if job is not quiet][:4] == ["loud/0", "loud/1"] * 2


class _Waiter:
    def __init__(self, number: int, owner: str) -> None:
        self.number, self.owner, self.overtaken = number, owner, 0


def test_nobody_is_overtaken_for_ever() -> None:
    line = WaitingLine(patience=3)
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
