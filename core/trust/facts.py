"""What a reply may say: the shop's facts, read once, in the form in which sentences are compared with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, NamedTuple

from core.knowledge.words import is_light, meaning, stemmed
from core.trust.common import COMMON
from core.trust.figures import is_figure
from core.trust.sentences import CLAUSE_END, Sentence, denials, links, plainly, read, sentences, telling
from core.trust.values import Kind, Value

Wording = Literal["close", "free"]
Arithmetic = Literal["multiply", "add", "difference"]
WORDS = re.compile(r"[^\W\d_]+")
# What the title of a fact says is about every value in it.
TITLE_WEIGHT = 0.5
# The facts of a few shops; an answer that is given often stands on the same ones again and again.
REMEMBERED_FACTS = 4096
REMEMBERED_QUESTIONS = 1000


@dataclass(frozen=True, slots=True)
class Rules:
    """What a shop allows: which arithmetic may make a figure of its figures, and which further words are promises."""

    arithmetic: frozenset[Arithmetic] = frozenset(("multiply", "add", "difference"))
    promises: tuple[str, ...] = ()


class Fact(NamedTuple):
    """A tuple, for facts are looked up in every answer."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of a fact, a clause of it or two neighbouring sentences.

    ``said``: its terms; ``title``: words of the title above that stand nowhere in the text, so that they are about all
    of it. ``about``: all words of that title. ``mixed``: a sentence of which some clauses deny and others do not.
    ``meant``: what it tells without its figures and denials, see meant(); ``above``: the words of the title beside that.
    """

    terms: tuple[str, ...]
    said: frozenset[str]
    title: frozenset[str]
    denials: int
    single: bool
    sentence: str = ""
    about: frozenset[str] = frozenset()
    mixed: bool = False
    meant: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A value of the facts. ``labels``: the terms around it, by how closely they belong to it; ``whole``: its sentence.

    Each stands for itself alone: the same value in two places of the facts is two.
    """

    value: Value
    labels: Mapping[str, float]
    whole: Sentence
    fact: Fact
    denied: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """A fact, or several together, as they are compared with. ``subjects``: as in Grounding."""

    text: str
    links: frozenset[str]
    terms: frozenset[str]
    words: frozenset[str]
    places: tuple[Place, ...]
    known: Mapping[Kind, tuple[Known, ...]]
    subjects: tuple[tuple[Fact, frozenset[str]], ...] = ()


@lru_cache(REMEMBERED_FACTS)
def _read(fact: Fact) -> _Read:
    text = plainly(f"{fact.title}\n{fact.text}")
    said = [read(sentence, known=True) for sentence in sentences(fact.text)]
    said_above = [read(sentence, known=True) for sentence in sentences(fact.title)]
    known: dict[Kind, list[Known]] = {}
    inside = frozenset(term for sentence in said for term in sentence.terms)
    named = meaning(telling(plainly(fact.title)))
    title = {term: TITLE_WEIGHT / 2 if term in inside else TITLE_WEIGHT for term in named}
    for sentence in (*said_above, *said):
        for value, labels, denied in zip(sentence.values, sentence.labels, sentence.denied, strict=True):
            around = title | dict(labels)
            known.setdefault(value.kind, []).append(Known(value, MappingProxyType(around), sentence, fact, denied))
    return _Read(
        text=text,
        links=frozenset(links(text)),
        terms=frozenset(telling(plainly(text))).union(*(sentence.terms for sentence in said)),
        words=stemmed(WORDS.findall(text)),
        places=tuple(_places(fact)),
        known={kind: tuple(values) for kind, values in known.items()},
    )


@lru_cache(REMEMBERED_FACTS)
def _together(facts: tuple[Fact, ...]) -> _Read:
    read_all = [_read(fact) for fact in facts]
    nothing: frozenset[str] = frozenset()
    kinds = {kind for one in read_all for kind in one.known}
    return _Read(
        text="\n".join(one.text for one in read_all),
        links=nothing.union(*(one.links for one in read_all)),
        terms=nothing.union(*(one.terms for one in read_all)),
        words=nothing.union(*(one.words for one in read_all)),
        places=tuple(place for one in read_all for place in one.places),
        known={kind: tuple(value for one in read_all for value in one.known.get(kind, ())) for kind in kinds},
        subjects=_subjects(facts),
    )


