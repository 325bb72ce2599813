"""Which language a message is in: by its script, lingering on what was spoken before.

Short messages ("ok", "thank you", "👍", an order number, a link) say nothing about the language; then it stays what it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from core.characters import HAN, is_traditional

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
# Letters (and numerals such as ½) that are no Han characters, or not of the Latin script as far as it is in use.
NOT_HAN = re.compile(r"[^\W\d_㐀-䶿一-鿿]")
NOT_LATIN_LETTER = re.compile(r"[^\W\d_A-Za-zÀ-ÖØ-öø-ɏ]")
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
    spoken, latin = _spoken(tuple(allowed))
    if text.isascii():  # there is nothing to weigh it against
        has_latin = LATIN_LETTER.search(text) is not None
    else:
        scripts = _scripts(text)
        has_latin = "latin" in scripts
        for language in scripts:
            if language in spoken and not (language == "zh" and latin and has_latin and _only_names(text)):
                return _written(text, allowed, before) if language == "zh" else spoken[language]
    if has_latin and latin:
        if before in allowed and (before in latin or _lingers(text)):
            return before
        hinted = spoken.get(base(hint))
        return hinted if hinted in latin else latin[0]
    if before in allowed:
        return before
    return spoken.get(base(hint), allowed[0])


@lru_cache(maxsize=100)
def _spoken(allowed: tuple[str, ...]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Each language's first tag; all tags of those in Latin script."""
    spoken = {base(language): language for language in reversed(allowed)}
    return spoken, tuple(language for language in allowed if base(language) not in NOT_LATIN)


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
def _scripts(text: str) -> tuple[str, ...]:
    """The scripts of a text's letters, as languages, that with most of it first; a Han character weighs two, as it says
    more than a letter."""
    if NOT_HAN.search(text) is None:
        return ("zh",) if HAN.search(text) else ()
    if NOT_LATIN_LETTER.search(text) is None:
        return ("latin",)
    found: dict[str, int] = {}
    counts = Counter(text)
    for language, times in zip(map(_language_of, counts), counts.values(), strict=True):
        found[language] = found.get(language, 0) + times
    found.pop("", None)
    if "zh" in found:
        found["zh"] *= 2
        if "ja" in found:  # Japanese is written with Han characters too
            found["ja"] += found.pop("zh")
    return tuple(found) if len(found) < 2 else tuple(sorted(found, key=found.__getitem__, reverse=True))


@lru_cache(maxsize=10_000)
def _language_of(character: str) -> str:
    """The language that a letter's script stands for; empty for other characters."""
    if not character.isalpha():
        return ""
    script = unicodedata.name(character, "").split(" ")[0]
    return SCRIPT_OF.get(script, "latin" if script == "LATIN" else "")
