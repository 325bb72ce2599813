"""What a verdict on a message changes in its answer. Nothing here comes before an approved answer; a person who is asked for
comes before all but that."""

from __future__ import annotations

from dataclasses import replace

import structlog

from core.answer import Answer, Asked, Show, unknown, with_vector
from core.errors import ModelError
from core.messages import Rung
from core.phrases import Phrase, in_language, say
from core.understanding.base import Urgency, classified
from core.understanding.rules import Intent

log = structlog.get_logger(__name__)
# What is written from facts says nothing of being sorry; after a complaint it begins with that.
FROM_FACTS = frozenset({Rung.GROUNDED, Rung.QUOTED})


async def with_intent(asked: Asked) -> Asked:
    """With what the bot's classifier says of a message, where the rules have left it open."""
    asked = await _classified(asked)
    if asked.understood.is_surely(Intent.COMPLAINT):
        return replace(asked, show=_after(say(Phrase.SORRY, asked.language), asked.show))
    return asked


async def _classified(asked: Asked) -> Asked:
    classifier = asked.means.intents
    if classifier is None or asked.understood.intent is not None:
        return asked
    if classifier.dimensions:
        try:
            asked = await with_vector(asked)
        except ModelError as error:  # it is advice alone: the answer goes on without it
            log.warning("intent not told", bot=asked.bot.name, reason=str(error))
            return asked
    understood = classified(asked.understood, asked.heard.text, classifier, asked.vector)
    return replace(asked, understood=understood)


def _after(opening: str, show: Show) -> Show:
    async def shown(text: str) -> None:
        await show(f"{opening}\n\n{text}" if text else text)

    return shown


def to_person(asked: Asked) -> Answer | None:
    """Who asks for a person is told at once how to reach one."""
    if not asked.understood.is_surely(Intent.WANTS_PERSON):
        return None
    return Answer(Rung.PERSON, say(Phrase.HUMAN, asked.language, contact=_contact(asked)))


def not_ours(asked: Asked) -> Answer | None:
    """What surely is none of the shop's business gets no passage that is merely near.

    Whatever the classifier says: a question that has no word which is foreign to the shop may be its business.
    """
    if not asked.understood.is_surely(Intent.OUT_OF_SCOPE):
        return None
    return None if _knows(asked) else unknown(asked, Phrase.NOT_OURS)


def may_be_ours(asked: Asked) -> bool:
    """Whether a passage that is near may be the answer: not where the classifier rather takes a message for none of the
    shop's business, sure or not, and no passage has nearly all of its words."""
    understood, knowledge, heard = asked.understood, asked.bot.knowledge, asked.heard
    if understood.intent is not Intent.OUT_OF_SCOPE or understood.by != "classifier":
        return True
    return any(knowledge.covers(heard.text, language) for language in {heard.language, heard.written})


def _knows(asked: Asked) -> bool:
    """Whether no word of the message is foreign to the shop."""
    knowledge, heard = asked.bot.knowledge, asked.heard
    return any(knowledge.knows(heard.text, language) for language in {heard.language, heard.written})


def noted(asked: Asked, answer: Answer) -> Answer:
    """The answer to a complaint is calm; that a person is wanted, or that it is urgent, stays in the conversation's state."""
    understood = asked.understood
    if not (understood.sure or understood.because):  # as almost always
        return answer
    answer = _calmly(asked, answer)
    before = answer.state or asked.state
    person = before.wants_person or understood.is_surely(Intent.WANTS_PERSON)
    urgent = before.urgent or understood.urgency is Urgency.URGENT
    if (person, urgent) == (before.wants_person, before.urgent):
        return answer
    return replace(answer, state=before.replace(wants_person=person, urgent=urgent))


def _calmly(asked: Asked, answer: Answer) -> Answer:
    """We are sorry, and a person can be reached; an approved answer says it in the shop's own words."""
    if not asked.understood.is_surely(Intent.COMPLAINT):
        return answer
    if answer.rung is Rung.UNKNOWN:
        return replace(answer, text=say(Phrase.COMPLAINT, asked.language, contact=_contact(asked)))
    if answer.rung not in FROM_FACTS:
        return answer
    person = say(Phrase.PERSON_TOO, asked.language, contact=_contact(asked))
    return replace(answer, text=f"{say(Phrase.SORRY, asked.language)}\n\n{answer.text}\n\n{person}")


def _contact(asked: Asked) -> str:
    return in_language(asked.bot.config.person.contact, asked.language)
