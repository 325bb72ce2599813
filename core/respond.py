"""One turn, from what was said to what is answered. Read respond() to know the design.

The answer ladder, from the surest: an approved answer (written by a person) → a grounded one (generated from the shop's
notes and catalogue, and checked against them) → the passage itself → an honest "I don't know" and a person.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from core import commands, prompt
from core.botfile import Bot, Persona
from core.errors import ModelBusy, ModelError, PromptTooLong, RequestInvalid
from core.hear import Heard, clean, hear, visible
from core.knowledge.base import Approved, Evidence
from core.language import base
from core.messages import Kind, Line, Reply, Rung, stable_id
from core.phrases import Phrase, in_language, say
from core.ports import ChatMessage, GenerationRequest, TextModel, Usage
from core.state import Outcome, State, Trace, TracePassage, Turn
from core.trust.claims import Fact, Grounding, Guard

log = structlog.get_logger(__name__)
Show = Callable[[str], Awaitable[None]]
PASSAGES = 3
MAX_APPROVED = 3
# How often a prompt that the model refuses as too long is shortened and tried again.
SHORTENED = 3
# Of the message that is replied to, so much is read.
QUOTED_CHARS = 1000
QUOTED_LINES = 8
# Words that point to something said before, and are about no subject of their own.
POINTING = re.compile(
    r"\b(?:this|that|these|those|it|them|ones?)\b|[这那](?:[个款种件盒些]|一个)?|它们?", re.IGNORECASE
)
# Stickers and the like say nothing that would have to be read.
UNREAD = frozenset({Kind.PHOTO, Kind.VOICE, Kind.VIDEO, Kind.DOCUMENT, Kind.LOCATION})


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


async def respond(
    turn: Turn, bot: Bot, model: TextModel, show: Show, last_try: bool = False, crowded: bool = False
) -> Outcome:
    """Answer a turn; ``show`` is given the text so far while it is written.

    Raises ModelError if the model fails, except at the ``last_try``: then the ladder goes on without the model. Raises
    ModelBusy if the model has no seat free, except when it is so ``crowded`` that a person is quicker.
    """
    persona = bot.persona(turn.state.persona)
    heard = hear(turn, bot, persona)
    if not heard.meant:
        return _silence(turn, heard, persona)
    state = turn.state.model_copy(update={"language": heard.language, "last_speaker": heard.last.sender.id})
    if heard.last.kind is Kind.COMMAND:
        return _command(turn, heard, bot, persona, state)
    started = time.monotonic()
    answer = (
        _notice(heard, bot)
        or _approved(heard, bot)
        or await _from_facts(turn, heard, bot, persona, model, show, last_try, crowded)
        or _unknown(heard, bot)
    )
    answer = _with_unread(answer, heard)
    return _outcome(turn, heard, bot, persona, model, state, answer, time.monotonic() - started)


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
            return Answer(Rung.APPROVED, "\n\n".join(answer.text for answer in found), passages)
    return None


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


async def _from_facts(
    turn: Turn, heard: Heard, bot: Bot, persona: Persona, model: TextModel, show: Show, last_try: bool, crowded: bool
) -> Answer | None:
    """Generated from passages and checked; the best passage itself where that cannot be."""
    evidence = _evidence(turn, heard, bot)
    if not evidence:
        return None
    passages = tuple(TracePassage(id=found.passage.id, score=found.score) for found in evidence)
    quote = Answer(Rung.QUOTED, _quotation(evidence, heard.language), passages)
    elsewhere = base(evidence[0].passage.language) != base(heard.language)
    if elsewhere or base(heard.language) not in map(base, model.info.languages):
        return quote
    given = evidence[: bot.config.limits.passages]
    try:
        return await _fitted(turn, given, heard, bot, persona, model, show, quote)
    except ModelBusy:
        if not crowded:
            raise
        return replace(_unknown(heard, bot, Phrase.BUSY), passages=passages)
    except (PromptTooLong, RequestInvalid) as error:  # another try would end in the same way
        log.error("not generated, the passage is quoted", bot=bot.name, persona=persona.id, reason=str(error))
        return replace(quote, findings=(str(error),))
    except ModelError as error:
        if not last_try:
            raise
        return replace(quote, findings=(str(error),))


async def _fitted(
    turn: Turn,
    given: Sequence[Evidence],
    heard: Heard,
    bot: Bot,
    persona: Persona,
    model: TextModel,
    show: Show,
    quote: Answer,
) -> Answer:
    """Generated from the longest prompt that the model takes. Raises PromptTooLong if it takes none of several.

    It says so before its first piece, so nothing of a refused try was shown.
    """
    replied = prompt.quoted(_quoted(heard), turn.history)
    room: int | None = None
    for left in reversed(range(SHORTENED + 1)):
        messages = prompt.build(
            *(bot, persona, heard.language, turn.history, [found.passage for found in given]),
            *(heard.spoken, heard.last.post, model),
            replied=replied,
            room=room,
        )
        if messages is None:
            break
        try:
            return await _generated(messages, given, quote.passages, heard, bot, persona, model, show, quote)
        except PromptTooLong as error:
            if not left:
                raise
            room = prompt.smaller(model.count_tokens(messages), error, bot.config.limits.reply_tokens)
            log.info("prompt shortened", bot=bot.name, persona=persona.id, room=room, reason=str(error))
    return replace(quote, findings=("no prompt with a passage and the question fits the model's context",))


def _evidence(turn: Turn, heard: Heard, bot: Bot) -> list[Evidence]:
    """Passages on the question; "how much is this one?" is read together with the message that it replies to, a follow-up
    ("and how long?") with what was asked before."""
    languages = tuple(dict.fromkeys((heard.language, heard.written)))
    for language in languages:
        if found := bot.knowledge.search(heard.text, language, PASSAGES):
            return found
    before = next((line.text for line in reversed(turn.history) if line.role == "shopper"), "")
    named = POINTING.sub(" ", heard.text)
    for context in (*_quoted_parts(heard), *filter(None, [before])):
        for language in languages:
            if bot.knowledge.knows(named, language) and (
                found := bot.knowledge.search(f"{context} {named}", language, PASSAGES)
            ):
                return found
    return []


def _quoted(heard: Heard) -> str:
    """The message that is replied to; the newest of a burst."""
    return next((said for message in reversed(heard.meant) if (said := clean(message.quoted[:QUOTED_CHARS]))), "")


def _quoted_parts(heard: Heard) -> list[str]:
    """The message that is replied to, as a whole and line by line: one line of it may name the product."""
    whole = _quoted(heard)
    lines = [line.strip() for line in whole.splitlines() if line.strip()]
    return list(dict.fromkeys(filter(None, [whole, *lines[:QUOTED_LINES]])))


async def _generated(
    messages: tuple[ChatMessage, ...],
    evidence: Sequence[Evidence],
    passages: tuple[TracePassage, ...],
    heard: Heard,
    bot: Bot,
    persona: Persona,
    model: TextModel,
    show: Show,
    quote: Answer,
) -> Answer:
    facts = [Fact(found.passage.title, found.passage.text) for found in evidence]
    names = [in_language(bot.config.title, heard.language), in_language(persona.config.name, heard.language)]
    asked = [heard.text, heard.last.post, _quoted(heard), *names]
    guard = Guard(Grounding.of(facts, asked, bot.config.model.how_worded))
    request = GenerationRequest(
        messages=messages,
        sampling=persona.config.sampling,
        max_tokens=bot.config.limits.reply_tokens,
        lora=persona.config.lora or "",
        owner=heard.last.address.id,
    )
    usage: Usage | None = None
    written = 0
    started, first = time.monotonic(), 0.0
    async with aclosing(model.generate(request)) as pieces:
        async for piece in pieces:
            usage = piece.usage or usage
            if not written:
                first = time.monotonic() - started
            written += 1
            if not guard.add(piece.text, last=piece.finish is not None):
                break
            if safe := guard.safe.strip():
                await show(safe)
    # A stopped generation says no more what it cost; its pieces are about its tokens.
    usage = usage or Usage(
        prompt_tokens=model.count_tokens(messages),
        completion_tokens=written,
        first_token_s=round(first, 4),
        total_s=round(time.monotonic() - started, 4),
    )
    digest = hashlib.sha256("\0".join(message.content for message in messages).encode()).hexdigest()
    findings = (guard.finding,) if guard.finding else ()
    if not guard.sound:
        findings = findings or ("the model said nothing",)
        return Answer(Rung.QUOTED, quote.text, passages, usage, digest, guard.text.strip(), findings)
    return Answer(Rung.GROUNDED, guard.sound, passages, usage, digest, guard.text if findings else "", findings)


def _quotation(evidence: Sequence[Evidence], language: str) -> str:
    """The best passage as it stands; of products as many as are about as good."""
    best = evidence[0]
    if best.passage.kind == "product":
        alike = [found for found in evidence if found.passage.kind == "product" and found.score >= 0.7 * best.score]
        return "\n".join(f"- {found.passage.text}" for found in alike) if len(alike) > 1 else best.passage.text
    return say(Phrase.QUOTED, language, passage=best.passage.text)


def _with_unread(answer: Answer, heard: Heard) -> Answer:
    """A picture or a voice message beside a text is not passed over in silence."""
    unread = any(message.kind in UNREAD and not visible(message.text) for message in heard.meant)
    if not unread or answer.rung is Rung.NOTICE:
        return answer
    return replace(answer, text=f"{answer.text}\n\n{say(Phrase.ONLY_TEXT, heard.language)}")


def _unknown(heard: Heard, bot: Bot, why: Phrase = Phrase.UNKNOWN) -> Answer:
    contact = in_language(bot.config.person.contact, heard.language)
    return Answer(Rung.UNKNOWN, say(why, heard.language, contact=contact))


# ── the outcome ──────────────────────────────────────────────────────────────────────────────────────────


def _command(turn: Turn, heard: Heard, bot: Bot, persona: Persona, state: State) -> Outcome:
    said = commands.run(heard.last, bot, persona, state)
    reply = _reply(turn, heard, persona, said.text, Rung.COMMAND, said.state.language, "")
    return Outcome(state=said.state, lines=(line_of_reply(reply),), reply=reply, erase=said.erase)


def _silence(turn: Turn, heard: Heard, persona: Persona) -> Outcome:
    """Nobody spoke to the bot, or took it back: nothing is said, but what the platform shows of an answer is ended."""
    if not turn.drafted:
        return Outcome(state=turn.state, lines=heard.lines)
    text = say(Phrase.WITHDRAWN, heard.language)
    reply = Reply(
        id=turn.reply_id,
        address=turn.address,
        text=text,
        language=heard.language,
        persona=persona.id,
        persona_version=persona.version,
    )
    return Outcome(state=turn.state, lines=(*heard.lines, line_of_reply(reply)), reply=reply)


def _outcome(
    turn: Turn, heard: Heard, bot: Bot, persona: Persona, model: TextModel, state: State, answer: Answer, seconds: float
) -> Outcome:
    trace = _trace(turn, heard, persona, model, answer, seconds)
    text = answer.text
    if not (state.greeted or heard.last.disclosed):
        text += f"\n\n_{in_language(persona.config.disclosure, heard.language)}_"
    reply = _reply(turn, heard, persona, text, answer.rung, heard.language, trace.id)
    limit = bot.config.limits.message_chars
    lines = [
        line.model_copy(update={"text": line.text[:limit] + "…"}) if len(line.text) > limit else line
        for line in heard.lines
    ]
    state = state.model_copy(update={"greeted": True})
    return Outcome(state=state, lines=(*lines, line_of_reply(reply)), reply=reply, trace=trace)


def _reply(turn: Turn, heard: Heard, persona: Persona, text: str, rung: Rung, language: str, trace: str) -> Reply:
    return Reply(
        id=turn.reply_id,
        address=turn.address,
        text=text,
        language=language,
        persona=persona.id,
        persona_version=persona.version,
        rung=rung,
        trace=trace,
        # In a group it must be seen who is answered; alone with the bot a quotation is only noise.
        reply_to=heard.last.message if heard.last.group else "",
    )


def line_of_reply(reply: Reply) -> Line:
    return Line(
        id=reply.id,
        role="bot",
        text=reply.text,
        rung=reply.rung,
        trace=reply.trace,
        language=reply.language,
        at=reply.at,
    )


def _trace(turn: Turn, heard: Heard, persona: Persona, model: TextModel, answer: Answer, seconds: float) -> Trace:
    usage = answer.usage or Usage(prompt_tokens=0, completion_tokens=0, first_token_s=0, total_s=0)
    return Trace(
        id=stable_id("trace", turn.reply_id)[:16],
        reply=turn.reply_id,
        persona=persona.id,
        persona_version=persona.version,
        rung=answer.rung,
        question=heard.text,
        language=heard.language,
        passages=answer.passages,
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
        rejected=answer.rejected,
        findings=answer.findings,
    )
