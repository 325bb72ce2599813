"""The store: typed stubs for the Lua functions in core/lua, over one Redis or Valkey.

Each change over several keys is one function and so is atomic. Every method raises StoreUnavailable when Redis
cannot be reached, is loading, read-only or full; nothing is half-written then.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self, TypeVar, cast
from uuid import uuid4

from core.bells import WAIT_S, Bells
from core.calls import Calls
from core.claim import Claim
from core.errors import StoreUnavailable, TurnChanged
from core.keys import (
    BELLS,
    CLAIM_MS,
    COUNTS_MS,
    DEAD_MS,
    HEARD_MS,
    LEASE_MS,
    SEEN_MS,
    TRACE_MS,
    Keys,
    QueueKeys,
)
from core.lease import held
from core.messages import Address, Draft, Incoming, Line
from core.migrate import loaded, up_to_date
from core.people import StoredPeople
from core.record import Records
from core.servers import Servers, open_servers
from core.state import Beginning, Closed, DeadLetter, Outcome, Shown, Trace, Turn, Unsent
from core.stored_line import StoredLine
from core.taken import TakenReply, TakenTurn, lines_of, messages_of
from core.translate import still_wanted, translated
from core.unanswered.stored import StoredUnanswered, is_unanswered

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much of a conversation is kept; set by each bot."""

    ttl_ms: int
    lines: int


