"""The rung that asks the shop's own API: recognised, its arguments taken from the conversation, confirmed, fetched, said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from core.answer import Answer, Asked, unknown
from core.errors import LookUpFailed
from core.grounded import worded
from core.knowledge.base import Evidence
from core.knowledge.passages import Passage
from core.lookups.declared import LookUp
from core.lookups.dialogue import Fetch, Spoken, Step, listed, next_meant, next_step
from core.lookups.result import Values, read, told
from core.lookups.state import Looking
from core.messages import Rung, now
from core.phrases import Phrase, in_language, say
from core.ports import LookUps
from core.state import State, TracePassage

log = structlog.get_logger(__name__)
Decide = Callable[[Asked, Mapping[str, LookUp]], Step | None]


async def look_up(asked: Asked, last_try: bool, crowded: bool) -> Answer | None:
    """The next step of a look-up; None: the turn asks for none.

    Where the model is to word the result it raises ModelError and ModelBusy as respond() does; asking the API again then
    does no harm.
    """
    return await _answered(asked, next_step, last_try, crowded)


async def look_up_meant(asked: Asked, last_try: bool, crowded: bool) -> Answer | None:
    """The same for who asks in other words: by meaning, or by intent where the shop says nothing about it."""
    return await _answered(asked, next_meant, last_try, crowded)


def without_arguments(asked: Asked) -> Asked:
    """The same without order numbers and the like, which say nothing about what is asked; for the rungs that search."""
    text = asked.heard.text
    for one in asked.bot.lookups.values():
        text = one.finder.without(text)
    if text == asked.heard.text or not any(character.isalnum() for character in text):
        return asked
    return replace(asked, heard=replace(asked.heard, text=text))


async def _answered(asked: Asked, decide: Decide, last_try: bool, crowded: bool) -> Answer | None:
    api = asked.means.lookups
    if api is None or not asked.bot.lookups:
        return None
    step = decide(asked, {name: one for name, one in asked.bot.lookups.items() if api.is_on(one.config)})
    match step:
        case Spoken():
            return Answer(step.rung, step.text, buttons=step.buttons, state=_state(asked, step.looking))
        case Fetch():
            fetched = await _fetched(asked, api, step)
        case None:
            return None
    if fetched.rung is not Rung.LOOKED_UP or step.look_up.config.result.phrasing == "template" or not fetched.passages:
        return fetched
    return await _in_own_words(asked, step, fetched, last_try, crowded)


async def _in_own_words(asked: Asked, step: Fetch, fetched: Answer, last_try: bool, crowded: bool) -> Answer:
    """The result is a passage like any other: the model words it, and says nothing that it does not say."""
    title = in_language(step.look_up.config.description, asked.language)
    passage = Passage(id=fetched.passages[0].id, kind="note", language=asked.language, title=title, text=fetched.text)
    question = step.looking.question or asked.heard.text
    heard = replace(asked.heard, text=question, spoken=question)  # not the "yes" that it was confirmed with
    answer = await worded(replace(asked, heard=heard), [Evidence(passage, 1.0)], fetched, last_try, crowded)
    rung = answer.rung if answer.rung is Rung.UNKNOWN else Rung.LOOKED_UP
    return replace(answer, rung=rung, state=fetched.state)


async def _fetched(asked: Asked, api: LookUps, step: Fetch) -> Answer:
    name, config, looking = step.look_up.name, step.look_up.config, step.looking
    values: Values | None = looking.values
    if not looking.is_fresh(config.cache_s):
        try:
            body = await api.fetch(name, config, looking.arguments)
            values = None if body is None else read(name, config, body, looking.arguments)
        except LookUpFailed as error:
            return _failed(asked, step, str(error))
        log.info("looked up", bot=asked.bot.name, look_up=name, found=values is not None)
        looking = looking.replace(values=dict(values or {}), fetched_at=now())
    if values is None:
        return _not_found(asked, step.look_up, looking)
    text = _said(asked, step, values)
    source = TracePassage(id=f"lookups/{name}", score=1.0)
    return Answer(Rung.LOOKED_UP, text, (source,), state=_state(asked, looking))


def _said(asked: Asked, step: Fetch, values: Values) -> str:
    config, language = step.look_up.config, asked.language
    if text := told(config, values, step.looking.arguments, language, step.only):
        return text
    whole = told(config, values, step.looking.arguments, language)
    return f"{say(Phrase.LOOK_UP_NOT_SAID, language)}\n\n{whole}"


def _failed(asked: Asked, step: Fetch, why: str) -> Answer:
    """A person answers; the arguments are kept, so that it need not be confirmed again when it is tried again."""
    log.warning("look-up failed", bot=asked.bot.name, conversation=asked.turn.conversation, reason=why)
    answer = unknown(asked, Phrase.LOOK_UP_FAILED)
    looking = step.looking.replace(values={}, fetched_at=None)
    return Answer(Rung.UNKNOWN, answer.text, findings=(why,), state=_state(asked, looking))


def _not_found(asked: Asked, look_up: LookUp, looking: Looking) -> Answer:
    """The same words whether there is no such thing or it is somebody else's."""
    language = asked.language
    if look_up.config.result.not_found:
        text = in_language(look_up.config.result.not_found, language)
    else:
        contact = in_language(asked.bot.config.person.contact, language)
        what = listed(look_up, looking.arguments, language)
        text = say(Phrase.LOOK_UP_NOT_FOUND, language, what=what, contact=contact)
    missed = looking.replace(stage="asking", wanted="", values={}, fetched_at=None, misses=looking.misses + 1)
    finding = f"the look-up '{look_up.name}' found nothing"
    return Answer(Rung.LOOKED_UP, text, findings=(finding,), state=_state(asked, missed))


def _state(asked: Asked, looking: Looking | None) -> State:
    return asked.state.replace(looking=looking)
