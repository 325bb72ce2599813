"""A Channel that records what it is told to show, and fails when it is told to."""

from __future__ import annotations

import asyncio
from collections import deque

from core.errors import ChannelError
from core.messages import Address, Outgoing
from core.ports import Inbox, Traits

PATIENCE_S = 30  # only a test that fails waits so long


class Recording:
    """``messages``: what stands on the platform now, by platform id, in the order of sending; ``calls``: all that was asked.

    ``faults``: raised by the next sends and edits, one each; None lets one pass. ``lost``: how many of the next sends
    arrive although their answer is lost (the fault is raised after the message was shown). With ``repeat_window_s`` a part
    that is sent again is shown once.
    """

    def __init__(
        self,
        bot: str = "mugs",
        platform: str = "test",
        streams: bool = True,
        max_chars: int = 400,
        repeat_window_s: float = 0.0,
    ) -> None:
        self.bot = bot
        self.platform = platform
        self.traits = Traits(
            max_chars=max_chars, streams=streams, edit_interval_s=0.02, repeat_window_s=repeat_window_s
        )
        self.connected = asyncio.Event()
        self.messages: dict[str, Outgoing] = {}
        self.calls: list[tuple[str, str, str]] = []  # what, platform id, text
        self.typed: list[Address] = []
        self.faults: deque[ChannelError | None] = deque()
        self.lost = 0
        self.gate: asyncio.Semaphore | None = None
        self.asked = 0  # how many sends have begun, also those that wait at the gate
        self._changed = asyncio.Condition()

    async def listen(self, inbox: Inbox) -> None:
        await asyncio.Event().wait()

    def split(self, text: str) -> list[str]:
        return [part for part in text.split("\n---\n") if part] or [text]

    async def send(self, message: Outgoing) -> str:
        self.asked += 1
        if self.gate is not None:
            await self.gate.acquire()
        sent = self._sent_before(message) or f"p{len(self.messages) + 1}"
        if self.lost:
            self.lost -= 1
            await self._show("send", sent, message)
            self._fail()
        self._fail()
        await self._show("send", sent, message)
        return sent

    def _sent_before(self, message: Outgoing) -> str:
        known = self.messages.items() if self.traits.repeat_window_s else ()
        return next((sent for sent, one in known if (one.reply, one.part) == (message.reply, message.part)), "")

    async def edit(self, sent: str, message: Outgoing) -> None:
        self._fail()
        assert sent in self.messages, "only what is there can be edited"
        await self._show("edit", sent, message)

    async def typing(self, address: Address) -> None:
        self.typed.append(address)

    def _fail(self) -> None:
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            raise fault

    async def _show(self, what: str, sent: str, message: Outgoing) -> None:
        self.messages[sent] = message
        self.calls.append((what, sent, message.text))
        async with self._changed:
            self._changed.notify_all()

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.messages.values()]

    @property
    def finals(self) -> list[str]:
        return [message.text for message in self.messages.values() if message.final]

    async def until_finals(self, count: int) -> list[str]:
        """Wait until ``count`` finished messages stand on the platform."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: len(self.finals) >= count)
        return self.finals

    async def until(self, text: str) -> None:
        """Wait until a message with ``text`` in it stands on the platform."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: any(text in shown for shown in self.texts))
