"""A trained classifier of intents: numpy alone, a fraction of a millisecond a text. core/understanding/training.py makes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
from numpy.typing import NDArray

from core.understanding.features import pieces, plain, words

Floats = NDArray[np.float32]
Counted = tuple[Counter[str], Counter[str]]
# How much a sentence vector counts beside a block of terms: of 1, 2 and 3 the best in cross-validation.
VECTOR_SHARE = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """``confidence``: 0 to 1; ``sure``: above the label's threshold."""

    label: str
    confidence: float
    sure: bool


@dataclass(frozen=True)
class Terms:
    """The vocabulary: each term's column, and how much it tells (its inverse document frequency)."""

    columns: Mapping[str, int]
    idf: Floats

    def weighted(self, text: str) -> tuple[NDArray[np.intp], Floats]:
        """The columns of a text's terms, and their weights."""
        read = plain(text)
        return self.of_counted((words(read), pieces(read)))

    def of_counted(self, blocks: Counted) -> tuple[NDArray[np.intp], Floats]:
        """The same of the two blocks of a text."""
        one, two = map(self._block, blocks)
        return np.concatenate([one[0], two[0]]), np.concatenate([one[1], two[1]])

    def _block(self, counted: Counter[str]) -> tuple[NDArray[np.intp], Floats]:
        """A block of terms, of length 1 where any of them is known."""
        known = [(column, count) for term, count in counted.items() if (column := self.columns.get(term)) is not None]
        columns = np.fromiter((column for column, _ in known), np.intp, len(known))
        weights = np.fromiter((1 + log(count) for _, count in known), np.float32, len(known)) * self.idf[columns]
        length = float(np.sqrt(weights @ weights))
        return columns, weights / length if length else weights


@dataclass(frozen=True)
class Classifier:
    """``weights``: (terms + dimensions, labels), ``bias``: (labels,).

    ``sharpness`` makes scores to probabilities, ``thresholds`` (labels,) say from which one on a verdict is sure; inf:
    never. ``dimensions`` of the sentence vectors that it was trained with, 0: without any. ``data``, ``embedder``: the
    digests of the examples and of the embedder's model, empty: none.
    """

    labels: Sequence[str]
    terms: Terms
    weights: Floats
    bias: Floats
    sharpness: float
    thresholds: NDArray[np.float64]
    dimensions: int
    data: str
    embedder: str

    @cached_property
    def _vector_weights(self) -> Floats:
        return np.ascontiguousarray(self.weights[len(self.terms.columns) :])

    def scores(self, text: str, vector: Floats | None) -> Floats:
        """(labels,), unbounded. Raises ValueError: the vector is missing, or of another embedder."""
        if (0 if vector is None else len(vector)) != self.dimensions:
            raise ValueError(f"a vector of {self.dimensions} dimensions is needed, 0: none")
        columns, values = self.terms.weighted(text)
        found: Floats = self.bias + values @ self.weights[columns]
        if vector is not None:
            found = found + np.float32(VECTOR_SHARE) * (vector @ self._vector_weights)
        return found

    def classify(self, text: str, vector: Floats | None = None) -> Verdict | None:
        """None: the vector that it needs is missing, or it knows nothing of the text."""
        if (0 if vector is None else len(vector)) != self.dimensions:
            return None
        return self.verdict(self.scores(text, vector))

    def verdict(self, scores: Floats) -> Verdict:
        likely = probabilities(scores[None, :], self.sharpness)[0]
        best = int(likely.argmax())
        confidence = float(likely[best])
        return Verdict(self.labels[best], round(confidence, 4), bool(confidence >= self.thresholds[best]))


def probabilities(scores: Floats, sharpness: float) -> NDArray[np.float64]:
    """Of each row of scores (n, labels): the softmax."""
    raised = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)).astype(np.float64))
    likely: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return likely
