"""What the store hands out and takes back: a turn to answer, a reply to send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from core.messages import Address, Incoming, Kind, Line, Reply, Value, now, stable_id


class State(Value):
    """What is known of a conversation between its turns. Stored as JSON; ``version`` is its schema's."""

    version: int = 1
    language: str = ""
    language_chosen: bool = False
    persona: str = ""
    greeted: bool = False
    wants_person: bool = False
    last_speaker: str = ""


class Turn(Value):
    """All messages of one conversation that wait, claimed under a fence.

    ``attempts``: how often the model has failed on it; ``deaths``: how many workers have died over it.
    """

    conversation: str
    fence: int
    attempts: int
    deaths: int = 0
    state: State
    history: tuple[Line, ...]
    messages: tuple[Incoming, ...]

    @property
    def address(self) -> Address:
        return self.messages[0].address

    @property
    def reply_id(self) -> str:
        """The same turn answered again after a crash has the same id, so its draft is edited, not repeated."""
        return stable_id(self.conversation, self.messages[0].update)


def one_turn(waiting: Sequence[Incoming]) -> tuple[Incoming, ...]:
    """Of what waits, the part that is answered together: one command, or all messages before the next command."""
    if waiting[0].kind is Kind.COMMAND:
        return (waiting[0],)
    commands = (index for index, message in enumerate(waiting) if message.kind is Kind.COMMAND)
    return tuple(waiting[: next(commands, len(waiting))])


class TracePassage(Value):
    id: str
    score: float


class Trace(Value):
    """How an answer came about: enough to explain and to replay it."""

    id: str
    reply: str
    persona: str
    persona_version: str
    rung: str
    question: str
    language: str
    passages: tuple[TracePassage, ...] = ()
    model: str = ""
    model_digest: str = ""
    prompt_digest: str = ""
    seed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    queued_s: float = 0.0
    first_token_s: float = 0.0
    total_s: float = 0.0
    rejected: str = ""
    findings: tuple[str, ...] = ()


class Outcome(Value):
    """What a turn came to: lines for the history, perhaps a reply, and the state for the next turn."""

    state: State
    lines: tuple[Line, ...]
    reply: Reply | None = None
    trace: Trace | None = None
    erase: bool = False


class Shown(Value):
    """What of a reply is on the platform already."""

    reply: str
    ids: tuple[str, ...] = ()
    attempts: int = 0


class Unsent(Value):
    """The reply to send next in one conversation, claimed under a fence."""

    conversation: str
    fence: int
    reply: Reply
    shown: Shown


class DeadLetter(Value):
    """A reply that could not be delivered. ``sent``: the platform's ids of those of its parts that were."""

    reply: Reply
    reason: str
    sent: tuple[str, ...] = ()
    at: datetime = Field(default_factory=now)
