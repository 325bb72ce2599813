"""Whether a text says something: case, width, emphasis and white space do not matter, a figure is whole."""

from __future__ import annotations

import re
import unicodedata

from core.messages import Card
from core.testbench.cases import REGULAR, Wanted

HAN = "\u3400-\u9fff"
EMPHASIS = re.compile(r"\*+|`+|(?<!\w)_+|_+(?!\w)")
BESIDE_HAN = re.compile(rf"(?<=[{HAN}])\s+|\s+(?=[{HAN}])")
WORD = re.compile(rf"[{HAN}]|[^\W_{HAN}]+(?:['’.,:/-][^\W_{HAN}]+)*")
QUOTES = str.maketrans("‘’“”", "''\"\"")


def plain_words(text: str) -> str:
    """A text in the form in which texts are compared."""
    text = unicodedata.normalize("NFKC", EMPHASIS.sub("", text)).casefold().translate(QUOTES)
    return BESIDE_HAN.sub("", " ".join(text.split()))


def says(text: str, wanted: str) -> bool:
    """``wanted``: a text that stands in ``text``, or /a regular expression/ that is found in it."""
    if regular := REGULAR.fullmatch(wanted):
        return re.search(regular[1], text, re.IGNORECASE) is not None
    words = plain_words(wanted)
    before = r"(?<!\d)(?<!\d[.,])" if words[:1].isdigit() else ""
    behind = r"(?!\d)(?![.,]\d)" if words[-1:].isdigit() else ""
    return re.search(before + re.escape(words) + behind, plain_words(text)) is not None


def says_any(text: str, wanted: Wanted) -> bool:
    return any(says(text, one) for one in wanted.any_of)


def count_words(text: str) -> int:
    """A Chinese character counts as a word."""
    return len(WORD.findall(EMPHASIS.sub("", text)))


def card_text(card: Card) -> str:
    return "\n".join(filter(None, [card.title, card.price, card.text, card.url, card.id]))
