"""The rungs that stand on the shop's facts: generated from passages and checked against them, or the passage itself."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import lru_cache

import structlog

from core import prompt
from core.answer import Answer, Asked, unknown, with_meaning
from core.errors import ModelBusy, ModelError, PromptTooLong, RequestInvalid
from core.hear import Heard, clean
from core.knowledge.base import Evidence, Knowledge
from core.language import base
from core.messages import Rung
from core.phrases import Phrase, in_language
from core.ports import ChatMessage, GenerationRequest, Usage
from core.quotation import quotation
from core.state import TraceCheck, TracePassage
from core.trust.claims import Fact, Grounding, Guard, Rules, explain
from core.trust.facts import Arithmetic
from core.trust.sentences import plainly
from core.understanding.answers import may_be_ours

log = structlog.get_logger(__name__)
PASSAGES = 3
# How often a prompt that the model refuses as too long is shortened and tried again.
SHORTENED = 3
# Of the message that is replied to, so much is read.
QUOTED_CHARS = 1000
QUOTED_LINES = 8
# The rules of a few shops.
REMEMBERED_RULES = 100
# Words that point to something said before, and are about no subject of their own.
POINTING = re.compile(
    r"\b(?:this|that|these|those|it|them|ones?)\b|[这那](?:[个款种件盒些]|一个)?|它们?", re.IGNORECASE
)
# What begins or ends so goes on with what was asked before: "and in a gaiwan?", 用盖碗的话呢.
FOLLOWING = re.compile(r"^\W*(?:and|but|or|what about|how about)\b|^\W*(?:那|那么|还有|如果是)|呢\W*$", re.IGNORECASE)


async def from_facts(asked: Asked, last_try: bool, crowded: bool) -> Answer | None:
    """Generated from passages and checked; the best passage itself where that cannot be, and a person where not even that
    can be said. None: there are no passages, or what is asked rather is none of the shop's business.

    Raises ModelError and ModelBusy as respond() does.
    """
    asked = await with_meaning(asked)
    evidence = _evidence(asked) if may_be_ours(asked) else []
    if not evidence:
        return None
    passages = tuple(TracePassage(id=found.passage.id, score=found.score) for found in evidence)
    text = quotation(evidence, asked.heard.text, asked.language)
    quote = Answer(Rung.QUOTED, text, passages) if text else replace(unknown(asked), passages=passages)
    return await worded(asked, evidence[: asked.bot.config.limits.passages], quote, last_try, crowded)


async def worded(asked: Asked, given: Sequence[Evidence], quote: Answer, last_try: bool, crowded: bool) -> Answer:
    """What ``given`` says in the model's words, checked against it; ``quote`` where that cannot be.

    Raises ModelError and ModelBusy as respond() does.
    """
    elsewhere = base(given[0].passage.language) != base(asked.language)
    if elsewhere or base(asked.language) not in map(base, asked.model.info.languages):
        return quote
    try:
        return await _fitted(asked, given, quote)
    except ModelBusy:
        if not crowded:
            raise
        return replace(unknown(asked, Phrase.BUSY), passages=quote.passages)
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
    before = next((line.text for line in reversed(asked.turn.history) if line.role == "shopper"), "")
    if before and FOLLOWING.search(heard.text) and (found := _together(before, heard.text, languages, knowledge)):
        return found
    each = [knowledge.search(heard.text, language, PASSAGES, vector=asked.vector) for language in languages]
    by_words = [found for found in each if found and found[0].by == "words"]
    if first := next(filter(None, [*by_words, *each]), None):
        return first
    contexts = [*_quoted_parts(heard), *filter(None, [before])]
    named = POINTING.sub(" ", heard.text) if contexts else ""
    for context in contexts:
        if found := _together(context, named, languages, knowledge):
            return found
    return []


def _together(context: str, text: str, languages: Iterable[str], knowledge: Knowledge) -> list[Evidence]:
    """Passages on a text that goes on with ``context``; none for one that begins a subject of its own."""
    for language in languages:
        if knowledge.knows(text, language) and (found := knowledge.search(f"{context} {text}", language, PASSAGES)):
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
    """Once more, with the finding told to the model, if nothing of the first text may be said; then the quotation.

    Of a text that begins well, what was sure is the answer: it may be shown already and is not taken back.
    """
    grounding = _grounding(asked, given)
    first = await _written(asked, messages, grounding)
    if first.sound or first.check is None or not asked.bot.config.claims.retry:
        return _answer([first], quote)
    again = (*messages[:-1], _corrected(messages[-1], first.check.finding, asked.language))
    try:
        return _answer([first, await _written(asked, again, grounding)], quote)
    except ModelError as error:
        log.info("not generated a second time", **_who(asked), reason=str(error))
        return _answer([first], quote)


@dataclass(frozen=True, slots=True)
class _Written:
    """A generated text: what of it may be said, and what was found in it; None: nothing."""

    sound: str
    check: TraceCheck | None
    usage: Usage
    digest: str


def _answer(tries: Sequence[_Written], quote: Answer) -> Answer:
    last = tries[-1]
    checks = tuple(one.check for one in tries if one.check)
    findings = tuple(check.finding for check in checks)
    if last.sound:
        return Answer(Rung.GROUNDED, last.sound, quote.passages, last.usage, last.digest, checks, findings)
    findings = findings if last.check else (*findings, "the model said nothing")
    return replace(quote, usage=last.usage, prompt_digest=last.digest, checks=checks, findings=findings)


def _corrected(question: ChatMessage, finding: str, language: str) -> ChatMessage:
    """The same question, so that its prompt is evaluated only once, with what was wrong."""
    if base(language) == "zh":
        told = f"（上一次的回答有误：{finding}请只用上面资料里的内容重新回答。）"
    else:
        told = f"(Your last answer {finding}. Answer again with what the facts say, and nothing else.)"
    return question.replace(content=f"{question.content}\n\n{told}")


async def _written(asked: Asked, messages: tuple[ChatMessage, ...], grounding: Grounding) -> _Written:
    guard, request = Guard(grounding), _request(asked, messages)
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
    return _Written(guard.sound, _check(guard, asked.language), usage, digest)


def _check(guard: Guard, language: str) -> TraceCheck | None:
    found = guard.finding
    if found is None:
        return None
    return TraceCheck(
        text=guard.text,
        kind=found.kind,
        claim=found.claim,
        instead=found.instead,
        source=found.source,
        finding=explain(found, language),
    )


def _grounding(asked: Asked, given: Sequence[Evidence]) -> Grounding:
    """What the facts say, in the words of the facts and of what was asked."""
    heard, config = asked.heard, asked.bot.config
    facts = [Fact(found.passage.title, found.passage.text) for found in given]
    names = [in_language(config.title, asked.language), in_language(asked.persona.config.name, asked.language)]
    words = [heard.text, heard.last.post, _quoted(heard)]
    rules = _rules(tuple(config.claims.arithmetic), tuple(config.claims.promises))
    return Grounding.of(facts, words, config.model.how_worded, rules, names)


@lru_cache(REMEMBERED_RULES)
def _rules(arithmetic: tuple[Arithmetic, ...], promises: tuple[str, ...]) -> Rules:
    return Rules(frozenset(arithmetic), tuple(plainly(word) for word in promises))


def _request(asked: Asked, messages: tuple[ChatMessage, ...]) -> GenerationRequest:
    return GenerationRequest(
        messages=messages,
        sampling=asked.persona.config.sampling,
        max_tokens=asked.bot.config.limits.reply_tokens,
        lora=asked.persona.config.lora or "",
        owner=asked.turn.address.id,
    )
