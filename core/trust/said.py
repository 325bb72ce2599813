"""A sentence that is checked, with all that follows from its words alone: read once, however often it is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from core.knowledge.words import stemmed
from core.trust.facts import meant
from core.trust.figures import figures, is_figure, may_have_figures
from core.trust.names import Named, names_in
from core.trust.sentences import Sentence, denials, plainly, read, telling

LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])(?=\s|$)")
CLAUSE_END = re.compile(r"[,;:(]\s+|[，；：、]|\s+(?:and|but|or)\s+")
FIGURE_CLAUSE_END = re.compile(r"[,;:(]\s+|[，；：、]")
FIRST_PERSON = re.compile(r"\b(?:I|[Mm]y|[Mm]ine)\b|我(?!们)")
REGRETS = re.compile(r"\bI(?:['’]m| am) (?:very |so |really )?(?:sorry|afraid|glad|happy)\b")
# Politeness claims nothing.
POLITE = stemmed(
    "sure certainly course hello hi thanks thank sorry glad great okay welcome dear 当然 谢谢 抱歉 高兴".split()
)
# An answer that is given often is given in the same sentences.
REMEMBERED_SENTENCES = 1024
Clause = tuple[frozenset[str], int]


@dataclass(frozen=True)
class Said:
    """Everything beside ``sentence`` is made when it is first wanted."""

    sentence: Sentence

    @cached_property
    def terms(self) -> frozenset[str]:
        return frozenset(self.sentence.terms)

    @cached_property
    def denied(self) -> int:
        """How often it denies something."""
        return denials(self.sentence.plain)

    @cached_property
    def told(self) -> tuple[str, ...]:
        """Its telling terms, figures among them."""
        return _told(self.sentence.plain)

    @cached_property
    def meant(self) -> frozenset[str]:
        return meant(self.told)

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        """Of each clause what it tells, and how often it denies."""
        clauses = [plainly(part) for part in CLAUSE_END.split(self.sentence.text)]
        return tuple((meant(_told(clause)), denials(clause)) for clause in clauses)

    @cached_property
    def figured(self) -> tuple[tuple[str, ...], ...]:
        """The telling terms of each clause that has figures."""
        if not figures(self.sentence.plain):
            return ()
        parts = [part for part in FIGURE_CLAUSE_END.split(self.sentence.text) if may_have_figures(part)]
        clauses = (tuple(telling(plainly(part))) for part in parts)
        return tuple(clause for clause in clauses if any(map(is_figure, clause)))

    @cached_property
    def names(self) -> tuple[Named, ...]:
        return names_in(self.sentence)

    @cached_property
    def says_i(self) -> bool:
        return says_i(self.sentence.text)


@lru_cache(REMEMBERED_SENTENCES)
def said_in(text: str) -> Said:
    return Said(read(LIST_MARK.sub("", text)))


@lru_cache(REMEMBERED_SENTENCES)
def says_i(text: str) -> bool:
    """Whether somebody says I: a small model takes the shopper's part ("No, I'm not a student.")."""
    return FIRST_PERSON.search(REGRETS.sub("", text)) is not None


def _told(plain_text: str) -> tuple[str, ...]:
    return tuple(term for term in telling(plain_text) if term not in POLITE)


def figures_of(clauses: Sequence[Sequence[str]]) -> frozenset[str]:
    return frozenset(term for clause in clauses for term in clause if is_figure(term))
