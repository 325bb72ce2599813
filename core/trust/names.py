"""Names that nobody knows: a product or a place that is said something of, and that the facts do not mention."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.knowledge.words import HAN, are_light, is_light, meaning, terms
from core.trust.common import COMMON, HAN_COMMON
from core.trust.facts import Grounding
from core.trust.sentences import Sentence, plainly, telling
from core.trust.values import Kind

REMEMBERED_NAMES = 20_000
_CAPITAL = re.compile(r"(?<![\w'’.@/-])[A-Z][\w]*(?:['’-]\w+)*")
_BEGINS = re.compile(r"^[\W_]*$")
_AFTER_SIGN = re.compile(r"[.!?:;•*\"“”(\[\n–—-][\s*_]*$")
_CALENDAR = re.compile(
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|jan\w*|feb\w*|mar(?:ch)?|apr\w*|may|june?|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*|i(?:['’]\w+)?|ok|am|pm|a|x+l?|s|m|l|faq|id|no|yes|sku|eur|usd|gbp|cny|rmb|tel|english|chinese|english|easter|christmas|hi|hello|dear|sir|madam|mr|mrs|ms|kg|ml|gmt|cet|utc",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\s+(?:is|are|costs?|comes?|has|have|takes?|was|were|will|needs?|sells?|goes|weighs?|holds?|ships?|can)\b"
)
_HAN_CHUNK = re.compile(
    r"^[\s*_>#-]*(?:您好|好的|是的|亲|当然|目前|现在|另外|此外|一|这|该|本店|我们|店里)?[的，,！!。\s]*(?:[一二三四五两几\d]+[个件份套款只])?((?![零一二两三四五六七八九十百])[㐀-䶿一-鿿·]{2,12}?)(?=[零一二两三四五六七八九十百]|的|是|每|售|价|卖|现|有|需|要|可|在|为|已|仅|只|才|就|都|今|明|从|一共|[\s:：，,（(\d*]|$)"
)
_NUMERALS = frozenset("零一二两三四五六七八九十百千万")
_HAN_TO = re.compile(r"(?:寄到|寄往|寄去|寄至|寄|送到|送往|发往|发到|运往|运到)([㐀-䶿一-鿿]{2,5})")


@dataclass(frozen=True, slots=True)
class Named:
    """A word that is a name unless the shop knows it, its terms, and what they mean."""

    word: str
    terms: tuple[str, ...]
    meant: tuple[str, ...]


def names_in(sentence: Sentence) -> tuple[Named, ...]:
    return tuple(_named(sentence)) if not sentence.text.isupper() else ()


def _named(sentence: Sentence) -> Iterator[Named]:
    claims = _claims(sentence)
    for match in _CAPITAL.finditer(sentence.text):
        word = match.group()
        if _CALENDAR.fullmatch(word):
            continue
        found = _terms_of(word)
        if not found:
            continue
        first = _BEGINS.match(sentence.text[: match.start()]) or _AFTER_SIGN.search(sentence.text[: match.start()])
        if first and not (claims and _VERB.match(sentence.text, match.end())):
            continue
        if first and not COMMON.isdisjoint(found):
            continue
        if not first or not are_light(found):
            yield Named(word, found, tuple(meaning(found)))


def _claims(sentence: Sentence) -> bool:
    return any(value.kind is not Kind.LINK for value in sentence.values)


def unknown_names(sentence: Sentence, names: Sequence[Named], grounding: Grounding, denies: bool) -> Iterator[str]:
    """``names``: as names_in() finds them. ``denies``: the sentence says that something is not so; then what was asked
    for may be named."""
    for name in names:
        if not _known(name.terms, name.meant, grounding, denies):
            yield name.word
    if not sentence.text.isascii() and _claims(sentence) and HAN.search(sentence.text):
        yield from _han_subject(sentence, grounding, denies)
        for match in _HAN_TO.finditer(sentence.text):
            place = next(iter(terms(match.group(1))), "")
            if len(place) > 1 and place not in grounding.text and place not in HAN_COMMON and not is_light(place):
                yield place


@lru_cache(REMEMBERED_NAMES)
def _terms_of(word: str) -> tuple[str, ...]:
    return tuple(telling(plainly(word)))


def _known(found: Sequence[str], meant: Sequence[str], grounding: Grounding, denies: bool) -> bool:
    """``meant``: what the terms mean."""
    facts, names = grounding.fact_terms, grounding.names
    asked: frozenset[str] = grounding.asked_terms if denies else frozenset()
    for term, means in zip(found, meant, strict=True):
        if term not in facts and means not in facts and term not in names and term not in asked:
            return False
    return True


def _titles(grounding: Grounding) -> frozenset[str]:
    return frozenset().union(*(place.about for place in grounding.places))


def _han_subject(sentence: Sentence, grounding: Grounding, denies: bool) -> Iterator[str]:
    """What a Chinese sentence begins with, if it is no word of the facts nor of shops in general."""
    match = _HAN_CHUNK.match(sentence.text)
    if match is None or match.group(1) in grounding.text or any(word in sentence.terms for word in _titles(grounding)):
        return
    for term in terms(match.group(1)):
        if len(term) < 2 or term in HAN_COMMON or is_light(term) or not _NUMERALS.isdisjoint(term):
            continue
        if telling(term) and not _known([term], meaning([term]), grounding, denies) and term not in grounding.text:
            yield term
