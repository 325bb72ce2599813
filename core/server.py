"""One server: whatever is asked while other commands are under way goes out as one write.

A command by itself costs the client several times what it costs the server; under load a dozen of them share that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis

from core.packing import packing

# More than that would keep the first of them waiting for the answer to the last.
TOGETHER = 100

Argument = str | int | float


@dataclass(frozen=True, slots=True)
class _Call:
    commands: Sequence[tuple[Argument, ...]]
    options: Mapping[str, bool]
    answer: asyncio.Future[Any]


class Server:
    def __init__(self, client: redis.Redis) -> None:
        self.client = packing(client)
        self._waiting: list[_Call] = []
        self._asked: Sequence[_Call] = ()
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, *commands: tuple[Argument, ...], **options: bool) -> Any:
        """The answer to the last of ``commands``, which follow each other on one connection. Raises redis-py's errors.

        ``options``: redis-py's, for how the answer is read.
        """
        call = _Call(commands, options, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await call.answer

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
        pipe = self.client.pipeline(transaction=False)
        for call in calls:
            for command in call.commands:
                pipe.execute_command(*command, **call.options)
        try:
            answers = list(await pipe.execute(raise_on_error=False))
        except Exception as error:
            answers = [error] * sum(len(call.commands) for call in calls)
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
