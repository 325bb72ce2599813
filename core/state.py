"""What the store hands out and takes back: a turn to answer, a reply to send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.lookups.state import Looking
from core.messages import Address, Incoming, Kind, Line, Reply, now, stable_id
from core.recommend.wishes import Wishes
from core.value import Value


class State(Value, frozen=True, kw_only=True, omit_defaults=False):  # its version is always written
    """What is known of a conversation between its turns. Stored as JSON; ``version`` is its schema's."""

    version: int = 1
    language: str = ""
    language_chosen: bool = False
    persona: str = ""
    greeted: bool = False
    wants_person: bool = False
    # Something that was said is urgent, or a complaint.
    urgent: bool = False
    last_speaker: str = ""
    # A look-up that was begun, and what it found.
    looking: Looking | None = None
    # The product that is looked for, and what was shown.
    wishes: Wishes | None = None


class Turn(Value, frozen=True, kw_only=True):
    """All messages of one conversation that wait, claimed under a fence.

    ``attempts``: how often the model has failed on it; ``deaths``: how many workers have died over it; ``merged``: how
    often what was added has joined it; ``withdrawn``: how often something was, as its worker knows; ``drafted``: a part
    of an answer to it may be seen on the platform already; ``told``: what the shopper was told of the wait.
    """

    conversation: str
    fence: int
    attempts: int
    deaths: int = 0
    merged: int = 0
    withdrawn: int = 0
    drafted: bool = False
    told: Line | None = None
    state: State
    history: tuple[Line, ...]
    messages: tuple[Incoming, ...]

    @property
    def address(self) -> Address:
        return self.messages[0].address

    @property
    def reply_to(self) -> str:
        """In a group it must be seen who is answered; alone with the bot a quotation is only noise."""
        return self.messages[-1].message if self.messages[-1].group else ""

    @property
    def reply_id(self) -> str:
        """The same turn answered again after a crash has the same id, so its draft is edited, not repeated."""
        return reply_id(self.conversation, self.messages)


def reply_id(conversation: str, messages: Sequence[Incoming]) -> str:
    return stable_id(conversation, messages[0].update)


def one_turn(waiting: Sequence[Incoming]) -> tuple[Incoming, ...]:
    """Of what waits, the part that is answered together: one command, or all messages before the next command."""
    if waiting[0].kind is Kind.COMMAND:
        return (waiting[0],)
    commands = (index for index, message in enumerate(waiting) if message.kind is Kind.COMMAND)
    return tuple(waiting[: next(commands, len(waiting))])


class Place(Value, frozen=True, kw_only=True):
    """Where a turn stands in the line for a seat at the model: ``number`` 1 is next; ``stood_before``: it keeps its place.

    ``waited_s``: since its first message came; ``seats``: of all workers; ``held_s``: for how long a turn has one on the average, None: not known yet.
    """

    number: int
    waited_s: float
    seats: int
    held_s: float | None
    stood_before: bool


class TracePassage(Value, frozen=True, kw_only=True):
    id: str
    score: float


class TraceCheck(Value, frozen=True, kw_only=True):
    """A generated text that failed its check: ``kind`` of what was claimed, ``claim`` as it was said, ``instead`` what the
    facts say there, in the note ``source``; ``finding`` says it in one sentence, in the language of the answer."""

    text: str
    kind: str
    claim: str
    instead: str = ""
    source: str = ""
    finding: str


class Trace(Value, frozen=True, kw_only=True):
    """How an answer came about: enough to explain and to replay it."""

    id: str
    reply: str
    persona: str
    persona_version: str
    rung: str
    question: str
    language: str
    passages: tuple[TracePassage, ...] = ()
    # What was looked for, when products were recommended.
    needs: tuple[str, ...] = ()
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
    findings: tuple[str, ...] = ()
    # When it was asked; None: not recorded yet.
    at: datetime | None = None
    # The texts that were rejected, and why, in order.
    checks: tuple[TraceCheck, ...] = ()
    # What was wanted, as far as that is known.
    intent: str = ""
    # Rules or classifier.
    intent_by: str = ""
    intent_confidence: float = 0.0
    # Surely enough to act on it.
    intent_sure: bool = False
    urgent: bool = False
    # The words that say that it is urgent.
    urgent_because: tuple[str, ...] = ()


class Outcome(Value, frozen=True, kw_only=True):
    """What a turn came to: lines for the history, perhaps a reply, and the state for the next turn."""

    state: State
    lines: tuple[Line, ...]
    reply: Reply | None = None
    trace: Trace | None = None
    erase: bool = False


class Shown(Value, frozen=True, kw_only=True):
    """What of a reply is on the platform already."""

    reply: str
    ids: tuple[str, ...] = ()
    attempts: int = 0
    # Why nobody knows whether the next part of it arrived.
    unanswered: str = ""
    # Why a part of it may stand there twice.
    doubtful: str = ""


class Closed(Value, frozen=True, kw_only=True):
    """A chat that cannot be written to, until somebody writes in it."""

    reason: str
    at: datetime = msgspec.field(default_factory=now)


class Beginning(Value, frozen=True, kw_only=True):
    """How the first draft of a reply stands. ``sent``: the platform message that shows it; ``unanswered_s``: so many
    seconds ago it was begun, and nobody knows whether it arrived. Neither: it may be sent, and is marked as begun.
    """

    wanted: bool = True
    sent: str = ""
    unanswered_s: float | None = None


class Unsent(Value, frozen=True, kw_only=True):
    """The reply to send next in one conversation, claimed under a fence.

    ``unanswered_s``: how long ago the send was begun whose outcome nobody knows; ``drafting``: it was its first draft.
    """

    conversation: str
    fence: int
    reply: Reply
    shown: Shown
    unanswered_s: float | None = None
    drafting: bool = False
    closed: Closed | None = None


class DeadLetter(Value, frozen=True, kw_only=True):
    """A reply that could not be delivered. ``sent``: the platform's ids of those of its parts that were; ``doubtful``: why
    more of it may have arrived."""

    reply: Reply
    reason: str
    sent: tuple[str, ...] = ()
    doubtful: str = ""
    at: datetime = msgspec.field(default_factory=now)
