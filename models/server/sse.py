"""Server-sent events, read strictly, as the HTML standard (9.2.6) has it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_MOST = 8 * 1024 * 1024  # characters of one event: a server that sends more in one piece is not sending an answer


class SseBroken(Exception):
    """The bytes are no event stream."""


@dataclass(frozen=True, slots=True)
class Event:
    data: str
    kind: str = "message"


class EventReader:
    """Bytes in whatever parts they come, to whole events. An event that its blank line never ended is none."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._line = ""
        self._data: list[str] = []
        self._kind = ""
        self._after_return = False
        self._first = True

    def feed(self, chunk: bytes) -> list[Event]:
        """Raises SseBroken."""
        try:
            text = self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise SseBroken(f"its stream is no UTF-8: {error}") from error
        if self._first and text:
            self._first = False
            text = text.removeprefix("\ufeff")
        *lines, self._line = self._lines(text)
        if len(self._line) + sum(map(len, self._data)) > _MOST:
            raise SseBroken("an event of its stream never ends")
        return [event for line in lines if (event := self._take(line))]

    def _lines(self, text: str) -> list[str]:
        """Lines end in LF, CR or CR LF, and CR LF may come in two parts."""
        if self._after_return and text:
            text = text.removeprefix("\n")
            self._after_return = False
        if text.endswith("\r"):
            self._after_return = True
        return (self._line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ") if colon else ""
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "error":  # older llama-servers send "error: {…}" in place of data
            self._data.append(value)
            self._kind = "error"
        return None  # a comment (a keep-alive), id, retry, or a field that nobody knows

    def _dispatch(self) -> Event | None:
        data, kind = self._data, self._kind
        self._data, self._kind = [], ""
        return Event("\n".join(data), kind or "message") if data else None
