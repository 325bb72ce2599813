"""Who takes from a queue, and the how-manieth time: a call that is repeated because its answer was lost gives the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4


@dataclass(slots=True)
class Claim:
    """One consumer of one queue. ``number`` goes up with each answer that arrives; until then the same is asked again."""

    name: str = field(default_factory=lambda: uuid4().hex)
    number: int = 0
