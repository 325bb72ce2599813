"""The outbox of one channel: sends what the workers have committed, in order, and records what the platform said.

While an answer is being written its message grows by edits; the platform's id of that message is recorded as soon as
it is known, so that after a crash it is edited to its end and not repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

import structlog

from core.backoff import delay_s
from core.errors import ChannelError, ChatClosed, RateLimited, SendRejected, StoreError, StoreUnavailable
from core.lease import held_lease
from core.messages import Draft, Outgoing
from core.ports import Channel
from core.queue import consume, patiently
from core.state import DeadLetter, Shown, Unsent
from core.store import Store
from core.taken import TakenReply

Item = TypeVar("Item")
log = structlog.get_logger(__name__)

CONCURRENCY = 32
TRIES = 8
BACKOFF_S = 0.5
BACKOFF_CAP_S = 60.0
REMEMBERED = 1000
HAND_BACK_S = 1.0
GRACE_S = 5.0


class Outbox:
    def __init__(self, store: Store, channel: Channel, backoff_s: float = BACKOFF_S, grace_s: float = GRACE_S) -> None:
        """``backoff_s``: the wait after the first failure; it doubles with each further one. ``grace_s``: how long what is
        under way to the platform may still take when we are stopped: nobody knows what becomes of a send that is cut off.
        """
        self._store = store
        self._backoff_s = backoff_s
        self._grace_s = grace_s
        self._channel = channel
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._drafts: dict[str, Draft] = {}
        self._growing: OrderedDict[str, str] = OrderedDict()
        self._finished: OrderedDict[str, None] = OrderedDict()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_drafts(group))
            bot, platform = self._channel.bot, self._channel.platform
            for partition in self._store.partitions:
                queue = self._store.sending_queue(partition, bot, platform)
                take = partial(self._store.take_unsent, partition, bot, platform)
                group.create_task(consume(self._store, queue, CONCURRENCY, take, self.handle, grace_s=self._grace_s))

    # ── finished replies ─────────────────────────────────────────────────────────────────────────────────

    async def handle(self, taken: TakenReply) -> None:
        """Send a reply, the first in its conversation's outbox."""
        unsent = taken.read()
        lease = held_lease(lambda: self._store.renew_unsent(unsent), self._store.lease_ms)
        async with lease, self._lock(unsent.conversation):
            _remember(self._finished, unsent.reply.id, None)
            grown = self._growing.pop(unsent.reply.id, None)
            if grown is not None and not unsent.shown.ids:  # it was shown for the first time after it was taken
                unsent = unsent.model_copy(update={"shown": _shown(unsent, [grown], unsent.shown.attempts)})
            await self._deliver(unsent)

    async def _deliver(self, unsent: Unsent) -> None:
        ids = list(unsent.shown.ids)
        attempts = unsent.shown.attempts
        try:
            await self._send_parts(unsent, ids)
        except asyncio.CancelledError:
            await self._hand_back(unsent, _shown(unsent, ids, attempts))
            raise
        except RateLimited as error:
            await self._later(unsent, _shown(unsent, ids, attempts), error.retry_after, error)
        except (ChatClosed, SendRejected) as error:
            await self._give_up(unsent, _shown(unsent, ids, attempts), error)
        except ChannelError as error:
            shown = _shown(unsent, ids, attempts + 1)
            if shown.attempts >= TRIES:
                await self._give_up(unsent, shown, error)
            else:
                await self._later(unsent, shown, delay_s(shown.attempts, self._backoff_s, BACKOFF_CAP_S), error)
        else:
            await patiently(lambda: self._store.sent(unsent, _shown(unsent, ids, attempts)))

    async def _send_parts(self, unsent: Unsent, ids: list[str]) -> None:
        """Edit what is on the platform already, send the rest; each new id is recorded before the next part."""
        parts = self._channel.split(unsent.reply.text)
        for number, text in enumerate(parts):
            message = Outgoing(
                address=unsent.reply.address,
                reply=unsent.reply.id,
                part=number,
                text=text,
                reply_to=unsent.reply.reply_to if number == 0 else "",
                language=unsent.reply.language,
            )
            if number < len(ids):
                try:
                    await self._channel.edit(ids[number], message)
                    continue
                except SendRejected as error:  # the shopper has deleted it, or it is too old to be edited
                    log.info("sent anew, not edited", conversation=unsent.conversation, reason=str(error))
                    ids[number] = await self._channel.send(message)
            else:
                ids.append(await self._channel.send(message))
            if number + 1 < len(parts):
                await patiently(lambda: self._store.shown(unsent, _shown(unsent, ids, unsent.shown.attempts)))

    async def _hand_back(self, unsent: Unsent, shown: Shown) -> None:
        """We are stopped: another sender shall go on at once and not wait for the end of the lease."""
        with contextlib.suppress(StoreError, TimeoutError):
            await asyncio.wait_for(self._store.postpone(unsent, shown, 0), HAND_BACK_S)

    async def _later(self, unsent: Unsent, shown: Shown, delay_s: float, error: ChannelError) -> None:
        log.warning("not sent yet", conversation=unsent.conversation, again_in_s=round(delay_s, 2), reason=str(error))
        await patiently(lambda: self._store.postpone(unsent, shown, delay_s))

    async def _give_up(self, unsent: Unsent, shown: Shown, error: ChannelError) -> None:
        log.error("reply not delivered", conversation=unsent.conversation, reply=unsent.reply.id, reason=str(error))
        letter = DeadLetter(reply=unsent.reply, reason=f"{type(error).__name__}: {error}", sent=shown.ids)
        await patiently(lambda: self._store.sent(unsent, shown, letter))

    # ── replies that are being written ───────────────────────────────────────────────────────────────────

    async def _follow_drafts(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                async for draft in self._store.drafts(self._channel.bot, self._channel.platform):
                    conversation = draft.address.id
                    idle = conversation not in self._drafts
                    self._drafts[conversation] = draft  # only the newest is worth showing
                    if idle:
                        group.create_task(self._show_drafts(conversation))
            except StoreUnavailable as error:
                log.debug("drafts are not shown", reason=str(error))
                await asyncio.sleep(0.5)

    async def _show_drafts(self, conversation: str) -> None:
        """Show the newest draft of one conversation, as often as the platform allows, until there is no newer one."""
        shown: Draft | None = None
        try:
            while shown is not self._drafts[conversation]:
                shown, pause = self._drafts[conversation], 0.0
                try:
                    await self._show(shown)
                except RateLimited as error:
                    pause = error.retry_after
                except (ChannelError, StoreUnavailable) as error:
                    log.debug("draft not shown", conversation=conversation, reason=str(error))
                await asyncio.sleep(max(pause, self._channel.traits.edit_interval_s if shown.text else 0.0))
        finally:
            del self._drafts[conversation]

    async def _show(self, draft: Draft) -> None:
        async with self._lock(draft.address.id):
            if draft.reply in self._finished:
                return
            if not draft.text:
                if self._channel.traits.typing:
                    await self._channel.typing(draft.address)
                return
            if self._channel.traits.streams:
                await self._grow(draft)

    async def _grow(self, draft: Draft) -> None:
        message = Outgoing(
            address=draft.address,
            reply=draft.reply,
            text=self._channel.split(draft.text)[0],
            final=False,
            reply_to=draft.reply_to,
            language=draft.language,
        )
        sent = self._growing.get(draft.reply)
        if sent is None:
            waits, begun, done = await self._store.growing(draft.address)
            if waits or done == draft.reply:
                return  # an earlier reply has to be sent first, or this one was sent already, before we were started
            sent = begun.ids[0] if begun is not None and begun.reply == draft.reply else None
        if sent is not None:
            await self._channel.edit(sent, message)
        else:
            sent = await self._channel.send(message)
            _remember(self._growing, draft.reply, sent)
            await self._store.drafted(draft, sent)
        _remember(self._growing, draft.reply, sent)

    def _lock(self, conversation: str) -> asyncio.Lock:
        """One thing at a time in each conversation, or a late draft could overwrite the finished reply."""
        lock = self._locks.get(conversation)
        if lock is None:
            self._locks[conversation] = lock = asyncio.Lock()
        return lock


def _shown(unsent: Unsent, ids: list[str], attempts: int) -> Shown:
    return Shown(reply=unsent.reply.id, ids=tuple(ids), attempts=attempts)


def _remember(memory: OrderedDict[str, Item], key: str, value: Item) -> None:
    memory[key] = value
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
