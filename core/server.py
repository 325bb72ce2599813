"""One server: whatever is asked while other commands are under way goes out as one write.

A command by itself costs the client several times what it costs the server; under load a dozen of them share that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis

from core.exchange import Argument, Command, Exchange
from core.packing import packing

# More than that would keep the first of them waiting for the answer to the last.
TOGETHER = 100

# Longer than the longest blocking call (see WAIT_S in core/bells.py), shorter than a lease: a connection that was
# silently cut is noticed while what we hold can still be renewed by another one.
ANSWER_S = 6.0


@dataclass(frozen=True, slots=True)
class _Call:
    commands: Sequence[Command]
    answer: asyncio.Future[Any]


class Server:
    def __init__(self, client: redis.Redis) -> None:
        self.client = packing(client)
        self._exchange = Exchange(self.client)
        self._blocking: list[Exchange] = []
        self._waiting: list[_Call] = []
        self._asked: Sequence[_Call] = ()
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, *commands: tuple[Argument, ...], **options: bool) -> Any:
        """The answer to the last of ``commands``, which follow each other on one connection. Raises redis-py's errors.

        ``options``: redis-py's, for how the answer is read.
        """
        wanted = [Command(command, options) for command in commands]
        call = _Call(wanted, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await call.answer

    async def wait(self, *commands: tuple[Argument, ...], within_s: float) -> Sequence[Any]:
        """The answers to ``commands``, of which one waits at the server: so they have a connection of their own. An answer may
        be a ResponseError; raises redis-py's other errors."""
        exchange = self._blocking.pop() if self._blocking else Exchange(self.client)
        try:
            return await exchange.ask([Command(command) for command in commands], within_s)
        finally:
            self._blocking.append(exchange)

    async def end(self, error: Exception | None = None) -> None:
        """Whoever still waits for an answer is cancelled, or gets ``error``."""
        if error is not None:
            for call in (*self._asked, *self._waiting):
                if not call.answer.done():
                    call.answer.set_exception(error)
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                await self._send_together([call for call in together if not call.answer.done()])
        finally:
            self._sending = None

    async def _send_together(self, calls: Sequence[_Call]) -> None:
        self._asked = calls
        commands = [command for call in calls for command in call.commands]
        try:
            answers = await self._exchange.ask(commands, ANSWER_S)
        except Exception as error:
            answers = [error] * len(commands)
        except asyncio.CancelledError:
            for call in (*calls, *self._waiting):
                call.answer.cancel()
            raise
        answers.reverse()
        for call in calls:
            own = [answers.pop() for _ in call.commands]
            if call.answer.done():
                continue  # it was given up
            if isinstance(own[-1], Exception):
                call.answer.set_exception(own[-1])
            else:
                call.answer.set_result(own[-1])
