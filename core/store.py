"""The store: typed stubs for the Lua functions in core/lua, over one Redis or Valkey.

Each change over several keys is one function and so is atomic. Every method raises StoreUnavailable when Redis
cannot be reached, is loading, read-only or full; nothing is half-written then.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from core.calls import Calls
from core.errors import LeaseLost, StoreError, StoreUnavailable, StoreVersion
from core.keys import BELLS, DEAD_MS, HEARD_MS, LEASE_MS, SCHEMA, SEEN_MS, TRACE_MS, Keys, QueueKeys
from core.messages import Address, Draft, Incoming, Line
from core.state import DeadLetter, Outcome, Shown, Trace, Turn, Unsent
from core.taken import TakenReply, TakenTurn, lines_of, messages_of

UNAVAILABLE = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    OSError,
)


@contextmanager
def translated() -> Iterator[None]:
    """redis-py's errors, as ours."""
    try:
        yield
    except UNAVAILABLE as error:
        still_wanted()
        raise StoreUnavailable(f"Redis does not answer: {error}") from error
    except ResponseError as error:
        # A full disk or a missing replica is reported as MISCONF or NOREPLICAS: it may pass.
        if str(error).startswith(("MISCONF", "NOREPLICAS", "TRYAGAIN", "UNKILLABLE", "BUSY")):
            raise StoreUnavailable(f"Redis refuses to write: {error}") from error
        raise StoreError(f"Redis: {error}") from error
    except RedisError as error:
        raise StoreError(f"Redis: {error}") from error
    still_wanted()


def still_wanted() -> None:
    """redis-py 8.1 loses a cancellation that comes while it connects (redis/redis-py#2551 is the same kind)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much of a conversation is kept; set by each bot."""

    ttl_ms: int
    lines: int


