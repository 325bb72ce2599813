"""Discord's limits, kept before they are hit: those that each answer's headers name, and those that are known.

Known: 5 messages and 5 edits in 5 s in a channel, 50 requests a second in all (answers to commands are not counted).
The headers say how many more a route's bucket takes until when; before the first answer one goes at a time.

discord.py has such limits too. They are switched off in ``adapters.discord.rest``, for three reasons: whoever uses up a
bucket is kept until the bucket is full again, and the message's id with him; a request that is cancelled while all
must wait leaves all others waiting for ever; and it knows nothing of drafts, which must not delay what is final.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from discord.http import Route

from adapters.gate import LONGEST_WAIT_S, Gate
from adapters.pace import Limits, Rule

_ALL = "all"
_SEND = "POST /channels/{channel_id}/messages"
_EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
WRITES = Rule(5, 5.0, drafts=4)
OVERALL = Rule(50, 1.0, drafts=35)


@dataclass(frozen=True, slots=True)
class Rates:
    """``writes``: messages in a channel, and likewise edits."""

    writes: Rule = WRITES
    overall: Rule = OVERALL
    longest_wait_s: float = LONGEST_WAIT_S

    def limits(self, key: str) -> Limits:
        if key == _ALL:
            return Limits((self.overall,))
        return Limits((self.writes,) if key.startswith((_SEND + ":", _EDIT + ":")) else (), learns=True)


class Pacing:
    """Shared by all clients of one token."""

    def __init__(self, rates: Rates | None = None) -> None:
        rates = rates or Rates()
        self._gate = Gate(rates.limits, rates.longest_wait_s)
        self._sharing: dict[str, set[str]] = {}  # bucket, as Discord calls it → its routes

    @asynccontextmanager
    async def turn(self, route: Route, *, draft: bool) -> AsyncIterator[Heard]:
        """One request belongs inside, and what its answers say goes to ``Heard``. Raises core.errors.RateLimited."""
        keys = (_key(route),) if route.webhook_id else (_key(route), _ALL)
        reading = "read " if route.method == "GET" else ""
        lane = reading + (route.major_parameters or route.key)
        async with self._gate.turn(lane, keys, draft=draft):
            yield Heard(self, route)

    def learn(self, route: Route, headers: Mapping[str, str]) -> None:
        """From the headers of an answer, if they are there."""
        try:
            limit, remaining = int(headers["X-RateLimit-Limit"]), int(headers["X-RateLimit-Remaining"])
            reset_after = float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return
        self._gate.learn(_key(route), max(1, limit), remaining, reset_after)
        others = self._sharing.setdefault(headers.get("X-RateLimit-Bucket", route.key), set())
        others.add(route.key)
        for other in others - {route.key}:
            self._gate.learn(_key(route, other), max(1, limit), remaining, reset_after, counted=False)

    def hold(self, route: Route, seconds: float, *, everywhere: bool) -> None:
        """Discord asked to wait: with this bucket, or with all."""
        if everywhere:
            self._gate.hold(_ALL, seconds)
            return
        for other in {route.key}.union(*(routes for routes in self._sharing.values() if route.key in routes)):
            self._gate.hold(_key(route, other), seconds)


def _key(route: Route, other: str = "") -> str:
    """A route's bucket, or that of another route, in the same channel."""
    return f"{other or route.key}:{route.major_parameters}"


@dataclass(slots=True)
class Heard:
    """What the answers to one request say. ``everywhere``: that all must wait."""

    pacing: Pacing
    route: Route
    everywhere: bool = False

    def answer(self, status: int, headers: Mapping[str, str]) -> None:
        if status == 429:
            self.everywhere = headers.get("X-RateLimit-Global", "").lower() == "true"
        else:
            self.pacing.learn(self.route, headers)
