"""The knowledge of one version of a bot: frozen, built when the bot is read, searched in memory.

Approved answers are matched against the questions that people wrote for them: the weighted share of common terms
(Dice, weighted by rarity), so that "delivery to Norway" and "delivery to Japan" stay apart. Passages are ranked by
BM25 and kept only if they cover enough of what the question is about.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import bm25s
from rapidfuzz import fuzz, process

from core.config import ApprovedAnswerConfig
from core.knowledge.passages import Passage
from core.knowledge.words import content, terms
from core.language import base

# Chosen on the teahouse's own questions, see tests/core/test_knowledge.py: no wrong answer at these marks.
APPROVED_MARK = 0.6
COVERED = 0.85
TELLING = 0.7
ORDER_NUMBER = re.compile(r"\d{4,}")
EVIDENCE_MARK = 0.6
# A question that wants to buy is answered by products rather than by notes that mention them.
BUYING = re.compile(
    r"\b(do you (have|sell)|have you got|got any|buy|price|how much (is|are|for)|costs?|recommend|looking for)\b"
    r"|有什么|有没有|有哪些|多少钱|推荐|想买|价格|卖",
    re.IGNORECASE,
)
PRODUCTS_FIRST = 1.6
TYPO_MARK = 88  # delivry is delivery; iceland is not ireland
TYPO_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Approved:
    id: str
    question: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class _Variant:
    answer: ApprovedAnswerConfig
    question: str
    terms: frozenset[str]
    about: frozenset[str]  # the terms of all questions of its answer


class _Vocabulary:
    """How much each term tells, learned from texts; and the nearest known term of a mistyped one."""

    def __init__(self, documents: Sequence[Iterable[str]]) -> None:
        counts = Counter(term for document in documents for term in set(document))
        total = max(1, len(documents))
        self._weights = {term: math.log(1 + total / count) for term, count in counts.items()}
        self._unknown = math.log(1 + total)
        self._long = [term for term in counts if len(term) >= TYPO_LENGTH and term.isascii()]

    def weight(self, found: Iterable[str]) -> float:
        return sum(self._weights.get(term, self._unknown) for term in found)

    def known(self, found: Iterable[str]) -> list[str]:
        """The terms, each mistyped one replaced by the known term that it resembles."""
        return [term if term in self._weights else self._nearest(term) for term in found]

    def _nearest(self, term: str) -> str:
        if len(term) < TYPO_LENGTH or not term.isascii():
            return term
        best = process.extractOne(term, self._long, scorer=fuzz.ratio, score_cutoff=TYPO_MARK)
        return best[0] if best else term


class _Language:
    """Everything in one language."""

    def __init__(self, language: str, answers: Sequence[ApprovedAnswerConfig], passages: Sequence[Passage]) -> None:
        self.variants = [variant for answer in answers for variant in _variants(answer, language)]
        self.questions = _Vocabulary([variant.terms for variant in self.variants])
        self.passages = [passage for passage in passages if passage.language == language]
        documents = [content(terms(f"{p.title} {p.title} {p.text} {p.words}")) for p in self.passages]
        self.documents = [frozenset(document) for document in documents]
        self.words = _Vocabulary(documents)
        self.ranking: Any = None
        if documents:
            self.ranking = bm25s.BM25()
            self.ranking.index(documents, show_progress=False)

    def approved(self, question: str, today: date) -> Approved | None:
        # An order number says which order, not what is asked of it.
        asked = frozenset(term for term in self.questions.known(terms(question)) if not ORDER_NUMBER.fullmatch(term))
        best: Approved | None = None
        for variant in self.variants:
            if asked and _valid(variant.answer, today):
                score = self._alike(asked, variant)
                if score >= APPROVED_MARK and (best is None or score > best.score):
                    best = Approved(variant.answer.id, variant.question, "", score)
        return best

    def _alike(self, asked: frozenset[str], variant: _Variant) -> float:
        """0 to 1. What is asked counts more than how.

        All that is asked must stand in some question of this answer, and what this question is about must be asked:
        or "customs in Norway" would get the answer on Switzerland.
        """
        telling, said = _content(asked), _content(variant.terms)
        weigh = self.questions.weight
        covers = weigh(telling & variant.about) >= COVERED * weigh(telling)
        covered = weigh(said & asked) >= COVERED * weigh(said)
        if not (covers and covered):
            return 0.0
        return TELLING * _dice(weigh, telling, said) + (1 - TELLING) * _dice(weigh, asked, variant.terms)

    def search(self, question: str, limit: int) -> list[Evidence]:
        asked = list(dict.fromkeys(self.words.known(content(terms(question)))))
        if self.ranking is None or not asked:
            return []
        scores = self.ranking.get_scores(asked)
        favour = PRODUCTS_FIRST if BUYING.search(question) else 1.0
        weight = self.words.weight(asked)
        found = [
            Evidence(self.passages[index], self._score(index, float(scores[index]) * covered, favour))
            for index, document in enumerate(self.documents)
            if (covered := self.words.weight(document.intersection(asked)) / weight) >= EVIDENCE_MARK
        ]
        return sorted(found, key=lambda evidence: -evidence.score)[:limit]

    def _score(self, index: int, score: float, favour: float) -> float:
        return round(score * (favour if self.passages[index].kind == "product" else 1.0), 4)


def _content(found: frozenset[str]) -> frozenset[str]:
    return frozenset(content(list(found)))


def _dice(weigh: Callable[[frozenset[str]], float], one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * weigh(one & other) / (weigh(one) + weigh(other))


def _variants(answer: ApprovedAnswerConfig, language: str) -> list[_Variant]:
    questions = answer.questions.get(language, [])
    about = frozenset(terms("\n".join(questions)))
    return [_Variant(answer, question, frozenset(terms(question)), about) for question in questions]


def _valid(answer: ApprovedAnswerConfig, today: date) -> bool:
    return (answer.valid_from or today) <= today <= (answer.valid_until or today)


class Knowledge:
    def __init__(
        self, languages: Sequence[str], answers: Sequence[ApprovedAnswerConfig], passages: Sequence[Passage]
    ) -> None:
        self._answers = {answer.id: answer for answer in answers}
        self._languages = {language: _Language(language, answers, passages) for language in languages}
        self.passages = tuple(passages)

    def approved(self, question: str, language: str, today: date | None = None) -> Approved | None:
        """The approved answer to ``question``, if a person has written one that is valid ``today``."""
        part = self._part(language)
        found = part[1].approved(question, today or date.today()) if part else None
        if part is None or found is None:
            return None
        text = self._answers[found.id].answer[part[0]]
        return Approved(found.id, found.question, text, round(found.score, 4))

    def search(self, question: str, language: str, limit: int = 3) -> list[Evidence]:
        """Passages in ``language`` that cover what ``question`` is about, the best first; empty: no evidence."""
        part = self._part(language)
        return part[1].search(question, limit) if part else []

    def _part(self, language: str) -> tuple[str, _Language] | None:
        for known, part in self._languages.items():
            if base(known) == base(language):
                return known, part
        return None
