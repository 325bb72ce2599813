"""The network between Kefu and its store fails, and the store moves: what is asked is answered once all the same."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from core.bells import WAIT_S
from core.calls import LUA
from core.claim import Claim
from core.errors import LeaseLost
from core.keys import LEASE_MS as LEASE_MS_OF_A_SHOP
from core.queue import consume, patiently
from core.server import ANSWER_S
from core.store import Store
from core.taken import TakenTurn
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, message
from tests.core.invariants import violations
from tests.core.proxy import Fault, proxy
from tests.core.redis_server import Server, server
from tests.core.service import Desk, chat, desk
from tests.core.shop import open_shop
from tests.core.test_store_faults import ASKED, GROUNDED, LEASE_MS, answered_once, shop


def sha(name: str) -> str:
    return hashlib.sha1((LUA / f"{name}.lua").read_bytes(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    "fault", [Fault.ANSWER_LOST, Fault.ANSWER_CUT, Fault.REQUEST_CUT], ids=lambda given: given.name
)
async def test_each_call_of_a_turn_may_be_cut(fault: Fault, tmp_path: Path) -> None:
    """The lease is longer than the test's patience: what was taken and not heard of may not wait for its end."""
    async with (
        server(tmp_path / "store") as at,
        proxy(at.url) as network,
        shop(tmp_path, at, network.url) as (opened, model),
    ):
        for name in ("put", "take", "commit", "unsent", "sent"):
            struck = network.struck
            network.arm(fault, sha(name))
            written = message(ASKED, chat(name))
            await opened.store.put(written, 0, KEEP)
            await answered_once(opened, name, GROUNDED)
            assert network.struck == struck + 1
            assert [role for role, _ in await opened.history(name)] == ["shopper", "bot"]
        assert len(model.requests) == 6


async def test_a_store_that_hangs_up_for_good_is_waited_for_and_what_was_taken_is_not_forgotten(tmp_path: Path) -> None:
    """Not a moment, but longer than the client tries by itself: the consumer asks again for what it took."""
    async with (
        server(tmp_path / "store") as at,
        proxy(at.url) as network,
        shop(tmp_path, at, network.url) as (opened, model),
    ):
        network.arm(Fault.ANSWER_LOST, sha("take"), then_deaf=True)
        await opened.put(ASKED, "a")
        await asyncio.sleep(1)
        network.deaf = False
        await answered_once(opened, "a", GROUNDED)
        assert len(model.requests) == 2


async def test_the_address_leads_to_another_server(tmp_path: Path) -> None:
    """A planned fail-over that leaves the connections to the old master open: that one only reads now."""
    async with two_servers(tmp_path) as (old, new), proxy(old.url) as network:
        async with shop(tmp_path, old, network.url) as (opened, _):
            await same(old, new)
            await new.follow(None)
            network.point(new.url)
            await old.follow(new)
            for where in ("a", "b"):
                # The first to find out may be the put: its platform hands the message over again.
                await patiently(partial(opened.put, ASKED, where))
                await answered_once(opened, where, GROUNDED)
            await drafts_are_seen(opened)
        async with new.admin() as client:
            assert await violations(client, opened.store._keys) == []


async def test_the_master_dies_and_its_replica_goes_on(tmp_path: Path) -> None:
    async with (
        two_servers(tmp_path) as (old, new),
        proxy(old.url) as network,
        shop(tmp_path, new, network.url) as (opened, model),
    ):
        model.gate = asyncio.Semaphore(0)
        await opened.put(ASKED, "a")
        async with asyncio.timeout(PATIENCE_S):
            while len(model.requests) < 2:
                await asyncio.sleep(0.01)
        await same(old, new)
        await old.kill()
        await new.follow(None)
        network.point(new.url)
        for _ in range(100):
            model.gate.release()
        await answered_once(opened, "a", GROUNDED)
        assert len(model.requests) == 2


@asynccontextmanager
async def two_servers(folder: Path) -> AsyncIterator[tuple[Server, Server]]:
    async with server(folder / "old") as old, server(folder / "new") as new:
        await new.follow(old)
        yield old, new


async def same(master: Server, replica: Server) -> None:
    """Until the replica has all that the master has."""
    async with asyncio.timeout(PATIENCE_S), master.admin() as client:
        while not await cast(Any, client).execute_command("WAIT", 1, 1000):
            await asyncio.sleep(0.02)


