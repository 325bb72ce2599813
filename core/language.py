"""Which language a message is in: by its script, lingering on what was spoken before.

Short messages ("ok", "thank you", "👍", an order number, a link) say nothing about the language; then it stays what it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from core.characters import is_traditional

SCRIPT_OF = {
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "HEBREW": "he",
    "THAI": "th",
    "GREEK": "el",
}
NOT_LATIN = frozenset(SCRIPT_OF.values())
# One word of Latin script in a conversation in another says little: "ok", "DHL", a product's name.
LINGER_WORDS = 2
# More are not looked through for such as are said in every language.
MANY_WORDS = 8
# So much of a text is gone through to find that it says little.
READ = 1000
# These are said in every language, as are numbers, links and addresses.
EVERYWHERE = frozenset(
    "ok okay hi hello hey hallo bye thx thanks thank you ty yes no yeah yep nope pls please sorry lol wow cool".split()
)
NUMBER_OR_LINK = re.compile(r"(?:https?://|www\.)[!-~]+|[!-~]+@[!-~]+|[!-~]*\d[!-~]*")
WORD = re.compile(r"[^\W\d_]+")
# "Do you have 龙井?" is English, "有 Earl Grey 吗" is Chinese: the small words tell, not the names.
SMALL_WORDS = re.compile(
    r"\b(?:a|about|am|an|and|any|are|can|could|did|do|does|for|from|get|have|how|i|if|in|is|it|like|me|much|my|need|not|of|on"
    r"|or|please|should|the|there|this|to|want|was|we|what|when|where|which|will|with|would|you|your)\b",
    re.IGNORECASE | re.ASCII,
)
# Tags of languages that are written in traditional characters.
TRADITIONAL = re.compile(r"-(?:Hant|TW|HK|MO)\b", re.IGNORECASE)
LATIN_LETTER = re.compile(r"[A-Za-z]")
SMALL_HAN = re.compile(r"[吗呢的了有么请我你您是多怎哪能可想要买卖这那和]")


@lru_cache(maxsize=1000)
def base(language: str) -> str:
    """The language of a tag without script and region: zh of zh-Hans-CN."""
    return language.split("-")[0].lower()


def is_chinese(language: str) -> bool:
    """In either script."""
    return base(language) == "zh"


def detect(text: str, allowed: Sequence[str], before: str = "", hint: str = "") -> str:
    """The best of ``allowed`` (its first is the default) for ``text``; ``hint`` is the platform's guess."""
    scripts = _scripts(text)
    spoken, latin = _spoken(tuple(allowed))
    for language in scripts if len(scripts) < 2 else [one for one, _ in scripts.most_common()]:
        if language in spoken and not (language == "zh" and latin and scripts["latin"] and _only_names(text)):
            return _written(text, allowed, before) if language == "zh" else spoken[language]
    if scripts["latin"] > 0 and latin:
        if before in allowed and (before in latin or _lingers(text)):
            return before
        return spoken[base(hint)] if base(hint) in map(base, latin) else latin[0]
    if before in allowed:
        return before
    return spoken.get(base(hint), allowed[0])


@lru_cache(100)
def _spoken(allowed: Sequence[str]) -> tuple[Mapping[str, str], Sequence[str]]:
    """Of the languages of a bot: each by its tag without script and region, and those in Latin script."""
    spoken = {base(language): language for language in reversed(allowed)}
    return spoken, [language for language in allowed if base(language) not in NOT_LATIN]


def _only_names(text: str) -> bool:
    """Whether the Han characters of a text are but names in a sentence of Latin script."""
    small = len(SMALL_WORDS.findall(text))
    return small > 0 and small > len(SMALL_HAN.findall(text))


def _lingers(text: str) -> bool:
    """Whether a text in Latin script says too little to change the language."""
    if text.count(" ") > MANY_WORDS:
        return False
    words = WORD.findall(NUMBER_OR_LINK.sub(" ", text[:READ]).casefold())
    return len(words) < LINGER_WORDS or EVERYWHERE.issuperset(words)


def _written(text: str, allowed: Sequence[str], before: str) -> str:
    """The Chinese of ``allowed`` whose characters these are; what is the same in both stays what it was."""
    chinese = [language for language in allowed if base(language) == "zh"]
    if len(chinese) == 1:
        return chinese[0]
    if is_traditional(text[:READ]):
        return next((language for language in chinese if TRADITIONAL.search(language)), chinese[0])
    if before in chinese:
        return before
    return next((language for language in chinese if not TRADITIONAL.search(language)), chinese[0])


@lru_cache(100)
def _scripts(text: str) -> Counter[str]:
    """Letters of each script, as languages; a Han character weighs two, as it says more than a letter. Not to be changed."""
    found: Counter[str] = Counter()
    if text.isascii():
        found["latin"] = int(LATIN_LETTER.search(text) is not None)  # there is nothing to weigh it against
        return found
    for character, times in Counter(text).items():
        language = _language_of(character)
        if language:
            found[language] += 2 * times if language == "zh" else times
    if found["ja"]:  # Japanese is written with Han characters too
        found["ja"] += found.pop("zh", 0)
    return found


@lru_cache(maxsize=10_000)
def _language_of(character: str) -> str:
    """The language that a letter's script stands for; empty for other characters."""
    if not character.isalpha():
        return ""
    script = unicodedata.name(character, "").split(" ")[0]
    return SCRIPT_OF.get(script, "latin" if script == "LATIN" else "")
