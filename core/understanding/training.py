"""Training a classifier of intents, and calibrating when its verdict is sure. scikit-learn is imported here alone, when called.

A linear support vector machine (one against the rest) over terms and, if the bot has an embedder, sentence vectors. The same
examples and seed give the same classifier.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.understanding.classifier import VECTOR_SHARE, Classifier, Counted, Floats, Terms, probabilities
from core.understanding.examples import Example
from core.understanding.features import FEATURES, PIECE, pieces, plain, words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Indices = NDArray[np.intp]

SEED = 20
FOLDS = 5
# Of more examples one fold is held out instead of each in turn.
MANY = 4000
# Liblinear's C: of 0.1, 0.3 and 1 the best in cross-validation, on 77 intents and on the teahouse's.
SOFTNESS = 0.3
# A verdict is acted on where so many of those like it were right, counted as if one more had been wrong.
PRECISION = 0.95
# Vectors are learnt from in so many directions, those in which they differ most: as good as all 512, in half the time.
DIRECTIONS = 160


@dataclass(frozen=True, slots=True)
class Held:
    """What was said of examples by a classifier that had not learnt from them.

    ``rows`` of the examples; ``scores``: (rows, labels).
    """

    rows: Indices
    scores: Floats


@dataclass(frozen=True, slots=True)
class Trained:
    classifier: Classifier
    held: Held


def digest_of(examples: Sequence[Example]) -> str:
    """Of all that a classifier depends on beside the embedder: the examples, and what is made of them."""
    told = "\x1e".join(
        [f"features {FEATURES}", *sorted(f"{one.label}\x1f{one.language}\x1f{one.text}" for one in examples)]
    )
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def train(
    examples: Sequence[Example],
    vectors: Floats | None = None,
    *,
    embedder: str = "",
    seed: int = SEED,
) -> Trained:
    """``vectors``: (examples, dimensions) by the embedder of that digest; None: from words alone.

    Raises ValueError: fewer than two labels, or a label with fewer than two examples.
    """
    labels = sorted({one.label for one in examples})
    few = [label for label, count in Counter(one.label for one in examples).items() if count < 2]
    if len(labels) < 2 or few:
        raise ValueError(f"too few examples of: {', '.join(few)}" if few else "needs two labels or more")
    truth = np.array([labels.index(one.label) for one in examples], np.intp)
    counted = [(words(text), pieces(text)) for text in (plain(one.text) for one in examples)]
    parts = [*_splits(truth, seed), np.arange(len(examples), dtype=np.intp)]
    # One after the other: liblinear draws its random numbers for all threads from one source.
    fitted = [_Fit(counted, truth, rows, vectors, len(labels), seed) for rows in parts]
    held = _held(fitted[:-1], counted, vectors)
    sharpness = _sharpness(held.scores, truth[held.rows])
    last = fitted[-1]
    classifier = Classifier(
        labels=labels,
        terms=last.terms,
        weights=last.weights,
        bias=last.bias,
        sharpness=sharpness,
        thresholds=_thresholds(probabilities(held.scores, sharpness), truth[held.rows], len(labels)),
        dimensions=0 if vectors is None else vectors.shape[1],
        data=digest_of(examples),
        embedder="" if vectors is None else embedder,
    )
    return Trained(classifier, held)


def _splits(truth: Indices, seed: int) -> list[Indices]:
    """The rows to learn from for each fold that is held out; each fold has its share of each label."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(truth), np.intp)
    start = 0
    for label in np.unique(truth):
        rows = random.permutation(np.flatnonzero(truth == label))
        fold[rows] = (np.arange(len(rows)) + start) % FOLDS
        start += len(rows)
    held_out = 1 if len(truth) > MANY else FOLDS
    return [np.flatnonzero(fold != number) for number in range(held_out)]


