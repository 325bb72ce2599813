"""Whatever the store does while a shop is open: what was put is answered once, in order, and nothing is written by halves.

A real server for each test, made to fail in its own ways; inbox, worker and outbox run on it as in bots/app.py.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError

from core.errors import StoreUnavailable
from core.messages import Incoming
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, message
from tests.core.invariants import violations
from tests.core.redis_server import Server, server
from tests.core.service import Desk, chat, desk
from tests.core.shop import open_shop

GROUNDED = "We repair broken handles within 10 days."
ASKED = "do you repair broken handles?"
LEASE_MS = 60_000  # nobody is helped by the end of a lease here


class Putting:
    """An adapter that tells its platform only when a message is stored. ``refused``: it was not, at least once."""

    def __init__(self, store: Store, *messages: Incoming) -> None:
        self.refused = asyncio.Event()
        self.reasons: list[str] = []
        self.done = asyncio.create_task(self._run(store, messages))

    async def _run(self, store: Store, messages: tuple[Incoming, ...]) -> None:
        for one in messages:
            while True:
                try:
                    await store.put(one, 0, KEEP)
                    break
                except StoreUnavailable as error:
                    self.reasons.append(str(error))
                    self.refused.set()
                    await asyncio.sleep(0.02)


# ── the faults: each begins when it is entered, and is over when it is left ──────────────────────────────


@asynccontextmanager
async def restarted(at: Server) -> AsyncIterator[None]:
    await at.shut_down()
    yield
    await at.start()


@asynccontextmanager
async def killed(at: Server) -> AsyncIterator[None]:
    await at.kill()
    yield
    await at.start()


@asynccontextmanager
async def loading(at: Server, count: int = 1000) -> AsyncIterator[None]:
    """Reads its file for as long as it takes; it says so to whoever asks."""
    async with at.admin() as client:
        await cast(Any, client).execute_command("DEBUG", "POPULATE", count, "filler", 10)
        await cast(Any, client).execute_command("BGREWRITEAOF")
        while (await client.info("persistence"))["aof_rewrite_in_progress"]:
            await asyncio.sleep(0.02)
    await at.shut_down()
    at.options.update({"key-load-delay": "1000", "loading-process-events-interval-bytes": "1024"})
    await at.start(wait=False)
    yield
    await at.answering()


@asynccontextmanager
async def replica(at: Server) -> AsyncIterator[None]:
    """Of a master that is not there: it reads and does not write. Who waits for a bell is thrown out."""
    async with at.admin() as client:
        await cast(Any, client).execute_command("REPLICAOF", "127.0.0.1", "1")
        yield
        await cast(Any, client).execute_command("REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def without_memory(at: Server) -> AsyncIterator[None]:
    await at.set("maxmemory", 1)
    yield
    await at.set("maxmemory", 0)


@asynccontextmanager
async def without_disk(at: Server) -> AsyncIterator[None]:
    """Cannot save: there is a folder where its file should be. It refuses all writes then (MISCONF)."""
    in_the_way = at.folder / "dump.rdb"
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir()
    (in_the_way / "something").touch()
    await at.set("save", "3600 1000000")
    await saved(at, "err")
    yield
    (in_the_way / "something").unlink()
    in_the_way.rmdir()
    await saved(at, "ok")


async def saved(at: Server, how: str) -> None:
    async with asyncio.timeout(PATIENCE_S), at.admin() as client:
        with contextlib.suppress(RedisError):
            await client.bgsave()
        while (await client.info("persistence"))["rdb_last_bgsave_status"] != how:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def without_replicas(at: Server) -> AsyncIterator[None]:
    await at.set("min-replicas-to-write", 1)
    yield
    await at.set("min-replicas-to-write", 0)


@asynccontextmanager
async def busy(at: Server) -> AsyncIterator[None]:
    """Somebody's script runs for ever, until an operator ends it."""
    await at.set("lua-time-limit", 10)
    async with at.admin() as client, at.admin() as operator:
        endless = asyncio.create_task(cast(Any, client.eval("while true do end", 0)))
        await asyncio.sleep(0.05)
        yield
        await operator.script_kill()
        await asyncio.gather(endless, return_exceptions=True)


@asynccontextmanager
async def with_another_password(at: Server) -> AsyncIterator[None]:
    async with at.admin() as client:
        await client.config_set("requirepass", "changed")
        await cast(Any, client).execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield
        await client.config_set("requirepass", "")


@asynccontextmanager
async def without_rights(at: Server) -> AsyncIterator[None]:
    async with at.admin() as client:
        await cast(Any, client).execute_command("ACL", "SETUSER", "default", "-evalsha", "-eval")
        yield
        await cast(Any, client).execute_command("ACL", "SETUSER", "default", "+@all")


@asynccontextmanager
async def full_of_clients(at: Server) -> AsyncIterator[None]:
    async with at.admin() as client:
        await cast(Any, client.ping())
        await client.config_set("maxclients", 1)
        await cast(Any, client).execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield
        await client.config_set("maxclients", 1000)


