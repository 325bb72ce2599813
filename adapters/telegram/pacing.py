"""Telegram's limits on how often a bot may write: about one message a second in a chat, 20 a minute in a group.

Edits count like messages. A growing answer's edits are drafts that the next one replaces, so the adapter leaves them out
when they would come too fast; new messages and final texts are never left out. In a group the drafts take at most
``GROUP_DRAFTS`` of the 20 writes of a minute, over all of its threads, and after a 429 none until the wait is over.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

PRIVATE_GAP_S = 1.0
GROUP_GAP_S = 3.0
GROUP_DRAFTS = 14
WINDOW_S = 60.0
MAX_CHATS = 10_000


@dataclass(slots=True)
class _Pace:
    writes: deque[float] = field(default_factory=deque)
    held_until: float = 0.0


class Pacing:
    """Remembers the last minute's writes of each chat."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._chats: OrderedDict[str, _Pace] = OrderedDict()

    def wrote(self, chat: str) -> None:
        pace = self._pace(chat)
        pace.writes.append(self._clock())

    def hold(self, chat: str, seconds: float) -> None:
        """Telegram asked to wait."""
        self._pace(chat).held_until = self._clock() + seconds

    def draft_allowed(self, chat: str) -> bool:
        pace, now = self._pace(chat), self._clock()
        if now < pace.held_until:
            return False
        group = chat.startswith("-")
        if group and len(pace.writes) >= GROUP_DRAFTS:
            return False
        return not pace.writes or now - pace.writes[-1] >= (GROUP_GAP_S if group else PRIVATE_GAP_S)

    def _pace(self, chat: str) -> _Pace:
        pace = self._chats.setdefault(chat, _Pace())
        self._chats.move_to_end(chat)
        if len(self._chats) > MAX_CHATS:
            self._chats.popitem(last=False)
        while pace.writes and pace.writes[0] <= self._clock() - WINDOW_S:
            pace.writes.popleft()
        return pace
