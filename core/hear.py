"""What a turn says: edits joined with what they edit, what is meant for the bot, in which language."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from core.botfile import Bot, Persona
from core.inbox import line_of
from core.language import detect
from core.messages import Incoming, Kind, Line
from core.state import State, Turn

# "A moment ago": in a group the bot goes on talking with a person for this long without being mentioned again.
MOMENT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Heard:
    """``meant``: the messages to answer, in order; ``lines``: all of the turn, for the history."""

    meant: tuple[Incoming, ...]
    lines: tuple[Line, ...]
    language: str
    text: str

    @property
    def last(self) -> Incoming:
        return self.meant[-1]


def hear(turn: Turn, bot: Bot, persona: Persona) -> Heard:
    messages = _edits_joined(turn.messages, turn.history)
    meant = tuple(message for message in messages if _is_meant(message, persona, turn))
    lines = tuple(
        line_of(message).model_copy(update={"role": "shopper" if message in meant else "overheard"})
        for message in messages
        if message.kind is not Kind.COMMAND
    )
    text = "\n".join(clean(message.text) for message in meant if visible(message.text))
    return Heard(meant, lines, _language(text, meant, bot, turn.state), text)


def _edits_joined(messages: Sequence[Incoming], history: Sequence[Line]) -> list[Incoming]:
    """Each edit in place of what it edits; an edit that changes nothing is no message."""
    known = {line.message: line.text for line in history if line.message}
    joined: dict[str, Incoming] = {}
    for message in messages:
        key = message.message or message.update
        if message.edited and key in joined:
            # It keeps its place and its first id: the turn stays the same turn.
            joined[key] = message.model_copy(update={"update": joined[key].update, "edited": joined[key].edited})
        elif not (message.edited and known.get(key) == message.text):
            joined[key] = message
    return list(joined.values())


def _is_meant(message: Incoming, persona: Persona, turn: Turn) -> bool:
    if message.addressed or not message.group:
        return True
    words = message.text.casefold()
    if any(trigger.casefold() in words for trigger in persona.config.triggers):
        return True
    spoke = next((line for line in reversed(turn.history) if line.role == "bot"), None)
    return spoke is not None and turn.state.last_speaker == message.sender.id and message.at - spoke.at < MOMENT


def _language(text: str, meant: Sequence[Incoming], bot: Bot, state: State) -> str:
    if state.language_chosen and state.language in bot.languages:
        return state.language
    hint = meant[-1].sender.language if meant else ""
    return detect(text, bot.languages, state.language, hint)


def visible(text: str) -> bool:
    """Whether anything of a text can be seen; zero-width and control characters cannot."""
    return any(unicodedata.category(character)[0] not in "CZ" for character in text)


def clean(text: str) -> str:
    """A text without control characters (line breaks stay), in composed form."""
    kept = (character for character in text if character in "\n\t" or unicodedata.category(character) != "Cc")
    return unicodedata.normalize("NFC", "".join(kept)).strip()
