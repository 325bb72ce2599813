"""How long to wait before another try."""

from __future__ import annotations

import random


def delay_s(tries: int, first_s: float, most_s: float) -> float:
    """After so many failed tries: between half of ``first_s`` × 2^tries and all of it, and never above ``most_s``.

    The jitter keeps those who failed together from coming back together.
    """
    return random.uniform(0.5, 1.0) * min(most_s, first_s * 2.0 ** min(tries, 30))
