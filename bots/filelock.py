"""Locks on files, for processes of one machine that share a folder; a process that dies gives up its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

AGAIN_S = 0.02


class FileLock:
    """Held by one (exclusive) or by many (shared), by as many objects of one process as by other processes."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_alone(self) -> bool:
        """Give up our share and hold it exclusively. False: others have it; then we hold nothing."""
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return self._try(fcntl.LOCK_EX)

    async def share(self) -> None:
        while not self._try(fcntl.LOCK_SH):
            await asyncio.sleep(AGAIN_S)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        while not self._try(fcntl.LOCK_EX):
            await asyncio.sleep(AGAIN_S)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    @property
    def descriptor(self) -> int:
        """For a process of ours: what it inherits it holds until it ends, also after we have closed."""
        return self._file

    def close(self) -> None:
        """Gives it up, unless a process has inherited it."""
        os.close(self._file)

    def _try(self, how: int) -> bool:
        try:
            fcntl.flock(self._file, how | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
