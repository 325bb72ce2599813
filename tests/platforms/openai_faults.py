"""What a model server may do wrong, one fault for each chat request, in the order in which they were scheduled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Status:
    """Answers with this status and body (JSON, or a text as it is)."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """Closes the connection after so many words of the answer; None: before any answer."""

    after: int | None = None


@dataclass(frozen=True)
class HalfEvent:
    """Sends the first half of an event after so many words, and ends."""

    after: int


@dataclass(frozen=True)
class Hold:
    """Waits for ``until`` after so many words; None: before it says anything."""

    until: asyncio.Event
    after: int | None = None


@dataclass(frozen=True)
class Send:
    """Sends these bytes in place of the rest of the stream."""

    data: bytes
    after: int = 0


@dataclass(frozen=True)
class NotEvents:
    """Status 200, and a page of some proxy."""

    body: str = "<html>Please log in</html>"
    content_type: str = "text/html"


Fault = Status | Drop | HalfEvent | Hold | Send | NotEvents
