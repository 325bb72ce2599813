"""A text as weighted terms: words and pieces of words, in any script; the same for learning and for classifying.

Two blocks of terms, each of length 1 so that neither drowns the other: words with their neighbours (of Han text single
characters and pairs), and pieces of 2 to 5 letters within a word (of Han text 2 to 4 characters), which forgive typing errors
and inflection.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from core.characters import simplified

# Part of what a model was trained with: a change makes models that are stored unfit.
FEATURES = 1
READ = 1000
RUN = re.compile(r"[㐀-䶿一-鿿]+|[^\W_]+(?:['’][^\W_]+)*|[?!]")
LONG_NUMBER = re.compile(r"\d{4,}")
HAN_FIRST = re.compile(r"[㐀-䶿一-鿿]")
PIECES = range(2, 6)
HAN_PIECES = range(2, 5)
WORD, PIECE = "w", "p"


def plain(text: str) -> str:
    """One form of each character, small letters, simplified characters; a long number says only that it is one."""
    text = unicodedata.normalize("NFKC", simplified(text[:READ])).casefold().replace("’", "'")
    return LONG_NUMBER.sub("0000", text)


def words(text: str) -> Counter[str]:
    """The first block: how often each term stands in a plain text; every term begins with WORD."""
    found: list[str] = []
    for run in RUN.findall(text):
        found.extend(run if HAN_FIRST.match(run) else (run,))
    terms = Counter(WORD + word for word in found)
    terms.update(f"{WORD}{one} {two}" for one, two in pairwise(found))
    return terms


def pieces(text: str) -> Counter[str]:
    """The second block; every term begins with PIECE."""
    found: Counter[str] = Counter()
    for run in RUN.findall(text):
        found.update(_pieces(run))
    return found


@lru_cache(20_000)
def _pieces(run: str) -> tuple[str, ...]:
    if HAN_FIRST.match(run):
        return tuple(_cut(run, HAN_PIECES)) or (PIECE + run,)
    return tuple(_cut(f" {run} ", PIECES))


def _cut(text: str, lengths: range) -> Iterator[str]:
    for length in lengths:
        for start in range(len(text) - length + 1):
            yield PIECE + text[start : start + length]
