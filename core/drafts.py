"""Replies that are being written: the message of each grows by edits, as often as the platform allows.

A growing message gives way to what is finished. Before its first piece is sent that is marked in the store, and the
platform's id of it is recorded as soon as it is known: so the finished reply is edited into it after a crash, and
where nobody knows whether the first piece arrived, no second one is shown.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakValueDictionary

import structlog

from core.errors import ChannelError, RateLimited, SendAmbiguous, StoreError, StoreUnavailable
from core.messages import Draft, Outgoing
from core.ports import Channel
from core.state import Beginning
from core.store import Store

Item = TypeVar("Item")
log = structlog.get_logger(__name__)

REMEMBERED = 1000
AWAY_S = 0.5


@dataclass(frozen=True, slots=True)
class Start:
    """``sent``: the platform's id of the message in which a reply begins. Empty: there is none, or it is not ``known``."""

    sent: str = ""
    known: bool = True


@dataclass(slots=True)
class _Growing:
    """The newest draft of one conversation: only that is worth showing."""

    newest: Draft
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    async def rest(self, seconds: float) -> None:
        """Sleep, but not longer than until another reply takes the place of the one that is shown."""
        try:
            await asyncio.wait_for(self.hurry.wait(), seconds)
        except TimeoutError:
            return


class Drafts:
    def __init__(self, store: Store, channel: Channel, grace_s: float) -> None:
        """``grace_s``: how long a draft that is under way may still take when we are stopped."""
        self._store = store
        self._channel = channel
        self._grace_s = grace_s
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._growing: dict[str, _Growing] = {}
        self._starts: OrderedDict[str, Start] = OrderedDict()
        self._finished: OrderedDict[str, None] = OrderedDict()

    def lock(self, conversation: str) -> asyncio.Lock:
        """One thing at a time in each conversation, or a late draft could overwrite the finished reply."""
        lock = self._locks.get(conversation)
        if lock is None:
            self._locks[conversation] = lock = asyncio.Lock()
        return lock

    def finish(self, reply: str) -> None:
        """The finished reply is there: nothing more is shown of its drafts."""
        _remember(self._finished, reply, None)

    def start_of(self, reply: str) -> Start | None:
        """How the reply began, if we had to do with it. Ask under the lock: a first draft may be under way."""
        return self._starts.get(reply)

    async def run(self) -> None:
        """Show drafts until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    async for draft in self._store.drafts(self._channel.bot, self._channel.platform):
                        self._hear(draft, group)
                except StoreUnavailable as error:
                    log.debug("drafts are not shown", reason=str(error))
                    await asyncio.sleep(AWAY_S)

    def _hear(self, draft: Draft, group: asyncio.TaskGroup) -> None:
        conversation = draft.address.id
        growing = self._growing.get(conversation)
        if growing is None:
            self._growing[conversation] = growing = _Growing(draft)
            group.create_task(self._show_newest(conversation, growing))
        elif growing.newest.reply != draft.reply:
            growing.hurry.set()
        growing.newest = draft

    async def _show_newest(self, conversation: str, growing: _Growing) -> None:
        """Show what is newest, as often as the platform allows, until there is nothing newer."""
        shown: Draft | None = None
        try:
            while shown is not growing.newest:
                shown = growing.newest
                growing.hurry.clear()
                pause = self._channel.traits.edit_interval_s if shown.text else 0.0
                try:
                    await self._show(shown)
                except RateLimited as error:
                    pause = max(pause, error.retry_after)
                except (ChannelError, StoreError) as error:
                    log.debug("draft not shown", conversation=conversation, reason=str(error))
                except Exception:
                    log.exception("unexpected, the draft is not shown", conversation=conversation)
                if shown.reply not in self._finished:
                    await growing.rest(pause)
        finally:
            del self._growing[conversation]

    async def _show(self, draft: Draft) -> None:
        traits = self._channel.traits
        if not draft.text and traits.typing and draft.reply not in self._finished:
            await self._channel.typing(draft.address)
        if not (draft.text and traits.streams):
            return
        async with self.lock(draft.address.id):
            if draft.reply not in self._finished:
                await _unbroken(self._grow(draft), self._grace_s)

    async def _grow(self, draft: Draft) -> None:
        message = Outgoing(
            address=draft.address,
            reply=draft.reply,
            text=self._channel.split(draft.text)[0],
            final=False,
            reply_to=draft.reply_to,
            language=draft.language,
        )
        beginning = await self._mark(draft)
        start = self._starts.get(draft.reply) or Start()
        sent = start.sent or beginning.sent
        since_s = beginning.unanswered_s
        if not beginning.wanted:
            return
        if sent:
            _remember(self._starts, draft.reply, Start(sent))
            if since_s is not None:  # the store was away when it was to be recorded
                await self._store.drafted(draft, sent)
            await self._channel.edit(sent, message)
        elif since_s is None or since_s < self._channel.traits.repeat_window_s:
            await self._begin(draft, message, ours=since_s is None)

    async def _mark(self, draft: Draft) -> Beginning:
        """Asked for each draft: another process may have sent the finished reply meanwhile."""
        try:
            return await self._store.begin_draft(draft)
        except StoreError:  # it may be marked, but nothing was sent
            self._starts.setdefault(draft.reply, Start())
            raise

    async def _begin(self, draft: Draft, message: Outgoing, *, ours: bool) -> None:
        """Send the first draft. ``ours``: its mark is of this try, and is lifted if the platform does not take it."""
        _remember(self._starts, draft.reply, Start(known=False))
        try:
            sent = await self._channel.send(message)
        except SendAmbiguous as error:
            log.info("a beginning may be shown", conversation=draft.address.id, reply=draft.reply, reason=str(error))
            raise
        except ChannelError:
            if ours:
                _remember(self._starts, draft.reply, Start())
                await self._store.drafted(draft, "")
            raise
        _remember(self._starts, draft.reply, Start(sent))
        await self._store.drafted(draft, sent)


async def _unbroken(work: Coroutine[None, None, None], grace_s: float) -> None:
    """Do it; if we are cancelled meanwhile, it may still take ``grace_s``: who goes on must not meet it half done."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=grace_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


def _remember(memory: OrderedDict[str, Item], key: str, value: Item) -> None:
    memory[key] = value
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
