"""The outbox of one channel: sends what the workers have committed, in order, and records what the platform said.

The intent is recorded before a send, the result after it. Where nobody knows whether a part arrived (the platform's
answer was lost, or the sender died before it was recorded), the part is sent again: nothing is lost. A platform that
knows a repeated send again shows it once (Traits.repeat_window_s); elsewhere it may stand there twice, and the
conversation's record says so. How a message grows while it is written: core.drafts.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial

import structlog

from core.backoff import delay_s
from core.cards import parts_of
from core.claim import Claim
from core.drafts import Drafts, Start
from core.errors import ChannelError, ChatClosed, RateLimited, SendAmbiguous, SendRejected, StoreError
from core.lease import held_lease
from core.messages import Outgoing
from core.ports import Channel
from core.queue import consume, patiently
from core.state import Closed, DeadLetter, Shown, Unsent
from core.store import Store
from core.taken import ENDED, TakenReply

log = structlog.get_logger(__name__)

CONCURRENCY = 32
TRIES = 8
BACKOFF_S = 0.5
BACKOFF_CAP_S = 60.0
HAND_BACK_S = 1.0
GRACE_S = 5.0
# A first draft of another process may be under way to the platform; after that time, and that process's grace, its id is
# recorded or its sender has died.
DRAFT_S = 1.0


@dataclass(slots=True)
class _Try:
    """How far a reply has come, as ``Shown`` says it."""

    unsent: Unsent
    ids: list[str] = field(init=False)
    attempts: int = field(init=False)
    unanswered: str = field(init=False)
    doubtful: str = field(init=False)

    def __post_init__(self) -> None:
        shown = self.unsent.shown
        self.ids, self.attempts = list(shown.ids), shown.attempts
        self.unanswered, self.doubtful = shown.unanswered, shown.doubtful

    @property
    def shown(self) -> Shown:
        return Shown(
            reply=self.unsent.reply.id,
            ids=tuple(self.ids),
            attempts=self.attempts,
            unanswered=self.unanswered,
            doubtful=self.doubtful,
        )

    def learn(self, start: Start) -> None:
        """Its first draft was sent here while, or before, it was taken."""
        if not self.ids and start.known:
            if start.sent:
                self.ids.append(start.sent)
            if start.sent or self.unsent.drafting:
                self.unanswered = ""


class Outbox:
    def __init__(self, store: Store, channel: Channel, backoff_s: float = BACKOFF_S, grace_s: float = GRACE_S) -> None:
        """``backoff_s``: the wait after the first failure; it doubles with each further one. ``grace_s``: how long what is
        under way to the platform may still take when we are stopped: nobody knows what becomes of a send that is cut off.
        """
        self._store = store
        self._backoff_s = backoff_s
        self._grace_s = grace_s
        self._draft_s = grace_s + DRAFT_S
        self._channel = channel
        self._drafts = Drafts(store, channel, grace_s)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._drafts.run())
            bot, platform = self._channel.bot, self._channel.platform
            for partition in self._store.partitions:
                claim = Claim()
                take = partial(self._store.take_unsent, partition, bot, platform, claim=claim)
                release = partial(self._store.release_unsent, partition, bot, platform, claim)
                sending = consume(CONCURRENCY, take, self.handle, release=release, grace_s=self._grace_s)
                group.create_task(sending)

    async def handle(self, taken: TakenReply) -> None:
        """Send a reply, the first in its conversation's outbox."""
        unsent = taken.read()
        conversation, reply = unsent.conversation, unsent.reply.id
        self._drafts.finish(reply)
        now = _Try(unsent)
        async with held_lease(lambda: self._store.renew_unsent(unsent), self._store.lease_ms):
            try:
                async with self._drafts.lock(conversation):
                    start = self._drafts.start_of(reply)
                    if start is not None:
                        now.learn(start)
                    elif self._is_under_way(unsent):
                        return await self._wait_for_draft(unsent)
                    await self._deliver(now)
            except asyncio.CancelledError:
                await self._hand_back(now)
                raise

    async def _deliver(self, now: _Try) -> None:
        closed = now.unsent.closed
        if closed is not None:
            return await self._give_up(now, ChatClosed(f"not tried: closed at {closed.at:%F %T} UTC, {closed.reason}"))
        try:
            await self._send_parts(now)
        except RateLimited as error:
            await self._later(now, error.retry_after, error)
        except ChatClosed as error:
            await self._give_up(now, error, Closed(reason=str(error)))
        except SendRejected as error:
            await self._give_up(now, error)
        except ChannelError as error:
            await self._again(now, error)
        except StoreError:
            raise
        except Exception as error:  # a defect of the adapter: it must not keep the conversation for ever
            log.exception("unexpected while sending", conversation=now.unsent.conversation)
            await self._again(now, error)
        else:
            await patiently(lambda: self._store.sent(now.unsent, now.shown))

    async def _send_parts(self, now: _Try) -> None:
        """Edit what is on the platform already, send the rest; each new id is recorded before the next part."""
        parts = parts_of(now.unsent.reply, self._channel)
        for number, message in enumerate(parts):
            if number < len(now.ids):
                if message.cards and not message.text:
                    continue  # products never change: they stand there as they are
                try:
                    await self._channel.edit(now.ids[number], message)
                    continue
                except SendRejected as error:  # the shopper has deleted it, or it is too old to be edited
                    log.info("sent anew, not edited", conversation=now.unsent.conversation, reason=str(error))
                    now.ids[number] = await self._send(now, message)
            else:
                now.ids.append(await self._send(now, message))
            if number + 1 < len(parts):
                await patiently(lambda: self._store.shown(now.unsent, now.shown))

    async def _send(self, now: _Try, message: Outgoing) -> str:
        before = now.unanswered
        now.unanswered = before or ENDED  # should we be stopped meanwhile
        try:
            sent = await self._channel.send(message)
        except SendAmbiguous as error:
            now.unanswered = before or str(error)
            raise
        except ChannelError:  # not taken, this time
            now.unanswered = before
            raise
        now.unanswered = ""
        if before and not self._shown_once(now.unsent):
            now.doubtful = now.doubtful or before
            where = {"conversation": now.unsent.conversation, "reply": message.reply, "part": message.part}
            log.warning("sent again, it may be shown twice", **where, reason=before)
        return sent

    def _shown_once(self, unsent: Unsent) -> bool:
        """Whether the platform knows a repetition of the send that is in doubt."""
        return unsent.unanswered_s is not None and unsent.unanswered_s < self._channel.traits.repeat_window_s

    def _is_under_way(self, unsent: Unsent) -> bool:
        """Another process has begun to show it just now. To send it as well would show it twice."""
        since_s = unsent.unanswered_s
        return unsent.drafting and since_s is not None and since_s < self._draft_s and not self._shown_once(unsent)

    async def _wait_for_draft(self, unsent: Unsent) -> None:
        left_s = self._draft_s - (unsent.unanswered_s or 0.0)
        log.debug("waits for its first draft", conversation=unsent.conversation, at_most_s=round(left_s, 2))
        nothing_sent = unsent.shown.replace(unanswered="")
        await patiently(lambda: self._store.postpone(unsent, nothing_sent, min(left_s, self._backoff_s)))

    async def _hand_back(self, now: _Try) -> None:
        """We are stopped: another sender shall go on at once and not wait for the end of the lease."""
        with contextlib.suppress(StoreError, TimeoutError):
            await asyncio.wait_for(self._store.postpone(now.unsent, now.shown, 0), HAND_BACK_S)

    async def _again(self, now: _Try, error: Exception) -> None:
        """A try has failed; one of these is the last."""
        now.attempts += 1
        if now.attempts >= TRIES:
            await self._give_up(now, error)
        else:
            await self._later(now, delay_s(now.attempts, self._backoff_s, BACKOFF_CAP_S), error)

    async def _later(self, now: _Try, delay_s: float, error: Exception) -> None:
        log.warning(
            "not sent yet", conversation=now.unsent.conversation, again_in_s=round(delay_s, 2), reason=str(error)
        )
        await patiently(lambda: self._store.postpone(now.unsent, now.shown, delay_s))

    async def _give_up(self, now: _Try, error: Exception, closed: Closed | None = None) -> None:
        reply = now.unsent.reply
        log.error("reply not delivered", conversation=now.unsent.conversation, reply=reply.id, reason=str(error))
        reason = f"{type(error).__name__}: {error}"
        letter = DeadLetter(reply=reply, reason=reason, sent=tuple(now.ids), doubtful=now.doubtful or now.unanswered)
        await patiently(lambda: self._store.sent(now.unsent, now.shown, letter, closed))
