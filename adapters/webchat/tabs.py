"""The open tabs of each conversation, and what is being written in it right now."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from adapters.webchat.events import Event
from core.messages import Outgoing

WAITING_EVENTS = 64
DRAFT_S = 60.0
TYPING_S = 10.0


class Tab:
    """The events that wait to be sent to one open page. Putting never waits; too many waiting ends the stream."""

    def __init__(self, limit: int = WAITING_EVENTS) -> None:
        self._limit = limit
        self._waiting: list[Event] = []
        self._something = asyncio.Event()
        self._closed = False

    def put(self, event: Event) -> None:
        if self._closed:
            return
        if event.replaces:
            self._waiting = [other for other in self._waiting if other.replaces != event.replaces]
        self._waiting.append(event)
        if len(self._waiting) > self._limit:
            self.close()
        self._something.set()

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()
        self._something.set()

    async def take(self, patience_s: float) -> list[Event] | None:
        """All that waits, in order; an empty list after ``patience_s``; None when the stream has ended."""
        try:
            async with asyncio.timeout(patience_s):
                await self._something.wait()
        except TimeoutError:
            return []
        self._something.clear()
        if self._closed:
            return None
        taken, self._waiting = self._waiting, []
        return taken


class Tabs:
    def __init__(self) -> None:
        self._tabs: dict[str, list[Tab]] = {}

    def count(self, chat: str) -> int:
        return len(self._tabs.get(chat, ()))

    def open(self, chat: str) -> Tab:
        tab = Tab()
        self._tabs.setdefault(chat, []).append(tab)
        return tab

    def leave(self, chat: str, tab: Tab) -> None:
        left = [other for other in self._tabs.get(chat, ()) if other is not tab]
        if left:
            self._tabs[chat] = left
        else:
            self._tabs.pop(chat, None)

    def put(self, chat: str, event: Event) -> None:
        for tab in self._tabs.get(chat, ()):
            tab.put(event)

    def close_all(self) -> None:
        for tabs in self._tabs.values():
            for tab in tabs:
                tab.close()


@dataclass(frozen=True, slots=True)
class Writing:
    """What a conversation's bot is at: a draft, or only ``typing`` when there is none."""

    draft: Outgoing | None
    at: float


class Desk:
    """What is being written, so that a page that is opened in the middle of an answer shows it at once.

    Nothing here is needed for good: a draft that nobody goes on with is forgotten after a minute.
    """

    def __init__(self, chats: int = 10_000, clock: Callable[[], float] = monotonic) -> None:
        self._chats = chats
        self._clock = clock
        self._writing: OrderedDict[str, Writing] = OrderedDict()

    def typing(self, chat: str) -> None:
        if self.draft(chat) is None:
            self._set(chat, Writing(None, self._clock()))

    def write(self, chat: str, draft: Outgoing) -> None:
        self._set(chat, Writing(draft, self._clock()))

    def done(self, chat: str) -> None:
        self._writing.pop(chat, None)

    def draft(self, chat: str) -> Outgoing | None:
        writing = self._writing.get(chat)
        return writing.draft if writing and self._clock() - writing.at < DRAFT_S else None

    def is_typing(self, chat: str) -> bool:
        writing = self._writing.get(chat)
        return bool(writing and writing.draft is None and self._clock() - writing.at < TYPING_S)

    def _set(self, chat: str, writing: Writing) -> None:
        self._writing[chat] = writing
        self._writing.move_to_end(chat)
        while len(self._writing) > self._chats:
            self._writing.popitem(last=False)
