"""The words by which the judge knows each message again, the shop that notes them, and the model that says them back.

Each message carries a word of its own. The shop's note holds the syllables that all of them are made of, so that the
question is found, answered from a fact and let through by the claims guard, as any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SYLLABLES = [f"{one}{vowel}k{end}" for one in "bdfglmnprstvz" for vowel in "aei" for end in "ou"][:64]
_SYLLABLE = "|".join(_SYLLABLES)
_WORD = re.compile(rf"\b(?:{_SYLLABLE})(?:-(?:{_SYLLABLE})){{2}}\b")
MOST = 64**3
# Every answer begins and ends so; a text without the end is one that was never brought to its end.
BEGIN = "We note"
END = "in our book."
BOT = "rollcall"

_BOT_YAML = """\
title: {{en: Roll Call}}
languages: [en]
persona: clerk
model: {{server: {{urls: "{model}"}}}}
person: {{contact: {{en: hello@example.com}}}}
platforms:
  web: {{enabled: false}}
  telegram: {{api_url: "{telegram}"}}
  discord: {{api_url: "{discord}", threads: never}}
"""
_PERSONA = """\
name: {en: Clerk}
voice: Short.
instructions: You note words.
greeting: {en: Which word shall we note?}
disclosure: {en: I am an automatic assistant.}
"""
_NOTE = f"# Words that we note\n\nTell us any words and we note them {END[:-1]}: {', '.join(_SYLLABLES)}.\n"


def word(number: int) -> str:
    """The word of the message with this number, 0 to MOST - 1, e.g. ``bako-deku-zeko``."""
    return "-".join(_SYLLABLES[(number >> shift) % 64] for shift in (12, 6, 0))


def words_in(text: str) -> list[str]:
    return _WORD.findall(text)


def asked(said: str) -> str:
    """What a shopper writes to have a word noted."""
    return f"Please note {said}"


def answer(body: Mapping[str, Any]) -> str:
    """What the model says to a chat request: every word of the question, in its order."""
    _, _, question = str(body["messages"][-1]["content"]).rpartition("\n\nQuestion: ")
    noted: Sequence[str] = list(dict.fromkeys(words_in(question)))
    return f"{BEGIN} {', '.join(noted)} {END}"


def write_shop(folder: Path, *, model: str, telegram: str, discord: str) -> Path:
    """The shop's folder in ``folder``, with the addresses of its model and its platforms."""
    made = folder / BOT
    for name, text in {
        "bot.yaml": _BOT_YAML.format(model=model, telegram=telegram, discord=discord),
        "personas/clerk.yaml": _PERSONA,
        "notes/words.md": _NOTE,
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text, "utf-8")
    return made
