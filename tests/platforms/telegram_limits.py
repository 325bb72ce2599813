"""How often a bot may write, as the server counts it: in a chat, in a group, in all."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` writes in any ``seconds``."""

    count: int
    seconds: float


PER_CHAT = Limit(4, 4.0)
PER_GROUP = Limit(20, 60.0)
OVERALL = Limit(30, 1.0)


@dataclass(slots=True)
class Flood:
    """Telegram's limits, with ``scale`` 0.5 in half the time. ``refused``: the chats of the writes that were too many."""

    scale: float = 1.0
    refused: list[int] = field(default_factory=list)
    _taken: dict[str, deque[float]] = field(default_factory=dict)

    def write(self, chat: int, now: float) -> int:
        """Counts a write; the seconds to wait if it is too many (then it is not counted), else 0."""
        windows = [(f"chat {chat}", PER_CHAT), ("all", OVERALL)] + [(f"group {chat}", PER_GROUP)] * (chat < 0)
        wait = max(self._wait(name, limit, now) for name, limit in windows)
        if wait > 0:
            self.refused.append(chat)
            return math.ceil(wait)
        for name, _ in windows:
            self._taken[name].append(now)
        return 0

    def _wait(self, name: str, limit: Limit, now: float) -> float:
        taken, seconds = self._taken.setdefault(name, deque()), limit.seconds * self.scale
        while taken and taken[0] <= now - seconds:
            taken.popleft()
        return taken[0] + seconds - now if len(taken) >= limit.count else 0.0
