"""Every Redis key and every time to live, each odd one with its reason.

All keys of one conversation share one hash tag, ``{n}`` (its partition), so that every change over several of them
is one atomic function also on a Redis Cluster. One partition is right for one server; the number is stored with the
data and cannot be changed under them.

    kefu:schema                      string  version and partitions of the data
    kefu:{n}:ready:<bot>             zset    conversation → when it is due (ms): work that waits, or a lease that runs
    kefu:{n}:bell:<bot>              list    wakes an idle worker
    kefu:{n}:due:<bot>:<platform>    zset    conversation → when its outbox is due (ms)
    kefu:{n}:ring:<bot>:<platform>   list    wakes an idle sender
    kefu:{n}:dead:<bot>:<platform>   list    replies that could not be delivered, with the reason
    kefu:{n}:c:<conversation>        hash    what is known of the conversation, and its two fences
    kefu:{n}:c:<conversation>:in     list    messages that wait for an answer
    kefu:{n}:c:<conversation>:seen   zset    ids of the updates that were stored → when (ms)
    kefu:{n}:c:<conversation>:log    list    the history
    kefu:{n}:c:<conversation>:out    list    replies that wait to be sent
    kefu:{n}:c:<conversation>:traces list    how the answers came about
    kefu:{n}:heard:<bot>:<platform>  zset    channel → when the newest message stored from it was written (ms)
    kefu:moves:<bot>                 hash    a group's old id → its new one
    kefu:draft:<bot>:<platform>      channel what is being written right now (pub/sub, nothing is stored)
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from core.messages import Address

SCHEMA = 1

# A platform repeats an update for at most a day (Telegram keeps unfetched updates for 24 hours); a week leaves room
# for an operator who restores an old backup of a gateway.
SEEN_MS = 7 * 24 * 3600 * 1000
# Long enough to explain an answer that a shopper complains about at the end of the month.
TRACE_MS = 30 * 24 * 3600 * 1000
# An undelivered reply is worth nothing after a week, but somebody must have had the chance to see it.
DEAD_MS = 7 * 24 * 3600 * 1000
# A channel is read again for what was written in the last day; later nobody waits for an answer any more.
HEARD_MS = 2 * 24 * 3600 * 1000
# A worker renews three times within a lease; a dead one's conversation goes on elsewhere after it.
LEASE_MS = 10_000
# A bell is only a wake-up: more than one for each idle worker is noise.
BELLS = 16


@dataclass(frozen=True, slots=True)
class ConversationKeys:
    hash: str
    waiting: str
    seen: str
    log: str
    out: str
    traces: str


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """A queue of conversations: those that wait for a worker, or those that wait for a sender."""

    due: str
    bell: str


@dataclass(frozen=True, slots=True)
class Keys:
    prefix: str = "kefu"
    partitions: int = 1

    @property
    def schema(self) -> str:
        return f"{self.prefix}:schema"

    def partition(self, conversation: str) -> int:
        return zlib.crc32(conversation.encode()) % self.partitions

    def conversations(self, partition: int) -> str:
        """What the keys of the partition's conversations begin with."""
        return f"{self.prefix}:{{{partition}}}:c:"

    def conversation(self, conversation: str) -> ConversationKeys:
        base = f"{self.conversations(self.partition(conversation))}{conversation}"
        return ConversationKeys(base, f"{base}:in", f"{base}:seen", f"{base}:log", f"{base}:out", f"{base}:traces")

    def work(self, partition: int, bot: str) -> QueueKeys:
        base = f"{self.prefix}:{{{partition}}}"
        return QueueKeys(f"{base}:ready:{bot}", f"{base}:bell:{bot}")

    def sending(self, partition: int, bot: str, platform: str) -> QueueKeys:
        base = f"{self.prefix}:{{{partition}}}"
        return QueueKeys(f"{base}:due:{bot}:{platform}", f"{base}:ring:{bot}:{platform}")

    def dead(self, address: Address) -> str:
        return f"{self.all_dead(self.partition(address.id))}{address.bot}:{address.platform}"

    def all_dead(self, partition: int) -> str:
        """What the partition's lists of dead letters begin with."""
        return f"{self.prefix}:{{{partition}}}:dead:"

    def heard(self, partition: int, bot: str, platform: str) -> str:
        return f"{self.prefix}:{{{partition}}}:heard:{bot}:{platform}"

    def moves(self, bot: str) -> str:
        """Without a time to live: a group that moved has moved for good."""
        return f"{self.prefix}:moves:{bot}"

    def drafts(self, bot: str, platform: str) -> str:
        return f"{self.prefix}:draft:{bot}:{platform}"
