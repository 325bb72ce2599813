"""Waiting for the bells of many queues by one connection for each partition, whatever the number of bots and platforms.

A store on one server has one partition and waits for each bell by itself, which saves a command; on a cluster that would
be a blocked connection for each partition, bot and platform.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from redis.exceptions import AskError, MovedError, NoScriptError, TryAgainError

from core.calls import Calls
from core.exchange import Argument
from core.keys import POKE_MS, QueueKeys
from core.server import ANSWER_S
from core.servers import Servers

# The longest that the server is asked to keep us waiting.
WAIT_S = 3.0
# A server that says nothing so long after that is frozen, or cut off.
LATE_S = 3.0
# While the slot moves nobody can be woken by a bell.
MOVING_S = 0.1


class Bells:
    def __init__(self, servers: Servers, calls: Calls, *, shared: bool) -> None:
        """``shared``: one connection for all bells of a partition."""
        self._servers = servers
        self._calls = calls
        self._shared = shared
        self._name = uuid4().hex
        self._ears: dict[str, _Ear] = {}

    async def then(
        self, queue: QueueKeys, seconds: float, name: str, keys: Sequence[str], args: Sequence[Argument]
    ) -> Any:
        """What the function ``name`` in core/lua gives when the queue's bell rings, at the latest after ``seconds``; both are
        asked for at once where that is possible. Raises redis-py's errors."""
        if self._shared:
            await self.wait(queue, seconds)
            return await self._calls.lua(name, keys, args)
        try:
            return await rung_then(self._servers, queue.bell, seconds, self._calls.known(name, keys, args))
        except NoScriptError:  # the bell has rung
            return await self._calls.lua(name, keys, args)

    async def wait(self, queue: QueueKeys, seconds: float) -> None:
        """Until the queue's bell rings, at most ``seconds``, by its partition's one connection. Raises redis-py's errors."""
        poke = f"{queue.poke}{self._name}"
        ear = self._ears.setdefault(poke, _Ear(self._servers, self._calls, poke))
        await ear.wait(queue.bell, seconds)

    async def close(self) -> None:
        for ear in self._ears.values():
            await ear.close()


async def rung(servers: Servers, bells: Sequence[str], seconds: float) -> str | None:
    """Which of ``bells`` (of one slot) rings first, within ``seconds``."""
    try:
        async with asyncio.timeout(seconds + LATE_S):
            heard = await servers.of(bells[0]).client.blpop(list(bells), timeout=seconds)
    except MovedError as error:
        await servers.named(error)
        return None
    except (AskError, TryAgainError):
        await asyncio.sleep(min(seconds, MOVING_S))
        return None
    return str(heard[0]) if heard else None


async def rung_then(servers: Servers, bell: str, seconds: float, command: Sequence[Argument]) -> Any:
    """The answer to ``command``, which the server runs as soon as ``bell`` rings, or after ``seconds``: one round trip."""
    waiting = ("BLPOP", bell, seconds)
    async with asyncio.timeout(seconds + LATE_S):
        waited, answer = await servers.of(bell).wait(waiting, tuple(command), within_s=ANSWER_S)
    for one in (answer, waited):  # to the command a server says what it is now, to the wait only that it ended
        if isinstance(one, Exception):
            raise one
    return answer


class _Ear:
    """Listens for all bells of one partition that somebody waits for. ``poke``: a key of our own that ends the listening."""

    def __init__(self, servers: Servers, calls: Calls, poke: str) -> None:
        self._servers = servers
        self._calls = calls
        self._poke = poke
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._heard: frozenset[str] = frozenset()
        self._poked = False
        self._listening: asyncio.Task[None] | None = None

    async def wait(self, bell: str, seconds: float) -> None:
        ring = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(bell, []).append(ring)
        try:
            if self._listening is None:
                self._listening = asyncio.create_task(self._listen())
            elif bell not in self._heard and not self._poked:
                await self._interrupt()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ring, seconds)
        finally:
            self._waiting[bell].remove(ring)
            if not self._waiting[bell]:
                del self._waiting[bell]

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            while self._waiting:
                self._heard, self._poked = frozenset(self._waiting), False
                bell = await rung(self._servers, (*self._heard, self._poke), WAIT_S)
                if bell is not None and bell != self._poke and not self._wake(bell):
                    await self._calls.command("LPUSH", bell, 1, key=bell)  # another process waits for it, maybe
        except Exception as error:
            for ring in [ring for rings in self._waiting.values() for ring in rings if not ring.done()]:
                ring.set_exception(error)
                ring.exception()  # who waits may have been cancelled just now
        finally:
            self._heard = frozenset()
            self._listening = None

    def _wake(self, bell: str) -> bool:
        for ring in self._waiting.get(bell, ()):
            if not ring.done():
                ring.set_result(None)
                return True
        return False

    async def _interrupt(self) -> None:
        """Begin to listen anew, for more bells. What it pops does no harm when it comes too late or twice."""
        self._poked = True
        try:
            await asyncio.gather(
                self._calls.command("LPUSH", self._poke, 1, key=self._poke),
                self._calls.command("PEXPIRE", self._poke, POKE_MS, key=self._poke),
            )
        except BaseException:
            self._poked = False
            raise
