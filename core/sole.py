"""What one process at a time may do, of all that could: reading a bot's messages where the platform allows one reader.

The others stand by. One goes on when the holder stops, or has not been heard of for HOLD_MS; at once, if the holder is a
process of this machine that has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import getnode, uuid4

import structlog

from core.errors import LeaseLost, StoreError
from core.keys import HOLD_MS
from core.lease import held_lease
from core.queue import patiently
from core.store import Store

log = structlog.get_logger(__name__)

# Tells this process from an earlier one with the same id, as the first one of a container has.
THIS_PROCESS = uuid4().hex
ASK_S = 0.5
LET_GO_S = 1.0


class Sole:
    def __init__(self, store: Store, bot: str, platform: str, hold_ms: int = HOLD_MS) -> None:
        self._store = store
        self._bot = bot
        self._platform = platform
        self._hold_ms = hold_ms
        self._me = f"{this_machine()} {os.getpid()} {THIS_PROCESS} {uuid4().hex}"

    @asynccontextmanager
    async def alone(self, stands_by: Callable[[], None]) -> AsyncIterator[None]:
        """Wait until nobody else has it, calling ``stands_by`` if somebody has. Raises LeaseLost in the block's place when
        another one took over, after a silence of ours."""
        await self._wait(stands_by)
        try:
            async with held_lease(self._keep, self._hold_ms):
                yield
        finally:
            with contextlib.suppress(StoreError, TimeoutError):
                await asyncio.wait_for(self._store.let_go(self._bot, self._platform, self._me), LET_GO_S)

    async def _wait(self, stands_by: Callable[[], None]) -> None:
        holder = await patiently(self._hold)
        if holder:
            log.info("standing by: another gateway is connected", bot=self._bot, platform=self._platform)
            stands_by()
            while holder := await patiently(lambda: self._hold(holder if has_ended(holder) else "")):
                await asyncio.sleep(ASK_S)
            log.info("going on for another gateway", bot=self._bot, platform=self._platform)

    async def _hold(self, dead: str = "") -> str:
        return await self._store.hold(self._bot, self._platform, self._me, self._hold_ms, dead)

    async def _keep(self) -> None:
        if holder := await self._hold():
            raise LeaseLost(f"another gateway took over {self._platform} for {self._bot}: {holder}")


def this_machine() -> str:
    """The same for processes that see each other's ids: host name, boot and, in a container, its name space."""
    parts = [socket.gethostname().replace(" ", "_"), f"{getnode():x}"]
    with contextlib.suppress(OSError):  # on Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts)


def has_ended(holder: str) -> bool:
    """Whether it is known to: a process of this machine that is no more, or whose id is ours by now."""
    match holder.split(" "):
        case [machine, process, name, _] if machine == this_machine() and process.isdecimal():
            return name != THIS_PROCESS if int(process) == os.getpid() else not _runs(int(process))
    return False


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it does, but is not ours
        pass
    return True
