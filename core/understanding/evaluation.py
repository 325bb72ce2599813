"""How good a classifier is: accuracy, precision, recall and F1 of each label, and what was taken for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.understanding.rules import Intent

Indices = NDArray[np.intp]


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True)


class LabelFigures(_Figures):
    """``None``: there was nothing to divide by."""

    label: str
    examples: int
    precision: float | None = Field(description="of those said to be it: which share was")
    recall: float | None = Field(description="of those that are it: which share was said to be")
    f1: float | None
    sure: float | None = Field(description="of those that are it: which share was said surely")
    sure_precision: float | None = Field(description="of those surely said to be it: which share was")


class Evaluation(_Figures):
    """``confusion``: a row for each label that is, a column for each that was said, in the order of ``labels``."""

    examples: int
    accuracy: float
    macro_f1: float
    sure: float = Field(description="share of the examples of which a verdict was sure")
    sure_accuracy: float | None
    out_of_scope_recall: float | None
    by_language: dict[str, float] = Field(description="accuracy in each language")
    labels: list[str]
    per_label: list[LabelFigures]
    confusion: list[list[int]]


def evaluate(
    labels: Sequence[str], truth: Indices, said: Indices, sure: NDArray[np.bool_], languages: Sequence[str]
) -> Evaluation:
    """``truth`` and ``said``: an index into ``labels`` for each example; none at all raises ValueError."""
    if not len(truth):
        raise ValueError("there is nothing to evaluate")
    matrix = confusion(len(labels), truth, said)
    per_label = [_of_label(index, label, matrix, truth, said, sure) for index, label in enumerate(labels)]
    right = truth == said
    spoken = np.array(languages)
    recall = {one.label: one.recall for one in per_label}
    there = [one for one in per_label if one.examples]
    return Evaluation(
        examples=len(truth),
        accuracy=float(right.mean()),
        macro_f1=float(np.mean([one.f1 or 0.0 for one in there])),
        sure=float(sure.mean()),
        sure_accuracy=_share(int((right & sure).sum()), int(sure.sum())),
        out_of_scope_recall=recall.get(Intent.OUT_OF_SCOPE.value),
        by_language={one: float(right[spoken == one].mean()) for one in sorted(set(languages)) if one},
        labels=list(labels),
        per_label=per_label,
        confusion=matrix.tolist(),
    )


def confusion(labels: int, truth: Indices, said: Indices) -> NDArray[np.int_]:
    """(labels, labels): how often what is the row was said to be the column."""
    matrix = np.zeros((labels, labels), np.int_)
    np.add.at(matrix, (truth, said), 1)
    return matrix


def _of_label(
    index: int, label: str, matrix: NDArray[np.int_], truth: Indices, said: Indices, sure: NDArray[np.bool_]
) -> LabelFigures:
    right, is_it, said_it = int(matrix[index, index]), int(matrix[index].sum()), int(matrix[:, index].sum())
    surely = sure & (said == index)
    surely_right = int((surely & (truth == index)).sum())
    return LabelFigures(
        label=label,
        examples=is_it,
        precision=_share(right, said_it),
        recall=_share(right, is_it),
        f1=_share(2 * right, is_it + said_it),
        sure=_share(surely_right, is_it),
        sure_precision=_share(surely_right, int(surely.sum())),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
