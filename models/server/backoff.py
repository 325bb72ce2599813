"""How long to wait before another try."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """The ``n``-th wait lies between half of ``first_s`` × 2ⁿ and all of it, and never above ``most_s``.

    The jitter keeps those who failed together from coming back together.
    """

    first_s: float = 0.5
    most_s: float = 15.0

    def delay(self, n: int) -> float:
        return random.uniform(0.5, 1.0) * min(self.most_s, self.first_s * 2.0 ** min(n, 30))


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a Retry-After header asks to wait, given as seconds or as a date; 0 without one."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
