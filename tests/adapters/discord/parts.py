"""What these tests share: an inbox in memory, and a bot that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, cast

from adapters.discord import DiscordChannel, Seen, Withdrawals
from adapters.discord.pacing import OVERALL, WRITES, Rates
from adapters.discord.threads import Policy
from core.errors import StoreUnavailable
from core.messages import Address, Incoming, Outgoing
from tests.platforms.discord_server import DiscordServer
from tests.platforms.discord_values import Channel


class MemoryInbox:
    """Drops what it has seen, as the real one does; ``away`` makes it refuse like a store that is gone."""

    def __init__(self) -> None:
        self.stored: list[Incoming] = []
        self.tries: list[str] = []
        self.away = False
        self.refuse_next = 0

    async def put(self, incoming: Incoming) -> bool:
        self.tries.append(incoming.update)
        await asyncio.sleep(0)
        if self.away or self.refuse_next > 0:
            self.refuse_next -= 1
            raise StoreUnavailable("the store cannot be reached")
        if any(incoming.update == other.update for other in self.stored):
            return False
        self.stored.append(incoming)
        return True

    @property
    def texts(self) -> list[str]:
        return [incoming.text for incoming in self.stored]


def scaled(scale: float, longest_wait_s: float = 5.0) -> Rates:
    """The usual rates in less time."""
    return Rates(
        replace(WRITES, seconds=WRITES.seconds * scale),
        replace(OVERALL, seconds=OVERALL.seconds * scale),
        longest_wait_s,
    )


def channel_for(
    server: DiscordServer,
    *,
    threads: Policy = "never",
    stream: bool = True,
    timeout_s: float = 10.0,
    seen: Seen | None = None,
    withdrawals: Withdrawals | None = None,
    rates: Rates | None = None,
) -> DiscordChannel:
    """Without ``rates`` hardly any."""
    return DiscordChannel(
        bot="teahouse",
        token=server.token,
        api_url=server.api_url,
        threads=threads,
        stream=stream,
        timeout_s=timeout_s,
        seen=seen,
        withdrawals=withdrawals,
        rates=rates or scaled(1e-6),
    )


@asynccontextmanager
async def listening(server: DiscordServer, channel: DiscordChannel) -> AsyncIterator[MemoryInbox]:
    inbox = MemoryInbox()
    sessions = server.gateway.identified
    task = asyncio.create_task(channel.listen(inbox))
    try:
        await server.until(lambda: task.done() or server.gateway.identified > sessions)
        if task.done():
            await task
        yield inbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def stored(server: DiscordServer, inbox: MemoryInbox, count: int = 1) -> list[Incoming]:
    await server.until(lambda: len(inbox.stored) >= count)
    return inbox.stored


def address(where: Channel, thread: str = "") -> Address:
    if where.parent:
        return Address(bot="teahouse", platform="discord", chat=where.parent, thread=where.id)
    return Address(bot="teahouse", platform="discord", chat=where.id, thread=thread)


def outgoing(
    where: Channel | Address, text: str, *, reply: str = "r1", part: int = 0, final: bool = True, **more: str
) -> Outgoing:
    to = where if isinstance(where, Address) else address(where)
    return Outgoing(address=to, reply=reply, part=part, text=text, final=final, **cast(Any, more))
