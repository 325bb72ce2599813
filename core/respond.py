"""One turn, from what was said to what is answered. Read respond() to know the design.

The answer ladder, from the surest: what the shop's own system says of an order → an approved answer (written by a person) →
a grounded one (generated from the shop's notes and catalogue, and checked against them) → the passage itself → an honest
"I don't know" and a person.
"""

from __future__ import annotations

import time
from dataclasses import replace

from core import commands
from core.answer import Answer, Asked, Means, Show, unknown, with_meaning
from core.botfile import Bot
from core.grounded import from_facts
from core.hear import Heard, clean, hear, visible
from core.knowledge.base import Approved
from core.lookups.base import look_up, look_up_meant, without_arguments
from core.lookups.state import remembered
from core.messages import Kind, Line, Reply, Rung, now, stable_id
from core.phrases import Phrase, in_language, say
from core.ports import Usage
from core.products.base import stated
from core.recommend.base import follow_up, pointed, recommend
from core.state import Outcome, State, Trace, TracePassage, Turn
from core.understanding.answers import not_ours, noted, to_person, with_intent
from core.understanding.base import Urgency, understand

MAX_APPROVED = 3
# Stickers and the like say nothing that would have to be read.
UNREAD = frozenset({Kind.PHOTO, Kind.VOICE, Kind.VIDEO, Kind.DOCUMENT, Kind.LOCATION})


async def respond(
    turn: Turn, bot: Bot, means: Means, show: Show, last_try: bool = False, crowded: bool = False
) -> Outcome:
    """Answer a turn; ``show`` is given the text so far while it is written.

    Raises ModelError if the model fails, except at the ``last_try``: then the ladder goes on without the model. Raises
    ModelBusy if the model has no seat free, except when it is so ``crowded`` that a person is quicker.
    """
    persona = bot.persona(turn.state.persona)
    heard = hear(turn, bot, persona)
    asked = Asked(turn, heard, _state(turn, heard), bot, persona, means, show, understand(heard))
    if not heard.meant:
        return _silence(asked)
    if heard.last.kind is Kind.COMMAND:
        return _command(asked)
    started = time.monotonic()
    answer = (
        _notice(heard, bot)
        or _person(asked)
        or await look_up(asked, last_try, crowded)
        or await follow_up(asked)
        or _approved(without_arguments(asked).heard, bot)
        or stated(pointed(asked))
    )
    if answer is None:
        asked = await with_intent(await with_meaning(asked))
        answer = (
            to_person(asked)
            or await look_up_meant(asked, last_try, crowded)
            or _approved_by_meaning(asked)
            or not_ours(asked)
            or await recommend(asked)
            or await from_facts(without_arguments(pointed(asked)), last_try, crowded)
            or unknown(asked)
        )
    answer = _with_unread(noted(asked, answer), heard)
    return _outcome(asked, answer, time.monotonic() - started)


def _state(turn: Turn, heard: Heard) -> State:
    if not heard.meant:
        return turn.state
    looking = remembered(turn.state.looking, turn.history)
    return turn.state.replace(language=heard.language, last_speaker=heard.last.sender.id, looking=looking)


def _person(asked: Asked) -> Answer | None:
    """Who asks for a person is not asked for an order's number first; what the shop has written for it is said."""
    answer = to_person(asked)
    return answer and (_approved(asked.heard, asked.bot) or answer)


# ── the rungs ────────────────────────────────────────────────────────────────────────────────────────────


def _notice(heard: Heard, bot: Bot) -> Answer | None:
    """What cannot be read is said so."""
    language, limit = heard.language, bot.config.limits.message_chars
    longest = max(len(message.text) for message in heard.meant)
    if longest > limit:
        return Answer(Rung.NOTICE, say(Phrase.TOO_LONG, language, length=longest, limit=limit))
    if any(character.isalnum() for character in heard.text):
        return None
    if any(message.kind is not Kind.TEXT for message in heard.meant):
        return Answer(Rung.NOTICE, say(Phrase.ONLY_TEXT, language))
    return Answer(Rung.NOTICE, say(Phrase.WHAT if visible(heard.text) else Phrase.EMPTY, language))


def _approved(heard: Heard, bot: Bot) -> Answer | None:
    """What a person has written for just this question; for a burst of questions, one answer after the other."""
    for language in dict.fromkeys((heard.language, heard.written)):
        found = _approved_in(language, heard, bot)
        if found:
            passages = tuple(TracePassage(id=f"answers/{answer.id}", score=answer.score) for answer in found)
            text = "\n\n".join(answer.text for answer in found)
            buttons = tuple(dict.fromkeys(button for answer in found for button in answer.buttons))
            return Answer(Rung.APPROVED, text, passages, buttons=buttons)
    return None


def _approved_by_meaning(asked: Asked) -> Answer | None:
    """The same for a question in other words, where that is sure enough."""
    if asked.vector is None:
        return None
    text, language = asked.heard.text, asked.heard.written
    found = asked.bot.knowledge.approved(text, language, say_in=asked.language, vector=asked.vector)
    if found is None:
        return None
    passages = (TracePassage(id=f"answers/{found.id}", score=found.score),)
    return Answer(Rung.APPROVED, found.text, passages, buttons=found.buttons)


