"""When an answer gets a thread of its own: decided when the question arrives, so that its address never changes.

A thread that is opened from a message has that message's id. So the address of the conversation is known
before the thread exists, and adapters.discord.sender opens it when the first answer is sent.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import discord

Policy = Literal["never", "busy", "always"]

BUSY = timedelta(minutes=1)
_CHANNELS = 2000  # remembered at once; the one that was silent longest is forgotten
_NOTES = 50  # per channel: the newest are enough to see that it is busy
_DECISIONS = 5000


@dataclass(frozen=True, slots=True)
class _Note:
    message: int
    author: int
    at: datetime


class Threads:
    """Remembers who wrote where in the last minute, and what was decided for each message.

    The decision looks at the messages' own times and is kept: a duplicate or an edit of a message gets
    the same address. In a new process an edit is still told by the thread that then exists.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._notes: OrderedDict[int, deque[_Note]] = OrderedDict()
        self._decided: OrderedDict[int, str] = OrderedDict()

    def note(self, message: discord.Message) -> None:
        """Remember that a person wrote. Call it for each message before the next one's decision."""
        notes = self._notes.setdefault(message.channel.id, deque(maxlen=_NOTES))
        self._notes.move_to_end(message.channel.id)
        notes.append(_Note(message.id, message.author.id, message.created_at))
        if len(self._notes) > _CHANNELS:
            self._notes.popitem(last=False)

    def thread(self, message: discord.Message, addressed: bool, me: discord.abc.Snowflake) -> str:
        """The id of the thread for the answer; empty: the answer stands where the question does."""
        if not addressed or not isinstance(message.channel, discord.TextChannel):
            return ""
        if message.id not in self._decided:
            self._decided[message.id] = str(message.id) if self._wanted(message, me) else ""
            if len(self._decided) > _DECISIONS:
                self._decided.popitem(last=False)
        return self._decided[message.id]

    def _wanted(self, message: discord.Message, me: discord.abc.Snowflake) -> bool:
        if message.flags.has_thread:
            return message.thread is not None and message.thread.owner_id == me.id
        if self._policy == "busy":
            return self._busy(message)
        return self._policy == "always"

    def _busy(self, message: discord.Message) -> bool:
        return any(
            note.author != message.author.id and timedelta() <= message.created_at - note.at <= BUSY
            for note in self._notes.get(message.channel.id, ())
            if note.message != message.id
        )
