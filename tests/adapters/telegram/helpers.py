"""An inbox that a test can read and disturb, and shorthand for messages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from adapters.telegram import TelegramChannel, Timing, Webhook
from core.errors import StoreUnavailable
from core.messages import Address, Incoming, Outgoing
from tests.platforms.telegram_server import TelegramServer

FAST = Timing(poll=1.0, first_wait=0.01, longest_wait=0.02)


@dataclass(slots=True)
class RecordingInbox:
    """Keeps what is put. ``refuse``: so many puts fail first, as when the store is away."""

    messages: list[Incoming] = field(default_factory=list)
    refused: list[Incoming] = field(default_factory=list)
    refuse: int = 0

    async def put(self, incoming: Incoming) -> bool:
        if self.refuse:
            self.refuse -= 1
            self.refused.append(incoming)
            raise StoreUnavailable("the store is away")
        known = any(message.update == incoming.update for message in self.messages)
        if not known:
            self.messages.append(incoming)
        return not known

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.messages]


def make_channel(
    server: TelegramServer,
    *,
    webhook: Webhook | None = None,
    stream: bool = True,
    token: str = "",
    timing: Timing = FAST,
) -> TelegramChannel:
    return TelegramChannel(
        bot="teahouse", token=token or server.token, api_url=server.url, webhook=webhook, stream=stream, timing=timing
    )


@contextlib.asynccontextmanager
async def listening(channel: TelegramChannel, inbox: RecordingInbox) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(channel.listen(inbox))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def outgoing(chat: int, text: str, *, final: bool = True, reply_to: str = "", thread: str = "") -> Outgoing:
    address = Address(bot="teahouse", platform="telegram", chat=str(chat), thread=thread)
    return Outgoing(address=address, reply="r1", text=text, final=final, reply_to=reply_to)
