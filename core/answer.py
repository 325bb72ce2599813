"""What is asked of the ladder, and what a rung answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.botfile import Bot, Persona
from core.hear import Heard
from core.messages import Rung
from core.phrases import Phrase, in_language, say
from core.ports import TextModel, Usage
from core.state import TracePassage, Turn

Show = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn as it was heard, and who answers it; ``show`` is given the text so far while it is written."""

    turn: Turn
    heard: Heard
    bot: Bot
    persona: Persona
    model: TextModel
    show: Show

    @property
    def language(self) -> str:
        return self.heard.language


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, from which rung, and how it came about."""

    rung: Rung
    text: str
    passages: tuple[TracePassage, ...] = ()
    usage: Usage | None = None
    prompt_digest: str = ""
    rejected: str = ""
    findings: tuple[str, ...] = ()


def unknown(asked: Asked, why: Phrase = Phrase.UNKNOWN) -> Answer:
    """An honest "I don't know", and a person."""
    contact = in_language(asked.bot.config.person.contact, asked.language)
    return Answer(Rung.UNKNOWN, say(why, asked.language, contact=contact))
