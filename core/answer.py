"""What is asked of the ladder, and what a rung answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import numpy as np
import structlog
from numpy.typing import NDArray

from core.botfile import Bot, Persona
from core.errors import ModelError
from core.hear import Heard
from core.knowledge.meaning import QUESTION_CHARS
from core.messages import Button, Card, Rung
from core.phrases import Phrase, in_language, say
from core.ports import Embedder, LookUps, People, TextModel, Usage
from core.state import State, TraceCheck, TracePassage, Turn
from core.understanding.base import NOTHING, Understood
from core.understanding.classifier import Classifier

log = structlog.get_logger(__name__)
Show = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Means:
    """What a bot answers with beside its folder; opened once for a process. ``embedder`` None: words alone find.

    ``lookups`` None: nothing is looked up in the shop's API. ``people`` None: nothing is remembered of a person.
    ``intents`` None: what a shopper wants is told by rules alone.
    """

    model: TextModel
    embedder: Embedder | None = None
    lookups: LookUps | None = None
    people: People | None = None
    intents: Classifier | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn as it was heard, and who answers it; ``show`` is given the text so far while it is written.

    ``state``: of the conversation, with what was heard. ``understood``: what is wanted, and how urgently. ``vector``: of
    ``heard.text`` as a question, once with_vector() has made it.
    """

    turn: Turn
    heard: Heard
    state: State
    bot: Bot
    persona: Persona
    means: Means
    show: Show
    understood: Understood = NOTHING
    vector: NDArray[np.float32] | None = None

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
    checks: tuple[TraceCheck, ...] = ()
    findings: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    buttons: tuple[Button, ...] = ()
    state: State | None = None
    needs: tuple[str, ...] = ()


async def with_vector(asked: Asked) -> Asked:
    """With the vector of what is asked, computed once a turn; without one if the bot has no embedder.

    Raises what Embedder.embed raises.
    """
    if asked.vector is not None or asked.means.embedder is None or not asked.heard.text:
        return asked
    vectors = await asked.means.embedder.embed([asked.heard.text[:QUESTION_CHARS]], kind="query")
    return replace(asked, vector=vectors[0])


async def with_meaning(asked: Asked) -> Asked:
    """As with_vector, if there is something to be found by its meaning; without a vector if it cannot be made."""
    if asked.bot.knowledge.vectors is None:
        return asked
    try:
        return await with_vector(asked)
    except ModelError as error:
        log.warning("words alone find", bot=asked.bot.name, reason=str(error))
        return asked


def unknown(asked: Asked, why: Phrase = Phrase.UNKNOWN) -> Answer:
    """An honest "I don't know", and a person."""
    contact = in_language(asked.bot.config.person.contact, asked.language)
    return Answer(Rung.UNKNOWN, say(why, asked.language, contact=contact))
