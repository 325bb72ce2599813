"""What a bot knows in one language: how its approved answers are asked for, and its passages by their words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from core.config import ApprovedAnswerConfig
from core.knowledge.meaning import EVIDENCE_MARK
from core.knowledge.passages import Passage, of_answer
from core.knowledge.ranking import Ranking
from core.knowledge.vocabulary import Vocabulary
from core.knowledge.words import ASCII_WORD, are_light, content, is_empty, is_light, meaning, terms, whole
from core.signs import signed

# Chosen on the teahouse's own questions, see tests/core/test_knowledge.py: no wrong answer at these marks.
APPROVED_MARK = 0.6
COVERED = 0.85
ROUNDING = 1e-9
TELLING = 0.7
# Below this share of what the rarest word tells, "tea" of "do you like tea", the other words count more.
COMMON = 0.4
# A number of so many digits says which order.
ORDER_NUMBER = 4
# A passage must also be about it: the least BM25 score, as a share of what the rarest word tells.
EVIDENCE_FLOOR = 0.27
# "Do not cancel my order" is not "cancel my order"; 能不能 and "why not" deny nothing.
ASKING = re.compile(r"(.)[不没]\1|有没有|不好意思|\bwhy not\b", re.IGNORECASE)
DENIAL = signed(
    "no never without n't n’t 不 没 别 未 无 勿", r"\b(?:no|not|never|without|cannot)\b|n['’]t\b|[不没别未无勿]"
)
# A question that wants to buy is answered by products rather than by notes that mention them.
BUYING = signed(
    "have sell got buy price how cost recommend looking 有 多少 推荐 想买 价 卖",
    r"\b(do you (have|sell)|have you got|got any|buy|price|how much (is|are|for)|costs?|recommend|looking for)\b"
    r"|有什么|有没有|有哪些|^(?:请问)?(?:你们|店里)?有.{1,8}[吗么]|多少钱|推荐|想买|价格|卖",
)
PRODUCTS_FIRST = 1.6
# Scores are told to so many digits, which changes them by less than that.
DIGITS = 4
ROUNDED = 1e-4


@dataclass(frozen=True, slots=True)
class Variant:
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

    @property
    def answer_id(self) -> str:
        return self.answer.id


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it is compared with the variants: its terms, and how much each tells."""

    terms: Mapping[str, float]
    terms_weight: float
    telling: Mapping[str, float]
    telling_weight: float
    denies: bool


