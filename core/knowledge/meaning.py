"""What is near in meaning: sentence vectors of a bot's passages and questions beside the evidence of words.

A passage's score is its dot product with the question, as a z-score among passages that have nothing to do with it, plus
``COVERAGE`` times the share of the question's words that stand in it. Both parts are needed: vectors take umbrellas for
teapots, words do not know that "my money back" is a refund. On 54 paraphrases that share few words with the teahouse's
texts the right passage came first for .74 (was among three for .87), by words alone for .30; for questions on other
languages' passages the words say nothing, and the z-score counts alone. From which score on it counts is calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, starmap
from math import inf
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.knowledge.calibration import Curve, Trial, curve
from core.knowledge.passages import Passage
from core.knowledge.probes import probes
from core.knowledge.vectors import Floats, Vectors
from core.language import base

COVERAGE = 4.0
# With so much of its words in a passage, a question is found by them.
EVIDENCE_MARK = 0.6
# Passages looked at more closely, and how many count as found: the rung answers from so many.
NEAR = 50
FIRST = 3
# An approved answer must be nearer than any other one, by so much.
AHEAD = 0.5
# A calibration asks at most so many questions of each language.
SAMPLE = 200
# Characters of a question and of a passage that are read for their meaning; what is beyond them adds time, not meaning.
QUESTION_CHARS = 400
PASSAGE_CHARS = 2000


class Wanted(NamedTuple):
    """A text whose vector is wanted; ``kind`` as the port Embedder has it."""

    text: str
    kind: Literal["query", "passage"]


class Asking(Protocol):
    """A way to ask for an approved answer."""

    @property
    def question(self) -> str: ...

    @property
    def answer_id(self) -> str: ...


class Part(Protocol):
    """What is known in one language."""

    @property
    def passages(self) -> Sequence[Passage]: ...

    @property
    def variants(self) -> Sequence[Asking]: ...

    @property
    def things(self) -> Sequence[str]:
        """Words that are said often."""
        ...

    def shares(self, question: str) -> NDArray[np.float64]:
        """How much of what a question says stands in each passage, 0 to 1."""
        ...

    def leftover(self, question: str, answer_id: str) -> float:
        """How much of what a question says would stand in an answer without this question, 0 to 1."""
        ...

    def may_mean(self, question: str, variant: int, without: bool = False) -> bool:
        """Whether nothing that is said speaks against a question's meaning the same as a variant."""
        ...

    def knows(self, question: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the vectors of one language lie."""

    passages: slice
    variants: slice
    probes: slice


@dataclass(frozen=True, slots=True)
class Scale:
    """Dot products of texts that have nothing to do with each other."""

    mean: float
    spread: float

    @classmethod
    def of(cls, one: Floats, other: Floats) -> Scale:
        if not len(one) or not len(other):
            return cls(0.0, 1.0)
        products = one @ other.T
        return cls(float(products.mean()), float(products.std()) or 1.0)

    def z(self, products: Floats) -> Floats:
        scaled: Floats = (products - np.float32(self.mean)) / np.float32(self.spread)
        return scaled


def wanted(parts: Mapping[str, Part]) -> tuple[Wanted, ...]:
    """The texts whose vectors a Sight of these parts needs, in its order."""
    passages = [Wanted(_text(passage), "passage") for part in parts.values() for passage in part.passages]
    asked = [Wanted(variant.question, "query") for part in parts.values() for variant in part.variants]
    foreign = [Wanted(question, "query") for language, part in parts.items() for question in _probes(language, part)]
    return (*passages, *asked, *foreign)


def _probes(language: str, part: Part) -> tuple[str, ...]:
    return probes(base(language), part.things)


def _text(passage: Passage) -> str:
    return f"{passage.title}\n{passage.text}"[:PASSAGE_CHARS]


class Sight:
    """Vectors of the parts of a bot's knowledge, with what they were calibrated to."""

    def __init__(self, parts: Mapping[str, Part], vectors: Vectors, target: float) -> None:
        """``vectors``: of ``wanted(parts)``, in that order; ``target``: the precision that is wanted.

        Raises ValueError: they are not as many.
        """
        self.vectors = vectors
        self._parts = parts
        self._rows = _layout(parts)
        count = max((rows.probes.stop for rows in self._rows.values()), default=0)
        if count != len(vectors):
            raise ValueError(f"{len(vectors)} vectors for {count} texts")
        pairs = [(asked, found) for asked in parts for found in parts]
        self._scales = {pair: self._scale(*pair) for pair in pairs}
        self._alike = {language: self._scale_of_questions(language) for language in parts}
        evidence = {pair: self._evidence_curve(*pair, target) for pair in pairs}
        approved = {language: self._approved_curve(language, target) for language in parts}
        self._evidence_marks = {pair: found.threshold for pair, found in evidence.items()}
        self._approved_marks = {language: found.threshold for language, found in approved.items()}
        self.curves: tuple[Curve, ...] = (*approved.values(), *evidence.values())

    # ── passages ─────────────────────────────────────────────────────────────────────────────────────────

    def evidence(self, question: str, vector: Floats, asked_in: str, found_in: str) -> list[tuple[int, float]]:
        """Passages of ``found_in`` (by their place in it) that are surely about the question, with their scores."""
        mark = self._evidence_marks[asked_in, found_in]
        if mark == inf:
            return []
        return [(place, score) for place, score in self.near(question, vector, asked_in, found_in) if score >= mark]

    def scores(self, places: Sequence[int], vector: Floats, language: str) -> list[float]:
        """How near passages of a language are to a question in it, as z-scores."""
        rows = np.array(places, np.intp) + self._rows[language].passages.start
        found: list[float] = self._scales[language, language].z(self.vectors.scores(vector, rows)).tolist()
        return found

    def near(self, question: str, vector: Floats, asked_in: str, found_in: str) -> list[tuple[int, float]]:
        """The nearest passages, best first."""
        part = self._rows[found_in].passages
        rows, products = self.vectors.search(vector, NEAR, part)
        places = rows - part.start
        scores = (
            self._scales[asked_in, found_in].z(products) + COVERAGE * self._parts[found_in].shares(question)[places]
        )
        order = np.argsort(-scores, kind="stable")
        return list(zip(places[order].tolist(), np.round(scores[order], 4).tolist(), strict=True))

    # ── approved answers ─────────────────────────────────────────────────────────────────────────────────

    def approved(self, question: str, vector: Floats, language: str) -> tuple[int, float] | None:
        """The variant (by its place) that a question surely means, with its score."""
        mark = self._approved_marks[language]
        if mark == inf:
            return None
        found = self._meant(question, vector, language)
        return found if found and found[1] >= mark else None

    def _meant(
        self, question: str, vector: Floats, language: str, without: int | None = None
    ) -> tuple[int, float] | None:
        """The nearest variant, if those of other answers are clearly farther. ``without``: one that does not count."""
        part, variants = self._rows[language].variants, self._parts[language].variants
        rows, products = self.vectors.search(vector, FIRST * 4, part)
        places = [place for place in (rows - part.start).tolist() if place != without]
        if not places:
            return None
        scores = self._alike[language].z(
            products[: len(places)] if without is None else self._products(vector, part, places)
        )
        best = variants[places[0]].answer_id
        other = next(
            (score for place, score in zip(places, scores, strict=True) if variants[place].answer_id != best), -inf
        )
        if scores[0] - other < AHEAD or not self._parts[language].may_mean(question, places[0], without is not None):
            return None
        return places[0], round(float(scores[0]), 4)

    def _products(self, vector: Floats, part: slice, places: Sequence[int]) -> Floats:
        return self.vectors.scores(vector, np.array(places, np.intp) + part.start)

    # ── calibration ──────────────────────────────────────────────────────────────────────────────────────

    def _scale(self, asked: str, found: str) -> Scale:
        return Scale.of(self._questions(asked), self._sample(self._rows[found].passages, 5 * SAMPLE))

    def _scale_of_questions(self, language: str) -> Scale:
        questions = self._questions(language)
        return Scale.of(questions, questions)

    def _questions(self, language: str) -> Floats:
        rows = self._rows[language]
        asked = self._sample(rows.variants, SAMPLE)
        return asked if len(asked) >= SAMPLE // 10 else np.concatenate([asked, self.vectors.rows[rows.probes]])

    def _sample(self, part: slice, most: int) -> Floats:
        rows: Floats = self.vectors.rows[_spread(part, most)]
        return rows

    def _evidence_curve(self, asked: str, found: str, target: float) -> Curve:
        trials = [*self._evidence_trials(asked, found), *self._foreign_trials(asked, found)]
        return curve(trials, rung="evidence", language=asked, found_in=found, target=target)

    def _evidence_trials(self, asked: str, found: str) -> list[Trial]:
        """The bot's own questions, as if nobody had written them: is their answer among the first passages?

        Others in front may help as well, nobody knows: such a question is neither right nor wrong. One that the words
        find something for does not count.
        """
        own, other = self._parts[asked], self._parts[found]
        places = {passage.id: place for place, passage in enumerate(other.passages) if passage.kind == "answer"}
        titles = {passage.title for passage in other.passages if passage.kind == "answer"}
        trials: list[Trial] = []
        part = self._rows[asked].variants
        for row in _spread(part, SAMPLE):
            variant = own.variants[row - part.start]
            wanted_place = places.get(f"answers/{variant.answer_id}")
            if wanted_place is None or variant.question in titles:
                continue
            ranked = self.near(variant.question, self.vectors.rows[row], asked, found)
            if asked == found:
                ranked = self._without(ranked, wanted_place, variant, self.vectors.rows[row], asked)
                if self._left_to_words(variant, wanted_place, asked):
                    continue
            first = [place for place, _ in ranked[:FIRST]]
            trials.append(Trial(ranked[0][1] if wanted_place in first else -inf, wanted_place in first))
        return trials

    def _without(
        self, ranked: list[tuple[int, float]], place: int, variant: Asking, vector: Floats, language: str
    ) -> list[tuple[int, float]]:
        """The ranking if this very question had not been written for the answer at ``place``."""
        left = self._parts[language].leftover(variant.question, variant.answer_id)
        (z,) = self.scores([place], vector, language)
        others = [one for one in ranked if one[0] != place]
        return sorted([*others, (place, z + COVERAGE * left)], key=lambda one: -one[1])

    def _left_to_words(self, variant: Asking, place: int, language: str) -> bool:
        shares = self._parts[language].shares(variant.question)
        shares[place] = self._parts[language].leftover(variant.question, variant.answer_id)
        return bool((shares >= EVIDENCE_MARK).any())

    def _foreign_trials(self, asked: str, found: str) -> list[Trial]:
        trials: list[Trial] = []
        for question, row in self._foreign(asked):
            ranked = self.near(question, self.vectors.rows[row], asked, found)
            trials.append(Trial(ranked[0][1] if ranked else -inf, False, foreign=True))
        return trials

    def _approved_curve(self, language: str, target: float) -> Curve:
        own, part = self._parts[language], self._rows[language].variants
        trials: list[Trial] = []
        for row in _spread(part, SAMPLE):
            place = row - part.start
            variant = own.variants[place]
            met = self._meant(variant.question, self.vectors.rows[row], language, without=place)
            right = met is not None and own.variants[met[0]].answer_id == variant.answer_id
            trials.append(Trial(met[1] if met else -inf, right))
        for question, row in self._foreign(language):
            met = self._meant(question, self.vectors.rows[row], language)
            trials.append(Trial(met[1] if met else -inf, False, foreign=True))
        return curve(trials, rung="approved", language=language, found_in=language, target=target)

    def _foreign(self, language: str) -> list[tuple[str, int]]:
        """General questions with their rows, without those that the shop has all the words of."""
        part = self._rows[language].probes
        asked = zip(_probes(language, self._parts[language]), range(part.start, part.stop), strict=True)
        return [(question, row) for question, row in asked if not self._parts[language].knows(question)]


def _layout(parts: Mapping[str, Part]) -> dict[str, Rows]:
    """In the order of ``wanted``."""
    start, found = 0, []
    for sizes in (
        [len(part.passages) for part in parts.values()],
        [len(part.variants) for part in parts.values()],
        [len(_probes(*one)) for one in parts.items()],
    ):
        ends = np.cumsum([start, *sizes]).tolist()
        found.append(list(starmap(slice, pairwise(ends))))
        start = ends[-1]
    return {language: Rows(*rows) for language, rows in zip(parts, zip(*found, strict=True), strict=True)}


def _spread(part: slice, most: int) -> list[int]:
    """At most so many rows of a part, evenly from all of it."""
    count = part.stop - part.start
    if count <= most:
        return list(range(part.start, part.stop))
    return [part.start + round(step) for step in np.linspace(0, count - 1, most).tolist()]
