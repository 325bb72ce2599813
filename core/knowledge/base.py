"""The knowledge of one version of a bot: frozen, built when the bot is read, searched in memory.

Approved answers are matched against the questions that people wrote for them: the weighted share of common terms
(Dice, weighted by rarity), so that "delivery to Norway" and "delivery to Japan" stay apart. Passages (notes, products,
and the approved answers again, for a question that is only near theirs) are ranked by BM25 and kept only if they cover
enough of what the question is about. With an embedder both are also found by their meaning, in other languages too, where
that is sure enough (core/knowledge/meaning.py).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from core.config import AnswerButtonConfig, ApprovedAnswerConfig, ProductConfig
from core.knowledge.calibration import Curve
from core.knowledge.filters import Goods
from core.knowledge.meaning import COVERAGE, NEAR, Sight, Wanted, wanted
from core.knowledge.part import COVERED, EVIDENCE_FLOOR, LanguagePart, Variant, is_valid
from core.knowledge.passages import Passage
from core.knowledge.vectors import Floats, Vectors
from core.language import base
from core.messages import Button

By = Literal["words", "meaning"]


@dataclass(frozen=True, slots=True)
class Approved:
    """``by``: what it was matched by; scores of the one cannot be compared with those of the other."""

    id: str
    question: str
    text: str
    score: float
    buttons: tuple[Button, ...] = ()
    by: By = "words"


class Evidence(NamedTuple):
    """``by``: what it was found by; scores of the one cannot be compared with those of the other."""

    passage: Passage
    score: float
    by: By = "words"


def _button(config: AnswerButtonConfig, language: str) -> Button:
    label = config.label[language]
    return (
        Button(label=label, url=config.url)
        if config.url
        else Button(label=label, text=config.text.get(language, label))
    )


class Knowledge:
    def __init__(
        self,
        languages: Sequence[str],
        answers: Sequence[ApprovedAnswerConfig],
        passages: Sequence[Passage],
        products: Sequence[ProductConfig] = (),
    ) -> None:
        """``products``: what those passages are about that have a ``sku``."""
        self._goods = Goods(products)
        self._parts = {language: LanguagePart(language, answers, passages) for language in languages}
        # a language without script and region → the first part in it
        self._by_base = {base(language): self._parts[language] for language in reversed(self._parts)}
        self._sight: Sight | None = None
        self.passages = tuple(passage for part in self._parts.values() for passage in part.passages)

    # ── by meaning ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """The texts whose vectors ``with_vectors`` takes, in this order; some may stand there twice."""
        return wanted(self._parts)

    def with_vectors(self, vectors: Vectors, precision: float) -> Knowledge:
        """The same knowledge, found by its meaning too. ``vectors``: of ``wanted``, all by one embedder.

        ``precision``: of what is found by meaning, the share that must be right (``ladder`` in bot.yaml). Calibrates
        itself to that: some hundredths of a second for a thousand texts. Raises ValueError: they are not as many.
        """
        found = copy.copy(self)
        found._sight = Sight(self._parts, vectors, precision)
        return found

    @property
    def vectors(self) -> Vectors | None:
        """None: words alone find."""
        return self._sight.vectors if self._sight else None

    @property
    def curves(self) -> tuple[Curve, ...]:
        """How sure each rung is in each language; none without vectors."""
        return self._sight.curves if self._sight else ()

    # ── finding ──────────────────────────────────────────────────────────────────────────────────────────

    def approved(
        self,
        question: str,
        language: str,
        today: date | None = None,
        say_in: str = "",
        vector: Floats | None = None,
    ) -> Approved | None:
        """The approved answer to ``question``, if a person has written one that is valid ``today``.

        Its text is in the language ``say_in`` if it is written in it, else in that of the question. ``vector``: of the
        question; without it, only what is asked in nearly the words of a person is found.
        """
        part = self._part(language)
        if part is None:
            return None
        if found := part.approved(question, today):
            return self._said(*found, part.language, say_in, "words")
        if vector is None or self._sight is None:
            return None
        near = self._sight.approved(question, vector, part.language)
        if near is None or not is_valid(part.variants[near[0]].answer, today):
            return None
        return self._said(part.variants[near[0]], near[1], part.language, say_in, "meaning")

    def _said(self, variant: Variant, score: float, language: str, say_in: str, by: By) -> Approved:
        texts = variant.answer.answer
        said_in = next((known for known in texts if base(known) == base(say_in)), language)
        buttons = tuple([_button(button, said_in) for button in variant.answer.buttons])
        return Approved(variant.answer.id, variant.question, texts[said_in], round(score, 4), buttons, by)

    def search(
        self, question: str, language: str, limit: int = 3, today: date | None = None, vector: Floats | None = None
    ) -> list[Evidence]:
        """Passages that cover what ``question`` is about, the best first; empty: no evidence.

        They are in ``language``. ``vector``: of the question; with it, passages that mean the same in other words are
        found too, and in the shop's other languages if there is none in this one. Where a price range is asked for, or
        what is in stock, only products that fit are found if there are any.
        """
        part = self._part(language)
        if part is None:
            return []
        if filters := self._goods.asked(question):
            # In a shop of nothing but mugs "mugs" tells little, and the range tells the rest.
            found = self._found(part, filters.rest, NEAR, today, vector, floor=0.0)
            if fitting := [one for one in found if self._goods.fit(one.passage, filters)]:
                return fitting[:limit]
        return self._found(part, question, limit, today, vector)

    def _found(
        self,
        part: LanguagePart,
        question: str,
        limit: int,
        today: date | None,
        vector: Floats | None,
        floor: float = EVIDENCE_FLOOR,
    ) -> list[Evidence]:
        by_words = part.search(question, today, floor)
        if vector is None or self._sight is None:
            return _evidence(part, by_words[:limit], "words")
        found = _evidence(part, self._reordered(by_words, vector, part.language)[:limit], "words")
        if not part.says_something(question):  # "and how long?" is near to much
            return found
        others = [other for other in self._parts.values() if other is not part]
        for meant in (part, *others):
            if len(found) < limit and (meant is part or not found):
                near = self._sight.evidence(question, vector, part.language, meant.language)
                said = {one.passage.id for one in found}
                more = [one for one in near if meant.counts(one[0], today) and meant.passages[one[0]].id not in said]
                found += [_said_in(part, one) for one in _evidence(meant, more[: limit - len(found)], "meaning")]
        return found

    def ranked(self, question: str, asked_in: str, found_in: str, vector: Floats) -> list[Evidence]:
        """The passages of a language nearest to a question, sure or not, the best first; none without vectors."""
        asked, found = self._part(asked_in), self._part(found_in)
        if self._sight is None or asked is None or found is None:
            return []
        return _evidence(found, self._sight.near(question, vector, asked.language, found.language), "meaning")

    def _reordered(self, found: list[tuple[int, float]], vector: Floats, language: str) -> list[tuple[int, float]]:
        """By words and meaning together; each keeps the score of its words."""
        if self._sight is None or not found:
            return found
        first, best = found[:NEAR], found[0][1]
        near = self._sight.scores([place for place, _ in first], vector, language)
        joined = [z + COVERAGE * score / best for z, (_, score) in zip(near, first, strict=True)]
        order = sorted(range(len(first)), key=lambda number: -joined[number])
        return [first[number] for number in order]

    def knows(self, question: str, language: str) -> bool:
        """Whether no word of ``question`` is foreign to the shop: "do you sell bicycles?" begins a subject of its own."""
        part = self._part(language)
        return part is not None and part.knows(question)

    def covers(self, question: str, language: str) -> bool:
        """Whether one passage has nearly all that ``question`` tells."""
        part = self._part(language)
        return part is not None and bool((part.shares(question) >= COVERED).any())

    def _part(self, language: str) -> LanguagePart | None:
        return self._by_base.get(base(language))


def _said_in(part: LanguagePart, found: Evidence) -> Evidence:
    """The same approved answer in the words of this language, if it is written in it too."""
    if found.passage.kind != "answer":
        return found
    own = next((passage for passage in part.passages if passage.id == found.passage.id), found.passage)
    return found._replace(passage=own)


def _evidence(part: LanguagePart, found: Sequence[tuple[int, float]], by: By) -> list[Evidence]:
    return [Evidence(part.passages[place], score, by) for place, score in found]
