"""The knowledge of one version of a bot: frozen, built when the bot is read, searched in memory.

Approved answers are matched against the questions that people wrote for them: the weighted share of common terms
(Dice, weighted by rarity), so that "delivery to Norway" and "delivery to Japan" stay apart. Passages (notes, products,
and the approved answers again, for a question that is only near theirs) are ranked by BM25 and kept only if they cover
enough of what the question is about.
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
from core.knowledge.passages import Passage, of_answer
from core.knowledge.words import content, is_empty, is_light, meaning, terms, whole, within
from core.language import base

# Chosen on the teahouse's own questions, see tests/core/test_knowledge.py: no wrong answer at these marks.
APPROVED_MARK = 0.6
COVERED = 0.85
TELLING = 0.7
# Below this share of what the rarest word tells, "tea" of "do you like tea", the other words count more.
COMMON = 0.4
ORDER_NUMBER = re.compile(r"\d{4,}")
EVIDENCE_MARK = 0.6
# A passage must also be about it: the least BM25 score, as a share of what the rarest word tells.
EVIDENCE_FLOOR = 0.27
# A word like "bring" or "see" counts this much of what its rarity says.
LIGHT = 0.2
# "Do not cancel my order" is not "cancel my order"; 能不能 and "why not" deny nothing.
ASKING = re.compile(r"(.)[不没]\1|有没有|不好意思|\bwhy not\b", re.IGNORECASE)
DENIAL = re.compile(r"\b(?:no|not|never|without|cannot)\b|n['’]t\b|[不没别未无勿]", re.IGNORECASE)
# A question that wants to buy is answered by products rather than by notes that mention them.
BUYING = re.compile(
    r"\b(do you (have|sell)|have you got|got any|buy|price|how much (is|are|for)|costs?|recommend|looking for)\b"
    r"|有什么|有没有|有哪些|^(?:请问)?(?:你们|店里)?有.{1,8}[吗么]|多少钱|推荐|想买|价格|卖",
    re.IGNORECASE,
)
PRODUCTS_FIRST = 1.6
TYPO_MARK = 88  # delivry is delivery; iceland is not ireland
TYPO_LENGTH = 6


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
    said: frozenset[str]  # of its terms those that tell what is asked
    about: frozenset[str]  # the terms of all questions of its answer
    denies: bool


class _Vocabulary:
    """What is known of words, learned from texts: how much each tells, and which known one a mistyped one resembles."""

    def __init__(self, documents: Sequence[Iterable[str]]) -> None:
        counts = Counter(term for document in documents for term in set(meaning(document)))
        total = max(1, len(documents))
        self._weights = {
            term: math.log(1 + total / count) * (LIGHT if is_light(term) else 1.0) for term, count in counts.items()
        }
        self.rarest = math.log(1 + total)
        written = {term for document in documents for term in document}
        self._long = sorted(term for term in written if len(term) >= TYPO_LENGTH and term.isascii())

    def __contains__(self, term: str) -> bool:
        return term in self._weights

    def weight(self, found: Iterable[str]) -> float:
        return sum(self._weights[term] if term in self._weights else self._unknown(term) for term in found)

    def _unknown(self, term: str) -> float:
        return self.rarest * (LIGHT if is_light(term) else 1.0)

    def known(self, found: Iterable[str]) -> list[str]:
        """What the terms mean: a mistyped one as what it resembles, a long Han word as the words in it."""
        return [known for term in found for known in self._known(term)]

    def _known(self, term: str) -> list[str]:
        (meant,) = meaning([term])
        if meant in self._weights:
            return [meant]
        if not term.isascii():
            parts = meaning(within(term))
            return parts if parts and all(part in self._weights for part in parts) else [meant]
        if len(term) < TYPO_LENGTH:
            return [meant]
        best = process.extractOne(term, self._long, scorer=fuzz.ratio, score_cutoff=TYPO_MARK)
        return meaning([best[0]]) if best else [meant]


class _Language:
    """Everything in one language."""

    def __init__(self, language: str, answers: Sequence[ApprovedAnswerConfig], passages: Sequence[Passage]) -> None:
        self.variants = [variant for answer in answers for variant in _variants(answer, language)]
        self.questions = _Vocabulary([whole(variant.question) for variant in self.variants])
        said = [passage for answer in answers for passage in of_answer(answer, language)]
        self.passages = [*said, *(passage for passage in passages if passage.language == language)]
        self.answers = {passage.id: answer for answer in answers for passage in of_answer(answer, language)}
        written = [content(terms(f"{p.title} {p.title} {p.text} {p.words}")) for p in self.passages]
        documents = [meaning(document) for document in written]
        self.documents = [frozenset(document) for document in documents]
        self.words = _Vocabulary(written)
        self.ranking: Any = None
        if documents:
            self.ranking = bm25s.BM25()
            self.ranking.index(documents, show_progress=False)

    def approved(self, question: str, today: date) -> Approved | None:
        asked = frozenset(self.questions.known(_asked(question)))
        telling, denies = _content(asked), _denies(question)
        best: Approved | None = None
        for variant in self.variants:
            if not asked.isdisjoint(variant.terms) and denies == variant.denies and _valid(variant.answer, today):
                score = self._alike(asked, telling, variant)
                if score >= APPROVED_MARK and (best is None or score > best.score):
                    best = Approved(variant.answer.id, variant.question, "", score)
        return best

    def _alike(self, asked: frozenset[str], telling: frozenset[str], variant: _Variant) -> float:
        """0 to 1. What is asked counts more than how.

        All that is asked must stand in some question of this answer, and what this question is about must be asked:
        or "customs in Norway" would get the answer on Switzerland.
        """
        said, weigh = variant.said, self.questions.weight
        covers = weigh(telling & variant.about) >= COVERED * weigh(telling)
        covered = weigh(said & asked) >= COVERED * weigh(said)
        if not (covers and covered):
            return 0.0
        share = TELLING if weigh(telling) >= COMMON * self.questions.rarest else 1 - TELLING
        return share * _dice(weigh, telling, said) + (1 - share) * _dice(weigh, asked, variant.terms)

    def search(self, question: str, limit: int, today: date) -> list[Evidence]:
        asked = list(dict.fromkeys(self.words.known(content(terms(question)))))
        if self.ranking is None or all(is_light(term) for term in asked):
            return []
        scores = self.ranking.get_scores(asked)
        favour = PRODUCTS_FIRST if BUYING.search(question) else 1.0
        weight = self.words.weight(asked)
        found = [
            Evidence(self.passages[index], self._score(index, float(scores[index]) * covered, favour))
            for index, document in enumerate(self.documents)
            if (covered := self.words.weight(document.intersection(asked)) / weight) >= EVIDENCE_MARK
        ]
        floor = EVIDENCE_FLOOR * self.words.rarest
        found = [one for one in found if one.score >= floor]
        now = [one for one in found if one.passage.kind != "answer" or _valid(self.answers[one.passage.id], today)]
        return sorted(now, key=lambda evidence: -evidence.score)[:limit]

    def knows(self, question: str) -> bool:
        """Whether every telling word of a question stands somewhere in what the shop says."""
        found = [term for term in terms(question) if not is_empty(term)]
        return all(is_light(term) or term in self.words for term in self.words.known(found))

    def _score(self, index: int, score: float, favour: float) -> float:
        return round(score * (favour if self.passages[index].kind == "product" else 1.0), 4)


def _content(found: frozenset[str]) -> frozenset[str]:
    return frozenset(content(list(found)))


def _dice(weigh: Callable[[frozenset[str]], float], one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * weigh(one & other) / (weigh(one) + weigh(other))


def _variants(answer: ApprovedAnswerConfig, language: str) -> list[_Variant]:
    questions = answer.questions.get(language, [])
    about = frozenset(meaning(_asked("\n".join(questions))))
    return [_variant(answer, question, about) for question in questions]


def _variant(answer: ApprovedAnswerConfig, question: str, about: frozenset[str]) -> _Variant:
    found = frozenset(meaning(_asked(question)))
    return _Variant(answer, question, found, _content(found), about, _denies(question))


def _asked(question: str) -> list[str]:
    """The terms of a question; an order number says which order, not what is asked of it."""
    return [term for term in whole(question) if not ORDER_NUMBER.fullmatch(term)]


def _denies(question: str) -> bool:
    return DENIAL.search(ASKING.sub("", question)) is not None


def _valid(answer: ApprovedAnswerConfig, today: date) -> bool:
    return (answer.valid_from or today) <= today <= (answer.valid_until or today)


class Knowledge:
    def __init__(
        self, languages: Sequence[str], answers: Sequence[ApprovedAnswerConfig], passages: Sequence[Passage]
    ) -> None:
        self._answers = {answer.id: answer for answer in answers}
        self._languages = {language: _Language(language, answers, passages) for language in languages}
        self.passages = tuple(passage for part in self._languages.values() for passage in part.passages)

    def approved(self, question: str, language: str, today: date | None = None, say_in: str = "") -> Approved | None:
        """The approved answer to ``question``, if a person has written one that is valid ``today``.

        Its text is in the language ``say_in`` if it is written in it, else in that of the question.
        """
        part = self._part(language)
        found = part[1].approved(question, today or date.today()) if part else None
        if part is None or found is None:
            return None
        texts = self._answers[found.id].answer
        text = next((text for known, text in texts.items() if base(known) == base(say_in)), texts[part[0]])
        return Approved(found.id, found.question, text, round(found.score, 4))

    def search(self, question: str, language: str, limit: int = 3, today: date | None = None) -> list[Evidence]:
        """Passages in ``language`` that cover what ``question`` is about, the best first; empty: no evidence."""
        part = self._part(language)
        return part[1].search(question, limit, today or date.today()) if part else []

    def knows(self, question: str, language: str) -> bool:
        """Whether no word of ``question`` is foreign to the shop: "do you sell bicycles?" begins a subject of its own."""
        part = self._part(language)
        return part is not None and part[1].knows(question)

    def _part(self, language: str) -> tuple[str, _Language] | None:
        for known, part in self._languages.items():
            if base(known) == base(language):
                return known, part
        return None
