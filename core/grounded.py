"""The rungs that stand on the shop's facts: generated from passages and checked against them, or the passage itself."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import structlog

from core import prompt
from core.answer import Answer, Asked, unknown
from core.errors import ModelBusy, ModelError, PromptTooLong, RequestInvalid
from core.hear import Heard, clean
from core.knowledge.base import Evidence
from core.language import base
from core.messages import Rung
from core.phrases import Phrase, in_language, say
from core.ports import ChatMessage, GenerationRequest, Usage
from core.state import TracePassage
from core.trust.claims import Fact, Grounding, Guard

log = structlog.get_logger(__name__)
PASSAGES = 3
# How often a prompt that the model refuses as too long is shortened and tried again.
SHORTENED = 3
# Of the message that is replied to, so much is read.
QUOTED_CHARS = 1000
QUOTED_LINES = 8
# Words that point to something said before, and are about no subject of their own.
POINTING = re.compile(
    r"\b(?:this|that|these|those|it|them|ones?)\b|[这那](?:[个款种件盒些]|一个)?|它们?", re.IGNORECASE
)


async def from_facts(asked: Asked, last_try: bool, crowded: bool) -> Answer | None:
    """Generated from passages and checked; the best passage itself where that cannot be. None: there are no passages.

    Raises ModelError and ModelBusy as respond() does.
    """
    evidence = _evidence(asked)
    if not evidence:
        return None
    passages = tuple(TracePassage(id=found.passage.id, score=found.score) for found in evidence)
    quote = Answer(Rung.QUOTED, _quotation(evidence, asked.language), passages)
    elsewhere = base(evidence[0].passage.language) != base(asked.language)
    if elsewhere or base(asked.language) not in map(base, asked.model.info.languages):
        return quote
    try:
        return await _fitted(asked, evidence[: asked.bot.config.limits.passages], quote)
    except ModelBusy:
        if not crowded:
            raise
        return replace(unknown(asked, Phrase.BUSY), passages=passages)
    except (PromptTooLong, RequestInvalid) as error:  # another try would end in the same way
        log.error("not generated, the passage is quoted", **_who(asked), reason=str(error))
        return replace(quote, findings=(str(error),))
    except ModelError as error:
        if not last_try:
            raise
        return replace(quote, findings=(str(error),))


async def _fitted(asked: Asked, given: Sequence[Evidence], quote: Answer) -> Answer:
    """Generated from the longest prompt that the model takes. Raises PromptTooLong if it takes none of several.

    It says so before its first piece, so nothing of a refused try was shown.
    """
    heard, history, model = asked.heard, asked.turn.history, asked.model
    passages = [found.passage for found in given]
    replied = prompt.quoted(_quoted(heard), history)
    room: int | None = None
    for left in reversed(range(SHORTENED + 1)):
        messages = prompt.build(
            *(asked.bot, asked.persona, asked.language, history, passages, heard.spoken, heard.last.post, model),
            replied=replied,
            room=room,
        )
        if messages is None:
            break
        try:
            return await _generated(asked, messages, given, quote)
        except PromptTooLong as error:
            if not left:
                raise
            room = prompt.smaller(model.count_tokens(messages), error, asked.bot.config.limits.reply_tokens)
            log.info("prompt shortened", **_who(asked), room=room, reason=str(error))
    return replace(quote, findings=("no prompt with a passage and the question fits the model's context",))


def _who(asked: Asked) -> dict[str, str]:
    return {"bot": asked.bot.name, "persona": asked.persona.id}


def _evidence(asked: Asked) -> list[Evidence]:
    """Passages on the question; "how much is this one?" is read together with the message that it replies to, a follow-up
    ("and how long?") with what was asked before."""
    heard, knowledge = asked.heard, asked.bot.knowledge
    languages = tuple(dict.fromkeys((heard.language, heard.written)))
    for language in languages:
        if found := knowledge.search(heard.text, language, PASSAGES):
            return found
    before = next((line.text for line in reversed(asked.turn.history) if line.role == "shopper"), "")
    named = POINTING.sub(" ", heard.text)
    for context in (*_quoted_parts(heard), *filter(None, [before])):
        for language in languages:
            if knowledge.knows(named, language) and (
                found := knowledge.search(f"{context} {named}", language, PASSAGES)
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
    asked: Asked, messages: tuple[ChatMessage, ...], given: Sequence[Evidence], quote: Answer
) -> Answer:
    guard, request = _guard(asked, given), _request(asked, messages)
    usage: Usage | None = None
    written = 0
    started, first = time.monotonic(), 0.0
    async with aclosing(asked.model.generate(request)) as pieces:
        async for piece in pieces:
            usage = piece.usage or usage
            if not written:
                first = time.monotonic() - started
            written += 1
            if not guard.add(piece.text, last=piece.finish is not None):
                break
            if safe := guard.safe.strip():
                await asked.show(safe)
    # A stopped generation says no more what it cost; its pieces are about its tokens.
    usage = usage or Usage(
        prompt_tokens=asked.model.count_tokens(messages),
        completion_tokens=written,
        first_token_s=round(first, 4),
        total_s=round(time.monotonic() - started, 4),
    )
    digest = hashlib.sha256("\0".join(message.content for message in messages).encode()).hexdigest()
    findings = (guard.finding,) if guard.finding else ()
    if not guard.sound:
        findings = findings or ("the model said nothing",)
        return Answer(Rung.QUOTED, quote.text, quote.passages, usage, digest, guard.text.strip(), findings)
    return Answer(Rung.GROUNDED, guard.sound, quote.passages, usage, digest, guard.text if findings else "", findings)


def _guard(asked: Asked, given: Sequence[Evidence]) -> Guard:
    """Lets through what the facts say, in the words of the facts and of what was asked."""
    heard, config = asked.heard, asked.bot.config
    facts = [Fact(found.passage.title, found.passage.text) for found in given]
    names = [in_language(config.title, asked.language), in_language(asked.persona.config.name, asked.language)]
    words = [heard.text, heard.last.post, _quoted(heard), *names]
    return Guard(Grounding.of(facts, words, config.model.how_worded))


def _request(asked: Asked, messages: tuple[ChatMessage, ...]) -> GenerationRequest:
    return GenerationRequest(
        messages=messages,
        sampling=asked.persona.config.sampling,
        max_tokens=asked.bot.config.limits.reply_tokens,
        lora=asked.persona.config.lora or "",
        owner=asked.turn.address.id,
    )


def _quotation(evidence: Sequence[Evidence], language: str) -> str:
    """The best passage as it stands; of products as many as are about as good."""
    best = evidence[0]
    if best.passage.kind == "product":
        alike = [found for found in evidence if found.passage.kind == "product" and found.score >= 0.7 * best.score]
        return "\n".join(f"- {found.passage.text}" for found in alike) if len(alike) > 1 else best.passage.text
    return say(Phrase.QUOTED, language, passage=best.passage.text)
