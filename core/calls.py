"""Commands to Redis, sent together: whatever is called while others are under way goes out as one write.

A command by itself costs the client several times what it costs the server; under load a dozen of them share that.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis.asyncio as redis
from redis.exceptions import NoScriptError

LUA = Path(__file__).parent / "lua"
# More than that would keep the first of them waiting for the answer to the last.
TOGETHER = 100

Argument = str | int | float


@dataclass(frozen=True, slots=True)
class _Script:
    text: str
    sha: str


@dataclass(frozen=True, slots=True)
class _Call:
    command: tuple[Argument, ...]
    answer: asyncio.Future[Any]


class Calls:
    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._scripts = {path.stem: _read(path) for path in sorted(LUA.glob("*.lua"))}
        self._waiting: list[_Call] = []
        self._sending: asyncio.Task[None] | None = None

    async def lua(self, name: str, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Call the function in core/lua/``name``.lua. Raises redis-py's errors."""
        script = self._scripts[name]
        try:
            return await self.command("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:  # a new server, or one that was restarted; it knows the function from now on
            return await self.command("EVAL", script.text, len(keys), *keys, *args)

    async def command(self, *command: Argument) -> Any:
        call = _Call(command, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await call.answer

    async def close(self) -> None:
        """Whoever still waits for an answer is cancelled."""
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
        pipe = self._redis.pipeline(transaction=False)
        for call in calls:
            pipe.execute_command(*call.command)
        try:
            answers: Sequence[Any] = await pipe.execute(raise_on_error=False)
        except Exception as error:
            answers = [error] * len(calls)
        except asyncio.CancelledError:
            for call in (*calls, *self._waiting):
                call.answer.cancel()
            raise
        for call, answer in zip(calls, answers, strict=True):
            if call.answer.done():
                continue  # it was given up
            if isinstance(answer, Exception):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)


def _read(path: Path) -> _Script:
    text = path.read_text(encoding="utf-8")
    return _Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
