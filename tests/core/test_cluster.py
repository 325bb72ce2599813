"""The store on a real cluster of three masters: every promise over many slots, while slots move and masters die."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from redis.crc import key_slot

from core.botfile import Bot
from core.inbox import StoredInbox
from core.keys import CLUSTER_TAGS, Keys
from core.messages import Reply
from core.queue import patiently
from core.state import DeadLetter, Outcome, State
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.helpers import KEEP, address, line, message
from tests.core.redis_cluster import SLOTS, RedisCluster
from tests.core.service import Desk, chat, desk
from tests.core.shop import FILES, open_shop

CHATS = 24
GENERATED = "Do you engrave a name?"


@pytest.fixture
async def store(cluster: RedisCluster, prefix: str) -> AsyncIterator[Store]:
    async with Store.open(cluster.url, prefix, lease_ms=6000) as opened:
        yield opened


def test_the_partitions_lie_evenly_in_the_slots() -> None:
    each = SLOTS // len(CLUSTER_TAGS)
    assert [key_slot(tag.encode()) // each for tag in CLUSTER_TAGS] == list(range(len(CLUSTER_TAGS)))


async def test_conversations_are_spread_over_the_masters(cluster: RedisCluster, store: Store, prefix: str) -> None:
    where = [address(str(number)) for number in range(CHATS)]
    for one in where:
        assert await store.put(message("hi", one), 0, KEEP)
    keys = Keys(prefix, store.partitions.stop)
    owners = Counter(cluster.owner(keys.conversation(one.id).hash).port for one in where)
    assert len(owners) == 3, owners
    assert "a cluster of 3 masters" in await store.server()
    await store.ping()


async def test_what_is_put_is_taken_answered_sent_and_buried(store: Store) -> None:
    where = {address(str(number)).id: address(str(number)) for number in range(CHATS)}
    for one in where.values():
        written = message("hi", one, heard_in=one.chat)
        assert await store.put(written, 0, KEEP)
        assert not await store.put(written, 0, KEEP)
    turns = [taken.read() for p in store.partitions for taken in (await store.take_turns(p, "shop", 99, 50))[0]]
    assert {turn.conversation for turn in turns} == set(where)
    for turn in turns:
        fine = Reply(id=turn.reply_id, address=turn.address, text="fine")
        await store.renew_turn(turn)
        await store.commit(turn, Outcome(state=State(), lines=(line("hi"), line("fine", "bot")), reply=fine), KEEP)
    unsent = [one.read() for p in store.partitions for one in (await store.take_unsent(p, "shop", "test", 99))[0]]
    assert {reply.conversation for reply in unsent} == set(where)
    for reply in unsent:
        await store.sent(reply, reply.shown, DeadLetter(reply=reply.reply, reason="blocked"))
    letters = await store.all_dead_letters()
    assert {letter.reply.address.id for letter in letters} == set(where)
    assert await store.requeue(letters[0])
    assert await store.drop(letters[1])
    assert len(await store.all_dead_letters()) == CHATS - 2
    assert set(await store.heard("shop", "test")) == {one.chat for one in where.values()}
    for one in where.values():
        assert [entry.text for entry in (await store.history(one, 10))[0]] == ["hi", "fine"]
    await store.moved("shop", "-5", "-1005")
    assert await store.moves("shop") == {"-5": "-1005"}


# ── whole turns ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return open_shop(
        tmp_path, bot_yaml=FILES["bot.yaml"].replace("merge_ms: 30", f"merge_ms: 30, concurrency: {CHATS}")
    )


async def ask_all(at: Desk, rounds: int) -> None:
    """Each chat asks, waits for its answer and asks again; nothing is lost, doubled or out of order."""

    async def talk(name: str) -> None:
        before = len(await patiently(partial(at.history, name)))
        for number in range(rounds):
            await patiently(partial(StoredInbox(at.store, at.shelf).put, message("When are you open?", chat(name))))
            await answered(at, name, before // 2 + number + 1)

    await asyncio.gather(*(talk(f"c{number}") for number in range(CHATS)))


async def answered(at: Desk, name: str, times: int) -> None:
    async with asyncio.timeout(60):
        while len(lines := await patiently(partial(at.history, name))) < 2 * times:
            await asyncio.sleep(0.02)
    assert [role for role, _ in lines] == ["shopper", "bot"] * times


async def sent_once(at: Desk, times: int) -> None:
    await at.channel.until_finals(CHATS * times)
    finals = Counter(sent.address.chat for sent in at.channel.messages.values() if sent.final)
    assert finals == {f"c{number}": times for number in range(CHATS)}


async def test_turns_over_all_partitions_with_one_waiting_connection_for_each(
    cluster: RedisCluster, store: Store, bot: Bot
) -> None:
    at = desk(store, bot, ScriptedModel())
    async with at.open(workers=2, outboxes=2):
        await ask_all(at, 2)
        waiting = sum(int(node.ask("INFO", "clients")["blocked_clients"]) for node in cluster.masters)
        assert waiting <= len(CLUSTER_TAGS), "16 partitions, 4 consumers of each"
        await sent_once(at, 2)


@pytest.mark.parametrize("whole", [False, True], ids=["key by key", "whole"])
async def test_slots_move_while_turns_run(cluster: RedisCluster, store: Store, bot: Bot, whole: bool) -> None:
    at = desk(store, bot, ScriptedModel())
    moving = [store.work_queue(partition, "mugs").due for partition in store.partitions]
    async with at.open():
        asking = asyncio.create_task(ask_all(at, 3))
        before = [cluster.owner(key) for key in moving]
        for key in moving:
            await asyncio.to_thread(cluster.move, key, whole)
        assert all(cluster.owner(key) is not owner for key, owner in zip(moving, before, strict=True))
        await asking
        await ask_all(at, 1)
        await sent_once(at, 4)


async def test_a_master_dies_and_another_freezes_and_their_replicas_go_on(
    tmp_path: Path, prefix: str, bot: Bot
) -> None:
    gate = asyncio.Semaphore(0)
    model = ScriptedModel("We do not know.", gate=gate)
    with RedisCluster(tmp_path, replicas=3) as cluster:
        async with Store.open(cluster.url, prefix, lease_ms=6000) as store:
            at = desk(store, bot, model)
            async with at.open():
                for number in range(CHATS):
                    await at.put(GENERATED, f"c{number}")
                async with asyncio.timeout(30):
                    while len(model.requests) < CHATS:
                        await asyncio.sleep(0.01)
                victim = cluster.masters[0]
                assert victim.ask("WAIT", 1, 5000) == 1, "what is not yet at the replica dies with the master"
                await asyncio.to_thread(victim.kill)
                for _ in range(100_000):
                    gate.release()
                for number in range(CHATS):
                    await answered(at, f"c{number}", 1)
                await sent_once(at, 1)

                frozen = cluster.masters[1]
                assert frozen.ask("WAIT", 1, 5000) == 1
                frozen.freeze()
                await ask_all(at, 1)
                await sent_once(at, 2)
