"""How long to wait before another try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.backoff import delay_s


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the waits between tries are; see core/backoff.py."""

    first_s: float = 0.5
    most_s: float = 15.0

    def delay(self, n: int) -> float:
        return delay_s(n, self.first_s, self.most_s)


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
