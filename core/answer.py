"""What is asked of the ladder, and what a rung answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.botfile import Bot, Persona
from core.hear import Heard
from core.messages import Button, Card, Rung
from core.phrases import Phrase, in_language, say
from core.ports import Embedder, TextModel, Usage
from core.state import State, TracePassage, Turn

Show = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Means:
    """What a bot answers with beside its folder; opened once for a process. ``embedder`` None: words alone find."""

    model: TextModel
    embedder: Embedder | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn as it was heard, and who answers it; ``show`` is given the text so far while it is written.

    ``state``: of the conversation, with what was heard.
    """

    turn: Turn
    heard: Heard
    state: State
    bot: Bot
    persona: Persona
    means: Means
    show: Show

    @property
    def language(self) -> str:
        return self.heard.language

    @property
    def model(self) -> TextModel:
        return self.means.model


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, from which rung, and how it came about.

    ``state``: that of the conversation after it, where the rung keeps something for the next turn; None: as it was heard.
    """

    rung: Rung
    text: str
    passages: tuple[TracePassage, ...] = ()
    usage: Usage | None = None
    prompt_digest: str = ""
    rejected: str = ""
    findings: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    buttons: tuple[Button, ...] = ()
    state: State | None = None


def unknown(asked: Asked, why: Phrase = Phrase.UNKNOWN) -> Answer:
    """An honest "I don't know", and a person."""
    contact = in_language(asked.bot.config.person.contact, asked.language)
    return Answer(Rung.UNKNOWN, say(why, asked.language, contact=contact))
