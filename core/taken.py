"""What was taken from a queue, as it is stored. Reading it can fail, and then only its own conversation waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from core.messages import Incoming, Line, Reply
from core.state import Closed, Shown, State, Turn, Unsent, one_turn, reply_id

ENDED = "its sender ended before the platform's answer was recorded"
_LINES = msgspec.json.Decoder(tuple[Line, ...])
_MESSAGES = msgspec.json.Decoder(tuple[Incoming, ...])


@dataclass(frozen=True, slots=True)
class TakenTurn:
    """``known``: state, attempts, deaths, withdrawn, draft, told; empty: nothing."""

    conversation: str
    fence: int
    known: Sequence[str]
    waiting: Sequence[str]
    log: Sequence[str]

    def read(self) -> Turn:
        state, attempts, deaths, withdrawn, draft, told = self.known
        messages = one_turn(messages_of(self.waiting))
        return Turn(
            conversation=self.conversation,
            fence=self.fence,
            attempts=int(attempts or 0),
            deaths=int(deaths or 0),
            withdrawn=int(withdrawn or 0),
            drafted=bool(draft) and Shown.from_json(draft).reply == reply_id(self.conversation, messages),
            told=Line.from_json(told) if told else None,
            state=State.from_json(state) if state else State(),
            history=lines_of(self.log),
            messages=messages,
        )


@dataclass(frozen=True, slots=True)
class TakenReply:
    """``shown``: what the sender recorded; ``draft``: what was shown while it was written; ``drafting_ms``, ``begun_ms``:
    how long ago a first draft, or an earlier try, was begun of which nobody knows what became. Empty or -1: nothing.
    """

    conversation: str
    fence: int
    reply: str
    shown: str
    draft: str
    drafting_ms: int
    begun_ms: int
    closed: str

    def read(self) -> Unsent:
        reply = Reply.from_json(self.reply)
        shown = _own(self.shown, reply) or Shown(reply=reply.id, ids=reply.sent, doubtful=reply.doubtful)
        draft = None if shown.ids else _own(self.draft, reply)
        if draft is not None and draft.ids:
            shown = shown.replace(ids=draft.ids)
        drafting_ms = self.drafting_ms if draft is not None and not draft.ids else -1
        since_ms = max(drafting_ms, self.begun_ms)
        if since_ms >= 0 and not shown.unanswered:
            shown = shown.replace(unanswered=ENDED)
        return Unsent(
            conversation=self.conversation,
            fence=self.fence,
            reply=reply,
            shown=shown,
            unanswered_s=since_ms / 1000 if since_ms >= 0 else None,
            drafting=drafting_ms >= 0 and self.begun_ms < 0,
            closed=Closed.from_json(self.closed) if self.closed else None,
        )


def _own(stored: str, reply: Reply) -> Shown | None:
    """What was recorded of this reply, not of an earlier one."""
    shown = Shown.from_json(stored) if stored else None
    return shown if shown is not None and shown.reply == reply.id else None


def lines_of(stored: Sequence[str]) -> tuple[Line, ...]:
    return _LINES.decode(f"[{','.join(stored)}]")


def messages_of(stored: Sequence[str]) -> tuple[Incoming, ...]:
    return _MESSAGES.decode(f"[{','.join(stored)}]")
