"""Every function in core/lua, once and then again with its first answer lost: the database and the answer are the same.

The client repeats a call when the connection is gone before the answer; a proxy takes the answer away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import redis.asyncio as redis

from core.calls import LUA
from core.claim import Claim
from core.keys import Keys
from core.messages import Draft, Incoming, Line, Reply
from core.state import DeadLetter, Outcome, State, Trace, Turn, Unsent
from core.store import Store
from tests.core.helpers import KEEP, address, message
from tests.core.invariants import violations
from tests.core.proxy import Fault, Proxy, proxy

WHERE = address()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SOON_MS = 30_000  # what is due later than that waits for a lease or a delay
LEASE_MS = 60_000
DELAY_S = 60.0

Act = Callable[[Store], Awaitable[object]]


def said(number: int) -> Incoming:
    return message(f"text {number}", WHERE, update=f"u{number}", message=f"m{number}", at=LONG_AGO)


async def put(store: Store) -> object:
    await store.put(said(1), 0, KEEP)
    return await store.put(said(2), 0, KEEP)


async def taken(store: Store) -> Turn:
    await put(store)
    ((turn,), _) = await store.take_turns(0, WHERE.bot, 10, 50)
    return turn.read()


def outcome_trace(reply: str = "r0") -> Trace:
    return Trace(id="t1", reply=reply, persona="p", persona_version="1", rung="unknown", question="q", language="en")


def outcome(turn: Turn) -> Outcome:
    reply = Reply(id=turn.reply_id, address=WHERE, text="fine", at=LONG_AGO)
    trace = outcome_trace(reply.id)
    lines = (
        *(
            Line(id=one.update, role="shopper", text=one.text, message=one.message, at=LONG_AGO)
            for one in turn.messages
        ),
        Line(id=reply.id, role="bot", text=reply.text, at=LONG_AGO),
    )
    return Outcome(state=State(language="zh"), lines=lines, reply=reply, trace=trace)


async def committed(store: Store) -> Turn:
    turn = await taken(store)
    await store.put(said(3), 0, KEEP)
    await store.commit(turn, outcome(turn), KEEP)
    return turn


async def unsent(store: Store) -> Unsent:
    await committed(store)
    ((reply,), _) = await store.take_unsent(0, WHERE.bot, WHERE.platform, 10)
    return reply.read()


async def dead(store: Store) -> DeadLetter:
    reply = await unsent(store)
    letter = DeadLetter(reply=reply.reply, reason="blocked", at=LONG_AGO)
    await store.sent(reply, reply.shown, letter)
    return letter


async def taking(store: Store) -> object:
    turns, _ = await store.take_turns(0, WHERE.bot, 10, 50, Claim("c"))
    return [(turn.conversation, turn.fence, turn.known, turn.waiting, turn.log) for turn in turns]


async def taking_unsent(store: Store) -> object:
    replies, _ = await store.take_unsent(0, WHERE.bot, WHERE.platform, 10, Claim("c"))
    return [reply.read() for reply in replies]


async def taken_by_claim(store: Store) -> None:
    await put(store)
    await taking(store)


async def unsent_by_claim(store: Store) -> None:
    await committed(store)
    await taking_unsent(store)


async def beginning(store: Store) -> Draft:
    turn = await taken(store)
    return Draft(address=WHERE, reply=turn.reply_id, text="fi")


async def in_line(store: Store) -> Turn:
    turn = await taken(store)
    await store.line.join(turn)
    return turn


def notice(turn: Turn) -> tuple[Reply, Line]:
    told = Line(id="notice", role="bot", text="You are third.", at=LONG_AGO)
    return Reply(id=told.id, address=WHERE, text=told.text, at=LONG_AGO), told


async def begun(store: Store) -> Draft:
    draft = await beginning(store)
    await store.begin_draft(draft)
    return draft


@dataclass(frozen=True, slots=True)
class Case:
    """``before``: gives what ``act`` is called with; ``act``: calls the function once."""

    lua: str
    before: Callable[[Store], Awaitable[Any]]
    act: Callable[[Store, Any], Awaitable[object]]


async def of_version_1(store: Store) -> None:
    await store._servers.some().client.set(store._keys.schema, '{"version": 1, "partitions": 1}')


async def being_migrated(store: Store) -> None:
    await of_version_1(store)
    await migrating(store)


async def migrating(store: Store, version: str = "") -> object:
    return await store._calls.lua("migrating", (store._keys.schema,), ("process", LEASE_MS, version))


async def with_an_old_trace(store: Store) -> str:
    await committed(store)
    old = f"{store._keys.prefix}:{{0}}:t:t0"
    await store._servers.some().client.set(old, outcome_trace().to_json(), px=LEASE_MS)
    return old


async def adopting(store: Store, old: str) -> object:
    return await store._calls.lua("adopt", (store._keys.conversation(WHERE.id).traces, old), (LEASE_MS,))


async def holding(store: Store) -> None:
    assert await store.hold("b", "p", "me", LEASE_MS, "") == ""


async def nothing(_: Store) -> None:
    pass


CASES = [
    Case("put", nothing, lambda store, _: store.put(said(1), 0, KEEP)),
    Case("put", taken, lambda store, _: store.put(said(3), 0, KEEP)),
    Case("take", put, lambda store, _: taking(store)),
    Case("reread", taken, lambda store, turn: store.reread(turn, 50)),
    Case("renew", taken, lambda store, turn: store.renew_turn(turn)),
    Case("retry", taken, lambda store, turn: store.retry_turn(turn, DELAY_S, 1)),
    Case("commit", taken, lambda store, turn: store.commit(turn, outcome(turn), KEEP)),
    Case("withdraw", taken, lambda store, _: store.withdraw(WHERE, "m2")),
    Case("withdraw", committed, lambda store, _: store.withdraw(WHERE, "m1")),
    Case("unsent", committed, lambda store, _: taking_unsent(store)),
    Case("begin", beginning, lambda store, draft: store.begin_draft(draft)),
    Case("drafted", begun, lambda store, draft: store.drafted(draft, "77")),
    Case("drafted", begun, lambda store, draft: store.drafted(draft, "")),
    Case("shown", unsent, lambda store, one: store.shown(one, one.shown.replace(ids=("7",)))),
    Case("sent", unsent, lambda store, one: store.sent(one, one.shown.replace(ids=("7",)))),
    Case(
        "sent",
        unsent,
        lambda store, one: store.sent(one, one.shown, DeadLetter(reply=one.reply, reason="x", at=LONG_AGO)),
    ),
    Case(
        "postpone",
        unsent,
        lambda store, one: store.postpone(one, one.shown.replace(attempts=1), DELAY_S),
    ),
    Case("requeue", dead, lambda store, letter: store.requeue(letter)),
    Case("requeue", dead, lambda store, letter: store.drop(letter)),
    Case("history", committed, lambda store, _: store.history(WHERE, 10)),
    Case("seats", nothing, lambda store, _: store.line.say_seats(0, WHERE.bot, "w", 2)),
    Case("line", taken, lambda store, turn: store.line.join(turn)),
    Case("park", in_line, lambda store, turn: store.line.park(turn, KEEP.ttl_ms, *notice(turn))),
    Case("hold", nothing, lambda store, _: store.hold("b", "p", "me", LEASE_MS, "")),
    Case("let_go", holding, lambda store, _: store.let_go("b", "p", "me")),
    Case("migrating", of_version_1, lambda store, _: migrating(store)),
    Case("migrating", being_migrated, lambda store, _: migrating(store, "2")),
    Case("adopt", with_an_old_trace, adopting),
    Case("release", taken_by_claim, lambda store, _: store.release_turns(0, WHERE.bot, Claim("c"))),
    Case("release", unsent_by_claim, lambda store, _: store.release_unsent(0, WHERE.bot, WHERE.platform, Claim("c"))),
]
# What can only be told from the database: the second time there is nothing left to do.
ANSWERED_ANEW = {"put", "withdraw", "requeue", "release", "line", "adopt"}


@pytest.fixture
async def network(embedded_url: str) -> AsyncIterator[Proxy]:
    async with proxy(embedded_url) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.lua)
async def test_a_function_whose_answer_is_lost_does_its_work_once(
    case: Case, embedded_url: str, network: Proxy, prefix: str
) -> None:
    once, once_answer = await _run(case, embedded_url, f"{prefix}-1", embedded_url, None)
    twice, twice_answer = await _run(case, embedded_url, f"{prefix}-2", network.url, network)
    assert network.struck == 1, "an answer was lost"
    assert twice == once
    if case.lua not in ANSWERED_ANEW:
        assert twice_answer == once_answer


async def _run(
    case: Case, direct: str, prefix: str, through: str, network: Proxy | None
) -> tuple[dict[str, object], object]:
    async with Store.open(direct, prefix, LEASE_MS) as store:
        async with Store.open(through, prefix, LEASE_MS) as other:
            prepared = await case.before(store)
            await other._calls.command("SCRIPT", "LOAD", (LUA / f"{case.lua}.lua").read_text())
            if network is not None:
                network.arm(Fault.ANSWER_LOST, _sha(case.lua))
            answer = await case.act(other, prepared)
        assert await violations(store._servers.some().client, store._keys) == []
        return await dump(store._servers.some().client, store._keys), answer


def _sha(name: str) -> str:
    return hashlib.sha1((LUA / f"{name}.lua").read_bytes(), usedforsecurity=False).hexdigest()


def test_every_function_is_here() -> None:
    assert {case.lua for case in CASES} == {path.stem for path in LUA.glob("*.lua")}


async def dump(client: redis.Redis, keys: Keys) -> dict[str, object]:
    """All that is stored, without times and bells: one too many only wakes somebody for nothing."""
    now = await _now(client)
    found: dict[str, object] = {}
    async for name in client.scan_iter(f"{keys.prefix}:*"):
        short = name.removeprefix(keys.prefix)
        if "}:bell:" not in name and "}:ring:" not in name and "}:claim:" not in name:
            found[short] = await _value(client, name, now)
    return found


async def _value(client: redis.Redis, name: str, now: float) -> object:
    match await client.type(name):
        case "hash":
            known = await cast(Any, client.hgetall(name))
            if "}:seats:" in name:
                return {worker: value.split()[0] for worker, value in known.items()}
            return {field: _timeless(field, value) for field, value in known.items()}
        case "list":
            return await cast(Any, client.lrange(name, 0, -1))
        case "zset":
            scores = await cast(Any, client.zrange(name, 0, -1, withscores=True))
            return {member: score > now + SOON_MS for member, score in scores}
    text = str(await client.get(name))
    return text.split('"ends"')[0] if name.endswith(":schema") else text


def _timeless(field: str, value: str) -> str:
    if field == "draft":  # a mark is of one call alone
        return str({key: part for key, part in json.loads(value).items() if key != "by"})
    return "" if field in ("since", "begun", "draft_at") else value


async def _now(client: redis.Redis) -> float:
    seconds, micros = await cast(Any, client.time())
    return float(seconds * 1000 + micros // 1000)
