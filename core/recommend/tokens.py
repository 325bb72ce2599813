"""The telling words and phrases of a message, each with what it means in the shop's catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import rjieba

from core.knowledge.words import HAN, is_empty, is_light, terms
from core.recommend.assortment import FILLER_WORDS, LATIN_WORD, Assortment, Meaning, stem, stems

_FILLERS = FILLER_WORDS | {stem(word) for word in FILLER_WORDS}
_LONGEST_PHRASE = 4
_LONGEST_HAN = 8
# Texts come mostly in the same words.
REMEMBERED_WORDS = 20_000


@dataclass(frozen=True, slots=True)
class Token:
    start: int
    end: int
    known: Meaning | None


def tokens_of(text: str, assortment: Assortment) -> Iterator[Token]:
    """The telling words and phrases of a text; the longest that means something first."""
    words = [(match.group(), match.start(), match.end()) for match in LATIN_WORD.finditer(text)]
    stemmed = [stem(word) for word, _, _ in words]
    place = 0
    while place < len(words):
        word, start, end = words[place]
        length, known = _phrase_at(place, words, stemmed, text, assortment)
        if known:
            yield Token(start, words[place + length - 1][2], known)
        elif _telling(word):
            yield Token(start, end, _described(word, assortment))
        place += length
    if not text.isascii():
        for run in HAN.finditer(text):
            yield from _han_tokens(run.group(), run.start(), assortment)


def _phrase_at(
    place: int, words: Sequence[tuple[str, int, int]], stemmed: Sequence[str], text: str, assortment: Assortment
) -> tuple[int, Meaning | None]:
    """How many words the longest phrase that begins here has, and what it means; 1 and None: there is none."""
    longest = assortment.longest_from(stemmed[place])
    for length in range(min(longest, _LONGEST_PHRASE, len(words) - place), 0, -1):
        known = assortment.phrases.get(" ".join(stemmed[place : place + length]))
        if known and all(
            not text[words[at][2] : words[at + 1][1]].strip(" -") for at in range(place, place + length - 1)
        ):
            return length, known
    return 1, None


def _han_tokens(run: str, offset: int, assortment: Assortment) -> Iterator[Token]:
    place = plain = 0
    while place < len(run):
        for length in range(min(assortment.longest_from(run[place]), _LONGEST_HAN, len(run) - place), 0, -1):
            if known := assortment.phrases.get(run[place : place + length]):
                length = _parted(run, place, length, assortment)
                known = assortment.phrases[run[place : place + length]]
                yield from _han_words(run[plain:place], offset + plain, assortment)
                yield Token(offset + place, offset + place + length, known)
                place += length
                plain = place
                break
        else:
            place += 1
    yield from _han_words(run[plain:], offset + plain, assortment)


def _parted(run: str, place: int, length: int, assortment: Assortment) -> int:
    """How long the phrase at ``place`` is: of 普洱茶饼 it is 普洱, for 茶饼 means something too."""
    for shorter in range(length - 1, 1, -1):
        if run[place : place + shorter] in assortment.phrases:
            rest = range(length - shorter + 1, _LONGEST_HAN)
            if any(
                run[place + shorter :][:more] in assortment.phrases
                for more in rest
                if place + shorter + more <= len(run)
            ):
                return shorter
    return length


def _han_words(run: str, offset: int, assortment: Assortment) -> Iterator[Token]:
    if not run or run in _FILLERS:
        return
    for word in rjieba.cut(run, hmm=False):
        if len(word) > 1 and _telling(word):
            yield Token(offset, offset + len(word), _described(word, assortment))
        offset += len(word)


@lru_cache(REMEMBERED_WORDS)
def _telling(word: str) -> bool:
    """Whether a word says something of a product."""
    plain = word.casefold()
    if plain in _FILLERS or stem(plain) in _FILLERS or all(part in _FILLERS for part in plain):
        return False
    parts = terms(plain)
    return bool(parts) and not all(is_empty(part) or is_light(part) for part in parts)


def _described(word: str, assortment: Assortment) -> Meaning | None:
    """A word that stands in some descriptions."""
    word = word.casefold()
    return Meaning("taste", word, (word,)) if assortment.tells(word) else None


def products_in(folded: str, names: Iterable[str], assortment: Assortment) -> Iterator[str]:
    """Of the ``names`` in a text of small letters the products that are named in full, or by their SKU; a name that is
    also a word of the vocabulary names nothing."""
    for name in names:
        at = folded.find(name)
        if assortment.phrases.get(name if HAN.search(name) else " ".join(stems(name))):
            continue
        before, after = folded[at - 1 : at], folded[at + len(name) : at + len(name) + 1]
        if HAN.search(name) or not (before.isalnum() or after.isalnum()):
            yield assortment.names[name]


_OBJECT = re.compile(
    r"\b(?:looking\s+for|search(?:ing)?\s+for|recommend|suggest|want|need|buy|find|have|sell|get|like|show\s+me)\s+"
    r"(?:(?:me|you|us|to|buy|get|a|an|some|any|the|good|nice|new|great|cheap|really|something|anything|of|for|your)\s+)*(?=[a-z])",
    re.IGNORECASE,
)


def is_ware(token: Token, wanted: int | None, assortment: Assortment) -> bool:
    """Whether a word but names what the shop sells, "a book": it is looked for, and only stands in some description."""
    if token.known is None or token.start != wanted or token.known.name in assortment.meanings:
        return False
    return not assortment.marked(token.known.name)


def object_of(text: str) -> int | None:
    """Where the word stands that says what is looked for."""
    match = _OBJECT.search(text)
    return match.end() if match else None
