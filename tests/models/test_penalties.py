from __future__ import annotations

import numpy as np

from core.ports import Sampling
from models.penalties import Penalties


def logits() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([2.0, -2.0, 1.0, 0.5], np.float32)


def test_what_was_said_is_less_likely() -> None:
    penalties = Penalties(Sampling(repeat_penalty=2, frequency_penalty=0.25, presence_penalty=0.5))
    for token in (0, 1, 1):
        penalties.said(token)
    values = logits()
    with penalties.on(values):
        assert values.tolist() == [2 / 2 - 0.25 - 0.5, -2 * 2 - 2 * 0.25 - 0.5, 1.0, 0.5]
    assert values.tolist() == logits().tolist()


def test_what_was_said_long_ago_is_forgiven() -> None:
    penalties = Penalties(Sampling(repeat_penalty=2))
    for token in (0, *[3] * 64):
        penalties.said(token)
    values = logits()
    with penalties.on(values):
        assert values.tolist() == [2.0, -2.0, 1.0, 0.25]


def test_without_penalties_nothing_changes() -> None:
    penalties = Penalties(Sampling(repeat_penalty=1))
    penalties.said(0)
    values = logits()
    with penalties.on(values):
        assert values.tolist() == logits().tolist()