Fault = Callable[[Server], AbstractAsyncContextManager[None]]
FAULTS: list[tuple[Fault, str]] = [
    (restarted, "does not answer"),
    (killed, "does not answer"),
    (loading, "still reading its data"),
    (replica, "only reads"),
    (without_memory, "no memory left"),
    (without_disk, "cannot write to its disk"),
    (without_replicas, "replicas"),
    (busy, "busy with a script"),
    (with_another_password, "refuses our user or password"),
    (without_rights, "does not let our user"),
    (full_of_clients, "max number of clients"),
]


@asynccontextmanager
async def shop(folder: Path, at: Server, url: str = "") -> AsyncIterator[tuple[Desk, ScriptedModel]]:
    """Open, and it has answered once already; closed at the end, where everything must fit together."""
    model = ScriptedModel(GROUNDED)
    async with Store.open(url or at.url, lease_ms=LEASE_MS) as store:
        opened = desk(store, open_shop(folder), model)
        async with opened.open():
            await opened.put(ASKED, "before")
            await opened.channel.until_finals(1)
            yield opened, model
        async with at.admin() as client:
            assert await violations(client, store._keys) == []


@pytest.mark.parametrize(("fault", "sentence"), FAULTS, ids=lambda given: getattr(given, "__name__", ""))
async def test_it_goes_on_when_the_store_is_back(fault: Fault, sentence: str, tmp_path: Path) -> None:
    """One answer is being made when it begins, another message comes while it lasts; nobody is told anything wrong."""
    async with server(tmp_path / "store") as at, shop(tmp_path, at) as (opened, model):
        model.gate = asyncio.Semaphore(0)
        await opened.put(ASKED, "during")
        async with asyncio.timeout(PATIENCE_S):
            while len(model.requests) < 2:
                await asyncio.sleep(0.01)
        late = [message(text, chat("late")) for text in ("When are you open?", "Is there parking?")]
        async with fault(at):
            putting = Putting(opened.store, *late)
            async with asyncio.timeout(PATIENCE_S):
                while not any(sentence in reason for reason in putting.reasons):
                    await asyncio.sleep(0.01)
            release(model)  # the answer is made while it cannot be committed
            await asyncio.sleep(0.2)
        await asyncio.wait_for(putting.done, PATIENCE_S)
        await answered_once(opened, "during", GROUNDED)
        await answered_once(opened, "late", "There is no parking.")
        assert len(model.requests) == 2, "what was made was not thrown away"
        assert not await opened.store.put(late[0], 0, KEEP), "stored once"


def release(model: ScriptedModel) -> None:
    assert model.gate is not None
    for _ in range(1000):
        model.gate.release()


async def answered_once(opened: Desk, where: str, last: str) -> None:
    """All that was asked in the chat stands in its history, and every answer once on the platform, in the same order."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(last in text for text in finals_in(opened, where)):
            await asyncio.sleep(0.01)
    told = [text for role, text in await opened.history(where) if role == "bot"]
    assert finals_in(opened, where) == told
    assert len(set(told)) == len(told)


def finals_in(opened: Desk, where: str) -> list[str]:
    return [one.text for one in opened.channel.messages.values() if one.final and one.address.chat == where]


async def test_functions_and_connections_that_are_gone_cost_nothing(tmp_path: Path) -> None:
    async with server(tmp_path / "store") as at, shop(tmp_path, at) as (opened, model):
        for number in range(6):
            async with at.admin() as client:
                await client.script_flush()
            if number % 2:
                await at.disconnect_all()
            await opened.put(ASKED, f"{number}")
            await answered_once(opened, f"{number}", GROUNDED)
        assert len(model.requests) == 7


# ── at the start ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_start_waits_for_a_server_that_reads_its_file(tmp_path: Path) -> None:
    async with server(tmp_path / "store") as at, loading(at, count=3000):
        await says_that_it_loads(at)
        async with Store.open(at.url) as store:
            assert await store.put(message("hello"), 0, KEEP)


async def says_that_it_loads(at: Server) -> None:
    async with asyncio.timeout(PATIENCE_S), at.admin() as client:
        while True:
            try:
                await client.dbsize()
                raise AssertionError("it has read its file already")
            except BusyLoadingError:
                return
            except ConnectionError:  # it does not listen yet
                await asyncio.sleep(0.01)


REFUSED: list[tuple[Fault, str]] = [
    (with_another_password, r"refuses our user or password .* redis://user:password@host"),
    (without_rights, r"does not let our user do this .* ACL SETUSER"),
    (replica, "it is a replica"),
    (without_memory, "raise its maxmemory"),
    (killed, "does not answer"),
]


@pytest.mark.parametrize(("fault", "sentence"), REFUSED, ids=lambda given: getattr(given, "__name__", ""))
async def test_a_start_says_at_once_what_is_wrong(fault: Fault, sentence: str, tmp_path: Path) -> None:
    """A mistake in a setting is not waited for: whoever starts us sits before the screen."""
    async with server(tmp_path / "store") as at, fault(at):
        with pytest.raises(StoreUnavailable, match=sentence):
            async with Store.open(at.url) as store:
                await store.put(message("hello"), 0, KEEP)
