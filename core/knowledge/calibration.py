"""From which score on a rung may answer: the lowest one at which it still is as often right as the shop wants.

Scores of questions whose answer is known stand against scores of questions that nothing answers; both come from the bot's
own data and from core/knowledge/probes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

import numpy as np

RungName = Literal["approved", "evidence"]

# Of what shoppers ask, so much has no answer in the shop; the precision is reckoned for that.
UNANSWERABLE = 0.2
# With fewer known questions nothing can be reckoned: then a score must lie above all that nothing answers, and by so much.
ENOUGH = 20
MARGIN = 0.5


@dataclass(frozen=True, slots=True)
class Point:
    """Would the threshold lie here: ``precision`` of what is answered is right, ``recall`` of what has an answer gets it."""

    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How sure a rung is, for questions in ``language`` and passages in ``found_in``.

    ``threshold``: inf if no score is sure enough, then the rung answers nothing by meaning. ``points``: by threshold,
    rising; empty if there are too few questions to tell. ``questions``: how many were asked, ``foreign``: to which nothing
    in the shop is the answer.
    """

    rung: RungName
    language: str
    found_in: str
    target: float
    threshold: float
    precision: float
    recall: float
    questions: int
    foreign: int
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one question: the score of the best, and whether it was right; ``foreign``: nothing would be."""

    score: float
    right: bool
    foreign: bool = False


def curve(
    trials: Sequence[Trial], *, rung: RungName, language: str, found_in: str, target: float, points: int = 40
) -> Curve:
    """The threshold for a ``target`` precision, and what would be had at others."""
    known = [trial for trial in trials if not trial.foreign]
    foreign = np.array([trial.score for trial in trials if trial.foreign and isfinite(trial.score)])
    count = sum(trial.foreign for trial in trials)
    if len(known) < ENOUGH:
        above = float(foreign.max()) + MARGIN if len(foreign) else inf
        return Curve(rung, language, found_in, target, above, 0.0, 0.0, len(known), count)
    right = np.array([trial.score for trial in known if trial.right and isfinite(trial.score)])
    wrong = np.array([trial.score for trial in known if not trial.right and isfinite(trial.score)])
    found = _points(right, wrong, foreign, len(known), count)
    best = next((point for point in found if point.precision >= target), None)
    if best is None:
        return Curve(rung, language, found_in, target, inf, 0.0, 0.0, len(known), count, _some(found, points))
    return Curve(
        *(rung, language, found_in, target, best.threshold, best.precision, best.recall, len(known), count),
        _some(found, points),
    )


def _points(right: np.ndarray, wrong: np.ndarray, foreign: np.ndarray, known: int, strange: int) -> list[Point]:
    """One for each score that was right, rising."""
    thresholds = np.unique(right)
    per_known = (1 - UNANSWERABLE) / known
    per_foreign = UNANSWERABLE / strange if strange else 0.0
    good = per_known * _at_least(right, thresholds)
    bad = per_known * _at_least(wrong, thresholds) + per_foreign * _at_least(foreign, thresholds)
    return [
        Point(round(float(threshold), 4), round(float(share), 4), round(float(recall), 4))
        for threshold, share, recall in zip(thresholds, good / (good + bad), good / (1 - UNANSWERABLE), strict=True)
    ]


def _at_least(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")


def _some(points: Sequence[Point], count: int) -> tuple[Point, ...]:
    if len(points) <= count:
        return tuple(points)
    return tuple(points[index] for index in np.linspace(0, len(points) - 1, count).astype(int).tolist())
