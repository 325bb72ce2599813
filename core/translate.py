"""What redis-py raises, as ours: what passes by itself is StoreUnavailable and waited for, all else is a StoreError.

A wrong password is waited for, too, once we are running: whoever changes it gets the chance to tell us, and nothing
that was taken or made is thrown away meanwhile. At the start everything but a server that is still reading its file is
said at once, in a sentence (see Store.open).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from core.errors import StoreError, StoreUnavailable

PASSWORD = "give the right one: redis://user:password@host:6379/0 (KEFU_REDIS_URL)"

# What redis-py knows as classes, the narrower before the wider.
_KNOWN: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (AuthenticationError, f"Redis refuses our user or password ({{error}}); {PASSWORD}"),
    (
        NoPermissionError,
        "Redis does not let our user do this ({error}); allow it: ACL SETUSER <user> ~kefu:* &kefu:* +@all",
    ),
    (BusyLoadingError, "Redis is still reading its data ({error})"),
    (ReadOnlyError, "Redis only reads, it is a replica ({error})"),
    (OutOfMemoryError, "Redis has no memory left: raise its maxmemory ({error})"),
    (ClusterDownError, "Redis has no master just now ({error})"),
    ((ConnectionError, TimeoutError, OSError), "Redis does not answer: {error}"),
)

# The rest is told by the first word of the answer. Older servers put "ERR Error running script …: -" before it.
_PASSING = {
    "MISCONF": "Redis cannot write to its disk: is it full?",
    "NOREPLICAS": "Redis does not reach enough of its replicas",
    "BUSY": "Redis is busy with a script that takes long",
    "UNKILLABLE": "Redis is busy with a script that takes long",
    "UNBLOCKED": "Redis became a replica just now",
    "MASTERDOWN": "Redis has lost its master",
    "READONLY": "Redis only reads, it is a replica",
    "OOM": "Redis has no memory left: raise its maxmemory",
    "LOADING": "Redis is still reading its data",
    "TRYAGAIN": "Redis is moving its data",
    "EXECABORT": "Redis gave up a transaction",
}
_CODE = re.compile(rf"(?:^|.*\bscript\b.*?-)({'|'.join(_PASSING)})\b", re.DOTALL)
# SCRIPT KILL only ends what has not written yet: it can be repeated.
_KILLED = re.compile(r"script killed by user|SCRIPT KILL", re.IGNORECASE)


@contextmanager
def translated() -> Iterator[None]:
    """redis-py's errors, as ours."""
    try:
        yield
    except (RedisError, OSError) as error:
        still_wanted()
        raise _ours(error) from error
    still_wanted()


def _ours(error: RedisError | OSError) -> StoreError:
    for kinds, sentence in _KNOWN:
        if isinstance(error, kinds):
            return StoreUnavailable(sentence.format(error=error))
    text = str(error)
    if isinstance(error, ResponseError):
        if code := _CODE.match(text):
            return StoreUnavailable(f"{_PASSING[code.group(1)]} ({text})")
        if _KILLED.search(text):
            return StoreUnavailable(f"somebody ended one of our scripts ({text})")
    return StoreError(f"Redis: {text}")


def is_loading(error: StoreUnavailable) -> bool:
    return isinstance(error.__cause__, BusyLoadingError)


def is_elsewhere(error: StoreUnavailable) -> bool:
    """The server that we are connected to is no master any more: its address may lead to another one by now."""
    return isinstance(error.__cause__, ReadOnlyError) or str(error.__cause__).startswith(("UNBLOCKED", "MASTERDOWN"))


def still_wanted() -> None:
    """redis-py 8.1 loses a cancellation that comes while it connects (redis/redis-py#2551 is the same kind)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
