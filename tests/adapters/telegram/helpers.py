"""An inbox that a test can read and disturb, and shorthand for messages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from adapters.pace import Rule
from adapters.telegram import MoveStore, Rates, TelegramChannel, Timing, Webhook
from core.errors import StoreUnavailable
from core.messages import Address, Incoming, Outgoing
from tests.platforms.telegram_server import TelegramServer

FAST = Timing(poll=1.0, first_wait=0.01, longest_wait=0.02)


def scaled(scale: float, longest_wait_s: float = 5.0) -> Rates:
    """The usual rates in less time."""

    def rules(usual: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(replace(rule, seconds=rule.seconds * scale) for rule in usual)

    usual = Rates()
    return Rates(rules(usual.private), rules(usual.group), rules(usual.overall), longest_wait_s)


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
    rates: Rates | None = None,
    moves: MoveStore | None = None,
) -> TelegramChannel:
    """Without ``rates`` hardly any."""
    return TelegramChannel(
        bot="teahouse",
        token=token or server.token,
        api_url=server.url,
        webhook=webhook,
        stream=stream,
        timing=timing,
        moves=moves,
        rates=rates or scaled(1e-6),
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


def outgoing(
    chat: int, text: str, *, final: bool = True, reply: str = "r1", reply_to: str = "", thread: str = ""
) -> Outgoing:
    address = Address(bot="teahouse", platform="telegram", chat=str(chat), thread=thread)
    return Outgoing(address=address, reply=reply, text=text, final=final, reply_to=reply_to)
