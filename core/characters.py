"""Chinese characters: traditional ones as simplified ones, so that rules, examples and searches need one script only."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from opencc import OpenCC

HAN = re.compile(r"[㐀-䶿一-鿿]")


@lru_cache(1000)
def simplified(text: str) -> str:
    """``text`` in simplified characters, phrase by phrase; what is none stays as it is. Some microseconds."""
    if text.isascii() or HAN.search(text) is None:
        return text
    try:
        return str(_converter("t2s").convert(text))
    except UnicodeEncodeError:  # half of a surrogate pair
        return text


@lru_cache(100)
def compatible(text: str) -> str:
    """``text`` with full-width letters and the like as plain ones. Several parts of a turn read it so."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def is_traditional(text: str) -> bool:
    """Whether ``text`` is written in traditional characters; many texts are the same in both, those are not."""
    return simplified(text) != text


@cache
def _converter(name: str) -> OpenCC:
    return OpenCC(name)