def _places(fact: Fact) -> list[Place]:
    whole = [part for part in sentences(fact.text) if part.strip()]
    about = frozenset(telling(plainly(fact.title)))
    title = about - frozenset(telling(plainly(fact.text)))
    places: dict[str, Place] = {}
    for one in whole:
        clauses = [(clause, *_part(clause)) for clause in CLAUSE_END.split(one)]
        mixed = len({denied % 2 for _, said, denied in clauses if said}) > 1
        said, denied = _part(one)
        places[one] = _place(said, title, denied, one, about, mixed)
        for clause, said, denied in clauses:
            if clause not in places:
                places[clause] = _place(said, title, denied, one, about)
    pairs = [(places[one], places[two]) for one, two in pairwise(whole)]
    both = [
        Place(
            terms=one.terms + two.terms,
            said=one.said | two.said,
            title=title,
            denials=0,
            single=False,
            about=about,
            meant=one.meant | two.meant,
            above=one.above & two.above,
        )
        for one, two in pairs
        if not (one.denials or two.denials)
    ]
    return [*places.values(), *both]


def _place(
    said: tuple[str, ...],
    title: frozenset[str],
    denied: int,
    sentence: str,
    about: frozenset[str],
    mixed: bool = False,
) -> Place:
    means = meant(said)
    return Place(said, frozenset(said), title, denied, True, sentence, about, mixed, means, about - means)


# They are counted as denials, or say nothing.
_UNSAID = frozenset(
    "except without never none not 不能 无法 没有 除外 不可 不 不得 请勿 未 已 也 照常 不会 不用 eur usd gbp cny rmb yuan dollar pound euro 元 块 使用 每 件 个 成 都".split()
)


def meant(terms: Sequence[str]) -> frozenset[str]:
    """Terms as they are compared with others: one word for all of a meaning, of a Han word that was cut only the pieces."""
    told = [term for term in meaning(terms) if term not in _UNSAID and not is_figure(term)]
    told = [term for term in told if not is_light(term)] or told
    return frozenset(term for term in told if term.isascii() or not any(one != term and one in term for one in told))


def _part(text: str) -> tuple[tuple[str, ...], int]:
    plain_text = plainly(text)
    return tuple(telling(plain_text)), denials(plain_text)


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a reply may say: the values, links and promises of the shop's facts; of what was asked only the words.

    ``names``: what may be named beside the facts, such as the shop; ``asked``: what the shopper said; ``subjects``: of each
    fact the words of its title that no other title has.
    """

    links: frozenset[str]
    words: frozenset[str]
    text: str
    places: tuple[Place, ...]
    known: Mapping[Kind, tuple[Known, ...]]
    wording: Wording
    rules: Rules = Rules()
    facts: tuple[Fact, ...] = ()
    fact_terms: frozenset[str] = frozenset()
    asked: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    asked_terms: frozenset[str] = frozenset()
    subjects: tuple[tuple[Fact, frozenset[str]], ...] = ()
    _asked_read: list[Sentence] = field(default_factory=list, compare=False)

    @classmethod
    def of(
        cls,
        facts: Sequence[Fact],
        asked: Sequence[str] = (),
        wording: Wording = "free",
        rules: Rules = Rules(),
        names: Sequence[str] = (),
    ) -> Grounding:
        given = tuple(facts)
        known = _together(given)
        return cls(
            links=known.links,
            words=known.words,
            text=known.text,
            places=known.places,
            known=known.known,
            wording=wording,
            rules=rules,
            facts=given,
            fact_terms=known.terms,
            asked=tuple(filter(None, asked)),
            names=_terms_of("\n".join(names)),
            asked_terms=_terms_of("\n".join(asked)),
            subjects=known.subjects,
        )

    def has(self, term: str) -> bool:
        """Whether a term stands in the facts, in what was asked or in what may be named."""
        return term in self.fact_terms or term in self.asked_terms or term in self.names

    def about(self, said: frozenset[str]) -> frozenset[Fact]:
        """The facts whose subject is named as a whole; empty: none is."""
        return frozenset([fact for fact, words in self.subjects if words <= said])

    @property
    def question(self) -> Sentence:
        """What was asked, read once if it is needed: the shopper's own figures, and what a short answer is about."""
        if not self._asked_read:
            self._asked_read.append(_read_question("\n".join(self.asked)))
        return self._asked_read[0]


def _subjects(facts: tuple[Fact, ...]) -> tuple[tuple[Fact, frozenset[str]], ...]:
    titles = [frozenset(telling(plainly(fact.title))) for fact in facts]
    own = [title - COMMON - frozenset().union(*titles[:at], *titles[at + 1 :]) for at, title in enumerate(titles)]
    return tuple((fact, words) for fact, words in zip(facts, own, strict=True) if words) if len(facts) > 1 else ()


@lru_cache(REMEMBERED_QUESTIONS)
def _read_question(text: str) -> Sentence:
    return read(text, known=True)


@lru_cache(REMEMBERED_QUESTIONS)
def _terms_of(text: str) -> frozenset[str]:
    return frozenset(telling(plainly(text)))