class LanguagePart:
    """Everything in one language."""

    def __init__(self, language: str, answers: Sequence[ApprovedAnswerConfig], passages: Sequence[Passage]) -> None:
        self.language = language
        asked = [question for answer in answers for question in answer.questions.get(language, [])]
        self.questions = Vocabulary([whole(question) for question in asked])
        self.variants = [variant for answer in answers for variant in self._variants(answer, language)]
        # a term → the variants that cannot be asked for without one of those that it is among
        self._needing: dict[str, list[int]] = {}
        for place, variant in enumerate(self.variants):
            for term in self._needed(variant):
                self._needing.setdefault(term, []).append(place)
        self._must = [self._musts(variant) for variant in self.variants]
        said = [passage for answer in answers for passage in of_answer(answer, language)]
        self.passages = [*said, *(passage for passage in passages if passage.language == language)]
        # Of each passage: whether it is a product, and whether it may be found; None: on some days.
        self._is_product = [passage.kind == "product" for passage in self.passages]
        self._counts = [_counts_ever(passage) for passage in self.passages]
        written = [content(terms(f"{p.title} {p.title} {p.text} {p.words}")) for p in self.passages]
        self.words = Vocabulary(written)
        self.things = _often(p.title for p in self.passages)
        self.ranking = Ranking([meaning(document) for document in written])

    def _variants(self, answer: ApprovedAnswerConfig, language: str) -> list[Variant]:
        questions = answer.questions.get(language, [])
        about = frozenset(meaning(_asked("\n".join(questions))))
        return [self._variant(answer, question, about) for question in questions]

    def _variant(self, answer: ApprovedAnswerConfig, question: str, about: frozenset[str]) -> Variant:
        found = list(dict.fromkeys(meaning(_asked(question))))
        said, total = content(found), self.questions.total
        return Variant(
            *(answer, question, frozenset(found), total(found), frozenset(said), total(said)),
            *(about, _denies(question)),
        )

    def _needed(self, variant: Variant) -> list[str]:
        """Terms of which one must stand in a question that is to be COVERED: without all of them too little is asked."""
        needed: list[str] = []
        for term in sorted(variant.said, key=lambda term: (-self.questions.weight(term), term)):
            needed.append(term)
            if self.questions.total(needed) > _spare(variant):
                break
        return needed

    def _musts(self, variant: Variant) -> frozenset[str]:
        """Terms each of which must stand in such a question."""
        return frozenset(term for term in variant.said if self.questions.weight(term) > _spare(variant))

    def approved(self, question: str, today: date | None) -> tuple[Variant, float] | None:
        """What is asked in nearly the words of a variant, and how alike they are. ``today`` None: by the clock."""
        terms_of = self.questions.weighed(_asked(question))
        asked_for = self._asked_for(terms_of)
        if not asked_for:  # as most often
            return None
        asked = _compared(question, terms_of)
        best: tuple[Variant, float] | None = None
        for variant in asked_for:
            if asked.denies == variant.denies and is_valid(variant.answer, today):
                score = self._alike(asked, variant)
                if score >= APPROVED_MARK and (best is None or score > best[1]):
                    best = variant, score
        return best

    def _asked_for(self, asked: Mapping[str, float]) -> list[Variant]:
        """The variants that are asked for: most of what they are about stands in the question."""
        places: set[int] = set()
        for term in asked:
            if term in self._needing:
                places.update(self._needing[term])
        if not places:
            return []
        told, must = frozenset(asked), self._must
        variants = [self.variants[place] for place in sorted(places) if must[place] <= told]
        return [one for one in variants if _common(asked, one.said) >= COVERED * one.said_weight]

    def _alike(self, asked: _Asked, variant: Variant) -> float:
        """0 to 1. What is asked counts more than how.

        All that is asked must stand in some question of this answer, and what this question is about must be asked:
        or "customs in Norway" would get the answer on Switzerland.
        """
        if _common(asked.telling, variant.about) < COVERED * asked.telling_weight:
            return 0.0
        share = TELLING if asked.telling_weight >= COMMON * self.questions.rarest else 1 - TELLING
        telling = _common(asked.telling, variant.said) / (asked.telling_weight + variant.said_weight)
        every = _common(asked.terms, variant.terms) / (asked.terms_weight + variant.terms_weight)
        return share * 2 * telling + (1 - share) * 2 * every

    def search(
        self, question: str, today: date | None = None, floor: float = EVIDENCE_FLOOR
    ) -> list[tuple[int, float]]:
        """Passages that cover what the question is about, by their place, with their scores; the best first.

        ``floor``: how much they must be about it. ``today`` None: by the clock.
        """
        weights = self._weighed(question)
        if are_light(weights):
            return []
        covering = self.ranking.covering(weights, EVIDENCE_MARK)
        if not covering:
            return []
        favour = PRODUCTS_FIRST if BUYING.search(question) else 1.0
        least, is_product = floor * self.words.rarest, self._is_product
        nearly = least - ROUNDED
        found: list[tuple[int, float]] = []
        for place, ranked, share in covering:
            score = ranked * share
            if is_product[place]:
                score *= favour
            # Rounding takes longer than all the rest, and most are far below.
            if score > nearly and (score := round(score, DIGITS)) >= least and self.counts(place, today):
                found.append((place, score))
        found.sort(key=itemgetter(1), reverse=True)
        return found

    def counts(self, place: int, today: date | None) -> bool:
        """Whether a passage may be found on this day."""
        ever = self._counts[place]
        return self.passages[place].valid(today or date.today()) if ever is None else ever

    def says_something(self, question: str) -> bool:
        return not all(is_empty(term) or is_light(term) for term in terms(question))

    def shares(self, question: str) -> NDArray[np.float64]:
        """How much of what a question says stands in each passage, 0 to 1."""
        weights = self._weighed(question)
        if not any(weights.values()):
            return np.zeros(len(self.passages))
        return self.ranking.shares(weights)

    def leftover(self, question: str, answer_id: str) -> float:
        """How much of what a question says would stand in an answer without this question, 0 to 1."""
        passage = next(one for one in self.passages if one.id == f"answers/{answer_id}")
        others = [line for line in passage.words.splitlines() if line != question]
        left = frozenset(meaning(terms("\n".join([passage.text, *others]))))
        weights = self._weighed(question)
        whole_weight = sum(weights.values())
        return sum(weight for term, weight in weights.items() if term in left) / whole_weight if whole_weight else 0.0

    def may_mean(self, question: str, variant: int, without: bool = False) -> bool:
        """Whether nothing that is said speaks against a question's meaning the same as a variant.

        All that it tells must stand in the answer or in its questions: whoever asks for another place or product gets
        another answer. ``without``: as if this very question had not been written for it.
        """
        meant, asked = self.variants[variant], _compared(question, self.questions.weighed(_asked(question)))
        if asked.denies != meant.denies:
            return False
        about = self._told_without(question, meant) if without else meant.about | self._told(meant.answer)
        return _common(asked.telling, about) >= COVERED * asked.telling_weight

    def _told(self, answer: ApprovedAnswerConfig) -> frozenset[str]:
        return frozenset(meaning(whole(answer.answer.get(self.language, ""))))

    def _told_without(self, question: str, variant: Variant) -> frozenset[str]:
        others = [other for other in variant.answer.questions.get(self.language, []) if other != question]
        return self._told(variant.answer) | frozenset(meaning(_asked("\n".join(others))))

    def _weighed(self, question: str) -> dict[str, float]:
        return self.words.weighed(content(terms(question)))

    def knows(self, question: str) -> bool:
        """Whether every telling word of a question stands somewhere in what the shop says."""
        found = [term for term in terms(question) if not is_empty(term)]
        return all(is_light(term) or term in self.words for term in self.words.known(found))


