"""The line for a seat at the model: turns wait in it without a lease, and are taken as seats fall free.

It is one line for all workers of a bot (one in each partition). Who stands in it keeps the place when a worker dies or
when more is said; an approved answer, a command or a notice needs no seat and goes past it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import structlog

from core.botfile import Bot
from core.claim import Claim
from core.hear import language_of
from core.inbox import retention
from core.messages import Reply, stable_id
from core.phrases import in_line
from core.queue import consume, patiently
from core.respond import line_of_reply, notice_reply
from core.seats import Seat, Seats
from core.state import Place, Turn
from core.store import Store
from core.taken import TakenTurn

log = structlog.get_logger(__name__)

SAY_EVERY_S = 60.0
# Who may have to be told later is not looked at more often.
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class SeatedTurn:
    taken: TakenTurn
    seat: Seat

    @property
    def conversation(self) -> str:
        return self.taken.conversation


@dataclass(frozen=True, slots=True)
class Wait:
    """``ahead``: how many seats have to fall free; ``seconds``: how long that takes, None: not known yet; ``so_far_s``: how
    long it has taken already."""

    ahead: int
    seconds: float | None
    so_far_s: float
    stood_before: bool


class WaitingLine:
    def __init__(self, store: Store, bot: str, seats: Seats, lines: int) -> None:
        """``lines``: of the history, that a turn reads."""
        self._store = store
        self._bot = bot
        self._seats = seats
        self._lines = lines
        self._worker = uuid4().hex
        self._said_at = 0.0

    async def serve(self, partition: int, handle: Callable[[SeatedTurn], Awaitable[None]]) -> None:
        """Handle those who wait, the longest waiting first, as seats fall free; until cancelled."""
        claim = Claim()
        await consume(
            self._seats.count + 1,  # it goes on looking also when every seat is taken
            partial(self._take, partition, claim),
            handle,
            release=partial(self._store.release_turns, partition, self._bot, claim),
        )

    async def _take(
        self, partition: int, claim: Claim, limit: int, *, after_s: float
    ) -> tuple[Sequence[SeatedTurn], float | None]:
        seats = self._seats
        if after_s:
            await seats.stirred(partition, after_s)
        await self._store.line.say_seats(partition, self._bot, self._worker, seats.count)
        reserved = seats.reserve(limit) if seats.in_line[partition] else 0
        unused = reserved
        try:
            taken, left = await self._store.take_seated(partition, self._bot, reserved, self._lines, claim)
            unused -= len(taken)
        finally:
            seats.give_back(unused, not_for=partition)
        seats.in_line[partition] = left
        self._say(left)
        again = left > 0 and not reserved and seats.free > 0
        return [SeatedTurn(one, Seat(seats, taken=True)) for one in taken], 0 if again else None

    def _say(self, left: int) -> None:
        if left and time.monotonic() - self._said_at > SAY_EVERY_S:
            self._said_at = time.monotonic()
            log.warning("shoppers wait for the model", bot=self._bot, waiting=left, seats=self._seats.count)

    async def join(self, turn: Turn) -> Wait:
        """Stand in line, still under the lease."""
        place: Place = await patiently(partial(self._store.line.join, turn))
        partition = self._store.line.partition(turn)
        elsewhere = sum(count for other, count in self._seats.in_line.items() if other != partition)
        ahead = max(0, place.number + elsewhere - self._seats.free)
        known = place.held_s is not None and ahead > 0
        seconds = self._seats.wait_s(ahead, place.seats, place.held_s or 0.0) if known else None
        return Wait(ahead, seconds, place.waited_s, place.stood_before)

    async def stay(self, turn: Turn, wait: Wait, bot: Bot) -> None:
        """Wait in line; a shopper who has to wait long, or has waited long, is told so, once."""
        limits = bot.config.limits
        notice, told, look_s = None, None, None
        # Who sees a part of the answer knows that it is being made.
        if not (turn.told or turn.drafted):
            left_s = limits.tell_wait_s - wait.so_far_s
            if wait.ahead and (left_s <= 0 or (wait.seconds or 0.0) > limits.tell_wait_s):
                notice = _notice(turn, wait, bot)
                told = line_of_reply(notice)
            else:
                look_s = max(left_s, LOOK_S)
        keep = retention(limits.retention_days, limits.history_lines)
        await patiently(partial(self._store.line.park, turn, keep.ttl_ms, notice, told, look_s))
        self._seats.joined_line(self._store.line.partition(turn))
        log.info("in line", conversation=turn.conversation, place=wait.ahead, seconds=wait.seconds, told=bool(notice))


def too_long(turn: Turn, wait: Wait, bot: Bot) -> bool:
    """Whether the shopper is better sent to a person: who is in a conversation already, or in line, is not."""
    new = not (wait.stood_before or turn.told or any(line.role == "shopper" for line in turn.history))
    return new and wait.seconds is not None and wait.seconds > bot.config.limits.busy_wait_s


def _notice(turn: Turn, wait: Wait, bot: Bot) -> Reply:
    language = language_of(turn.messages, turn.state, bot)
    text = in_line(wait.ahead, wait.seconds, language)
    return notice_reply(turn, bot, text, language, stable_id("line", turn.reply_id))
