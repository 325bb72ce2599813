"""The process of the embedded server: its options, whether it lives, how it answers, and what its log says when it ended."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from enum import Enum, auto
from pathlib import Path

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError

from bots.filelock import FileLock
from core.translate import still_wanted

ANSWER_S = 2.0
LOG = "valkey.log"
LIVES = "valkey.lives"


class Health(Enum):
    READY = auto()
    LOADING = auto()  # reads its file
    SILENT = auto()  # not there, or too busy to answer


async def health(url: str) -> Health:
    """Of the server that listens on a unix socket."""
    if not Path(url.removeprefix("unix://")).exists():
        return Health.SILENT
    client = redis.Redis.from_url(
        url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 0)
    )
    try:
        await client.ping()
        return Health.READY
    except BusyLoadingError:
        return Health.LOADING
    except (RedisError, OSError):
        return Health.SILENT
    finally:
        await client.aclose()
        still_wanted()


async def start(program: Path, data_dir: Path, socket: Path) -> asyncio.subprocess.Process | None:
    """None: a server lives on this folder already, even if it does not answer. Two would spoil its files.

    The server holds a lock for as long as it lives, in whichever way it ends.
    """
    lives = FileLock(data_dir / LIVES)
    try:
        if not lives.try_alone():
            return None
        arguments = [part for name, value in _options(data_dir, socket).items() for part in (f"--{name}", value)]
        return await asyncio.create_subprocess_exec(
            str(program),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(lives.descriptor,),
            start_new_session=True,  # Ctrl-C is for us; we stop the server last
        )
    finally:
        lives.close()


def _options(data_dir: Path, socket: Path) -> dict[str, str]:
    return {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(data_dir.resolve()),
        "appendonly": "yes",
        # Stored before it is acknowledged means: on the disk. With "everysec" the server answers before it has written
        # whenever the disk is slow, and even its own death loses what was acknowledged. Those who write at the same
        # time share one sync.
        "appendfsync": "always",
        # A write that was cut off at the end by a loss of power was not acknowledged: it is left out.
        "aof-load-truncated": "yes",
        "save": "",
        "daemonize": "no",
        "logfile": str((data_dir / LOG).resolve()),
        # The shoppers' words are in here: never give them up to make room.
        "maxmemory-policy": "noeviction",
    }


# With "always" the server ends at the first write that fails: it cannot say any more what it has answered.
_FULL = re.compile(r"No space left on device|Disk quota exceeded|Can't recover from AOF write error")
_DAMAGED = re.compile(
    r"Bad file format reading the append only file (\S+?):|Unexpected end of file reading the append only"
)
_PLAIN = re.compile(r"^\d+:\w \d+ \w+ \d{4} [\d:.]+ [#*.-] ")


def trouble(program: Path, data_dir: Path) -> str:
    """Why the server ended, as far as its log says so, and what to do."""
    lines = _tail(data_dir / LOG, 20)
    text = "\n".join(lines)
    if _FULL.search(text):
        free = shutil.disk_usage(data_dir).free // 2**20
        return f"its disk is full ({free} MB free): make room in {data_dir}; it goes on by itself then, nothing is lost"
    if damaged := _DAMAGED.search(text):
        name = damaged.group(1) or "*.incr.aof"
        tool = "redis-check-aof" if program.name.startswith("redis") else "valkey-check-aof"
        folder = data_dir / "appendonlydir"
        return (
            f"its file {folder / name} is damaged, as a loss of power or a broken disk leaves it. Copy {folder} to another "
            f"place, then cut off what cannot be read: bash -c 'exec -a {tool} {program} --fix {folder / name}' "
            f"(it says how much that is), and start again"
        )
    said = " | ".join(_PLAIN.sub("", line) for line in lines[-3:])
    return f"its log: {data_dir / LOG}\n{said or f'(empty or none; is {os.fspath(data_dir)} writable?)'}"


def _tail(file: Path, lines: int) -> list[str]:
    """Of the last run."""
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition("just started")[2].splitlines()[-lines:]
