"""What a turn says: edits joined with what they edit, what is meant for the bot, in which language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from core.botfile import Bot, Persona
from core.inbox import line_of
from core.knowledge.words import HAN
from core.language import base, detect
from core.messages import Incoming, Kind, Line
from core.state import State, Turn

# "A moment ago": in a group the bot goes on talking with a person for this long without being mentioned again.
MOMENT = timedelta(minutes=2)
READ_FOR_LANGUAGE = 1000


@dataclass(frozen=True, slots=True)
class Heard:
    """``meant``: the messages to answer, in order; ``lines``: all of the turn, for the history.

    ``text``: what is meant, to find answers with; ``spoken``: the same for the model, with names if several people speak.
    ``language``: to answer in; ``written``: that of the text alone, which may be another (a chosen language stays).
    """

    meant: tuple[Incoming, ...]
    lines: tuple[Line, ...]
    language: str
    written: str
    text: str
    spoken: str

    @property
    def last(self) -> Incoming:
        return self.meant[-1]


def hear(turn: Turn, bot: Bot, persona: Persona) -> Heard:
    messages = _said(turn)
    meant = tuple([message for message in messages if _is_meant(message, persona, turn)])
    lines = tuple([line_of(message, message in meant) for message in messages if message.kind is not Kind.COMMAND])
    # A longer one is not answered; it need not be gone through to its end.
    limit = bot.config.limits.message_chars + 1
    if len(meant) != 1 or turn.state.language_chosen or not _is_short(meant[0].text, min(limit, READ_FOR_LANGUAGE)):
        return _heard_at_length(turn, bot, meant, lines, limit)
    # As almost always: what tells the language is all that there is to be read.
    text = clean(meant[0].text)
    language = detect(text, bot.languages, turn.state.language, meant[0].sender.language)
    return Heard(meant, lines, language, language, text, text)


def _is_short(text: str, limit: int) -> bool:
    return len(text) <= limit and visible(text)


def _heard_at_length(turn: Turn, bot: Bot, meant: tuple[Incoming, ...], lines: tuple[Line, ...], limit: int) -> Heard:
    """Of several messages, or of one that is long or has nothing to read, or in a chosen language."""
    readable = [message for message in meant if visible(message.text)]
    texts = [clean(message.text[:limit]) for message in readable]
    text = "\n".join(texts)
    several = len({message.sender.id for message in readable}) > 1
    spoken = "\n".join(map(_with_name, readable, texts)) if several else text
    language = language_of(meant, turn.state, bot)
    # Of one message that has told the language, it is told already.
    told = len(meant) == 1 and len(meant[0].text) <= READ_FOR_LANGUAGE and not turn.state.language_chosen
    written = language if told else detect(text[:READ_FOR_LANGUAGE], bot.languages, language)
    return Heard(meant, lines, language, written, text, spoken)


def meant_in(turn: Turn, persona: Persona) -> tuple[Incoming, ...]:
    """What is to be answered: a turn in which this is the same has the same answer."""
    return tuple([message for message in _said(turn) if _is_meant(message, persona, turn)])


def _said(turn: Turn) -> Sequence[Incoming]:
    if len(turn.messages) == 1 and not (turn.messages[0].withdrawn or turn.messages[0].edited):
        return turn.messages
    return _edits_joined([one for one in turn.messages if not one.withdrawn], turn.history)


def _with_name(message: Incoming, text: str) -> str:
    name = clean(message.sender.name)
    return f"{name}: {text}" if name else text


def _edits_joined(messages: Sequence[Incoming], history: Sequence[Line]) -> list[Incoming]:
    """Each edit in place of what it edits; an edit that changes nothing is no message."""
    known = {line.message: line.text for line in history if line.message}
    joined: dict[str, Incoming] = {}
    for message in messages:
        key = message.message or message.update
        if message.edited and key in joined:
            # It keeps its place, its time and its first id: the turn stays the same turn.
            first = joined[key]
            joined[key] = message.replace(update=first.update, edited=first.edited, at=first.at)
        elif not (message.edited and known.get(key) == message.text):
            # Two buttons that were pressed under one message of the bot's carry its id.
            joined[message.update if key in joined else key] = message
    return list(joined.values())


def _is_meant(message: Incoming, persona: Persona, turn: Turn) -> bool:
    if message.addressed or not message.group:
        return True
    if any(_names(message.text, trigger) for trigger in persona.config.triggers):
        return True
    spoke = next((line for line in reversed(turn.history) if line.role == "bot"), None)
    return spoke is not None and turn.state.last_speaker == message.sender.id and message.at - spoke.at < MOMENT


def _names(text: str, trigger: str) -> bool:
    """Whether ``trigger`` stands in ``text`` as a word; Chinese is written without spaces, there it just stands in it."""
    before = r"(?<!\w)" if not HAN.match(trigger[:1]) else ""
    after = r"(?!\w)" if not HAN.match(trigger[-1:]) else ""
    return re.search(before + re.escape(trigger) + after, text, re.IGNORECASE) is not None


def language_of(messages: Sequence[Incoming], state: State, bot: Bot) -> str:
    """The language to answer ``messages`` in: the chosen one, else the one that they are written in."""
    if state.language_chosen:
        for language in bot.languages:
            if base(language) == base(state.language):
                return language
    text = "\n".join(clean(message.text[:READ_FOR_LANGUAGE]) for message in messages)
    hint = messages[-1].sender.language if messages else ""
    return detect(text, bot.languages, state.language, hint)


# Letters by their category, but nothing is seen of them.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
# Control characters, and such as change how a text looks and hide words from the search; joiners stay, emoji and
# Persian need them.
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]+")


def visible(text: str) -> bool:
    """Whether anything of a text can be seen; zero-width and control characters cannot."""
    return any(map(_is_seen, text))


@lru_cache(maxsize=10_000)
def _is_seen(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ" and character not in BLANK


def clean(text: str) -> str:
    """A text without control characters (line breaks stay), in composed form."""
    if not text.isprintable():  # such as is hidden never is
        text = HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()
