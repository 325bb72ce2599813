"""The commands that every platform offers: start, help, new, human, language."""

from __future__ import annotations

from dataclasses import dataclass

from core.botfile import Bot, Persona
from core.language import base
from core.lookups.state import only_misses
from core.messages import Command, Incoming
from core.phrases import Phrase, in_language, say
from core.state import State


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answers, and what it changes."""

    text: str
    state: State
    erase: bool = False


def run(message: Incoming, bot: Bot, persona: Persona, state: State) -> Said:
    language = state.language
    contact = in_language(bot.config.person.contact, language)
    match message.command:
        case Command.START:
            return Said(greeting(persona, language), state.replace(greeted=True))
        case Command.NEW:
            kept = State(
                language=language,
                language_chosen=state.language_chosen,
                persona=state.persona,
                greeted=True,
                looking=only_misses(state.looking),  # or it could be guessed on and on
            )
            return Said(say(Phrase.NEW, language), kept, erase=True)
        case Command.HUMAN:
            return Said(say(Phrase.HUMAN, language, contact=contact), state.replace(wants_person=True))
        case Command.LANGUAGE:
            return _language(message.argument, bot, state)
        case Command.HELP | None:
            shop = in_language(bot.config.title, language)
            return Said(say(Phrase.HELP, language, shop=shop, languages=", ".join(bot.languages)), state)


def greeting(persona: Persona, language: str) -> str:
    """The greeting, and that a bot answers."""
    return f"{in_language(persona.config.greeting, language)}\n\n_{in_language(persona.config.disclosure, language)}_"


NAMES = {
    "english": "en",
    "英文": "en",
    "英语": "en",
    "chinese": "zh",
    "中文": "zh",
    "汉语": "zh",
    "mandarin": "zh",
    "简体中文": "zh",
    "繁體中文": "zh",
    "普通话": "zh",
    "华语": "zh",
    "german": "de",
    "deutsch": "de",
    "french": "fr",
    "français": "fr",
    "spanish": "es",
    "español": "es",
    "portuguese": "pt",
    "português": "pt",
}


def _language(argument: str, bot: Bot, state: State) -> Said:
    written = argument.strip().casefold().replace("_", "-")
    wanted = NAMES.get(written, written)
    for language in bot.languages:
        if wanted and base(language) == base(wanted):
            chosen = state.replace(language=language, language_chosen=True)
            return Said(say(Phrase.LANGUAGE_SET, language), chosen)
    choices = ", ".join(f"/language {language}" for language in bot.languages)
    return Said(say(Phrase.LANGUAGE_WHICH, state.language, choices=choices), state)
