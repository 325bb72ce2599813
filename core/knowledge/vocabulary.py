"""What is known of words, learned from texts: how much each tells, and which known one a mistyped one resembles."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz import fuzz, process

from core.knowledge.words import is_light, meaning, within

# A word like "bring" or "see" counts this much of what its rarity says.
LIGHT = 0.2
TYPO_MARK = 88  # delivry is delivery; iceland is not ireland
TYPO_LENGTH = 6
# Shoppers use the same few thousand words again and again.
REMEMBERED_WORDS = 10_000


class _Weights(dict[str, float]):
    """How much each known term tells; an unknown one tells most."""

    rarest = 0.0

    def __missing__(self, term: str) -> float:
        return self.rarest * (LIGHT if is_light(term) else 1.0)


class Vocabulary:
    def __init__(self, documents: Sequence[Iterable[str]]) -> None:
        counts = Counter(term for document in documents for term in set(meaning(document)))
        total = max(1, len(documents))
        self._weights = _Weights(
            (term, math.log(1 + total / count) * (LIGHT if is_light(term) else 1.0)) for term, count in counts.items()
        )
        self._weights.rarest = self.rarest = math.log(1 + total)
        written = {term for document in documents for term in document}
        self._long = sorted(term for term in written if len(term) >= TYPO_LENGTH and term.isascii())
        self._meant_by = lru_cache(REMEMBERED_WORDS)(self._weighed)

    def __contains__(self, term: str) -> bool:
        return term in self._weights

    def weight(self, term: str) -> float:
        return self._weights[term]

    def weighed(self, found: Iterable[str]) -> dict[str, float]:
        """What the terms mean, as in known(), each with how much it tells."""
        return {known: weight for term in found for known, weight in self._meant_by(term)}

    def total(self, found: Iterable[str]) -> float:
        """How much terms tell together."""
        return sum(map(self._weights.__getitem__, found))

    def known(self, found: Iterable[str]) -> list[str]:
        """What the terms mean: a mistyped one as what it resembles, a long Han word as the words in it."""
        return [known for term in found for known, _ in self._meant_by(term)]

    def _weighed(self, term: str) -> tuple[tuple[str, float], ...]:
        return tuple((known, self._weights[known]) for known in self._look_up(term))

    def _look_up(self, term: str) -> tuple[str, ...]:
        (meant,) = meaning([term])
        if meant in self._weights:
            return (meant,)
        if not term.isascii():
            parts = meaning(within(term))
            return tuple(parts) if parts and all(part in self._weights for part in parts) else (meant,)
        if len(term) < TYPO_LENGTH:
            return (meant,)
        best = process.extractOne(term, self._long, scorer=fuzz.ratio, score_cutoff=TYPO_MARK)
        return tuple(meaning([best[0]])) if best else (meant,)
