"""What holds in a database at any moment, whatever died in between: a checker for the tests of faults.

    assert await violations(client, Keys(prefix)) == []

It reads each conversation in one transaction, so it may be asked while everything runs, too. It says nothing about what
should be there (that is for the test to know), only that what is there fits together:

* a conversation with messages that wait stands in its bot's queue or in the line for its model, or nobody would ever
  answer it; no other stands there
* a conversation with replies that wait stands in its platform's queue, or nobody would ever send them; no other does
* no update waits twice, and none waits that stands in the history already: a turn is written whole or not at all
* no reply waits twice; a turn under a lease has a fence; every stored value can be read and is in its own conversation
* everything has a time to live, except the queues and what has none by its nature
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis.asyncio as redis

from core.keys import ConversationKeys, Keys
from core.messages import Incoming, Line, Reply
from core.state import DeadLetter, Shown, State, Trace
from core.value import Value

NEVER = -1
PARTS = (":in", ":seen", ":log", ":out", ":traces")
QUEUES = ("ready:", "line:", "due:")
FOREVER = (*QUEUES, "bell:", "ring:")


@dataclass(frozen=True, slots=True)
class _Stored:
    """One conversation as it is stored. ``ready``, ``line`` and ``due``: the queues that have it."""

    id: str
    known: dict[str, str]
    waiting: Sequence[str]
    seen: Sequence[str]
    log: Sequence[str]
    out: Sequence[str]
    traces: Sequence[str]
    ttls: dict[str, int]
    ready: Sequence[str]
    line: Sequence[str]
    due: Sequence[str]


async def violations(client: redis.Redis, keys: Keys) -> list[str]:
    """Everything that does not hold, each in a sentence; ``client`` decodes responses."""
    found: list[str] = []
    for partition in range(keys.partitions):
        names = [name async for name in client.scan_iter(f"{keys.prefix}:{{{partition}}}:*", count=1000)]
        queues = [name for name in names if _kind(name, partition, keys).startswith(QUEUES)]
        found += [problem async for problem in _endless(client, names, partition, keys)]
        for conversation in sorted(await _conversations(client, names, queues, partition, keys)):
            if keys.partition(conversation) != partition:
                found.append(f"{conversation} is in partition {partition}, not in {keys.partition(conversation)}")
                continue
            found += list(_wrong(await _read(client, conversation, queues, keys), partition, keys))
        for name in names:
            if name.startswith(keys.all_dead(partition)):
                letters = await cast(Any, client.lrange(name, 0, -1))
                found += list(_unreadable(name, DeadLetter, letters))
    return found


def _kind(name: str, partition: int, keys: Keys) -> str:
    """What follows the partition, e.g. ``ready:teahouse``."""
    return name.removeprefix(f"{keys.prefix}:{{{partition}}}:")


async def _endless(client: redis.Redis, names: Iterable[str], partition: int, keys: Keys) -> AsyncIterator[str]:
    for name in names:
        if not _kind(name, partition, keys).startswith(FOREVER) and await client.pttl(name) == NEVER:
            yield f"{name} would be kept for ever"


async def _conversations(
    client: redis.Redis, names: Iterable[str], queues: Iterable[str], partition: int, keys: Keys
) -> set[str]:
    base = keys.conversations(partition)
    ids = {_without_part(name.removeprefix(base)) for name in names if name.startswith(base)}
    for queue in queues:
        ids.update(cast(list[str], await client.zrange(queue, 0, -1)))
    return ids


def _without_part(name: str) -> str:
    return next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)


async def _read(client: redis.Redis, conversation: str, queues: Sequence[str], keys: Keys) -> _Stored:
    at: ConversationKeys = keys.conversation(conversation)
    names = (at.hash, at.waiting, at.seen, at.log, at.out, at.traces)
    async with client.pipeline(transaction=True) as pipe:
        pipe.hgetall(at.hash)
        pipe.lrange(at.waiting, 0, -1)
        pipe.zrange(at.seen, 0, -1)
        for listed in (at.log, at.out, at.traces):
            pipe.lrange(listed, 0, -1)
        for name in names:
            pipe.pttl(name)
        for queue in queues:
            pipe.zscore(queue, conversation)
        known, waiting, seen, log, out, traces, *rest = await pipe.execute()
    ttls = dict(zip(names, rest, strict=False))
    standing = [queue for queue, score in zip(queues, rest[len(names) :], strict=True) if score is not None]
    ready, line, due = ([queue for queue in standing if f"}}:{kind}" in queue] for kind in QUEUES)
    return _Stored(
        *(conversation, known, waiting, seen, log, out, traces, ttls),
        *(ready, line, due),
    )


def _wrong(one: _Stored, partition: int, keys: Keys) -> Iterator[str]:
    yield from _unreadable(f"{one.id}:in", Incoming, one.waiting)
    yield from _unreadable(f"{one.id}:log", Line, one.log)
    yield from _unreadable(f"{one.id}:out", Reply, one.out)
    yield from _unreadable(f"{one.id}:traces", Trace, one.traces)
    yield from _unreadable(f"{one.id} state", State, _field(one, "state"))
    for field in ("shown", "draft", "delivered"):
        yield from _unreadable(f"{one.id} {field}", Shown, _field(one, field))
    for name, ttl in one.ttls.items():
        if ttl == NEVER:
            yield f"{name} would be kept for ever"
    yield from _turn(one, partition, keys)
    yield from _outbox(one, partition, keys)


def _turn(one: _Stored, partition: int, keys: Keys) -> Iterator[str]:
    waiting = [Incoming.from_json(stored) for stored in _readable(Incoming, one.waiting)]
    bots = {message.address.bot for message in waiting}
    queues, lines = {keys.work(partition, bot).due for bot in bots}, {keys.line(partition, bot) for bot in bots}
    if not ({*one.ready, *one.line} <= queues | lines and (one.ready or one.line or not waiting)):
        yield f"{one.id} has {len(waiting)} messages waiting and stands in {[*one.ready, *one.line] or 'no queue'}"
    updates = [message.update for message in waiting]
    for update, count in Counter(updates).items():
        if count > 1:
            yield f"{one.id}: update {update} waits {count} times"
    for update in sorted(set(updates) - set(one.seen)):
        yield f"{one.id}: update {update} waits and could be stored a second time"
    answered = {Line.from_json(stored) for stored in _readable(Line, one.log)}
    for update in sorted({line.id for line in answered if line.role != "bot"} & set(updates)):
        yield f"{one.id}: update {update} waits and stands in the history: a turn was written by halves"
    for message in waiting:
        if message.address.id != one.id:
            yield f"{one.id}: a message of {message.address.id} waits here"
    if one.known.get("leased") and not (waiting and one.known.get("fence")):
        yield f"{one.id} is leased with {len(waiting)} messages waiting and fence {one.known.get('fence')}"


def _outbox(one: _Stored, partition: int, keys: Keys) -> Iterator[str]:
    replies = [Reply.from_json(stored) for stored in _readable(Reply, one.out)]
    queues = {keys.sending(partition, reply.address.bot, reply.address.platform).due for reply in replies}
    if set(one.due) != queues:
        yield f"{one.id} has {len(replies)} replies waiting and stands in {one.due or 'no queue'}"
    for reply, count in Counter(reply.id for reply in replies).items():
        if count > 1:
            yield f"{one.id}: reply {reply} waits {count} times"
    for line, count in Counter(_bot_lines(one.log)).items():
        if count > 1:
            yield f"{one.id}: reply {line} stands {count} times in the history"


def _bot_lines(log: Iterable[str]) -> Iterator[str]:
    for stored in _readable(Line, log):
        line = Line.from_json(stored)
        if line.role == "bot":
            yield line.id


def _field(one: _Stored, name: str) -> list[str]:
    return [one.known[name]] if one.known.get(name) else []


def _readable(kind: type[Value], stored: Iterable[str]) -> list[str]:
    return [text for text in stored if not list(_unreadable("", kind, [text]))]


def _unreadable(where: str, kind: type[Value], stored: Iterable[str]) -> Iterator[str]:
    for text in stored:
        try:
            kind.from_json(text)
        except ValueError as error:
            yield f"{where} holds what is no {kind.__name__}: {error} in {text[:80]}"