def _approved_in(language: str, heard: Heard, bot: Bot) -> list[Approved]:
    whole = bot.knowledge.approved(heard.text, language, say_in=heard.language)
    if whole:
        return [whole]
    if len(heard.meant) == 1:
        return []
    asked = [message.text for message in heard.meant if any(character.isalnum() for character in message.text)]
    parts = [bot.knowledge.approved(clean(text), language, say_in=heard.language) for text in asked]
    found = list({part.id: part for part in parts if part}.values())
    return [] if None in parts or len(found) > MAX_APPROVED else found


def _with_unread(answer: Answer, heard: Heard) -> Answer:
    """A picture or a voice message beside a text is not passed over in silence."""
    unread = any(message.kind in UNREAD and not visible(message.text) for message in heard.meant)
    if not unread or answer.rung is Rung.NOTICE:
        return answer
    return replace(answer, text=f"{answer.text}\n\n{say(Phrase.ONLY_TEXT, heard.language)}")


# ── the outcome ──────────────────────────────────────────────────────────────────────────────────────────


def _command(asked: Asked) -> Outcome:
    said = commands.run(asked.heard.last, asked.bot, asked.persona, asked.state)
    reply = _reply(asked, said.text, Rung.COMMAND, language=said.state.language)
    return Outcome(state=said.state, lines=(line_of_reply(reply),), reply=reply, erase=said.erase)


def _silence(asked: Asked) -> Outcome:
    """Nobody spoke to the bot, or took it back: nothing is said, but what the platform shows of an answer is ended."""
    if not asked.turn.drafted:
        return Outcome(state=asked.turn.state, lines=asked.heard.lines)
    reply = _reply(asked, say(Phrase.WITHDRAWN, asked.language), Rung.NOTICE)
    return Outcome(state=asked.turn.state, lines=(*asked.heard.lines, line_of_reply(reply)), reply=reply)


def _outcome(asked: Asked, answer: Answer, seconds: float) -> Outcome:
    trace = _trace(asked, answer, seconds)
    text = answer.text
    if not (asked.state.greeted or asked.heard.last.disclosed):
        text += f"\n\n_{in_language(asked.persona.config.disclosure, asked.language)}_"
    reply = _reply(asked, text, answer.rung, trace=trace.id, answer=answer)
    limit = asked.bot.config.limits.message_chars
    lines = [
        line.replace(text=line.text[:limit] + "…") if len(line.text) > limit else line for line in asked.heard.lines
    ]
    state = (answer.state or asked.state).replace(greeted=True)
    return Outcome(state=state, lines=(*lines, line_of_reply(reply)), reply=reply, trace=trace)


def _reply(
    asked: Asked, text: str, rung: Rung, *, language: str = "", trace: str = "", answer: Answer | None = None
) -> Reply:
    meant = asked.heard.meant
    return Reply(
        id=asked.turn.reply_id,
        address=asked.turn.address,
        text=text,
        language=language or asked.language,
        persona=asked.persona.id,
        persona_version=asked.persona.version,
        rung=rung,
        trace=trace,
        cards=answer.cards if answer else (),
        buttons=answer.buttons if answer else (),
        # In a group it must be seen who is answered; alone with the bot a quotation is only noise.
        reply_to=meant[-1].message if meant and meant[-1].group else "",
    )


def notice_reply(turn: Turn, bot: Bot, text: str, language: str, id: str = "") -> Reply:
    """What is said of a turn itself, not in answer to it. ``id``: the turn's own, if none is given."""
    persona = bot.persona(turn.state.persona)
    return Reply(
        id=id or turn.reply_id,
        address=turn.address,
        text=text,
        language=language,
        persona=persona.id,
        persona_version=persona.version,
        reply_to=turn.reply_to,
    )


def line_of_reply(reply: Reply) -> Line:
    return Line(
        id=reply.id,
        role="bot",
        text=reply.text,
        rung=reply.rung,
        trace=reply.trace,
        language=reply.language,
        cards=reply.cards,
        buttons=reply.buttons,
        at=reply.at,
    )


def _trace(asked: Asked, answer: Answer, seconds: float) -> Trace:
    turn, persona, model, understood = asked.turn, asked.persona, asked.model, asked.understood
    usage = answer.usage or Usage(prompt_tokens=0, completion_tokens=0, first_token_s=0, total_s=0)
    return Trace(
        id=stable_id("trace", turn.reply_id)[:16],
        reply=turn.reply_id,
        persona=persona.id,
        persona_version=persona.version,
        rung=answer.rung,
        question=asked.heard.text,
        at=now(),
        language=asked.language,
        passages=answer.passages,
        needs=answer.needs,
        model=model.info.name if answer.prompt_digest else "",
        model_digest=model.info.digest if answer.prompt_digest else "",
        prompt_digest=answer.prompt_digest,
        seed=usage.seed,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        queued_s=usage.queued_s,
        first_token_s=usage.first_token_s,
        total_s=round(seconds, 4),
        checks=answer.checks,
        findings=answer.findings,
        intent=understood.intent.value if understood.intent else "",
        intent_by=understood.by,
        intent_confidence=understood.confidence,
        intent_sure=understood.sure,
        urgent=understood.urgency is Urgency.URGENT,
        urgent_because=understood.because,
    )
