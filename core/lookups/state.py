"""What a conversation keeps of a look-up between its turns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from core.messages import Line, now
from core.value import Value

# What was looked up is spoken of for so long; then it, and whose it is, is forgotten.
MEMORY = timedelta(hours=1)
# A question that waits for an answer is forgotten when so many other answers were given.
OTHER_ANSWERS = 3


Stage = Literal["asking", "confirming", "made"]


class Looking(Value, frozen=True, kw_only=True):
    """A look-up that was begun. ``stage``: it asks for an argument, waits for a yes, or was made.

    ``values``: what was found, as text, by the names of the fields; ``misses``: how often nothing fitted.
    """

    name: str
    stage: Stage
    # Who asked; nobody else gets an answer.
    speaker: str = ""
    # By their names.
    arguments: dict[str, str] = msgspec.field(default_factory=dict)
    # The argument that was asked for.
    wanted: str = ""
    # What the shopper asked when it began.
    question: str = ""
    tries: int = 0
    misses: int = 0
    # By the names of the fields.
    values: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    fetched_at: datetime | None = None
    at: datetime = msgspec.field(default_factory=now)

    def is_fresh(self, cache_s: float) -> bool:
        return self.fetched_at is not None and now() - self.fetched_at < timedelta(seconds=cache_s)


def remembered(looking: Looking | None, history: Sequence[Line]) -> Looking | None:
    """What is still kept of it. How often nothing fitted is kept longer than a question: guessing must not pay."""
    if looking is None or now() - looking.at > MEMORY:
        return None
    if looking.stage == "made":
        return looking
    answers = sum(line.role == "bot" and line.at > looking.at for line in history)
    if answers <= 1 + OTHER_ANSWERS:  # the first of them is our question
        return looking
    return only_misses(looking)


def only_misses(looking: Looking | None) -> Looking | None:
    """How often nothing fitted, and nothing else; None: always something did."""
    if looking is None or not looking.misses:
        return None
    return Looking(name=looking.name, stage="made", misses=looking.misses, at=looking.at)