def _often(titles: Iterable[str], count: int = 2) -> tuple[str, ...]:
    """The words of most titles, as they are written, so that questions can be made of them."""
    counts = Counter(word for title in titles for word in dict.fromkeys(_written(title)) if _tells(word))
    return tuple(word for word, _ in counts.most_common(count))


def _written(title: str) -> list[str]:
    return [*ASCII_WORD.findall(title.casefold()), *(word for word in whole(title) if not word.isascii())]


def _tells(word: str) -> bool:
    return len(word) > 1 and not word[0].isdigit() and not any(is_empty(term) or is_light(term) for term in whole(word))


def _asked(question: str) -> list[str]:
    """The terms of a question; an order number says which order, not what is asked of it."""
    return [term for term in whole(question) if len(term) < ORDER_NUMBER or not term.isdecimal()]


def _denies(question: str) -> bool:
    return DENIAL.search(question) is not None and DENIAL.search(ASKING.sub("", question)) is not None


def is_valid(answer: ApprovedAnswerConfig, today: date | None) -> bool:
    """Whether an answer may be said on this day; None: by the clock."""
    if answer.valid_from is None and answer.valid_until is None:
        return True
    today = today or date.today()
    return (answer.valid_from or today) <= today <= (answer.valid_until or today)


def _spare(variant: Variant) -> float:
    """So much of what a variant tells may be missing in a question that asks for it; with what rounding may add up to."""
    return (1 - COVERED + ROUNDING) * variant.said_weight


def _compared(question: str, found: Mapping[str, float]) -> _Asked:
    """``found``: the terms of the question."""
    telling = {term: found[term] for term in content(list(found))}
    return _Asked(found, sum(found.values()), telling, sum(telling.values()), _denies(question))


def _common(one: Mapping[str, float], other: frozenset[str]) -> float:
    """How much the terms tell that stand in both."""
    common = 0.0
    for term, weight in one.items():
        if term in other:
            common += weight
    return common


def _counts_ever(passage: Passage) -> bool | None:
    """Whether a passage may be found on any day; None: only on some."""
    if passage.only_asked:
        return False
    return True if passage.valid_from is None and passage.valid_until is None else None
