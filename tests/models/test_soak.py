"""The soak in short: random requests, many cancelled; then nothing runs, nothing waits and the engine answers as before."""

from __future__ import annotations

from pathlib import Path

from core.config import ModelConfig
from models.load import load_model
from tests.bench.soak import Soak, SoakResult, soak


async def test_nothing_is_left_of_random_requests() -> None:
    plan = Soak(requests=60, seed=11, at_once=12, most_words=40, most_tokens=8)
    over: list[int] = []
    config = ModelConfig(bundled=True, context=1024, parallel=4, spill_mb=4, tune=False)
    async with await load_model(config, Path()) as engine:
        result = await soak(engine, plan, over.append)
    assert list(result.problems(allowed_mb=200)) == []
    assert over == list(range(1, 61))
    assert sum(result.outcomes.values()) == 60
    assert {"answered", "closed", "cancelled"} <= result.outcomes.keys()
    assert (result.running, result.waiting) == (0, 0)


def test_what_leaks_is_a_problem() -> None:
    grown = SoakResult(10, 0, after_warm_up_mb=100.0, end_mb=150.0, running=1)
    assert len(list(grown.problems(allowed_mb=32))) == 2
    assert list(SoakResult(10, 0, after_warm_up_mb=100.0, end_mb=120.0).problems(allowed_mb=32)) == []
    assert list(SoakResult(10, 0, same_text=False).problems(allowed_mb=32))
