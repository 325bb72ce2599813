"""How a token is chosen: against a slow and plain computation of the same rules."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ports import Sampling
from models.llama.choice import Choice, best
from models.penalties import Logits


def row(seed: int, size: int = 3000, spread: float = 3.0) -> Logits:
    return np.random.default_rng(seed).normal(0, spread, size).astype(np.float32)


def plain(logits: Logits, sampling: Sampling) -> dict[int, float]:
    """Each token's probability: llama.cpp's order is top-k, top-p, min-p, temperature."""
    order = np.argsort(-logits.astype(np.float64), kind="stable")
    kept = order[: sampling.top_k] if sampling.top_k else order
    exact = logits[kept].astype(np.float64)
    share = np.exp(exact - exact[0])
    share /= share.sum()
    enough = int(np.searchsorted(np.cumsum(share), sampling.top_p)) + 1 if sampling.top_p < 1 else len(kept)
    kept, share = kept[:enough], share[:enough]
    kept = kept[share >= sampling.min_p * share[0]]
    heat = np.exp((logits[kept].astype(np.float64) - logits[kept[0]]) / sampling.temperature)
    return dict(zip(kept.tolist(), (heat / heat.sum()).tolist(), strict=True))


KINDS = [
    Sampling(temperature=0.7, top_k=5, top_p=0.9, min_p=0),
    Sampling(temperature=1.3, top_k=40, top_p=1, min_p=0.2),
    Sampling(temperature=1, top_k=2000, top_p=0.5, min_p=0),
    Sampling(temperature=0.7, top_k=0, top_p=0.6, min_p=0.05),
    Sampling(temperature=1, top_k=0, top_p=0.4, min_p=0),
    Sampling(temperature=0.5, top_k=0, top_p=1, min_p=0.3),
    Sampling(temperature=0.4, top_k=0, top_p=1, min_p=0),
    Sampling(temperature=0.8, top_k=100_000, top_p=0.8, min_p=0.01),
]


@pytest.mark.parametrize("sampling", KINDS, ids=lambda one: f"{one.top_k}-{one.top_p}-{one.min_p}")
@pytest.mark.parametrize("size", [3000, 7, 65])
def test_tokens_come_as_often_as_they_should(sampling: Sampling, size: int) -> None:
    logits = row(1, size)
    expected = plain(logits, sampling)
    choice = Choice(sampling, 11)
    draws = 2000
    got = Counter(choice.choose(logits) for _ in range(draws))
    assert got.keys() <= expected.keys()
    for token, probability in expected.items():
        deviation = 5 * (draws * probability * (1 - probability)) ** 0.5 + 3
        assert abs(got[token] - draws * probability) <= deviation


@pytest.mark.parametrize("sampling", KINDS, ids=lambda one: f"{one.top_k}-{one.top_p}-{one.min_p}")
def test_the_seed_decides(sampling: Sampling) -> None:
    logits = row(2, spread=1)

    def drawn(seed: int) -> list[int]:
        choice = Choice(sampling, seed)
        return [choice.choose(logits) for _ in range(50)]

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


@pytest.mark.parametrize("sampling", [Sampling(), *KINDS], ids=lambda one: f"{one.temperature}-{one.top_k}-{one.top_p}")
def test_what_is_forbidden_is_never_drawn(sampling: Sampling) -> None:
    logits = np.full(200, -np.inf, np.float32)
    logits[[3, 150]] = 1.0, 2.0
    choice = Choice(sampling, 1)
    assert {choice.choose(logits) for _ in range(200)} <= {3, 150}
    logits[150] = -np.inf
    assert {choice.choose(logits) for _ in range(20)} == {3}


def test_a_flat_row_is_no_trouble() -> None:
    logits = np.zeros(50_000, np.float32)
    for sampling in KINDS:
        token = Choice(sampling, 3).choose(logits)
        assert 0 <= token < len(logits)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000), st.integers(1, 9000), st.integers(0, 300))
def test_the_best(seed: int, size: int, count: int) -> None:
    logits = np.round(row(seed, size), 1)  # with many ties
    found = best(logits, count)
    assert len(set(found.tolist())) == min(count, size)
    assert logits[found].tolist() == sorted(logits.tolist(), reverse=True)[:count]
