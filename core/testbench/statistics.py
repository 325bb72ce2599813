"""How sure the figures are: bootstrap intervals over conversations, and pass^k over their repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from core.testbench.results import Share

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 20_240_601


def share(values: Sequence[float], resamples: int = RESAMPLES) -> Share:
    """The sum of ``values`` (0 to 1, one for each conversation), with the percentile bootstrap interval of their mean.

    Where all are 0 or all are 1 the bootstrap knows no doubt; then it is the exact (Clopper-Pearson) bound.
    """
    count = len(values)
    if not count:
        return Share(yes=0, of=0, low=0, high=1)
    found = np.asarray(values, dtype=np.float64)
    tail = (1 - CONFIDENCE) / 2
    if found.min() == found.max() and found[0] in (0.0, 1.0):
        far = float(tail ** (1 / count))
        low, high = (far, 1.0) if found[0] else (0.0, 1 - far)
    else:
        drawn = np.random.default_rng(SEED).integers(0, count, size=(resamples, count))
        low, high = map(float, np.quantile(found[drawn].mean(axis=1), [tail, 1 - tail]))
    return Share(yes=round(float(found.sum()), 6), of=count, low=round(low, 4), high=round(high, 4))


def pass_hat(passes: Sequence[int], repeat: int) -> tuple[float, ...]:
    """pass^1 … pass^K: the chance that k runs of a conversation all pass, on the average of the conversations.

    ``passes``: how many of a conversation's ``repeat`` runs passed. Unbiased: C(passes, k) / C(repeat, k), as in
    tau-bench (Yao et al. 2024).
    """
    if not passes:
        return ()
    return tuple(
        round(sum(comb(passed, k) for passed in passes) / (comb(repeat, k) * len(passes)), 6)
        for k in range(1, repeat + 1)
    )


def quantile(values: Sequence[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 4) if values else 0.0
