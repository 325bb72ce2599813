"""The worker of one bot: claims a conversation, answers all that waits in it as one turn, commits in one step."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from functools import cached_property, partial

import structlog

from core.answer import Means
from core.botfile import Bot
from core.changes import Changes
from core.claim import Claim
from core.errors import ModelBusy, StoreError, StoreUnavailable, TurnChanged
from core.hear import language_of, meant_in
from core.inbox import line_of, retention
from core.lease import held_lease, meanwhile
from core.line import WaitingLine, too_long
from core.messages import Draft
from core.phrases import Phrase, in_language, say
from core.queue import consume, patiently
from core.respond import line_of_reply, notice_reply, respond
from core.seats import Seat, SeatedModel, Seats
from core.shelf import Shelf
from core.state import Outcome, Turn
from core.store import Store
from core.taken import TakenTurn

log = structlog.get_logger(__name__)

# How much of the history a turn reads; the prompt takes what fits of it.
HISTORY_LINES = 60
TRIES = 2
# A worker may be killed by chance, even twice; five times over one turn it is the turn.
DEATHS = 5
HAND_BACK_S = 1.0
# Of what is due so much is taken beyond the seats: what needs no model is answered at once, the rest waits in line.
WITHOUT_SEAT = 32


@dataclass(frozen=True, slots=True)
class Pace:
    """When things are done, in seconds."""

    retry: float = 1.0
    typing_after: float = 0.2
    typing_every: float = 4.0
    draft_every: float = 0.05


class Worker:
    def __init__(self, store: Store, shelf: Shelf, bot: str, means: Means, pace: Pace = Pace()) -> None:
        self._store = store
        self._shelf = shelf
        self._bot = bot
        self._means = means
        self._pace = pace
        self._seats = Seats(shelf.bot(bot).config.limits.concurrency, store.partitions)
        self._line = WaitingLine(store, bot, self._seats, HISTORY_LINES)
        self._changes = Changes(store, bot, self._seats.joined_line)

    async def run(self) -> None:
        """Answer until cancelled."""
        limit = self._seats.count + WITHOUT_SEAT
        async with asyncio.TaskGroup() as group:
            group.create_task(self._changes.run())
            for partition in self._store.partitions:
                claim = Claim()
                take = partial(self._store.take_turns, partition, self._bot, lines=HISTORY_LINES, claim=claim)
                release = partial(self._store.release_turns, partition, self._bot, claim)
                group.create_task(consume(limit, take, self.handle, release=release))
                group.create_task(self._line.serve(partition, lambda one: self.handle(one.taken, one.seat)))

    async def handle(self, taken: TakenTurn, seat: Seat | None = None) -> None:
        """Answer a turn; one that needs the model without a ``seat`` takes one or waits in line."""
        bot = self._shelf.bot(self._bot)  # this version answers, also if the files change meanwhile
        seat = seat or Seat(self._seats)
        try:
            turn = taken.read()
            try:
                await self._turn(turn, bot, seat)
            except asyncio.CancelledError:
                await self._hand_back(turn)
                raise
        finally:
            seat.leave()

    async def _turn(self, turn: Turn, bot: Bot, seat: Seat) -> None:
        """Until it is committed, handed back or in line."""
        crowded = False
        means = replace(self._means, model=SeatedModel(self._means.model, seat))
        while True:
            try:
                async with held_lease(partial(self._store.renew_turn, turn), self._store.lease_ms):
                    turn, outcome = await self._answered(turn, bot, means, crowded)
                if outcome is not None:
                    return await self._commit(turn, outcome, bot, seat)
                retry = partial(self._store.retry_turn, turn, self._pace.retry, turn.attempts + 1)
                return await patiently(retry)
            except ModelBusy:
                wait = await self._line.join(turn)
                crowded = too_long(turn, wait, bot)
                if not crowded:
                    return await self._line.stay(turn, wait, bot)
            except TurnChanged:
                turn = await self._reread(turn, bot)

    async def _commit(self, turn: Turn, outcome: Outcome, bot: Bot, seat: Seat) -> None:
        limits = bot.config.limits
        keep = retention(limits.retention_days, limits.history_lines)
        # The answer is made: a store that is away for a moment must not throw it away.
        await patiently(partial(self._store.commit, turn, outcome, keep, seat.held_s))
        rung = outcome.reply.rung.value if outcome.reply else "silent"
        log.info("answered", conversation=turn.conversation, messages=len(turn.messages), rung=rung)

    async def _answered(self, turn: Turn, bot: Bot, means: Means, crowded: bool) -> tuple[Turn, Outcome | None]:
        """The turn with all that has joined it while its answer was made, and its outcome (None: see _answer)."""
        while True:
            live = _Live(self._store, turn, bot, self._pace)
            async with meanwhile(self._pace.typing_after, live.type):
                try:
                    async with self._changes.watched(turn.conversation, partial(self._has_changed, turn, bot)):
                        outcome = await self._answer(turn, bot, means, live, crowded)
                    return live.turn, outcome
                except TurnChanged:
                    await self._changes.quiet(turn.conversation, bot.config.limits.merge_ms / 1000)
                    turn = await self._reread(live.turn, bot)
                    log.info("answered anew", conversation=turn.conversation, messages=len(turn.messages))

    async def _has_changed(self, turn: Turn, bot: Bot) -> bool:
        """Whether another answer is wanted; what is only overheard in a group changes none."""
        persona = bot.persona(turn.state.persona)
        return meant_in(await self._now(turn, bot), persona) != meant_in(turn, persona)

    async def _reread(self, turn: Turn, bot: Bot) -> Turn:
        fresh = await patiently(partial(self._now, turn, bot))
        joined = len(fresh.messages) > len(turn.messages)
        return fresh.replace(merged=turn.merged + joined, drafted=turn.drafted or fresh.drafted)

    async def _now(self, turn: Turn, bot: Bot) -> Turn:
        """The turn as it stands in the store, without what may not join it any more."""
        fresh = await self._store.reread(turn, HISTORY_LINES)
        if turn.merged < bot.config.limits.merges:
            return fresh
        return fresh.replace(messages=fresh.messages[: len(turn.messages)])

    async def _hand_back(self, turn: Turn) -> None:
        """We are stopped: another worker shall go on at once and not wait for the end of the lease."""
        with contextlib.suppress(StoreError, TimeoutError):
            await asyncio.wait_for(self._store.retry_turn(turn, 0, turn.attempts), HAND_BACK_S)

    async def _answer(self, turn: Turn, bot: Bot, means: Means, live: _Live, crowded: bool) -> Outcome | None:
        """The outcome of a turn; None: the model failed, the shopper was told, try once more."""
        if turn.deaths >= DEATHS:
            log.error("workers died over this turn", conversation=turn.conversation, deaths=turn.deaths)
            return failed(turn, bot)
        last_try = turn.attempts + 1 >= TRIES
        try:
            return await respond(turn, bot, means, live.show, last_try, crowded)
        except (StoreUnavailable, ModelBusy):
            raise
        except Exception as error:
            log.exception("no answer", conversation=turn.conversation, attempt=turn.attempts + 1, error=str(error))
            if last_try:
                return failed(turn, bot)
            await live.tell(say(Phrase.TRYING_AGAIN, language_of(turn.messages, turn.state, bot)))
            return None


def failed(turn: Turn, bot: Bot) -> Outcome:
    """After the last try: the shopper is told how to reach a person, and what was asked stays in the history."""
    language = language_of(turn.messages, turn.state, bot)
    contact = in_language(bot.config.person.contact, language)
    reply = notice_reply(turn, bot, say(Phrase.FAILED, language, contact=contact), language)
    lines = (*(line_of(message) for message in turn.messages if not message.withdrawn), line_of_reply(reply))
    return Outcome(state=turn.state, lines=lines, reply=reply)


class _Live:
    """What the shopper sees while an answer is made: first that the bot is typing, then the text as it grows."""

    def __init__(self, store: Store, turn: Turn, bot: Bot, pace: Pace) -> None:
        self._store = store
        self._turn = turn
        self._bot = bot
        self._pace = pace
        self._shown = ""
        self._shown_at = time.monotonic()  # what is answered at once needs no draft

    @property
    def turn(self) -> Turn:
        """The turn, as it is after this."""
        return self._turn.replace(drafted=True) if self._shown else self._turn

    @cached_property
    def _empty(self) -> Draft:
        turn = self._turn
        return Draft(
            address=turn.address,
            reply=turn.reply_id,
            reply_to=turn.reply_to,
            language=language_of(turn.messages, turn.state, self._bot),
        )

    async def show(self, text: str) -> None:
        if text and text != self._shown and time.monotonic() - self._shown_at >= self._pace.draft_every:
            await self.tell(text)

    async def tell(self, text: str) -> None:
        self._shown, self._shown_at = text, time.monotonic()
        try:
            await self._store.publish(self._empty.replace(text=text))
        except StoreUnavailable as error:
            log.debug("draft not shown", conversation=self._empty.address.id, reason=str(error))

    async def type(self) -> None:
        while not self._shown:
            await self.tell("")
            await asyncio.sleep(self._pace.typing_every)