async def drafts_are_seen(opened: Desk) -> None:
    """Who listens for drafts was moved as well."""
    topic = opened.store._keys.drafts(opened.channel.bot, opened.channel.platform)
    async with asyncio.timeout(PATIENCE_S):
        while not (await opened.store._servers.some().client.pubsub_numsub(topic))[0][1]:
            await asyncio.sleep(0.02)


# ── stalls ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_store_that_stalls_for_longer_than_a_lease_has_each_turn_committed_once(tmp_path: Path) -> None:
    """Two workers; nobody knows meanwhile who has what. Afterwards the fence decides."""
    model = ScriptedModel(GROUNDED)
    async with server(tmp_path / "store") as at, Store.open(at.url, lease_ms=300) as store:
        opened = desk(store, open_shop(tmp_path), model)
        async with opened.open(workers=2):
            for where in "abcd":
                await opened.put(ASKED, where)
            for _ in range(2):
                async with at.admin() as client:
                    await cast(Any, client).execute_command("CLIENT", "PAUSE", 900, "ALL")
            for where in "abcd":
                await answered_once(opened, where, GROUNDED)
        async with at.admin() as client:
            assert await violations(client, store._keys) == []


async def test_a_worker_that_was_cut_off_for_longer_than_its_lease_writes_nothing(tmp_path: Path) -> None:
    async with (
        server(tmp_path / "store") as at,
        proxy(at.url) as network,
        Store.open(network.url, lease_ms=100) as cut_off,
        Store.open(at.url, lease_ms=LEASE_MS) as store,
    ):
        first = desk(cut_off, open_shop(tmp_path), ScriptedModel(GROUNDED))
        await first.put(ASKED, "a")
        turn = await first.take()
        network.deaf = True
        network.cut()
        second = desk(store, first.shelf.bot("mugs"), ScriptedModel(GROUNDED))
        async with second.open():
            await answered_once(second, "a", GROUNDED)
        network.deaf = False
        with pytest.raises(LeaseLost):
            await cut_off.renew_turn(turn)
        with pytest.raises(LeaseLost):
            await cut_off.retry_turn(turn, 0, 1)


async def test_a_renewal_that_comes_late_does_not_hide_a_turn_that_was_handed_back(store: Store) -> None:
    where = chat("late")
    await store.put(message(ASKED, where), 0, KEEP)
    ((taken,), _) = await store.take_turns(0, "mugs", 1, 50)
    turn = taken.read()
    await store.retry_turn(turn, 0, 1)
    with pytest.raises(LeaseLost):
        await store.renew_turn(turn)
    ((again,), _) = await store.take_turns(0, "mugs", 1, 50)
    assert again.read().messages == turn.messages


def test_a_silent_cut_is_noticed_within_a_lease() -> None:
    """Renewed every third of it: what is cut in one renewal is noticed before the lease is over."""
    assert WAIT_S < ANSWER_S < LEASE_MS_OF_A_SHOP / 1000 * 2 / 3


# ── a clean stop while the store is asked ────────────────────────────────────────────────────────────────


async def test_who_is_stopped_while_taking_gives_it_back(tmp_path: Path) -> None:
    """The answer to the take is on its way when the worker is stopped: the next one does not wait for a lease, and nobody
    has died."""
    async with (
        server(tmp_path / "store") as at,
        proxy(at.url) as network,
        Store.open(network.url, lease_ms=LEASE_MS) as stopped,
        Store.open(at.url, lease_ms=LEASE_MS) as store,
    ):
        opened = desk(store, open_shop(tmp_path), ScriptedModel(GROUNDED))
        handled: list[TakenTurn] = []

        async def handle(turn: TakenTurn) -> None:
            handled.append(turn)

        claim = Claim()
        await stopped.take_turns(0, "mugs", 4, 50, claim)  # the server knows the function from now on
        network.answering.clear()
        await opened.put(ASKED, "a")
        await asyncio.sleep(0.1)  # a burst is waited for
        running = asyncio.create_task(
            consume(
                4,
                partial(stopped.take_turns, 0, "mugs", lines=50, claim=claim),
                handle,
                release=partial(stopped.release_turns, 0, "mugs", claim),
            )
        )
        async with at.admin() as client, asyncio.timeout(PATIENCE_S):
            while not await cast(Any, client.hget(store._keys.conversation(chat("a").id).hash, "leased")):
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.sleep(0)
        network.answering.set()
        await asyncio.gather(running, return_exceptions=True)
        assert handled == []
        turn = await opened.take()
        assert (turn.deaths, [one.text for one in turn.messages]) == (0, [ASKED])
