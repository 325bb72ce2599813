"""BM25 over passages, kept as postings: a question of eight words looks at the passages with these words, not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray


class Ranking:
    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        """``documents``: the terms of each passage, with repetitions."""
        self._count = len(documents)
        # term → the numbers of the documents with it, and what it scores in each
        self._postings: dict[str, tuple[NDArray[Any], NDArray[np.float32]]] = {}
        if not any(documents):
            return
        ranking = bm25s.BM25()
        ranking.index([list(document) for document in documents], show_progress=False)
        for term in dict.fromkeys(term for document in documents for term in document):
            scores = ranking.get_scores([term])
            found = scores.nonzero()[0]
            self._postings[term] = (found, scores[found])

    def covering(self, weights: Mapping[str, float], mark: float) -> list[tuple[int, float, float]]:
        """Documents that have at least the share ``mark`` of what a question's terms weigh, in their order.

        Each as its number, its BM25 score and the share.
        """
        shares = self.shares(weights)
        covered = (shares >= mark).nonzero()[0]
        if not len(covered):
            return []
        scores = np.zeros(self._count, np.float32)
        for term in weights:
            if term in self._postings:
                found, scored = self._postings[term]
                scores[found] += scored
        return list(zip(covered.tolist(), scores[covered].tolist(), shares[covered].tolist(), strict=True))

    def shares(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """How much of what a question's terms weigh each document has; ``weights`` is not empty."""
        shares = np.zeros(self._count)
        for term, weight in weights.items():
            if term in self._postings:
                shares[self._postings[term][0]] += weight
        shares /= sum(weights.values())
        return shares
