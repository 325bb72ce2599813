"""Telegram's limits on how often a bot may write, kept before they are hit.

Telegram's FAQ: about one message a second in a chat (short bursts pass), 20 a minute in a group, about 30 a second in
all. Edits count like messages. A growing answer's edits are drafts that the next one replaces: one that cannot go now
raises RateLimited at once. Finals wait their turn, chats in turn; from ``longest_wait_s`` on it is RateLimited for
them too, and the outbox waits.

A 429 does not say what it is about. It is taken for its chat's; a second chat that gets one while the first still has
to wait shows that it is about all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.gate import LONGEST_WAIT_S, Gate
from adapters.pace import Limits, Rule

ALL = "all"
EDIT_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """An own Bot API server, or paid broadcasts, may allow more."""

    private: tuple[Rule, ...] = (Rule(4, 4.0, drafts=3),)
    group: tuple[Rule, ...] = (Rule(4, 4.0, drafts=1), Rule(20, 60.0, drafts=14))
    overall: tuple[Rule, ...] = (Rule(30, 1.0, drafts=20),)
    longest_wait_s: float = LONGEST_WAIT_S

    def limits(self, key: str) -> Limits:
        if key == ALL:
            return Limits(self.overall)
        return Limits(self.group if key.startswith("-") else self.private)


class Pacing:
    def __init__(self, rates: Rates | None = None) -> None:
        rates = rates or Rates()
        self._gate = Gate(rates.limits, rates.longest_wait_s)
        self._asked_to_wait = ""

    @asynccontextmanager
    async def turn(self, chat: str, *, final: bool) -> AsyncIterator[None]:
        """One write to ``chat`` belongs inside. Raises RateLimited."""
        async with self._gate.turn(chat, (ALL, chat), draft=not final):
            yield

    def hold(self, chat: str, seconds: float) -> None:
        """Telegram asked to wait."""
        other = self._asked_to_wait
        everywhere = other not in ("", chat) and self._gate.held_for(other) > 0
        self._asked_to_wait = chat
        self._gate.hold(chat, seconds)
        if everywhere:
            self._gate.hold(ALL, seconds)

    def held(self, chat: str) -> bool:
        return max(self._gate.held_for(chat), self._gate.held_for(ALL)) > 0
