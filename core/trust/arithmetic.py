"""What a shop's figures come to: two of 12.50 are 25.00, two named products together, what is missing to free delivery."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations

from core.trust.facts import Grounding, Known
from core.trust.sentences import Sentence
from core.trust.values import Kind, Value

_SUMMABLE = frozenset((Kind.MONEY, Kind.AMOUNT))
_TOGETHER = re.compile(
    r"\b(?:together|total|sum|both|altogether|plus|in all|add(?:s)? up|comes? to|makes?|and)\b|一共|总共|合计|共|加起来|加上|两样|一起"
)
_DIFFERENCE = re.compile(
    r"\b(?:more|missing|short|left|another|away|remain\w*|difference|sav\w+|cheaper|dearer|less|further|only need|just need)\b"
    r"|还差|差|再买|再加|再凑|省|便宜|贵|凑|还需"
)
# Quantities beyond this are typed by mistake rather than bought.
MOST = 1000
CLOSE = 0.006


def comes_to(value: Value, sentence: Sentence, grounding: Grounding) -> bool:
    """Whether an allowed calculation with figures of the facts comes to ``value``."""
    if value.kind not in _SUMMABLE or value.low != value.high:
        return False
    known = [
        one
        for one in grounding.known.get(value.kind, ())
        if one.value.unit == value.unit and one.value.low == one.value.high
    ]
    allowed = grounding.rules.arithmetic
    return (
        ("multiply" in allowed and _is_multiple(value, sentence, grounding, known))
        or ("add" in allowed and _is_sum(value, sentence, grounding, known))
        or ("difference" in allowed and _is_difference(value, sentence, grounding, known))
    )


def _equal(one: float, other: float) -> bool:
    return abs(one - other) < CLOSE


def counts(sentences: Iterable[Sentence]) -> set[float]:
    return {
        value.low
        for sentence in sentences
        for value in sentence.values
        if value.kind in (Kind.COUNT, Kind.NUMBER) and value.low == value.high and 1 < value.low <= MOST
    }


def _is_multiple(value: Value, sentence: Sentence, grounding: Grounding, known: list[Known]) -> bool:
    times = counts((sentence, grounding.question))
    return any(
        _equal(value.low, one.value.low * often) and _names(sentence, one, grounding)
        for often in times
        for one in known
    )


def _is_sum(value: Value, sentence: Sentence, grounding: Grounding, known: list[Known]) -> bool:
    """Of values of two or three facts that are all named."""
    if not _TOGETHER.search(sentence.plain):
        return False
    named = [one for one in known if _names(sentence, one, grounding, wholly=True)]
    times = [1.0, *counts((sentence, grounding.question))]
    parts = {(one.fact, round(one.value.low * often, 4)) for one in named for often in times}
    return any(
        _equal(value.low, sum(amount for _, amount in some)) and len({fact for fact, _ in some}) == size
        for size in (2, 3)
        for some in combinations(sorted(parts, key=lambda part: part[1])[:24], size)
    )


def _is_difference(value: Value, sentence: Sentence, grounding: Grounding, known: list[Known]) -> bool:
    if not _DIFFERENCE.search(sentence.plain):
        return False
    asked = [one.low for one in grounding.question.values if one.kind is value.kind and one.unit == value.unit]
    amounts = [one.value.low for one in known]
    return any(_equal(value.low, abs(one - other)) for one in amounts for other in (*amounts, *asked))


def _names(sentence: Sentence, one: Known, grounding: Grounding, wholly: bool = False) -> bool:
    """Whether the sentence, or else what was asked, names what the value belongs to; or names nothing at all."""
    for said in (frozenset(sentence.terms), grounding.asked_terms):
        if named := grounding.about(said):
            return one.fact in named
    return not wholly or not grounding.subjects
