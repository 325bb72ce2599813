"""Which value of the facts a claim is about: one of the same kind, beside the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import log

from core.trust.facts import REMEMBERED_FACTS, Grounding, Known
from core.trust.sentences import days
from core.trust.values import Kind, Value

# How near the best value of the facts the right one must be.
MARGIN = 0.85
# What was asked, and what was said just before, is what a short sentence is about.
ASKED_WEIGHT = 0.2
# How much it tells against a value of the facts that more stands around it: 0 nothing, 0.5 as the cosine has it.
NORM = 0.35
# A value of a fact that is not named where another one is; one that begins or ends something where this does not; one
# that is denied where this is not.
UNNAMED = 0.1
OTHER_BOUND = 0.7
OTHER_DENIAL = 0.9
_BARE_KINDS = (Kind.COUNT, Kind.NUMBER, Kind.TIME, Kind.MONEY, Kind.AMOUNT, Kind.DURATION, Kind.PERCENT)
_LOOSE_MEASURES = frozenset("个 款 种 件 次 泡 份 项".split())
TOLERANCE = 1e-6


def candidates(value: Value, grounding: Grounding) -> Sequence[Known]:
    """The values of the facts that a claim can be compared with."""
    if value.kind in (Kind.COUNT, Kind.NUMBER):
        return [known for kind in _BARE_KINDS for known in grounding.known.get(kind, ())]
    found = grounding.known.get(value.kind, ())
    if value.kind is Kind.DATE:
        return [known for known in found if known.value.unit == value.unit]
    if value.kind is Kind.TIME:
        return [*found, *(known for known in grounding.known.get(Kind.NUMBER, ()) if known.value.high <= 24)]
    return found


def same(value: Value, known: Known) -> bool:
    """Whether the facts' value is the one that is claimed."""
    there = known.value
    if value.kind is Kind.WEEKDAY:
        return days(value) == days(there) if value.low != value.high else days(value) <= days(there)
    if value.kind is Kind.TIME:
        return _same_time(value, there)
    if value.kind in (Kind.COUNT, Kind.NUMBER):
        return _same_count(value, there)
    if value.unit != there.unit or (value.bound and there.bound and value.bound != there.bound):
        return False
    if _equal(value.low, there.low) and _equal(value.high, there.high):
        return True
    one_end = value.low == value.high and there.low != there.high
    return one_end and (
        (value.bound == "to" and _equal(value.high, there.high))
        or (value.bound == "from" and _equal(value.low, there.low))
    )


def _equal(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(1.0, abs(other))


def _same_time(value: Value, there: Value) -> bool:
    low, high = (there.low * 60, there.high * 60) if there.kind is Kind.NUMBER else (there.low, there.high)
    if value.low == value.high:
        ends = (low,) if value.bound == "from" else (high,) if value.bound == "to" else (low, high)
        return any(_equal(value.low, end) for end in ends)
    return _equal(value.low, low) and _equal(value.high, high)


def _same_count(value: Value, there: Value) -> bool:
    if there.kind is Kind.TIME:
        return value.high <= 24 and _same_time(_hours(value), there)
    if there.kind in (Kind.COUNT, Kind.NUMBER):
        if value.bound and there.bound and value.bound != there.bound:
            return False
        return _equal(value.low, there.low) and _equal(value.high, there.high) and _same_measure(value, there)
    return value.kind is Kind.NUMBER and _equal(value.low, there.low) and _equal(value.high, there.high)


def _hours(value: Value) -> Value:
    return Value(Kind.TIME, value.low * 60, value.high * 60, "time", value.start, value.end, value.bound)


def _same_measure(value: Value, there: Value) -> bool:
    """盒 is not 罐; 个 may be either. What is counted in English stands among the labels."""
    one, other = value.unit, there.unit
    if not one or not other or one.isascii() or other.isascii():
        return True
    return one == other or one in _LOOSE_MEASURES or other in _LOOSE_MEASURES


def nearest(labels: Mapping[str, float], known: Sequence[Known], about: frozenset[str] = frozenset()) -> list[float]:
    """For each value of the facts how well the words around it fit ``labels``, 0 to 1 and a bit."""
    around = {**dict.fromkeys(about, ASKED_WEIGHT), **labels} if about else labels
    return [_fit(around, told) / norm if norm else 0.0 for told, norm in _weighed(tuple(known))]


def _fit(around: Mapping[str, float], told: Mapping[str, float]) -> float:
    fit = 0.0
    for term, weight in told.items():
        if term in around:
            fit += around[term] * weight
    return fit


@lru_cache(REMEMBERED_FACTS)
def _weighed(known: tuple[Known, ...]) -> list[tuple[dict[str, float], float]]:
    """Of each value how much each word around it tells of it beside the others, and of all these words the norm."""
    spread: dict[str, int] = {}
    for one in known:
        for term, weight in one.labels.items():
            if weight >= 0.5:
                spread[term] = spread.get(term, 0) + 1
    total = len(known)
    weighed = []
    for one in known:
        rarity = {term: log(1.5 + total / spread.get(term, 1)) for term in one.labels}
        norm = sum((weight * rarity[term]) ** 2 for term, weight in one.labels.items())
        told = {term: weight * rarity[term] * rarity[term] for term, weight in one.labels.items()}
        weighed.append((told, norm**NORM))
    return weighed


def bound_to(
    value: Value,
    labels: Mapping[str, float],
    grounding: Grounding,
    about: frozenset[str],
    said: frozenset[str],
    denied: bool,
) -> tuple[bool, Known | None]:
    """Whether the facts say it of the same; and what of the facts stands nearest to it."""
    found = candidates(value, grounding)
    if not found:
        return False, None
    fits = [same(value, known) for known in found]
    if all(fits):
        return True, None
    if not any(fits) and not any(_comparable(value, known) for known in found):
        return False, None
    named = grounding.about(said)
    right = wrong = -1.0
    nearest_wrong: Known | None = None
    for score, known, fit in zip(nearest(labels, found, about), found, fits, strict=True):
        if named and known.fact not in named:
            score *= UNNAMED
        if value.bound != known.value.bound and value.kind is not Kind.TIME:
            score *= OTHER_BOUND
        if denied != known.denied:
            score *= OTHER_DENIAL
        if fit:
            right = max(right, score)
        elif score >= wrong and _comparable(value, known):
            wrong, nearest_wrong = score, known
    if right >= 0 and right >= MARGIN * wrong:
        return True, None
    return False, nearest_wrong if wrong > 0 else None


def _comparable(value: Value, known: Known) -> bool:
    """Whether another value there tells against it: one of the same dimension."""
    there = known.value
    if value.kind is Kind.COUNT:
        return there.kind in (Kind.COUNT, Kind.NUMBER) and (
            not value.unit or not there.unit or value.unit == there.unit or not value.unit.isascii()
        )
    if value.kind in (Kind.AMOUNT, Kind.DATE):
        return there.unit == value.unit
    if value.kind is Kind.NUMBER:
        return there.kind in (Kind.NUMBER, Kind.COUNT)
    if value.kind is Kind.TIME:
        return there.kind is Kind.TIME
    return True


def both_ends(value: Value, grounding: Grounding) -> bool:
    """10:00 to 19:00, where the facts say that it opens at 10:00 and closes at 19:00."""
    if value.kind is not Kind.TIME or value.low == value.high:
        return False
    return any(
        one.whole is other.whole and _equal(one.value.low, value.low) and _equal(other.value.high, value.high)
        for one, other in pairwise(grounding.known.get(Kind.TIME, ()))
    )