class _Fit:
    """A model that has learnt from some of the examples."""

    def __init__(
        self, counted: Sequence[Counted], truth: Indices, rows: Indices, vectors: Floats | None, labels: int, seed: int
    ) -> None:
        from sklearn.svm import LinearSVC

        self.rows = rows
        self.terms = _terms([counted[row] for row in rows])
        # Balanced: the questions of the approved answers are many more than the examples of all the rest.
        model = LinearSVC(C=SOFTNESS, class_weight="balanced", random_state=seed, tol=1e-3, max_iter=2000)
        directions = None if vectors is None else _directions(vectors[rows])
        seen = None if vectors is None or directions is None else vectors @ directions
        model.fit(self.matrix(counted, rows, seen), truth[rows])
        weights, bias = model.coef_, np.broadcast_to(model.intercept_, len(model.coef_))
        if directions is not None:  # what is learnt of the directions holds for the vectors themselves
            terms = len(self.terms.columns)
            weights = np.concatenate([weights[:, :terms], weights[:, terms:] @ directions.T], axis=1)
        if labels == 2:  # of two labels it only says how much it is the second
            weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
        self.weights: Floats = np.ascontiguousarray(weights.T, np.float32)
        self.bias: Floats = bias.astype(np.float32)

    def matrix(self, counted: Sequence[Counted], rows: Indices, vectors: Floats | None) -> csr_matrix:
        """(rows, terms + dimensions)."""
        from scipy.sparse import csr_matrix, hstack

        weighted = [self.terms.of_counted(counted[row]) for row in rows]
        ends = np.cumsum([0, *(len(columns) for columns, _ in weighted)])
        columns = np.concatenate([columns for columns, _ in weighted])
        values = np.concatenate([values for _, values in weighted])
        matrix = csr_matrix((values, columns, ends), shape=(len(rows), len(self.terms.columns)), dtype=np.float32)
        if vectors is None:
            return matrix
        return hstack([matrix, csr_matrix(np.float32(VECTOR_SHARE) * vectors[rows])], format="csr")

    def scores(self, counted: Sequence[Counted], rows: Indices, vectors: Floats | None) -> Floats:
        found: Any = self.matrix(counted, rows, vectors) @ self.weights + self.bias
        return np.asarray(found, np.float32)


def _directions(vectors: Floats) -> Floats:
    """(dimensions, DIRECTIONS): the orthogonal directions in which the vectors lie furthest from zero."""
    _, found = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    directions: Floats = np.ascontiguousarray(found[:, ::-1][:, :DIRECTIONS], np.float32)
    return directions


def _terms(counted: Sequence[Counted]) -> Terms:
    """The vocabulary of some texts. Of very many texts, a piece that stands in one of them alone tells nothing."""
    among = Counter(chain.from_iterable(chain(one, two) for one, two in counted))
    least = 2 if len(counted) > MANY // 2 else 1
    known = sorted(term for term, texts in among.items() if texts >= least or not term.startswith(PIECE))
    texts = np.array([among[term] for term in known], np.float32)
    idf: Floats = (np.log((1 + len(counted)) / (1 + texts)) + 1).astype(np.float32)
    return Terms({term: column for column, term in enumerate(known)}, idf)


# ── calibration ──────────────────────────────────────────────────────────────────────────────────────────


def _held(fitted: Sequence[_Fit], counted: Sequence[Counted], vectors: Floats | None) -> Held:
    every = np.arange(len(counted), dtype=np.intp)
    rows = [np.setdiff1d(every, one.rows) for one in fitted]
    scores = [one.scores(counted, some, vectors) for one, some in zip(fitted, rows, strict=True)]
    together = np.concatenate(rows)
    order = np.argsort(together, kind="stable")
    return Held(together[order], np.concatenate(scores)[order])


def _sharpness(scores: Floats, truth: Indices) -> float:
    """What makes the held-out examples likeliest (temperature scaling)."""
    chosen = np.arange(len(truth))
    tried = np.geomspace(0.25, 32, 57)
    losses = [-np.log(probabilities(scores, float(one))[chosen, truth] + 1e-12).mean() for one in tried]
    return float(tried[int(np.argmin(losses))])


def _thresholds(likely: NDArray[np.float64], truth: Indices, labels: int) -> NDArray[np.float64]:
    """Of each label the least confidence from which on its precision is PRECISION; inf if it never is."""
    best, confidence = likely.argmax(axis=1), likely.max(axis=1)
    found = np.full(labels, inf)
    for label in range(labels):
        said = np.flatnonzero(best == label)
        said = said[np.argsort(-confidence[said], kind="stable")]
        right = np.cumsum(truth[said] == label)
        good = np.flatnonzero(right / (np.arange(len(said)) + 2) >= PRECISION)
        if len(good):
            found[label] = confidence[said[good[-1]]]
    return found
