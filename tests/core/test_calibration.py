"""The threshold of a rung: reckoned by hand from a few scores."""

from __future__ import annotations

from math import inf

import pytest

from core.knowledge.calibration import ENOUGH, MARGIN, Curve, Trial, curve


def reckoned(trials: list[Trial], target: float) -> Curve:
    return curve(trials, rung="evidence", language="en", found_in="en", target=target)


def right(*scores: float) -> list[Trial]:
    return [Trial(score, True) for score in scores]


def wrong(*scores: float) -> list[Trial]:
    return [Trial(score, False) for score in scores]


def foreign(*scores: float) -> list[Trial]:
    return [Trial(score, False, foreign=True) for score in scores]


def test_the_threshold_is_the_lowest_that_is_sure_enough() -> None:
    trials = [*right(*range(1, 21)), *foreign(*[0.5] * 8, 3.5, 9.5)]
    # From 10 on nothing foreign is left; from 4 on one of ten is: .2 × .1 = .02 against .8 × 17 ÷ 20 = .68.
    assert reckoned(trials, 1.0).threshold == 10
    sure = reckoned(trials, 0.97)
    assert sure.threshold == 4
    assert sure.precision == pytest.approx(0.68 / 0.70, abs=1e-4)
    assert sure.recall == pytest.approx(17 / 20)
    assert (sure.questions, sure.foreign) == (20, 10)


def test_what_is_found_wrongly_counts_as_much_as_what_is_found_rightly() -> None:
    trials = [*right(*[5.0] * 15), *wrong(*[5.0] * 5)]
    assert reckoned(trials, 0.75).threshold == 5
    assert reckoned(trials, 0.76).threshold == inf


def test_what_is_not_found_at_all_is_neither_right_nor_wrong() -> None:
    found = reckoned([*right(*[5.0] * 10), *wrong(*[-inf] * 10), *foreign(-inf, -inf)], 0.99)
    assert (found.threshold, found.precision, found.recall) == (5, 1.0, 0.5)


def test_a_curve_rises_in_threshold_and_falls_in_recall() -> None:
    found = reckoned([*right(*(n / 7 for n in range(300))), *foreign(*(n / 9 for n in range(60)))], 0.9)
    assert len(found.points) == 40
    assert [p.threshold for p in found.points] == sorted(p.threshold for p in found.points)
    assert [p.recall for p in found.points] == sorted((p.recall for p in found.points), reverse=True)


def test_of_few_questions_the_foreign_ones_tell() -> None:
    few = reckoned([*right(*[1.0] * (ENOUGH - 1)), *foreign(2.0, 3.0)], 0.95)
    assert few.threshold == 3.0 + MARGIN
    assert few.points == ()
    assert reckoned(right(1.0), 0.95).threshold == inf
