"""Where the questions are kept that nobody could be told anything on: in the traces of their conversations.

So they are erased with them; beside them only stands which conversations have one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from core.keys import Keys
from core.messages import Rung
from core.state import Trace
from core.unanswered.themes import Unanswered


def is_unanswered(trace: Trace | None) -> bool:
    """Whether the shop's facts had no answer, or none that could be said.

    A crowd that keeps a question from the model leaves its passages, a look-up that fails says so in the findings.
    """
    if trace is None or trace.rung != Rung.UNKNOWN or not trace.question.strip():
        return False
    return bool(trace.checks) or not (trace.passages or trace.findings)


class StoredUnanswered:
    def __init__(self, ask: Callable[..., Awaitable[Any]], keys: Keys) -> None:
        self._ask = ask
        self._keys = keys

    async def of(self, bot: str, since: datetime) -> list[Unanswered]:
        """What a bot had no answer for since then, the oldest first."""
        found: list[Unanswered] = []
        for partition in range(self._keys.partitions):
            key = self._keys.unanswered(partition, bot)
            for shopper in await self._ask("ZRANGEBYSCORE", key, int(since.timestamp() * 1000), "+inf"):
                stored = await self._ask("LRANGE", self._keys.conversation(shopper).traces, 0, -1)
                traces = filter(is_unanswered, map(Trace.from_json, stored))
                found += [_of(trace, shopper, since) for trace in traces if (trace.at or since) >= since]
        return sorted(found, key=lambda one: one.at)


def _of(trace: Trace, shopper: str, since: datetime) -> Unanswered:
    at = trace.at or since
    return Unanswered(trace=trace.id, shopper=shopper, question=trace.question, language=trace.language, at=at)
