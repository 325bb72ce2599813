"""Writes to a channel as the outbox does."""

from __future__ import annotations

import asyncio

from core.errors import RateLimited
from core.messages import Outgoing
from core.ports import Channel


async def surely(channel: Channel, message: Outgoing, sent: str = "") -> str:
    """A final, as the outbox sends it: who is told to wait comes again then."""
    while True:
        try:
            if not sent:
                return await channel.send(message)
            await channel.edit(sent, message)
            return sent
        except RateLimited as error:
            await asyncio.sleep(error.retry_after)


async def maybe(channel: Channel, message: Outgoing, sent: str = "") -> str:
    """A draft: what cannot be shown now is not shown."""
    try:
        if not sent:
            return await channel.send(message)
        await channel.edit(sent, message)
    except RateLimited:
        pass
    return sent
