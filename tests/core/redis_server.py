"""A Valkey of a test's own, on a TCP port: it can be shut down, killed, started again, and made to fail in its own ways."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bots.valkey import find_carried_server
from tests.core.channel import PATIENCE_S

# What a fault must be able to change.
OPTIONS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "enable-debug-command": "local",
    "repl-diskless-sync-delay": "0",
}


@dataclass(slots=True)
class Server:
    folder: Path
    port: int = 0
    options: dict[str, str] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[redis.Redis]:
        client = redis.Redis.from_url(self.url, decode_responses=True, retry=Retry(NoBackoff(), 0))
        try:
            yield client
        finally:
            await client.aclose()

    async def start(self, *, wait: bool = True) -> None:
        """``wait``: until it answers; a server that still reads its file does not."""
        program = find_carried_server()
        assert program is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        given = {**OPTIONS, **self.options, "port": str(self.port), "dir": str(self.folder), "logfile": "server.log"}
        self._process = await asyncio.create_subprocess_exec(
            str(program), *(part for name, value in given.items() for part in (f"--{name}", value))
        )
        if wait:
            await self.answering()

    async def answering(self) -> None:
        async with asyncio.timeout(PATIENCE_S), self.admin() as client:
            while True:
                try:
                    await cast(Any, client.ping())
                    return
                except (RedisError, OSError):
                    await asyncio.sleep(0.02)

    async def shut_down(self) -> None:
        """As an operator does, with everything written."""
        async with self.admin() as client:
            with contextlib.suppress(RedisError, OSError):
                await client.shutdown(save=True)
        await self._ended()

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self._ended()

    async def _ended(self) -> None:
        assert self._process is not None
        await asyncio.wait_for(self._process.wait(), PATIENCE_S)

    async def set(self, name: str, value: str | int) -> None:
        async with self.admin() as client:
            await client.config_set(name, value)

    async def disconnect_all(self) -> None:
        """Every client's connection is closed, also those that listen."""
        async with self.admin() as client:
            for kind in ("normal", "pubsub"):
                await cast(Any, client).execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    async def follow(self, master: Server | None) -> None:
        """Become a replica of ``master`` and catch up with it; without one, become a master."""
        async with self.admin() as client:
            if master is None:
                await cast(Any, client).execute_command("REPLICAOF", "NO", "ONE")
                return
            await cast(Any, client).execute_command("REPLICAOF", "127.0.0.1", master.port)
            async with asyncio.timeout(PATIENCE_S):
                while (await client.info("replication"))["master_link_status"] != "up":
                    await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def server(folder: Path, **options: str) -> AsyncIterator[Server]:
    """``options`` with underscores, e.g. ``maxmemory="1mb"``."""
    opened = Server(folder, options={name.replace("_", "-"): value for name, value in options.items()})
    await opened.start()
    try:
        yield opened
    finally:
        await opened.kill()
