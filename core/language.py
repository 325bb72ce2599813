"""Which language a message is in: by its script, lingering on what was spoken before.

Short messages ("ok", "👍", an order number) say nothing about the language; then it stays what it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

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
# "Do you have 龙井?" is English, "有 Earl Grey 吗" is Chinese: the small words tell, not the names.
SMALL_WORDS = re.compile(
    r"\b(?:a|an|and|are|can|do|does|for|have|how|i|in|is|it|my|of|or|please|the|this|to|what|when|where|which|with|you)\b",
    re.IGNORECASE | re.ASCII,
)
LATIN_LETTER = re.compile(r"[A-Za-z]")
SMALL_HAN = re.compile(r"[吗呢的了有么请我你您是多怎哪能可想要买卖这那和]")


@lru_cache(maxsize=1000)
def base(language: str) -> str:
    """The language of a tag without script and region: zh of zh-Hans-CN."""
    return language.split("-")[0].lower()


def detect(text: str, allowed: Sequence[str], before: str = "", hint: str = "") -> str:
    """The best of ``allowed`` (its first is the default) for ``text``; ``hint`` is the platform's guess."""
    scripts = _scripts(text)
    spoken = {base(language): language for language in reversed(allowed)}
    latin = [language for language in allowed if base(language) not in NOT_LATIN]
    for language, _ in scripts.most_common():
        if language in spoken and not (language == "zh" and latin and _only_names(text)):
            return spoken[language]
    if scripts["latin"] > 0 and latin:
        words = len(text.split())
        if before in allowed and (before in latin or words < LINGER_WORDS):
            return before
        return spoken[base(hint)] if base(hint) in map(base, latin) else latin[0]
    if before in allowed:
        return before
    return spoken.get(base(hint), allowed[0])


def _only_names(text: str) -> bool:
    """Whether the Han characters of a text are but names in a sentence of Latin script."""
    return SMALL_WORDS.search(text) is not None and SMALL_HAN.search(text) is None


def _scripts(text: str) -> Counter[str]:
    """Letters of each script, as languages; a Han character weighs two, as it says more than a letter."""
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
