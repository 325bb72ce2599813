"""The thread governor on a simulated machine: neighbours come and go, steps are noisy."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.governor import Machine, MachineGovernor
from models.threads import ThreadGovernor, kind_of, ladder

EXAMPLES = 8
SEEDS = st.integers(0, 2**32)


@dataclass(frozen=True)
class Simulated:
    """``penalty``: how many times longer a step takes if its threads do not have a CPU each."""

    cpus: int
    penalty: float
    step_s: float = 0.06

    def seconds(self, threads: int, neighbours: int, tokens: int) -> float:
        alone = self.step_s * (0.5 + tokens / 16) * (0.15 + 0.85 / threads)
        crowded = threads + neighbours > self.cpus and (threads > 1 or neighbours >= self.cpus)
        return alone * self.penalty if crowded else alone

    def best(self, neighbours: int, tokens: int) -> float:
        return min(self.seconds(count, neighbours, tokens) for count in range(1, self.cpus + 1))


class Run:
    """A governor at work; ``told``: it hears of each change two seconds later, as the machine's counters would say."""

    def __init__(self, machine: Simulated, seed: int, *, noise: float = 0.3, told: bool = False) -> None:
        self.machine = machine
        self.governor = ThreadGovernor(machine.cpus)
        self.count = self.governor.count
        self._random = random.Random(seed)
        self._noise = noise
        self._told = told

    def go(self, seconds: float, neighbours: int) -> float:
        """Run so long; the share of what the best fixed count would have done."""
        taken = ideal = 0.0
        told = not self._told
        while taken < seconds:
            if not told and taken > 2:
                told = True
                self.governor.look_again(max(1, self.machine.cpus - neighbours))
            tokens = self._random.choice([6, 7, 8, 8, 8, 8, 72])
            ideal += self.machine.best(neighbours, tokens)
            step = self.machine.seconds(self.count, neighbours, tokens)
            step *= self._random.uniform(1 - self._noise, 1 + self._noise)
            taken += step
            changed = self.governor.observe(tokens, step)
            assert changed != self.count
            self.count = changed or self.count
            assert self.count == self.governor.count
            assert 1 <= self.count <= self.machine.cpus
        return ideal / taken


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES)
@given(cpus=st.sampled_from([2, 3, 4, 8, 16]), seed=SEEDS)
def test_alone_it_keeps_all_threads_and_loses_next_to_nothing(cpus: int, seed: int) -> None:
    run = Run(Simulated(cpus, penalty=2), seed)
    assert run.go(200, neighbours=0) > 0.96
    assert run.go(200, neighbours=0) > 0.96


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES)
@given(penalty=st.floats(1.7, 12), seed=SEEDS)
def test_a_busy_neighbour_on_two_cores_is_yielded_to(penalty: float, seed: int) -> None:
    """No less than 0.9 of the best fixed count, the time of finding out included; also when it leaves and comes back."""
    run = Run(Simulated(2, penalty), seed, told=True)
    assert run.go(60, neighbours=0) > 0.9
    assert run.go(200, neighbours=1) > 0.9
    assert run.go(200, neighbours=0) > 0.9
    assert run.go(200, neighbours=1) > 0.9


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES)
@given(penalty=st.floats(1.7, 12), seed=SEEDS)
def test_a_neighbour_that_was_there_first_is_found_out(penalty: float, seed: int) -> None:
    assert Run(Simulated(2, penalty), seed).go(200, neighbours=1) > 0.9


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES)
@given(seed=SEEDS)
def test_without_being_told_it_finds_out_that_a_neighbour_left(seed: int) -> None:
    run = Run(Simulated(2, penalty=2.5), seed)
    run.go(60, neighbours=0)
    run.go(120, neighbours=1)
    run.go(100, neighbours=0)
    assert run.go(200, neighbours=0) > 0.9


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES)
@given(seed=SEEDS)
def test_a_big_model_is_not_probed_to_death(seed: int) -> None:
    run = Run(Simulated(2, penalty=2, step_s=2.0), seed)
    assert run.go(2000, neighbours=0) > 0.93


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES)
@given(
    cpus=st.sampled_from([1, 2, 4, 16, 64]),
    weather=st.lists(st.tuples(st.floats(0.1, 8), st.integers(0, 4)), min_size=1, max_size=12),
    seed=SEEDS,
)
def test_whatever_comes_the_count_stays_in_bounds(cpus: int, weather: Sequence[tuple[float, int]], seed: int) -> None:
    run = Run(Simulated(cpus, penalty=5), seed, told=bool(seed % 2))
    for seconds, neighbours in weather:
        run.go(seconds, min(neighbours, cpus))  # the bounds are asserted at every step


