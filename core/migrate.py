"""Data of an older version are brought up to date by the first process of a newer one that starts on them.

Each step leads from one version of the data to the next. It may be cut off anywhere: the next process goes through the
data again, and what was done is left as it is. Others wait meanwhile. A newer version's data are refused.

To change what is stored: add a step to STEPS, from the version that is in use, and raise SCHEMA in core/keys.py. A new
field that may be missing, or one that nobody reads any more, needs neither.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import uuid4

import structlog

from core.calls import Calls
from core.errors import StoreUnavailable, StoreVersion
from core.keys import LEASE_MS, SCHEMA, TRACE_MS, Keys
from core.servers import Servers
from core.taken import lines_of
from core.translate import is_loading, translated

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 0.2
SAY_EVERY = 50  # looks
PAGE = 500


class TakenOver(Exception):
    """We were silent for too long, and another process goes on with the migration."""


@dataclass(frozen=True, slots=True)
class Migration:
    """``goes_on``: to be called again and again, or another process takes over."""

    servers: Servers
    calls: Calls
    keys: Keys
    goes_on: Callable[[], Awaitable[None]]

    async def scanned(self, glob: str) -> AsyncGenerator[list[str], None]:
        """The names of all keys like ``glob``, page by page; some perhaps twice."""
        for server in self.servers.masters:
            cursor = "0"
            while True:
                cursor, names = await server.ask(("SCAN", cursor, "MATCH", glob, "COUNT", PAGE))
                if names:
                    yield names
                await self.goes_on()
                if str(cursor) == "0":
                    break

    async def exist(self, glob: str) -> bool:
        async with aclosing(self.scanned(glob)) as pages:
            async for _ in pages:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Step:
    about: str
    run: Callable[[Migration], Awaitable[int]]


async def loaded(open_: Callable[[], Awaitable[Keys]]) -> Keys:
    """As ``open_``, as soon as a server that reads its file has done so."""
    looks = 0
    while True:
        try:
            return await open_()
        except StoreUnavailable as error:
            if not is_loading(error):
                raise
            if looks % SAY_EVERY == 0:
                log.warning("the store is still reading its data, waiting for it", reason=str(error))
        looks += 1
        await asyncio.sleep(LOOK_AGAIN_S)


async def up_to_date(servers: Servers, keys: Keys, lease_ms: int = LEASE_MS) -> Keys:
    """The keys of what is stored, which is as many partitions as it was begun with, in this version's form.

    Raises StoreVersion if it cannot be brought there; StoreUnavailable. ``lease_ms``: how long a process that died over
    it is waited for.
    """
    calls, looks = Calls(servers), 0
    while True:
        with translated():
            version, partitions = await _stored(calls, keys)
        found = replace(keys, partitions=partitions)
        if version == SCHEMA:
            return found
        _check(version, keys)
        with translated():
            done = await _migrated(version, servers, calls, found, lease_ms)
        if not done:
            if looks % SAY_EVERY == 0:
                log.info("another process brings the data up to date, waiting for it", version=version)
            looks += 1
            await asyncio.sleep(LOOK_AGAIN_S)


async def _stored(calls: Calls, keys: Keys) -> tuple[int, int]:
    """Version and number of partitions; those of a new store are ours."""
    mine = json.dumps({"version": SCHEMA, "partitions": keys.partitions})
    await calls.command("SET", keys.schema, mine, "NX", key=keys.schema)
    text = await calls.command("GET", keys.schema, key=keys.schema)
    try:
        stored = json.loads(text)
        return int(stored["version"]), int(stored["partitions"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreVersion(
            f"'{keys.schema}' holds {text!r}, which no version of Kefu writes; point KEFU_REDIS_URL at another database "
            f'(redis://host:6379/1), or put back {{"version": {SCHEMA}, "partitions": 1}}'
        ) from error


def _check(version: int, keys: Keys) -> None:
    where = f"the data under '{keys.prefix}:' are of version {version}"
    if version > SCHEMA:
        raise StoreVersion(
            f"{where}, this Kefu reads up to {SCHEMA}: it is older than the one that wrote them; "
            "start that one, or point KEFU_REDIS_URL at another database"
        )
    if version not in STEPS:
        raise StoreVersion(
            f"{where}, this Kefu brings up to date what is of version {min(STEPS)} or newer; start one in between first, "
            "or point KEFU_REDIS_URL at another database"
        )


async def _migrated(version: int, servers: Servers, calls: Calls, keys: Keys, lease_ms: int) -> bool:
    """One step further; False: another process is at it."""
    process, step = uuid4().hex, STEPS[version]

    async def told(done: str = "") -> bool:
        return bool(await calls.lua("migrating", (keys.schema,), (process, lease_ms, done)))

    async def goes_on() -> None:
        if not await told():
            raise TakenOver

    if not await told():
        return False
    log.warning("bringing the data up to date", version=version, to=version + 1, about=step.about)
    try:
        changed = await step.run(Migration(servers, calls, keys, goes_on))
    except TakenOver:
        return False
    if done := await told(str(version + 1)):
        log.info("the data are up to date", version=version + 1, changed=changed)
    return done


# ── the steps ────────────────────────────────────────────────────────────────────────────────────────────


async def traces_to_conversations(migration: Migration) -> int:
    """Each trace had a key of its own, ``kefu:{n}:t:<id>``, which the lines of the history name."""
    changed = 0
    for partition in range(migration.keys.partitions):
        base = migration.keys.conversations(partition)
        old = f"{base.removesuffix('c:')}t:"
        if not await migration.exist(f"{_literal(old)}*"):
            continue
        async for logs in migration.scanned(f"{_literal(base)}*:log"):
            changed += sum(await asyncio.gather(*(_adopted(migration.calls, log, old) for log in logs)))
    return changed


async def _adopted(calls: Calls, log: str, old: str) -> int:
    lines = lines_of(await calls.command("LRANGE", log, 0, -1, key=log))
    traces = dict.fromkeys(f"{old}{line.trace}" for line in lines if line.trace)
    keys = (f"{log.removesuffix(':log')}:traces", *traces)
    return int(await calls.lua("adopt", keys, (TRACE_MS,))) if traces else 0


def _literal(text: str) -> str:
    """As a pattern that only ``text`` itself is like."""
    return "".join(f"\\{char}" if char in "*?[]\\^" else char for char in text)


STEPS: Mapping[int, Step] = {1: Step("traces are kept with their conversation", traces_to_conversations)}
