"""BM25 over passages, kept as postings: a question of eight words looks at the passages with these words, not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

# Less by so little may be rounding.
NEARLY = 1 - 1e-9


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
        total = sum(weights.values())
        known = [(weight, *self._postings[term]) for term, weight in weights.items() if term in self._postings]
        # Often no document can have as much: what weighs most stands in none.
        if not known or sum([weight for weight, _, _ in known]) < mark * total * NEARLY:
            return []
        if len(known) == 1:
            ((weight, found, scored),) = known
            share = weight / total
            return list(zip(found.tolist(), scored.tolist(), repeat(share))) if share >= mark else []
        shares = np.zeros(self._count)
        scores = np.zeros(self._count, np.float32)
        _, first, _ = known[0]
        shares[first], scores[first] = known[0][0], known[0][2]
        for weight, found, scored in known[1:]:
            shares[found] += weight
            scores[found] += scored
        shares /= total
        covered = (shares >= mark).nonzero()[0]
        return list(zip(covered.tolist(), scores[covered].tolist(), shares[covered].tolist(), strict=True))

    def shares(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """How much of what a question's terms weigh each document has; ``weights`` is not empty."""
        shares = np.zeros(self._count)
        for term, weight in weights.items():
            if term in self._postings:
                shares[self._postings[term][0]] += weight
        shares /= sum(weights.values())
        return shares