class Store:
    def __init__(self, client: redis.Redis, keys: Keys, lease_ms: int = LEASE_MS) -> None:
        self._redis = client
        self._keys = keys
        self.lease_ms = lease_ms
        self._calls = Calls(client)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, prefix: str = "kefu", lease_ms: int = LEASE_MS) -> AsyncIterator[Self]:
        """Connect, check the version of what is stored, close at the end."""
        client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=5,
            socket_timeout=15,  # longer than the longest blocking call, see wait()
            health_check_interval=30,
            retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.3), 3),
            retry_on_error=[ConnectionError, TimeoutError],
        )
        try:
            store = cls(client, Keys(prefix), lease_ms)
            await store._check_version()
            try:
                yield store
            finally:
                await store._calls.close()
        finally:
            await client.aclose()

    async def _check_version(self) -> None:
        mine = {"version": SCHEMA, "partitions": self._keys.partitions}
        with translated():
            await self._redis.set(self._keys.schema, json.dumps(mine), nx=True)
            stored = json.loads(cast(str, await self._redis.get(self._keys.schema)))
        if stored != mine:
            raise StoreVersion(
                f"the data under '{self._keys.prefix}:' were written as {stored}, this version of Kefu reads {mine}; "
                "start the version that wrote them, or point KEFU_REDIS_URL at another database"
            )

    async def _call(self, name: str, keys: Sequence[str], *args: str | int | float) -> Any:
        with translated():
            return await self._calls.lua(name, keys, args)

    async def ping(self) -> None:
        with translated():
            await cast(Any, self._redis.ping())

    async def server(self) -> str:
        """The server's name and version, e.g. 'Valkey 9.1.2'."""
        with translated():
            info = await self._redis.info("server")
        if "valkey_version" in info:
            return f"Valkey {info['valkey_version']}"
        return f"Redis {info.get('redis_version', '?')}"

    @property
    def partitions(self) -> range:
        return range(self._keys.partitions)

    # ── the inbox ────────────────────────────────────────────────────────────────────────────────────────

    async def put(self, incoming: Incoming, merge_ms: int, retention: Retention) -> bool:
        """Store a message; False if its update was stored before."""
        conversation = incoming.address.id
        keys = self._keys.conversation(conversation)
        partition, address = self._keys.partition(conversation), incoming.address
        work = self._keys.work(partition, address.bot)
        stored = await self._call(
            "put",
            (keys.hash, keys.waiting, keys.seen, work.due, work.bell, self._heard(partition, address)),
            *(conversation, incoming.update, incoming.model_dump_json(exclude_defaults=True)),
            *(merge_ms, retention.ttl_ms, SEEN_MS, BELLS),
            *(incoming.heard_in, int(incoming.at.timestamp() * 1000), HEARD_MS),
        )
        return bool(stored == 1)

    def _heard(self, partition: int, address: Address) -> str:
        return self._keys.heard(partition, address.bot, address.platform)

    async def heard(self, bot: str, platform: str) -> dict[str, datetime]:
        """Channel → when the newest message that was stored from it was written."""
        newest: dict[str, datetime] = {}
        for partition in self.partitions:
            key = self._keys.heard(partition, bot, platform)
            with translated():
                stored = await cast(Any, self._redis.zrange(key, 0, -1, withscores=True))
            for channel, at in stored:
                written = datetime.fromtimestamp(at / 1000, UTC)
                newest[channel] = max(written, newest.get(channel, written))
        return newest

    async def withdraw(self, address: Address, message: str) -> int:
        """Its sender deleted a message: it is not answered, and forgotten. How many places it stood in."""
        keys = self._keys.conversation(address.id)
        return int(await self._call("withdraw", (keys.waiting, keys.log, keys.traces), message))

    async def moves(self, bot: str) -> dict[str, str]:
        """A group's old id → its new one."""
        with translated():
            return cast(dict[str, str], await cast(Any, self._redis.hgetall(self._keys.moves(bot))))

    async def moved(self, bot: str, old: str, new: str) -> None:
        with translated():
            await cast(Any, self._redis.hset(self._keys.moves(bot), old, new))

    # ── turns ────────────────────────────────────────────────────────────────────────────────────────────

    def work_queue(self, partition: int, bot: str) -> QueueKeys:
        return self._keys.work(partition, bot)

    def sending_queue(self, partition: int, bot: str, platform: str) -> QueueKeys:
        return self._keys.sending(partition, bot, platform)

    async def take_turns(
        self, partition: int, bot: str, limit: int, lines: int
    ) -> tuple[list[TakenTurn], float | None]:
        """Turns that are due, now under a lease and a new fence; and seconds until the next is due (0: one is)."""
        queue = self.work_queue(partition, bot)
        wait, taken = await self._call(
            "take", (queue.due, queue.bell, self._keys.conversations(partition)), limit, self.lease_ms, lines
        )
        return [TakenTurn(*one) for one in taken], None if wait < 0 else wait / 1000

    async def wait(self, queue: QueueKeys, seconds: float) -> None:
        """Sleep until the queue's bell rings, at most ``seconds`` (0.01 to 10)."""
        with translated():
            await cast(Any, self._redis.blpop([queue.bell], timeout=min(10.0, max(0.01, seconds))))

    async def renew_turn(self, turn: Turn) -> None:
        queue = self._keys.work(self._keys.partition(turn.conversation), turn.address.bot)
        await self._renew(turn.conversation, queue, "fence", turn.fence)

    async def _renew(self, conversation: str, queue: QueueKeys, field: str, fence: int) -> None:
        keys = self._keys.conversation(conversation)
        kept = await self._call("renew", (keys.hash, queue.due), conversation, field, fence, self.lease_ms)
        held(kept, conversation)

    async def retry_turn(self, turn: Turn, delay_s: float, attempts: int) -> None:
        """Hand a turn back; it is due again after ``delay_s``. Raises LeaseLost."""
        keys = self._keys.conversation(turn.conversation)
        work = self._keys.work(self._keys.partition(turn.conversation), turn.address.bot)
        done = await self._call(
            "retry",
            (keys.hash, work.due, work.bell),
            *(turn.conversation, turn.fence, int(delay_s * 1000), attempts, BELLS),
        )
        held(done, turn.conversation)

    async def commit(self, turn: Turn, outcome: Outcome, retention: Retention) -> None:
        """End a turn: history, reply, trace and state are written and its messages are done with, or nothing is.

        Raises LeaseLost if another worker has the conversation.
        """
        address, conversation = turn.address, turn.conversation
        partition = self._keys.partition(conversation)
        keys = self._keys.conversation(conversation)
        work = self._keys.work(partition, address.bot)
        sending = self._keys.sending(partition, address.bot, address.platform)
        trace = outcome.trace
        done = await self._call(
            "commit",
            (keys.hash, keys.waiting, keys.log, work.due, work.bell, keys.out, sending.due, sending.bell, keys.traces),
            *(conversation, turn.fence, len(turn.messages), retention.ttl_ms, retention.lines, int(outcome.erase)),
            outcome.reply.model_dump_json(exclude_defaults=True) if outcome.reply else "",
            trace.model_dump_json(exclude_defaults=True) if trace else "",
            *(TRACE_MS, outcome.state.model_dump_json(), BELLS),
            *(line.model_dump_json(exclude_defaults=True) for line in outcome.lines),
        )
        held(done, conversation)

    # ── the outbox ───────────────────────────────────────────────────────────────────────────────────────

    async def take_unsent(
        self, partition: int, bot: str, platform: str, limit: int
    ) -> tuple[list[TakenReply], float | None]:
        """The first reply of each outbox that is due, under a lease and a new fence; and seconds until the next is due."""
        queue = self.sending_queue(partition, bot, platform)
        wait, taken = await self._call(
            "unsent", (queue.due, queue.bell, self._keys.conversations(partition)), limit, self.lease_ms
        )
        return [TakenReply(*one) for one in taken], None if wait < 0 else wait / 1000

    async def renew_unsent(self, unsent: Unsent) -> None:
        address = unsent.reply.address
        queue = self._keys.sending(self._keys.partition(unsent.conversation), address.bot, address.platform)
        await self._renew(unsent.conversation, queue, "out_fence", unsent.fence)

    async def shown(self, unsent: Unsent, shown: Shown) -> None:
        """Record what is on the platform. Raises LeaseLost."""
        keys = self._keys.conversation(unsent.conversation)
        done = await self._call("shown", (keys.hash,), unsent.fence, shown.model_dump_json())
        held(done, unsent.conversation)

    async def sent(self, unsent: Unsent, shown: Shown, dead: DeadLetter | None = None) -> None:
        """The reply is done with: delivered as ``shown``, or dead. Raises LeaseLost."""
        address = unsent.reply.address
        keys = self._keys.conversation(unsent.conversation)
        queue = self._keys.sending(self._keys.partition(unsent.conversation), address.bot, address.platform)
        done = await self._call(
            "sent",
            (keys.hash, keys.out, queue.due, queue.bell, self._keys.dead(address)),
            *(unsent.conversation, unsent.fence, shown.model_dump_json()),
            *(dead.model_dump_json() if dead else "", DEAD_MS, BELLS),
        )
        held(done, unsent.conversation)

    async def postpone(self, unsent: Unsent, shown: Shown, delay_s: float) -> None:
        """The reply is due again after ``delay_s``. Raises LeaseLost."""
        address = unsent.reply.address
        keys = self._keys.conversation(unsent.conversation)
        queue = self._keys.sending(self._keys.partition(unsent.conversation), address.bot, address.platform)
        done = await self._call(
            "postpone",
            (keys.hash, queue.due, queue.bell),
            *(unsent.conversation, unsent.fence, int(delay_s * 1000), shown.model_dump_json(), BELLS),
        )
        held(done, unsent.conversation)

    async def dead_letters(self, address: Address) -> list[DeadLetter]:
        """Of the address's bot and platform, oldest first."""
        return await self._letters(self._keys.dead(address))

    async def all_dead_letters(self) -> list[DeadLetter]:
        """Of all bots and platforms, oldest first. Goes through all keys: for an operator, not for a turn."""
        lists: list[str] = []
        for partition in self.partitions:
            with translated():
                async for key in self._redis.scan_iter(f"{self._keys.all_dead(partition)}*", count=1000):
                    lists.append(key)
        letters = [letter for key in sorted(lists) for letter in await self._letters(key)]
        return sorted(letters, key=lambda letter: letter.at)

    async def _letters(self, key: str) -> list[DeadLetter]:
        with translated():
            letters = await cast(Any, self._redis.lrange(key, 0, -1))
        return [DeadLetter.model_validate_json(letter) for letter in letters]

    async def requeue(self, letter: DeadLetter) -> bool:
        """Send it again, from where it broke off. False: somebody else did, or dropped it."""
        again = letter.reply.model_copy(update={"sent": letter.sent})
        return await self._take_letter(letter, again.model_dump_json(exclude_defaults=True))

    async def drop(self, letter: DeadLetter) -> bool:
        """Forget it. False: it is gone already."""
        return await self._take_letter(letter, "")

    async def _take_letter(self, letter: DeadLetter, reply: str) -> bool:
        address = letter.reply.address
        keys = self._keys.conversation(address.id)
        queue = self._keys.sending(self._keys.partition(address.id), address.bot, address.platform)
        taken = await self._call(
            "requeue",
            (self._keys.dead(address), keys.hash, keys.out, queue.due, queue.bell),
            *(letter.reply.id, address.id, reply, DEAD_MS, BELLS),
        )
        return bool(taken)

    # ── drafts: what is being written right now ──────────────────────────────────────────────────────────

    async def publish(self, draft: Draft) -> None:
        channel = self._keys.drafts(draft.address.bot, draft.address.platform)
        with translated():
            await self._calls.command("PUBLISH", channel, draft.model_dump_json())

    async def drafts(self, bot: str, platform: str) -> AsyncIterator[Draft]:
        """Every draft from now on; a draft that nobody listens to is gone. Raises StoreUnavailable."""
        with translated():
            async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(self._keys.drafts(bot, platform))
                while True:
                    message = await subscription.get_message(timeout=10)
                    still_wanted()
                    if message is not None:
                        yield Draft.model_validate_json(message["data"])

    async def growing(self, address: Address) -> tuple[bool, Shown | None, str]:
        """Whether a finished reply waits to be sent, the message of one being written, and the id of the last sent one."""
        keys = self._keys.conversation(address.id)
        with translated():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.llen(keys.out)
                pipe.hmget(keys.hash, "draft", "delivered")
                unsent, (draft, delivered) = await pipe.execute()
        done = Shown.model_validate_json(delivered).reply if delivered else ""
        return bool(unsent), Shown.model_validate_json(draft) if draft else None, done

    async def drafted(self, draft: Draft, sent: str) -> None:
        """Record the platform message that shows a reply while it is being written."""
        keys = self._keys.conversation(draft.address.id)
        await self._call("drafted", (keys.hash,), Shown(reply=draft.reply, ids=(sent,)).model_dump_json())

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────

    async def history(self, address: Address, limit: int) -> tuple[list[Line], list[Incoming]]:
        """The newest lines of a conversation, and the messages that wait for an answer; both oldest first."""
        keys = self._keys.conversation(address.id)
        with translated():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.lrange(keys.log, -limit, -1)
                pipe.lrange(keys.waiting, 0, -1)
                log, waiting = await pipe.execute()
        return list(lines_of(log)), list(messages_of(waiting))

    async def trace(self, address: Address, trace: str) -> Trace | None:
        with translated():
            stored = await cast(Any, self._redis.lrange(self._keys.conversation(address.id).traces, 0, -1))
        traces = (Trace.model_validate_json(entry) for entry in reversed(stored))
        return next((found for found in traces if found.id == trace), None)


def held(done: int, conversation: str) -> None:
    if done != 1:
        raise LeaseLost(f"another process took over {conversation}")