@given(st.lists(st.tuples(st.integers(-3, 600), st.floats(allow_nan=True, allow_infinity=True)), max_size=60))
def test_nonsense_does_no_harm(steps: list[tuple[int, float]]) -> None:
    governor = ThreadGovernor(4)
    for tokens, seconds in steps:
        governor.observe(tokens, seconds)
        assert 1 <= governor.count <= 4


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES)
@given(allowed=st.lists(st.integers(0, 9), min_size=1, max_size=20), seed=SEEDS)
def test_what_the_machine_allows_is_obeyed_at_once(allowed: list[int], seed: int) -> None:
    governor = ThreadGovernor(8)
    noise = random.Random(seed)
    for most in allowed:
        changed = governor.allow(most)
        assert changed is None or changed == governor.count
        for _ in range(30):
            assert 1 <= governor.count <= max(1, most)
            governor.observe(8, 0.05 * noise.uniform(0.5, 4))


def test_more_threads_that_are_allowed_are_used() -> None:
    governor = ThreadGovernor(2)
    assert governor.allow(6) == 6
    assert governor.allow(1) == 1
    assert governor.allow(1) is None


@pytest.mark.parametrize("most", [1, 2, 3, 8, 64, 200])
def test_the_ladder_has_its_ends_and_no_wide_gaps(most: int) -> None:
    steps = ladder(most)
    assert steps[0] == 1
    assert steps[-1] == most
    assert all(low < high <= 2 * low for low, high in pairwise(steps))


@given(st.integers(1, 100_000))
def test_steps_of_one_kind_are_about_as_large(tokens: int) -> None:
    kind = kind_of(tokens)
    assert kind <= tokens <= kind * 1.25


# ── on a machine ─────────────────────────────────────────────────────────────────────────────────────────


class Fake:
    """A machine whose values the test sets."""

    def __init__(self, usable: int, others: float | None) -> None:
        self.usable, self.others, self.now = usable, others, 0.0

    def machine(self, cpus: int) -> Machine:
        return Machine(lambda: self.usable, lambda: self.others, cpus, lambda: self.now)

    def steps(self, governor: MachineGovernor, seconds: float, step_s: float) -> None:
        for _ in range(int(seconds / step_s)):
            self.now += step_s
            governor.observe(8, step_s)


def test_a_quota_that_changes_is_obeyed_while_it_runs() -> None:
    fake = Fake(usable=4, others=0.0)
    governor = MachineGovernor(8, fake.machine(cpus=8))
    assert governor.count == 4
    fake.usable = 2
    fake.steps(governor, 1.5, 0.05)
    assert governor.count <= 2
    fake.usable = 16
    fake.steps(governor, 1.2, 0.05)
    assert governor.count in (6, 8)  # all that pay, or the trial of fewer


@pytest.mark.parametrize("others", [None, 0.0, 1.0, 99.0])
def test_what_others_use_never_breaks_the_bounds(others: float | None) -> None:
    fake = Fake(usable=2, others=others)
    governor = MachineGovernor(2, fake.machine(cpus=2))
    fake.steps(governor, 30, 0.05)
    assert 1 <= governor.count <= 2


def test_it_works_on_this_machine() -> None:
    governor = MachineGovernor(2)
    for _ in range(50):
        governor.observe(8, 0.01)
    assert 1 <= governor.count <= 2


def test_while_no_other_program_is_busy_all_threads_work() -> None:
    """Steps can be slow for other reasons (a longer cache, a host that takes its time): fewer threads help none of them."""
    governor = ThreadGovernor(2)
    governor.alone(True)
    for number in range(400):
        governor.observe(8, 0.03 if number < 200 else 0.5)
        assert governor.count == 2


def test_a_neighbour_that_has_left_gives_all_threads_back_at_once() -> None:
    governor = ThreadGovernor(4)
    steps = 0
    while governor.count == 4 and steps < 10_000:
        steps += 1
        governor.observe(8, 0.03 if steps < 100 else 0.3)
    assert governor.count < 4
    governor.alone(True)
    assert governor.count == 4
