"""Bytes of tokens to text that can be shown: whole characters only, and never a part of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """``stopped`` is True once one of ``stops`` was written; the text ends before it, and nothing comes after.

    Bytes that never make a character become U+FFFD; a character that is incomplete at the very end is left out.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self.stopped = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stops = [stop for stop in stops if stop]
        self._held = ""

    def feed(self, data: bytes) -> str:
        """The text that is certain now; what may be the beginning of a stop string is held back."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(data)
        found = min((at for at in map(self._held.find, self._stops) if at >= 0), default=-1)
        if found >= 0:
            self.stopped = True
            return self._take(found)
        return self._take(len(self._held) - self._maybe_stop())

    def end(self) -> str:
        """No more is coming: what was held back."""
        return "" if self.stopped else self._take(len(self._held))

    def _take(self, count: int) -> str:
        text, self._held = self._held[:count], self._held[count:]
        return text

    def _maybe_stop(self) -> int:
        """How many characters at the end could be the beginning of a stop string."""
        longest = max(map(len, self._stops), default=1) - 1
        for count in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-count:]) for stop in self._stops):
                return count
        return 0
