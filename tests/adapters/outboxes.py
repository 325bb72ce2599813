"""An outbox in front of a platform's wire server, and senders that die: what a killed process leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from core.messages import Address, Button, Card, Draft, Incoming, Line, Outgoing, Person, Reply
from core.outbox import Outbox
from core.ports import Channel
from core.state import Outcome, Shown, State, Turn, Unsent
from core.store import Retention, Store

KEEP = Retention(ttl_ms=600_000, lines=100)
LEASE_MS = 300
PATIENCE_S = 30  # only a test that fails waits so long


async def asked(store: Store, address: Address, update: str = "u1") -> Turn:
    """Somebody has asked, and a worker has begun to answer."""
    await store.put(Incoming(address=address, update=update, message="", sender=Person(id="ann"), text="?"), 0, KEEP)
    (taken,), _ = await store.take_turns(0, address.bot, 1, 50)
    return taken.read()


async def answered(
    store: Store, turn: Turn, text: str, cards: tuple[Card, ...] = (), buttons: tuple[Button, ...] = ()
) -> None:
    """The finished reply stands in the history and in the outbox."""
    reply = Reply(id=turn.reply_id, address=turn.address, text=text, cards=cards, buttons=buttons)
    line = Line(id=reply.id, role="bot", text=text, cards=cards, buttons=buttons)
    await store.commit(turn, Outcome(state=State(), lines=(line,), reply=reply), KEEP)


async def deliveries(store: Store, address: Address) -> list[str]:
    log, _ = await store.history(address, 100)
    return [line.delivery for line in log]


def draft(turn: Turn, text: str) -> Draft:
    return Draft(address=turn.address, reply=turn.reply_id, text=text)


def outgoing(turn: Turn, text: str, *, part: int = 0, final: bool = True) -> Outgoing:
    return Outgoing(address=turn.address, reply=turn.reply_id, part=part, text=text, final=final)


async def taken_by_who_dies(store: Store, address: Address) -> Unsent:
    """A sender has the first reply of the outbox, and is never heard of again."""
    dying = Store(store._servers, store._keys, lease_ms=LEASE_MS)
    (taken,), _ = await dying.take_unsent(0, address.bot, address.platform, 1)
    return taken.read()


@asynccontextmanager
async def sending(store: Store, channel: Channel) -> AsyncIterator[None]:
    """An outbox that runs, and hears drafts."""
    running = asyncio.create_task(Outbox(store, channel, backoff_s=0.01, grace_s=0.0).run())
    topic = store._keys.drafts(channel.bot, channel.platform)

    async def hearing() -> bool:
        return bool((await store._servers.some().client.pubsub_numsub(topic))[0][1])

    try:
        await until(hearing)
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def recorded(store: Store, turn: Turn) -> None:
    """Until the store knows which message of the platform shows the beginning of a reply: that comes after the send."""
    key = store._keys.conversation(turn.address.id).hash

    async def known() -> bool:
        stored = await store._servers.some().client.hget(key, "draft")
        return bool(stored and (shown := Shown.from_json(stored)).reply == turn.reply_id and shown.ids)

    await until(known)


async def all_sent(store: Store, address: Address) -> None:
    """Until nothing waits in the outbox any more."""
    out = store._keys.conversation(address.id).out

    async def empty() -> bool:
        return not await store._servers.some().client.exists(out)

    await until(empty)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await true():
            await asyncio.sleep(0.01)
