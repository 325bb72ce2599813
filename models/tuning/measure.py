"""Measures one set of choices with an opened model. Runs in the child process."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from models.llama import LlamaRunner
from models.runner import Slice
from models.tuning.values import Choices, Measured

CELLS = 4096  # of the measured context: the longest prompt, and the steps after it
SEQUENCES = 9  # one holds the prompt, eight share it
_SHORTEST, _LONGEST = 32, 2048
_PHASE_S = 2.0  # of one phase (prompt, steps of eight, steps of one): after that it ends with what it has
_PROMPTS, _STEPS = 2, 10


def measure(runner: LlamaRunner, vocabulary: int, choices: Choices, prompt: int) -> Measured:
    """``prompt``: how many tokens; 0: as many as take about a second. Raises DecodeFailed."""
    runner.set_threads(choices.threads)
    words = random.Random(7)
    tokens = [words.randrange(vocabulary) for _ in range(_LONGEST)]
    _evaluate(runner, tokens[:16])  # what is made at the first use is not measured
    if not prompt:
        prompt = _length(_SHORTEST / _best(lambda: _evaluate(runner, tokens[:_SHORTEST]), 2))
    prompt_s = _best(lambda: _evaluate(runner, tokens[:prompt]), _PROMPTS)
    return Measured(
        choices=choices,
        prompt_rate=prompt / prompt_s,
        step_8_ms=1000 * _step_s(runner, tokens, prompt, 8),
        step_1_ms=1000 * _step_s(runner, tokens, prompt, 1),
        prompt_tokens=prompt,
    )


def _length(rate: float) -> int:
    """The power of two that takes no more than a second."""
    length = _SHORTEST
    while length * 2 <= min(rate, _LONGEST):
        length *= 2
    return length


def _best(work: Callable[[], float], times: int) -> float:
    """The fastest run: on a shared machine the others measure the neighbours."""
    ends = time.perf_counter() + _PHASE_S
    best = work()
    for _ in range(times - 1):
        if time.perf_counter() > ends:
            break
        best = min(best, work())
    return best


def _evaluate(runner: LlamaRunner, tokens: Sequence[int]) -> float:
    """Sequence 0 holds these tokens afterwards; seconds."""
    runner.clear()
    started = time.perf_counter()
    for start in range(0, len(tokens), runner.limits.batch):
        part = tokens[start : start + runner.limits.batch]
        runner.decode([Slice(0, start, part, wanted=int(start + len(part) == len(tokens)))])
    runner.logits(0)  # a GPU works on after decode() has returned; this waits for it
    return time.perf_counter() - started


def _step_s(runner: LlamaRunner, tokens: Sequence[int], prompt: int, answers: int) -> float:
    """A step of so many answers that share the prompt: the median of the faster half."""
    for number in range(1, answers + 1):
        runner.share(0, number, prompt)
    taken: list[float] = []
    ends = time.perf_counter() + _PHASE_S
    for step in range(_STEPS):
        started = time.perf_counter()
        runner.decode(
            [Slice(number, prompt + step, [tokens[step * 8 + number]], wanted=1) for number in range(1, answers + 1)]
        )
        runner.logits(answers - 1)
        taken.append(time.perf_counter() - started)
        if step >= 2 and time.perf_counter() > ends:
            break
    for number in range(1, answers + 1):
        runner.truncate(number, 0)
    taken.sort()
    return taken[len(taken) // 4]
