"""What a reply may say: the shop's facts, read once, in the form in which sentences are compared with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from core.knowledge.words import is_empty, stemmed, terms
from core.trust.figures import figures, is_figure, letters, one_form, plain

Wording = Literal["close", "free"]

_TOP = "com|net|org|info|shop|store|online|site|app|dev|biz|example|test|eu|uk|us|de|fr|es|pt|it|nl|ch|at|be|no|cn|hk|tw|jp|kr|io|co|me|ly|xyz|top"
LINK = re.compile(
    rf"(?:https?://|www\.)[!-~]+|\b[\w.+-]+@[\w-]+\.[\w.-]+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:{_TOP})\b(?:/[!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
# No link in small letters is without one of these; that is told much faster.
LINK_SIGNS = ("@", "://", "www.")
INNER_DOT = re.compile(r"\.[a-z]")
WORDS = re.compile(r"[^\W\d_]+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
CLAUSE_END = re.compile(r"[,;:(]\s+|[，；：、]|\s+(?:and|but|or)\s+")
NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|unable|without|except|out of|sold out)\b|[不没無无未别勿缺]"
)
# No text of a to z denies without one of these words; that is told much faster.
DENYING = frozenset("no not never none nobody nothing neither nor unable without except out".split())
CANNOT = re.compile(r"\bcan(?:['’]t|not)\b")
SHORT_NOT = re.compile(r"n['’]t\b")
NOT = re.compile(r"n(?:['’]t|not)")
# "No, we don't": the answer is denied once.
FIRST_WORD = re.compile(r"^\W*(?:yes|no|sorry|unfortunately|是的|对|不是|不|抱歉|很抱歉)\s*[,.!:;，。！：；]")
# The facts of a few shops; an answer that is given often stands on the same ones again and again.
REMEMBERED_FACTS = 4096
REMEMBERED_TERMS = 20_000


def plainly(text: str) -> str:
    """A text for comparing, see core/trust/figures.py; "can't" is "can not"."""
    text = plain(text)
    return SHORT_NOT.sub(" not", CANNOT.sub("can not", text)) if NOT.search(text) else text


def telling(plain_text: str) -> list[str]:
    """The telling terms of a plain text in order, figures in one notation; none if nothing is told."""
    return [told for told in map(_told, terms(plain_text)) if told]


@lru_cache(REMEMBERED_TERMS)
def _told(term: str) -> str:
    """A term in one notation; empty if it says nothing."""
    return "" if is_empty(term) else one_form(term) if is_figure(term) else term


def denials(plain_text: str) -> int:
    if plain_text.isascii() and DENYING.isdisjoint(letters(plain_text)):
        return 0
    return len(NEGATION.findall(FIRST_WORD.sub("", plain_text)))


def links(plain_text: str) -> list[str]:
    if not any(sign in plain_text for sign in LINK_SIGNS) and not INNER_DOT.search(plain_text):
        return []
    return [link.rstrip(".,;:!?)*_") for link in LINK.findall(plain_text)]


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of a fact, a clause of it or two neighbouring sentences.

    ``said``: its terms; ``title``: words of the title above that stand nowhere in the text, so that they are about all
    of it.
    """

    terms: tuple[str, ...]
    said: frozenset[str]
    title: frozenset[str]
    denials: int
    single: bool


@dataclass(frozen=True, slots=True)
class Fact:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Read:
    """A fact, or several together, as they are compared with."""

    text: str
    figures: frozenset[str]
    links: frozenset[str]
    terms: frozenset[str]
    words: frozenset[str]
    places: tuple[Place, ...]


@lru_cache(REMEMBERED_FACTS)
def _read(fact: Fact) -> _Read:
    text = plainly(f"{fact.title}\n{fact.text}")
    return _Read(
        text=text,
        figures=frozenset(figures(text)),
        links=frozenset(links(text)),
        terms=frozenset(telling(plainly(text))),
        words=stemmed(WORDS.findall(text)),
        places=tuple(_places(fact)),
    )


@lru_cache(REMEMBERED_FACTS)
def _together(facts: tuple[Fact, ...]) -> _Read:
    read = [_read(fact) for fact in facts]
    nothing: frozenset[str] = frozenset()
    return _Read(
        text="\n".join(one.text for one in read),
        figures=nothing.union(*(one.figures for one in read)),
        links=nothing.union(*(one.links for one in read)),
        terms=nothing.union(*(one.terms for one in read)),
        words=nothing.union(*(one.words for one in read)),
        places=tuple(place for one in read for place in one.places),
    )


def _places(fact: Fact) -> list[Place]:
    sentences = [part for part in SENTENCE_END.split(fact.text) if part and part.strip()]
    title = frozenset(telling(plainly(fact.title))) - frozenset(telling(plainly(fact.text)))
    clauses = [clause for one in sentences for clause in CLAUSE_END.split(one)]
    read = {part: _part(part) for part in [*sentences, *clauses]}
    alone = [Place(said, frozenset(said), title, denied, True) for said, denied in read.values()]
    both = [
        Place(one + two, frozenset(one + two), title, 0, False)
        for (one, denied), (two, denied_too) in pairwise(read[sentence] for sentence in sentences)
        if not (denied or denied_too)
    ]
    return alone + both


def _part(text: str) -> tuple[tuple[str, ...], int]:
    plain_text = plainly(text)
    return tuple(telling(plain_text)), denials(plain_text)


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a reply may say: the figures, links and promises of the shop's facts; of what was asked only the words."""

    figures: frozenset[str]
    links: frozenset[str]
    terms: frozenset[str]
    words: frozenset[str]
    text: str
    places: tuple[Place, ...]
    wording: Wording

    @classmethod
    def of(cls, facts: Sequence[Fact], asked: Sequence[str] = (), wording: Wording = "free") -> Grounding:
        read = _together(tuple(facts))
        terms = read.terms.union(telling(plainly("\n".join(asked))))
        return cls(read.figures, read.links, terms, read.words, read.text, read.places, wording)
