"""What was taken from a queue, as it is stored. Reading it can fail, and then only its own conversation waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from core.messages import Incoming, Line, Reply
from core.state import Shown, State, Turn, Unsent, one_turn

_LINES = TypeAdapter(tuple[Line, ...])
_MESSAGES = TypeAdapter(tuple[Incoming, ...])


@dataclass(frozen=True, slots=True)
class TakenTurn:
    """``known``: state, attempts, deaths."""

    conversation: str
    fence: int
    known: Sequence[str]
    waiting: Sequence[str]
    log: Sequence[str]

    def read(self) -> Turn:
        state, attempts, deaths = self.known
        return Turn(
            conversation=self.conversation,
            fence=self.fence,
            attempts=int(attempts),
            deaths=int(deaths),
            state=State.model_validate_json(state) if state else State(),
            history=lines_of(self.log),
            messages=one_turn(messages_of(self.waiting)),
        )


@dataclass(frozen=True, slots=True)
class TakenReply:
    """``shown``: what the sender recorded; ``draft``: what was shown while it was written. Empty: nothing."""

    conversation: str
    fence: int
    reply: str
    shown: str
    draft: str

    def read(self) -> Unsent:
        reply = Reply.model_validate_json(self.reply)
        shown = Shown(reply=reply.id, ids=reply.sent)
        for stored in (self.draft, self.shown):
            earlier = Shown.model_validate_json(stored) if stored else shown
            shown = earlier if earlier.reply == reply.id else shown
        return Unsent(conversation=self.conversation, fence=self.fence, reply=reply, shown=shown)


def lines_of(stored: Sequence[str]) -> tuple[Line, ...]:
    return _LINES.validate_json(f"[{','.join(stored)}]")


def messages_of(stored: Sequence[str]) -> tuple[Incoming, ...]:
    return _MESSAGES.validate_json(f"[{','.join(stored)}]")
