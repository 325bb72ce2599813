"""Every Redis key and every time to live, each odd one with its reason.

All keys of one conversation share one hash tag, ``{n}`` (its partition's), so that every change over several of them
is one atomic function also on a Redis Cluster. One partition is right for one server; the number is stored with the
data and cannot be changed under them.

    kefu:schema                      string  version and partitions of the data, and who brings them up to date just now
    kefu:{n}:ready:<bot>             zset    conversation → when it is due (ms): work that waits, or a lease that runs
    kefu:{n}:bell:<bot>              list    wakes an idle worker
    kefu:{n}:line:<bot>              zset    conversation that waits for a seat at the model → since when (ms)
    kefu:{n}:seats:<bot>             hash    worker → its seats and until when it counts as alive; how long one is held
    kefu:{n}:due:<bot>:<platform>    zset    conversation → when its outbox is due (ms)
    kefu:{n}:ring:<bot>:<platform>   list    wakes an idle sender
    kefu:{n}:unanswered:<bot>        zset    conversation → when something was asked in it that nobody could be told (ms)
    kefu:{n}:dead:<bot>:<platform>   list    replies that could not be delivered, with the reason
    kefu:{n}:count:<bot>:<platform>  hash    how many replies were delivered in another way than usual
    kefu:{n}:poke:<process>          list    ends the waiting of one process, so that it waits for more bells
    kefu:{n}:c:<conversation>        hash    what is known of the conversation, and its two fences
    kefu:{n}:c:<conversation>:in     list    messages that wait for an answer
    kefu:{n}:c:<conversation>:seen   zset    ids of the updates that were stored → when (ms)
    kefu:{n}:c:<conversation>:log    list    the history
    kefu:{n}:c:<conversation>:out    list    replies that wait to be sent
    kefu:{n}:c:<conversation>:traces list    how the answers came about
    kefu:{n}:claim:<consumer>        string  what a consumer took last: it may ask again, if the answer was lost
    kefu:{n}:heard:<bot>:<platform>  zset    channel → when the newest message stored from it was written (ms)
    kefu:moves:<bot>                 hash    a group's old id → its new one
    kefu:holder:<bot>:<platform>     string  the gateway that is connected, where a platform wants only one
    kefu:draft:<bot>:<platform>      channel what is being written right now (pub/sub, nothing is stored)
    kefu:relay:<bot>:<platform>      channel what the gateways of a platform tell each other (pub/sub)
    kefu:person:<bot>:<keyed hash>   string  what a person said yes to being remembered of them
    kefu:hash-key                    string  the key of that hash
    kefu:news:<bot>                  channel conversations with news while a worker has them; partitions with a line
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from core.messages import Address

SCHEMA = 2

# A platform repeats an update for at most a day (Telegram keeps unfetched updates for 24 hours); a week leaves room
# for an operator who restores an old backup of a gateway.
SEEN_MS = 7 * 24 * 3600 * 1000
# Long enough to explain an answer that a shopper complains about at the end of the month.
TRACE_MS = 30 * 24 * 3600 * 1000
# An undelivered reply is worth nothing after a week, but somebody must have had the chance to see it.
DEAD_MS = 7 * 24 * 3600 * 1000
# Long enough to compare this month with the last one; it begins anew with each further one.
COUNTS_MS = 62 * 24 * 3600 * 1000
# A channel is read again for what was written in the last day; later nobody waits for an answer any more.
HEARD_MS = 2 * 24 * 3600 * 1000
# Who comes back for a birthday or for Christmas comes back within a year and a month; it begins anew each time.
PERSON_MS = 400 * 24 * 3600 * 1000
# A worker renews three times within a lease; a dead one's conversation goes on elsewhere after it.
LEASE_MS = 10_000
# A consumer that was cut off asks again as soon as the store is back; later others have what it took.
CLAIM_MS = 10 * 60 * 1000
# A worker says every two seconds that its seats are there; one that died is soon not counted on any more.
SEATS_ALIVE_MS = 15_000
# How long a seat is held is worth knowing after a quiet week, too.
SEATS_MS = 30 * 24 * 3600 * 1000
# A gateway that says nothing for so long has died, and another one connects; it renews three times within it.
HOLD_MS = 6000
# A bell is only a wake-up: more than one for each idle worker is noise.
BELLS = 16
# A poke that came too late is noise, too.
POKE_MS = 60 * 1000
# The tags of a cluster's 16 partitions: their slots lie in the middle of each sixteenth of all slots, so that the masters
# of a cluster, which have a range of slots each, get as many partitions as the others, give or take one.
CLUSTER_TAGS = tuple("18 455 333 223 553 443 95 663 265 375 908 155 985 895 405 515".split())


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
    """A queue of conversations: those that wait for a worker, or those that wait for a sender.

    ``poke``: what the keys in its slot begin with that wake a process, and not for work.
    """

    due: str
    bell: str
    poke: str


@dataclass(frozen=True, slots=True)
class Keys:
    prefix: str = "kefu"
    partitions: int = 1

    @property
    def schema(self) -> str:
        return f"{self.prefix}:schema"

    def _base(self, partition: int) -> str:
        tag = CLUSTER_TAGS[partition] if self.partitions == len(CLUSTER_TAGS) else str(partition)
        return f"{self.prefix}:{{{tag}}}"

    def partition(self, conversation: str) -> int:
        return zlib.crc32(conversation.encode()) % self.partitions

    def conversations(self, partition: int) -> str:
        """What the keys of the partition's conversations begin with."""
        return f"{self._base(partition)}:c:"

    def conversation(self, conversation: str) -> ConversationKeys:
        base = f"{self.conversations(self.partition(conversation))}{conversation}"
        return ConversationKeys(base, f"{base}:in", f"{base}:seen", f"{base}:log", f"{base}:out", f"{base}:traces")

    def work(self, partition: int, bot: str) -> QueueKeys:
        base = self._base(partition)
        return QueueKeys(f"{base}:ready:{bot}", f"{base}:bell:{bot}", f"{base}:poke:")

    def line(self, partition: int, bot: str) -> str:
        return f"{self._base(partition)}:line:{bot}"

    def seats(self, partition: int, bot: str) -> str:
        return f"{self._base(partition)}:seats:{bot}"

    def unanswered(self, partition: int, bot: str) -> str:
        return f"{self._base(partition)}:unanswered:{bot}"

    def sending(self, partition: int, bot: str, platform: str) -> QueueKeys:
        base = self._base(partition)
        return QueueKeys(f"{base}:due:{bot}:{platform}", f"{base}:ring:{bot}:{platform}", f"{base}:poke:")

    def claim(self, partition: int, consumer: str) -> str:
        return f"{self._base(partition)}:claim:{consumer}"

    def dead(self, address: Address) -> str:
        return f"{self.all_dead(self.partition(address.id))}{address.bot}:{address.platform}"

    def all_dead(self, partition: int) -> str:
        """What the partition's lists of dead letters begin with."""
        return f"{self._base(partition)}:dead:"

    @property
    def every_dead(self) -> str:
        """A glob for SCAN; it may find other keys, too."""
        return f"{self.prefix}:{{*}}:dead:*"

    def counts(self, address: Address) -> str:
        return f"{self._base(self.partition(address.id))}:count:{address.bot}:{address.platform}"

    @property
    def every_count(self) -> str:
        """A glob for SCAN, as the next one."""
        return f"{self.prefix}:{{*}}:count:*"

    @property
    def every_conversation(self) -> str:
        return f"{self.prefix}:{{*}}:c:*"

    def heard(self, partition: int, bot: str, platform: str) -> str:
        return f"{self._base(partition)}:heard:{bot}:{platform}"

    def moves(self, bot: str) -> str:
        """Without a time to live: a group that moved has moved for good."""
        return f"{self.prefix}:moves:{bot}"

    def drafts(self, bot: str, platform: str) -> str:
        return f"{self.prefix}:draft:{bot}:{platform}"

    def holder(self, bot: str, platform: str) -> str:
        return f"{self.prefix}:holder:{bot}:{platform}"

    def relay(self, bot: str, platform: str) -> str:
        return f"{self.prefix}:relay:{bot}:{platform}"

    def person(self, bot: str, hashed: str) -> str:
        return f"{self.prefix}:person:{bot}:{hashed}"

    @property
    def hash_key(self) -> str:
        """Without a time to live: with another key nobody would be found again."""
        return f"{self.prefix}:hash-key"

    def news(self, bot: str) -> str:
        return f"{self.prefix}:news:{bot}"