class Store:
    def __init__(self, servers: Servers, keys: Keys, lease_ms: int = LEASE_MS) -> None:
        self._servers = servers
        self._keys = keys
        self.lease_ms = lease_ms
        self._calls = Calls(servers)
        self._bells = Bells(servers, self._calls, shared=keys.partitions > 1)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, prefix: str = "kefu", lease_ms: int = LEASE_MS) -> AsyncIterator[Self]:
        """Connect, bring what is stored up to date, close at the end. A server that still reads its file is waited for;
        all else that keeps us from it is raised at once."""
        async with open_servers(url) as servers:
            keys = await loaded(partial(up_to_date, servers, Keys(prefix, servers.partitions), lease_ms))
            store = cls(servers, keys, lease_ms)
            try:
                yield store
            finally:
                await store._bells.close()

    async def _call(self, name: str, keys: Sequence[str], *args: str | int | float) -> Any:
        return await self._asked(self._calls.lua(name, keys, args))

    async def _ask(self, name: str, key: str, *args: str | int, **options: bool) -> Any:
        """A command of one key."""
        return await self._asked(self._calls.command(name, key, *args, key=key, **options))

    async def _asked(self, answer: Awaitable[Result]) -> Result:
        try:
            with translated():
                return await answer
        except StoreUnavailable as error:
            await self._servers.doubt(error)
            raise

    async def ping(self) -> None:
        for server in self._servers.masters:
            await self._asked(server.client.ping())

    async def server(self) -> str:
        """The server's name and version, e.g. 'Valkey 9.1.2'; of a cluster also the number of its masters."""
        info = await self._asked(self._servers.some().client.info("server"))
        name = (
            f"Valkey {info['valkey_version']}"
            if "valkey_version" in info
            else f"Redis {info.get('redis_version', '?')}"
        )
        masters = len(self._servers.masters)
        return name if masters == 1 else f"{name}, a cluster of {masters} masters"

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
            *(conversation, incoming.update, incoming.to_json()),
            *(merge_ms, retention.ttl_ms, SEEN_MS, BELLS),
            *(incoming.heard_in, int(incoming.at.timestamp() * 1000), HEARD_MS, self._keys.news(address.bot)),
        )
        return bool(stored == 1)

    def _heard(self, partition: int, address: Address) -> str:
        return self._keys.heard(partition, address.bot, address.platform)

    async def heard(self, bot: str, platform: str) -> dict[str, datetime]:
        """Channel → when the newest message that was stored from it was written."""
        newest: dict[str, datetime] = {}
        for partition in self.partitions:
            key = self._keys.heard(partition, bot, platform)
            stored = await self._ask("ZRANGE", key, 0, -1, "WITHSCORES", withscores=True)
            for channel, at in stored:
                written = datetime.fromtimestamp(at / 1000, UTC)
                newest[channel] = max(written, newest.get(channel, written))
        return newest

    async def withdraw(self, address: Address, message: str) -> int:
        """Its sender deleted a message: it is not answered, and forgotten. How many places it stood in."""
        keys = self._keys.conversation(address.id)
        return int(
            await self._call(
                "withdraw",
                (keys.waiting, keys.log, keys.traces, keys.hash),
                *(message, address.id, self._keys.news(address.bot)),
            )
        )

    async def moves(self, bot: str) -> dict[str, str]:
        """A group's old id → its new one."""
        return cast(dict[str, str], await self._ask("HGETALL", self._keys.moves(bot)))

    async def moved(self, bot: str, old: str, new: str) -> None:
        await self._ask("HSET", self._keys.moves(bot), old, new)

    # ── turns ────────────────────────────────────────────────────────────────────────────────────────────

    def partition(self, turn: Turn) -> int:
        return self._keys.partition(turn.conversation)

    def work_queue(self, partition: int, bot: str) -> QueueKeys:
        return self._keys.work(partition, bot)

    def sending_queue(self, partition: int, bot: str, platform: str) -> QueueKeys:
        return self._keys.sending(partition, bot, platform)

    async def take_turns(
        self, partition: int, bot: str, limit: int, lines: int, claim: Claim | None = None, after_s: float = 0.0
    ) -> tuple[list[TakenTurn], float | None]:
        """Turns that are due, now under a lease and a new fence; and seconds until the next is due (0: one is).

        With the same ``claim``, the turns of a call whose answer was lost are given again. ``after_s``: when the bell
        rings, or then.
        """
        wait, taken = await self._take(partition, bot, limit, lines, claim or Claim(), after_s, seated=False)
        return taken, None if wait < 0 else wait / 1000

    async def take_seated(
        self, partition: int, bot: str, limit: int, lines: int, claim: Claim | None = None
    ) -> tuple[list[TakenTurn], int]:
        """Of those who wait for a seat at the model, the longest waiting, as take_turns(); and how many are left."""
        left, taken = await self._take(partition, bot, limit, lines, claim or Claim(), 0.0, seated=True)
        return taken, left

    async def _take(
        self, partition: int, bot: str, limit: int, lines: int, claim: Claim, after_s: float, *, seated: bool
    ) -> tuple[int, list[TakenTurn]]:
        queue = self.work_queue(partition, bot)
        keys = (*self._taking(queue, partition, claim), self._keys.line(partition, bot))
        args = (limit, self.lease_ms, lines, claim.number, CLAIM_MS, int(seated))
        number, taken = await self._after(queue, after_s, "take", keys, *args)
        claim.number += 1
        return number, [TakenTurn(*one) for one in taken]

    def _taking(self, queue: QueueKeys, partition: int, claim: Claim) -> Sequence[str]:
        return queue.due, queue.bell, self._keys.conversations(partition), self._keys.claim(partition, claim.name)

    async def release_turns(self, partition: int, bot: str, claim: Claim) -> int:
        """Who took is stopped before an answer came: what was taken is due again at once. How many there were."""
        return await self._release(self.work_queue(partition, bot), partition, claim, "fence")

    async def release_unsent(self, partition: int, bot: str, platform: str, claim: Claim) -> int:
        return await self._release(self.sending_queue(partition, bot, platform), partition, claim, "out_fence")

    async def _release(self, queue: QueueKeys, partition: int, claim: Claim, field: str) -> int:
        keys = (self._keys.claim(partition, claim.name), queue.due, queue.bell, self._keys.conversations(partition))
        return int(await self._call("release", keys, claim.number, field, BELLS))

    async def _after(
        self, queue: QueueKeys, seconds: float, name: str, keys: Sequence[str], *args: str | int | float
    ) -> Any:
        """As _call(), when the queue's bell rings, or after ``seconds`` (0: now)."""
        if not seconds:
            return await self._call(name, keys, *args)
        return await self._asked(self._bells.then(queue, min(WAIT_S, max(0.01, seconds)), name, keys, args))

    async def overdue_s(self, queues: Sequence[QueueKeys]) -> float:
        """For how long what is longest due in any of ``queues`` has not been taken; 0: nothing is due."""
        seconds, micros = await self._asked(self._calls.command("TIME"))
        first = await asyncio.gather(*(self._ask("ZRANGE", q.due, 0, 0, "WITHSCORES", withscores=True) for q in queues))
        due = [score / 1000 for entries in first for _, score in entries]
        return max(0.0, int(seconds) + int(micros) / 1e6 - min(due)) if due else 0.0

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

    async def reread(self, turn: Turn, lines: int) -> Turn:
        """The turn as it stands now: more may wait, some may be withdrawn. Raises LeaseLost."""
        keys = self._keys.conversation(turn.conversation)
        found = await self._call("reread", (keys.hash, keys.waiting, keys.log), turn.fence, lines)
        held(0 if found is None else 1, turn.conversation)
        return TakenTurn(turn.conversation, turn.fence, *found).read()

    async def commit(self, turn: Turn, outcome: Outcome, retention: Retention, held_s: float | None = None) -> None:
        """End a turn: history, reply, trace and state are written and its messages are done with, or nothing is.

        ``held_s``: how long it held a seat at the model; None: it had none.
        Raises LeaseLost if another worker has the conversation, TurnChanged if something was withdrawn since the turn
        was read.
        """
        address, conversation = turn.address, turn.conversation
        partition = self._keys.partition(conversation)
        keys = self._keys.conversation(conversation)
        work = self._keys.work(partition, address.bot)
        sending = self._keys.sending(partition, address.bot, address.platform)
        trace = outcome.trace
        done = await self._call(
            "commit",
            (
                *(keys.hash, keys.waiting, keys.log, work.due, work.bell, keys.out, sending.due, sending.bell),
                *(keys.traces, self._keys.line(partition, address.bot), self._keys.seats(partition, address.bot)),
                self._keys.unanswered(partition, address.bot),
            ),
            *(conversation, turn.fence, len(turn.messages), retention.ttl_ms, retention.lines, int(outcome.erase)),
            outcome.reply.to_json() if outcome.reply else "",
            trace.to_json() if trace else "",
            *(TRACE_MS, outcome.state.to_json(), BELLS, turn.withdrawn),
            *("" if held_s is None else int(held_s * 1000), told_after(turn, outcome), int(is_unanswered(trace))),
            *(line.to_json() for line in outcome.lines),
        )
        if done == 2:
            raise TurnChanged(f"something was withdrawn in {conversation}")
        held(done, conversation)

    # ── the outbox ───────────────────────────────────────────────────────────────────────────────────────

    async def take_unsent(
        self, partition: int, bot: str, platform: str, limit: int, claim: Claim | None = None, after_s: float = 0.0
    ) -> tuple[list[TakenReply], float | None]:
        """The first reply of each outbox that is due, under a lease and a new fence; and seconds until the next is due.

        With the same ``claim``, the replies of a call whose answer was lost are given again. ``after_s``: as take_turns().
        """
        queue, claim = self.sending_queue(partition, bot, platform), claim or Claim()
        keys, args = self._taking(queue, partition, claim), (limit, self.lease_ms, claim.number, CLAIM_MS)
        wait, taken = await self._after(queue, after_s, "unsent", keys, *args)
        claim.number += 1
        return [TakenReply(*one) for one in taken], None if wait < 0 else wait / 1000

    async def renew_unsent(self, unsent: Unsent) -> None:
        address = unsent.reply.address
        queue = self._keys.sending(self._keys.partition(unsent.conversation), address.bot, address.platform)
        await self._renew(unsent.conversation, queue, "out_fence", unsent.fence)

    async def shown(self, unsent: Unsent, shown: Shown) -> None:
        """Record what is on the platform. Raises LeaseLost."""
        keys = self._keys.conversation(unsent.conversation)
        done = await self._call("shown", (keys.hash,), unsent.fence, shown.to_json())
        held(done, unsent.conversation)

    async def sent(
        self, unsent: Unsent, shown: Shown, dead: DeadLetter | None = None, closed: Closed | None = None
    ) -> None:
        """The reply is done with: delivered as ``shown``, or dead; its line of the history says so if that is unusual.

        ``closed``: the chat cannot be written to until somebody writes in it. Raises LeaseLost.
        """
        address = unsent.reply.address
        keys = self._keys.conversation(unsent.conversation)
        queue = self._keys.sending(self._keys.partition(unsent.conversation), address.bot, address.platform)
        done = await self._call(
            "sent",
            (keys.hash, keys.out, queue.due, queue.bell, self._keys.dead(address), self._keys.counts(address)),
            *(unsent.conversation, unsent.fence, shown.to_json()),
            *(dead.to_json() if dead else "", DEAD_MS, BELLS, *delivery_of(unsent, shown, dead)),
            *(closed.to_json() if closed else "", COUNTS_MS),
        )
        held(done, unsent.conversation)

    async def postpone(self, unsent: Unsent, shown: Shown, delay_s: float) -> None:
        """The reply is due again after ``delay_s``. Unless a part of it is ``shown`` as unanswered, it is known to the next
        sender that nothing more of it arrived. Raises LeaseLost."""
        address = unsent.reply.address
        keys = self._keys.conversation(unsent.conversation)
        queue = self._keys.sending(self._keys.partition(unsent.conversation), address.bot, address.platform)
        done = await self._call(
            "postpone",
            (keys.hash, queue.due, queue.bell),
            *(unsent.conversation, unsent.fence, int(delay_s * 1000), shown.to_json()),
            *(BELLS, int(bool(shown.unanswered))),
        )
        held(done, unsent.conversation)

    async def dead_letters(self, address: Address) -> list[DeadLetter]:
        """Of the address's bot and platform, oldest first."""
        return await self._letters(self._keys.dead(address))

    async def all_dead_letters(self) -> list[DeadLetter]:
        """Of all bots and platforms, oldest first. Goes through all keys: for an operator, not for a turn."""
        known = tuple(self._keys.all_dead(partition) for partition in self.partitions)
        lists: set[str] = set()  # one that moves to another master meanwhile may be found on both
        for server in self._servers.masters:
            with translated():
                async for key in server.client.scan_iter(self._keys.every_dead, count=1000):
                    lists.update([key] if key.startswith(known) else [])
        letters = [letter for key in sorted(lists) for letter in await self._letters(key)]
        return sorted(letters, key=lambda letter: letter.at)

    async def _letters(self, key: str) -> list[DeadLetter]:
        letters = await self._ask("LRANGE", key, 0, -1)
        return [DeadLetter.from_json(letter) for letter in letters]

    async def requeue(self, letter: DeadLetter) -> bool:
        """Send it again, from where it broke off. False: somebody else did, or dropped it."""
        again = letter.reply.replace(sent=letter.sent, again=True, doubtful=letter.doubtful)
        return await self._take_letter(letter, again.to_json())

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
        await self._asked(self._calls.command("PUBLISH", channel, draft.to_json()))

    async def drafts(self, bot: str, platform: str) -> AsyncIterator[Draft]:
        """Every draft from now on; a draft that nobody listens to is gone. Raises StoreUnavailable."""
        async with aclosing(self._published(self._keys.drafts(bot, platform))) as published:
            async for draft in published:
                yield Draft.from_json(draft)

    async def news(self, bot: str) -> AsyncGenerator[str | int, None]:
        """From now on: each conversation in which something is said or withdrawn while a worker has it; each partition
        in whose line for the model somebody stands. Raises StoreUnavailable; what is published until somebody listens
        again is not heard."""
        async with aclosing(self._published(self._keys.news(bot))) as published:
            async for news in published:
                yield int(news) if news.isdecimal() else news

    async def hold(self, bot: str, platform: str, me: str, hold_ms: int, dead: str) -> str:
        """Be the gateway of a platform that wants only one, for so long: empty, or who is. ``dead``: who is no more."""
        return str(await self._call("hold", (self._keys.holder(bot, platform),), me, hold_ms, dead))

    async def let_go(self, bot: str, platform: str, me: str) -> None:
        await self._call("let_go", (self._keys.holder(bot, platform),), me)

    async def relay(self, bot: str, platform: str, notice: str) -> None:
        await self._asked(self._calls.command("PUBLISH", self._keys.relay(bot, platform), notice))

    def relayed(self, bot: str, platform: str) -> AsyncGenerator[str, None]:
        return self._published(self._keys.relay(bot, platform))

    async def _published(self, channel: str) -> AsyncGenerator[str, None]:
        with translated():
            async with self._servers.some().client.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(channel)
                while True:
                    message = await subscription.get_message(timeout=10)
                    still_wanted()
                    if message is not None:
                        yield message["data"]

    async def begin_draft(self, draft: Draft) -> Beginning:
        """Before the first draft of a reply is sent: how it stands. If it does not, it is marked as begun now."""
        keys = self._keys.conversation(draft.address.id)
        mark = json.dumps({"reply": draft.reply, "by": uuid4().hex})  # a Shown without ids
        what, *known = await self._call("begin", (keys.hash, keys.out), draft.reply, mark)
        match what:
            case "send":
                return Beginning()
            case "edit":
                return Beginning(sent=Shown.from_json(known[0]).ids[0])
            case "begun":
                return Beginning(unanswered_s=known[0] / 1000)
        return Beginning(wanted=False)

    async def drafted(self, draft: Draft, sent: str) -> None:
        """Record the platform message that shows a reply while it is being written; empty: its first draft was not taken."""
        keys = self._keys.conversation(draft.address.id)
        shown = Shown(reply=draft.reply, ids=(sent,)).to_json() if sent else ""
        await self._call("drafted", (keys.hash,), draft.reply, shown)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────

    async def history(self, address: Address, limit: int) -> tuple[list[Line], list[Incoming]]:
        """The newest lines of a conversation, and the messages that wait for an answer; both oldest first."""
        keys = self._keys.conversation(address.id)
        log, waiting = await self._call("history", (keys.log, keys.waiting), limit)
        return list(lines_of(log)), list(messages_of(waiting))

    @property
    def line(self) -> StoredLine:
        """Those who wait for a seat at the model."""
        return StoredLine(self._call, self._ask, self._keys)

    @property
    def people(self) -> StoredPeople:
        """What persons wanted to be remembered of them."""
        return StoredPeople(self._ask, self._keys)

    @property
    def unanswered(self) -> StoredUnanswered:
        """For whoever writes the approved answers."""
        return StoredUnanswered(self._ask, self._keys)

    @property
    def records(self) -> Records:
        """For an operator."""
        return Records(self._servers, self._calls, self._keys)

    async def trace(self, address: Address, trace: str) -> Trace | None:
        stored = await self._ask("LRANGE", self._keys.conversation(address.id).traces, 0, -1)
        traces = (Trace.from_json(entry) for entry in reversed(stored))
        return next((found for found in traces if found.id == trace), None)


def delivery_of(unsent: Unsent, shown: Shown, dead: DeadLetter | None) -> tuple[str, str]:
    """What the line of the reply says of its delivery, and why; mostly nothing."""
    if dead is not None:
        return "failed", dead.reason
    if shown.doubtful:
        return "ambiguous", shown.doubtful
    return ("sent" if unsent.reply.again else ""), ""


def told_after(turn: Turn, outcome: Outcome) -> int:
    """After how many lines of the turn the shopper was told of the wait."""
    return sum(line.at <= turn.told.at for line in outcome.lines) if turn.told else 0
