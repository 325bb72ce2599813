"""The knowledge of one version of a bot: frozen, built when the bot is read, searched in memory.

Approved answers are matched against the questions that people wrote for them: the weighted share of common terms
(Dice, weighted by rarity), so that "delivery to Norway" and "delivery to Japan" stay apart. Passages (notes, products,
and the approved answers again, for a question that is only near theirs) are ranked by BM25 and kept only if they cover
enough of what the question is about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import inf

import numpy as np

from core.config import ApprovedAnswerConfig
from core.knowledge.passages import Passage, of_answer
from core.knowledge.ranking import Ranking
from core.knowledge.vocabulary import Vocabulary
from core.knowledge.words import content, is_empty, is_light, meaning, terms, whole
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
    """One way to ask for an approved answer.

    ``said``: of its ``terms`` those that tell what is asked; ``about``: the terms of all questions of its answer.
    """

    answer: ApprovedAnswerConfig
    question: str
    terms: frozenset[str]
    terms_weight: float
    said: frozenset[str]
    said_weight: float
    about: frozenset[str]
    denies: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it is compared with the variants; its terms are distinct."""

    terms: Sequence[str]
    terms_weight: float
    telling: Sequence[str]
    telling_weight: float
    denies: bool


class _Language:
    """Everything in one language."""

    def __init__(self, language: str, answers: Sequence[ApprovedAnswerConfig], passages: Sequence[Passage]) -> None:
        asked = [question for answer in answers for question in answer.questions.get(language, [])]
        self.questions = Vocabulary([whole(question) for question in asked])
        self.variants = [variant for answer in answers for variant in self._variants(answer, language)]
        saying: defaultdict[str, list[int]] = defaultdict(list)
        for index, variant in enumerate(self.variants):
            for term in variant.said:
                saying[term].append(index)
        # a telling term → the variants with it; and how much of each must be asked
        self.saying = {term: np.array(found) for term, found in saying.items()}
        self.wanted = np.array([COVERED * variant.said_weight if variant.said else inf for variant in self.variants])
        said = [passage for answer in answers for passage in of_answer(answer, language)]
        self.passages = [*said, *(passage for passage in passages if passage.language == language)]
        self.answers = {passage.id: answer for answer in answers for passage in of_answer(answer, language)}
        written = [content(terms(f"{p.title} {p.title} {p.text} {p.words}")) for p in self.passages]
        self.words = Vocabulary(written)
        self.ranking = Ranking([meaning(document) for document in written])

    def _variants(self, answer: ApprovedAnswerConfig, language: str) -> list[_Variant]:
        questions = answer.questions.get(language, [])
        about = frozenset(meaning(_asked("\n".join(questions))))
        return [self._variant(answer, question, about) for question in questions]

    def _variant(self, answer: ApprovedAnswerConfig, question: str, about: frozenset[str]) -> _Variant:
        found = list(dict.fromkeys(meaning(_asked(question))))
        said, total = content(found), self.questions.total
        return _Variant(
            *(answer, question, frozenset(found), total(found), frozenset(said), total(said)),
            *(about, _denies(question)),
        )

    def approved(self, question: str, today: date) -> Approved | None:
        found = list(dict.fromkeys(self.questions.known(_asked(question))))
        telling, total = content(found), self.questions.total
        asked = _Asked(found, total(found), telling, total(telling), _denies(question))
        best: Approved | None = None
        for variant in self._asked_for(asked.terms):
            if asked.denies == variant.denies and _valid(variant.answer, today):
                score = self._alike(asked, variant)
                if score >= APPROVED_MARK and (best is None or score > best.score):
                    best = Approved(variant.answer.id, variant.question, "", score)
        return best

    def _asked_for(self, asked: Sequence[str]) -> list[_Variant]:
        """The variants that are asked for: most of what they are about stands in the question."""
        covered = np.zeros(len(self.variants))
        for term in asked:
            if (found := self.saying.get(term)) is not None:
                covered[found] += self.questions.weight(term)
        return [self.variants[index] for index in (covered >= self.wanted).nonzero()[0].tolist()]

    def _alike(self, asked: _Asked, variant: _Variant) -> float:
        """0 to 1. What is asked counts more than how.

        All that is asked must stand in some question of this answer, and what this question is about must be asked:
        or "customs in Norway" would get the answer on Switzerland.
        """
        if self._common(asked.telling, variant.about) < COVERED * asked.telling_weight:
            return 0.0
        share = TELLING if asked.telling_weight >= COMMON * self.questions.rarest else 1 - TELLING
        telling = self._common(asked.telling, variant.said) / (asked.telling_weight + variant.said_weight)
        every = self._common(asked.terms, variant.terms) / (asked.terms_weight + variant.terms_weight)
        return share * 2 * telling + (1 - share) * 2 * every

    def _common(self, one: Sequence[str], other: frozenset[str]) -> float:
        """How much the terms tell that stand in both."""
        return self.questions.total(filter(other.__contains__, one))

    def search(self, question: str, limit: int, today: date) -> list[Evidence]:
        asked = list(dict.fromkeys(self.words.known(content(terms(question)))))
        if all(is_light(term) for term in asked):
            return []
        favour = PRODUCTS_FIRST if BUYING.search(question) else 1.0
        floor = EVIDENCE_FLOOR * self.words.rarest
        weights = {term: self.words.weight(term) for term in asked}
        found = (
            Evidence(passage, score)
            for index, ranked, share in self.ranking.covering(weights, EVIDENCE_MARK)
            if (score := _score(passage := self.passages[index], ranked * share, favour)) >= floor
        )
        now = [one for one in found if one.passage.kind != "answer" or _valid(self.answers[one.passage.id], today)]
        return sorted(now, key=lambda evidence: -evidence.score)[:limit]

    def knows(self, question: str) -> bool:
        """Whether every telling word of a question stands somewhere in what the shop says."""
        found = [term for term in terms(question) if not is_empty(term)]
        return all(is_light(term) or term in self.words for term in self.words.known(found))


def _score(passage: Passage, score: float, favour: float) -> float:
    return round(score * (favour if passage.kind == "product" else 1.0), 4)


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
