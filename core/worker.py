"""The worker of one bot: claims a conversation, answers all that waits in it as one turn, commits in one step."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import structlog

from core.botfile import Bot
from core.errors import StoreError, StoreUnavailable
from core.hear import language_of
from core.inbox import line_of, retention
from core.lease import held_lease, meanwhile
from core.messages import Draft, Reply, Rung
from core.phrases import Phrase, in_language, say
from core.ports import TextModel
from core.queue import consume, patiently
from core.respond import line_of_reply, respond
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


@dataclass(frozen=True, slots=True)
class Pace:
    """When things are done, in seconds."""

    retry: float = 1.0
    typing_after: float = 0.2
    typing_every: float = 4.0
    draft_every: float = 0.05


class Worker:
    def __init__(self, store: Store, shelf: Shelf, bot: str, model: TextModel, pace: Pace = Pace()) -> None:
        self._store = store
        self._shelf = shelf
        self._bot = bot
        self._model = model
        self._pace = pace

    async def run(self) -> None:
        """Answer until cancelled."""
        limit = self._shelf.bot(self._bot).config.limits.concurrency
        async with asyncio.TaskGroup() as group:
            for partition in self._store.partitions:
                queue = self._store.work_queue(partition, self._bot)
                take = partial(self._store.take_turns, partition, self._bot, lines=HISTORY_LINES)
                group.create_task(consume(self._store, queue, limit, take, self.handle))

    async def handle(self, taken: TakenTurn) -> None:
        """Answer a turn."""
        bot = self._shelf.bot(self._bot)  # this version answers, also if the files change meanwhile
        turn = taken.read()
        try:
            await self._turn(turn, bot)
        except asyncio.CancelledError:
            await self._hand_back(turn)
            raise

    async def _turn(self, turn: Turn, bot: Bot) -> None:
        async with held_lease(lambda: self._store.renew_turn(turn), self._store.lease_ms):
            outcome = await self._answer(turn, bot)
        if outcome is None:
            await patiently(lambda: self._store.retry_turn(turn, self._pace.retry, turn.attempts + 1))
            return
        limits = bot.config.limits
        keep = retention(limits.retention_days, limits.history_lines)
        # The answer is made: a store that is away for a moment must not throw it away.
        await patiently(lambda: self._store.commit(turn, outcome, keep))
        rung = outcome.reply.rung.value if outcome.reply else "silent"
        log.info("answered", conversation=turn.conversation, messages=len(turn.messages), rung=rung)

    async def _hand_back(self, turn: Turn) -> None:
        """We are stopped: another worker shall go on at once and not wait for the end of the lease."""
        with contextlib.suppress(StoreError, TimeoutError):
            await asyncio.wait_for(self._store.retry_turn(turn, 0, turn.attempts), HAND_BACK_S)

    async def _answer(self, turn: Turn, bot: Bot) -> Outcome | None:
        """The outcome of a turn; None: the model failed, the shopper was told, try once more."""
        if turn.deaths >= DEATHS:
            log.error("workers died over this turn", conversation=turn.conversation, deaths=turn.deaths)
            return failed(turn, bot)
        last_try = turn.attempts + 1 >= TRIES
        async with _writing(self._store, turn, bot, self._pace) as live:
            try:
                return await respond(turn, bot, self._model, live.show, last_try)
            except StoreUnavailable:
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
    persona = bot.persona(turn.state.persona)
    contact = in_language(bot.config.person.contact, language)
    reply = Reply(
        id=turn.reply_id,
        address=turn.address,
        text=say(Phrase.FAILED, language, contact=contact),
        language=language,
        persona=persona.id,
        persona_version=persona.version,
        rung=Rung.NOTICE,
        reply_to=turn.messages[-1].message if turn.messages[-1].group else "",
    )
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

    @cached_property
    def _empty(self) -> Draft:
        turn = self._turn
        return Draft(
            address=turn.address,
            reply=turn.reply_id,
            reply_to=turn.messages[-1].message if turn.messages[-1].group else "",
            language=language_of(turn.messages, turn.state, self._bot),
        )

    async def show(self, text: str) -> None:
        if text and text != self._shown and time.monotonic() - self._shown_at >= self._pace.draft_every:
            await self.tell(text)

    async def tell(self, text: str) -> None:
        self._shown, self._shown_at = text, time.monotonic()
        try:
            await self._store.publish(self._empty.model_copy(update={"text": text}))
        except StoreUnavailable as error:
            log.debug("draft not shown", conversation=self._empty.address.id, reason=str(error))

    async def type(self) -> None:
        while not self._shown:
            await self.tell("")
            await asyncio.sleep(self._pace.typing_every)


@asynccontextmanager
async def _writing(store: Store, turn: Turn, bot: Bot, pace: Pace) -> AsyncIterator[_Live]:
    live = _Live(store, turn, bot, pace)
    async with meanwhile(pace.typing_after, live.type):
        yield live
