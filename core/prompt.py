"""The prompt: the persona (the same tokens for every shopper, so that it is evaluated once), what was said, the facts.

A persona may only narrow what the shop's facts allow; what a shopper or a note says is data, not an instruction.
What does not fit is left out by a rule, oldest first: first the history, then the last of the passages, then what the
message replies to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.botfile import Bot, Persona
from core.errors import PromptTooLong
from core.knowledge.passages import Passage
from core.language import base
from core.messages import Line, Rung
from core.phrases import in_language
from core.ports import ChatMessage, TextModel

LANGUAGE_NAMES = {
    "en": "English",
    "zh": "Chinese",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "pt": "Portuguese",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
}


# How facts are used, shown rather than told: a small model copies a form more surely than it follows a rule. They are
# about no shop of ours and name no figures, so that nothing of them can pass for a fact.
SHOWN = (
    (
        "Repairs: We repair shoes that were bought in our shop. Bring them to the counter, no appointment is needed.",
        "Do I need an appointment for a repair?",
        "No appointment is needed. Bring them to the counter.",
    ),
    (
        "Felt Slippers: in stock. Warm slippers of grey wool felt, with a rubber sole.",
        "tell me about the slippers",
        "Felt Slippers: warm slippers of grey wool felt, with a rubber sole. They are in stock.",
    ),
)


# Of the message that is replied to the model sees its beginning: enough to know which product or rule it was about.
QUOTED_CHARS = 500
_LINK = re.compile(r"\]\([^)\s]*\)")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Quoted:
    """The message that a shopper replies to. ``whose``: "the shop", a speaker's name, or empty if that is not known."""

    text: str
    whose: str = ""


def quoted(text: str, history: Sequence[Line]) -> Quoted | None:
    """``text``: as the platform shows it, so its author is found by comparing without markup. None: no reply."""
    if not text.strip():
        return None
    said = _bare(text)
    line = next((line for line in reversed(history) if said and said in _bare(line.text)), None)
    whose = "" if line is None else "the shop" if line.role in ("bot", "agent") else line.speaker
    return Quoted(" ".join(text.split()), " ".join(whose.split()))


def _bare(text: str) -> str:
    return _NO_WORD.sub(" ", _LINK.sub(" ", text)).strip()


def system(bot: Bot, persona: Persona, language: str) -> ChatMessage:
    config = persona.config
    name, shop = in_language(config.name, language), in_language(bot.config.title, language)
    lines = [
        f"You are {name}, the customer service assistant of {shop}.",
        config.voice,
        config.instructions,
        *(f"Always: {rule}" for rule in config.dos),
        *(f"Never: {rule}" for rule in config.donts),
        f"Answer in {LANGUAGE_NAMES.get(language, language)}, in one to three short sentences, with the words of the facts.",
    ]
    return ChatMessage(role="system", content="\n".join(lines))


def head(bot: Bot, persona: Persona, language: str) -> tuple[ChatMessage, ...]:
    """How a prompt begins: the same for each version of a bot, so it is made once."""
    if bot.personas.get(persona.id) is not persona:  # one that is only tried
        return _head(bot, persona, language)
    begun = bot.heads.get((persona.id, language))
    if begun is None:
        bot.heads[persona.id, language] = begun = _head(bot, persona, language)
    return begun


def _head(bot: Bot, persona: Persona, language: str) -> tuple[ChatMessage, ...]:
    return (system(bot, persona, language), *examples(persona, language))


def examples(persona: Persona, language: str) -> list[ChatMessage]:
    """How facts are used, then how the persona speaks."""
    messages: list[ChatMessage] = []
    for fact, asked, reply in SHOWN if base(language) == "en" else ():
        messages += [_user(f"{fact}\n\nQuestion: {asked}"), ChatMessage(role="assistant", content=reply)]
    for example in persona.config.examples:
        messages += [_user(example.shopper), ChatMessage(role="assistant", content=example.reply)]
    return messages


def question(text: str, passages: Sequence[Passage], post: str = "", replied: Quoted | None = None) -> ChatMessage:
    facts = "\n".join(f"{passage.title}: {passage.text}" for passage in passages)
    about = f"This is a comment on the post: {post}\n\n" if post else ""
    if replied is not None:
        about += f"This is a reply to {_shown(replied)}\n\n"
    return _user(f"{facts}\n\n{about}Question: {text}")


def _shown(replied: Quoted) -> str:
    """In one line and in quotation marks: data, not a part of the prompt."""
    text, whose = replied.text, f" of {replied.whose}" if replied.whose else ""
    text = text if len(text) <= QUOTED_CHARS else f"{text[:QUOTED_CHARS]}…"
    return f'the message{whose}: "{text}"'


def _user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def said(lines: Sequence[Line]) -> list[ChatMessage]:
    """The history as the model reads it; in a group each line carries its speaker. Notices are about the bot alone."""
    return list(map(_said, filter(_is_said, lines)))


def _is_said(line: Line) -> bool:
    return line.rung is not Rung.NOTICE


def _said(line: Line) -> ChatMessage:
    mine = line.role in ("bot", "agent")
    text = line.text if mine or not line.speaker else f"{line.speaker}: {line.text}"
    return ChatMessage(role="assistant" if mine else "user", content=text)


def build(
    bot: Bot,
    persona: Persona,
    language: str,
    history: Sequence[Line],
    passages: Sequence[Passage],
    text: str,
    post: str,
    model: TextModel,
    *,
    replied: Quoted | None = None,
    room: int | None = None,
) -> tuple[ChatMessage, ...] | None:
    """The longest prompt that fits, by the rule above; None if not even one passage and the question fit.

    ``room``: tokens for it, as the model's count_tokens() counts; None: what the context leaves beside the answer.
    """
    limits = bot.config.limits
    room = model.info.context_tokens - limits.reply_tokens if room is None else room
    begun = head(bot, persona, language)
    spoken = _newest(history, limits.history_tokens, model)
    for used in range(len(passages), 0, -1):
        ask = question(text, passages[:used], post, replied)
        for start in range(len(spoken) + 1):
            messages = (*begun, *spoken[start:], ask)
            if model.count_tokens(messages) <= room:
                return messages
    if replied is None:
        return None
    return build(bot, persona, language, (), passages[:1], text, post, model, room=room)


def smaller(counted: int, refused: PromptTooLong, reply_tokens: int) -> int:
    """The room for the next try, after a prompt of ``counted`` tokens was refused.

    A server counts for itself and our count is an estimate there: what it says is taken as a proportion of ours, and
    each try is smaller by a sixteenth at least.
    """
    needed, allowed = refused.tokens - reply_tokens, refused.limit - reply_tokens
    share = allowed / needed if 0 < allowed < needed else 0.75
    return min(int(counted * share), counted - max(1, counted // 16))


def _newest(history: Sequence[Line], budget: int, model: TextModel) -> list[ChatMessage]:
    """The newest lines within ``budget`` tokens."""
    messages: list[ChatMessage] = []
    for message in map(_said, filter(_is_said, reversed(history))):
        budget -= model.count_tokens([message])
        if budget < 0:
            break
        messages.append(message)
    return messages[::-1]
