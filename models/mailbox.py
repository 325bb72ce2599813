"""Hands text from the decode thread to one reader in an event loop, which never waits for it and never blocks it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from core.ports import Piece, TokenLogprob


class Mailbox:
    """A slow reader finds what came meanwhile joined in one piece: the box never holds more than the answer itself,
    and an answer never occupies the model because its reader is slow.

    All methods run in the event loop's thread; the decode thread comes in by ``Post``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._changed = asyncio.Event()
        self._text: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._last: Piece | None = None
        self._error: Exception | None = None

    def put(self, text: str, logprobs: Sequence[TokenLogprob] = ()) -> None:
        self._text.append(text)
        self._logprobs += logprobs
        self._changed.set()

    def end(self, last: Piece) -> None:
        """``last`` carries the rest of the text and of the log-probabilities, the finish and the usage."""
        self._last = last
        self._changed.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._changed.set()

    async def next(self) -> Piece:
        """The next piece; the last one carries ``finish``. Raises what ``fail`` was given."""
        await self._changed.wait()
        text, self._text = "".join(self._text), []
        logprobs, self._logprobs = tuple(self._logprobs), []
        if self._last is not None:
            rest = self._last
            return rest.replace(text=text + rest.text, logprobs=logprobs + rest.logprobs)
        if text:
            if self._error is None:
                self._changed.clear()
            return Piece(text=text, logprobs=logprobs)
        assert self._error is not None
        raise self._error


class Post:
    """Collects what a step has for many mailboxes; one wake-up for each event loop, however many got something."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Mailbox, Callable[[], None]]] = []

    def add(self, mailbox: Mailbox, act: Callable[[], None]) -> None:
        self._waiting.append((mailbox, act))

    def deliver(self) -> Sequence[asyncio.AbstractEventLoop]:
        """The loops that are closed: nobody reads these mailboxes any more."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = defaultdict(list)
        for mailbox, act in self._waiting:
            by_loop[mailbox.loop].append(act)
        self._waiting = []
        closed = []
        for loop, acts in by_loop.items():
            try:
                loop.call_soon_threadsafe(_all, acts)
            except RuntimeError:
                closed.append(loop)
        return closed


def _all(acts: Sequence[Callable[[], None]]) -> None:
    for act in acts:
        act()
