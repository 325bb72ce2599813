"""Hands text from the decode thread to one reader in an event loop, which never waits for it and never blocks it."""

from __future__ import annotations

import asyncio

from core.ports import Piece


class Mailbox:
    """A slow reader finds what came meanwhile joined in one piece: the box never holds more than the answer itself,
    and an answer never occupies the model because its reader is slow.

    All methods run in the event loop's thread; the decode thread comes in by ``call_soon_threadsafe``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._changed = asyncio.Event()
        self._text: list[str] = []
        self._last: Piece | None = None
        self._error: Exception | None = None

    def put(self, text: str) -> None:
        self._text.append(text)
        self._changed.set()

    def end(self, last: Piece) -> None:
        """``last`` carries the rest of the text, the finish and the usage."""
        self._last = last
        self._changed.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._changed.set()

    async def next(self) -> Piece:
        """The next piece; the last one carries ``finish``. Raises what ``fail`` was given."""
        await self._changed.wait()
        text, self._text = "".join(self._text), []
        if self._last is not None:
            return self._last.model_copy(update={"text": text + self._last.text})
        if text:
            if self._error is None:
                self._changed.clear()
            return Piece(text=text)
        assert self._error is not None
        raise self._error
