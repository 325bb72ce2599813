"""Commands and their answers on a connection that is kept from one time to the next.

redis-py's pipeline takes a connection from the pool each time, looks whether it is sound, and sets a time limit for each
answer: together more than what the server needs for a turn.
"""

from __future__ import annotations

import asyncio
import builtins
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError, TimeoutError

Argument = str | int | float


@dataclass(frozen=True, slots=True)
class Command:
    """``options``: redis-py's, for how the answer is read."""

    arguments: tuple[Argument, ...]
    options: Mapping[str, bool] = field(default_factory=dict)


class Exchange:
    """One at a time uses it."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._connection: AbstractConnection | None = None

    async def ask(self, commands: Sequence[Command], within_s: float) -> list[Any]:
        """The answers in order; of what the server refuses, its ResponseError.

        ``within_s``: the longest that they may take. Raises redis-py's errors, after it has tried as often as the client's
        connections do.
        """
        connection = await self._sound()
        once = partial(self._once, connection, commands, within_s)
        return await connection.retry.call_with_retry(once, lambda _: connection.disconnect(nowait=True))

    async def _sound(self) -> AbstractConnection:
        if self._connection is None:
            pool = self._client.connection_pool
            self._connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # it has no annotations
        connection = self._connection
        if connection.is_connected and await connection.can_read():  # the server ended it, or something was left in it
            await connection.disconnect(nowait=True)
        await _connected(connection)
        return connection

    async def _once(self, connection: AbstractConnection, commands: Sequence[Command], within_s: float) -> list[Any]:
        await _connected(connection)  # anew after a failure: where sentinels know the master, they are asked for it
        try:
            async with asyncio.timeout(within_s):
                await connection.send_packed_command(connection.pack_commands([one.arguments for one in commands]))
                return [await self._answer(connection, one) for one in commands]
        except builtins.TimeoutError as error:
            await connection.disconnect(nowait=True)
            raise TimeoutError(f"no answer within {within_s:g} s") from error
        except BaseException:  # what is still to come would be taken for the answer to something else
            await connection.disconnect(nowait=True)
            raise

    async def _answer(self, connection: AbstractConnection, command: Command) -> Any:
        try:
            answer = await connection.read_response(timeout=math.inf)
        except ResponseError as error:
            return error
        read = self._client.response_callbacks.get(str(command.arguments[0]))
        return answer if read is None else read(answer, **command.options)


async def _connected(connection: AbstractConnection) -> None:
    if not connection.is_connected:
        await connection.connect()  # type: ignore[no-untyped-call]  # nor has it
