"""Questions that got no answer, gathered into themes: what is asked most stands first.

Sentence vectors where the bot has an embedder (a Chinese and an English question on the same thing meet), else the
characters that questions share; then k-means, with the number of themes that keeps them furthest apart. A theme's title
are the words that it uses more than the others do.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.knowledge.words import HAN, content, is_light, whole
from core.messages import stable_id
from core.value import CheckedValue

Vectors = NDArray[np.float32]

TITLE_WORDS = 3
# The mean silhouette that a number of themes must reach: below it the questions are one heap, or each its own.
APART = 0.08
TRIED = 12
SEED = 7
WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Unanswered(CheckedValue):
    """A question for which the shop's facts had no answer. ``shopper``: the conversation in which it was asked."""

    trace: str
    shopper: str
    question: str
    language: str
    at: datetime


class Theme(CheckedValue):
    """``asked``: how often; ``questions``: in the words of the shoppers, for each language, what stands for most first."""

    id: str
    title: str
    asked: int
    shoppers: int
    questions: dict[str, tuple[str, ...]]
    first: datetime
    last: datetime


def themes(asked: Sequence[Unanswered], vectors: Vectors | None = None) -> list[Theme]:
    """The themes of what was asked, the most frequent first. ``vectors``: shape (len(asked), d), length 1; None: by
    characters."""
    if not asked:
        return []
    groups: dict[str, list[int]] = {}
    for index, one in enumerate(asked):
        groups.setdefault(_same(one.question), []).append(index)
    firsts = [indices[0] for indices in groups.values()]
    found = _by_characters([asked[index].question for index in firsts]) if vectors is None else vectors[firsts]
    weights = np.array([len(indices) for indices in groups.values()], float)
    labels = _clusters(found, weights)
    members: dict[int, list[int]] = {}
    for label, indices in zip(labels, groups.values(), strict=True):
        members.setdefault(label, []).extend(indices)
    nearest = _nearest_first(found, labels, firsts)
    used = {label: _words(asked, indices) for label, indices in members.items()}
    made = [
        _theme([asked[index] for index in indices], _title(label, used), [asked[index] for index in nearest[label]])
        for label, indices in members.items()
    ]
    return sorted(made, key=lambda theme: (-theme.asked, -theme.shoppers, theme.title))


def _same(question: str) -> str:
    """A question without case, signs and spaces: asked again in the same words."""
    return "".join(character for character in question.casefold() if character.isalnum()) or question


# ── gathering ────────────────────────────────────────────────────────────────────────────────────────────


def _by_characters(questions: Sequence[str]) -> Vectors:
    """Vectors of length 1 of the runs of one to three characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    matrix = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True).fit_transform(questions)
    return np.asarray(matrix.toarray(), np.float32)


def _clusters(vectors: Vectors, weights: NDArray[np.float64]) -> list[int]:
    """The theme of each vector. One that was asked in the same words again and again weighs as much."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    count = len(vectors)
    best, labels = APART, [0] * count
    if count < 3:
        return _alike_or_not(vectors)
    for k in _numbers(count):
        fitted = KMeans(k, n_init=4, random_state=SEED).fit(vectors, sample_weight=weights)
        tried = [int(label) for label in fitted.labels_]
        if not 1 < len(set(tried)) < count:
            continue
        apart = float(silhouette_score(vectors, tried, metric="cosine"))
        if apart > best:
            best, labels = apart, tried
    return labels


def _alike_or_not(vectors: Vectors) -> list[int]:
    """Of one or two questions."""
    alike = len(vectors) < 2 or float(vectors[0] @ vectors[1]) >= 0.5
    return [0] * len(vectors) if alike else [0, 1]


def _numbers(count: int) -> list[int]:
    """Numbers of themes to try: from two to nearly one for each question, closer together where they are small."""
    most = count - 1
    steps = np.geomspace(2, most, num=min(TRIED, most - 1)) if most > 2 else [2]
    return sorted({round(float(step)) for step in steps})


def _nearest_first(vectors: Vectors, labels: Sequence[int], firsts: Sequence[int]) -> dict[int, list[int]]:
    """Of each theme the questions, those in its middle first."""
    ordered: dict[int, list[int]] = {}
    given = np.array(labels)
    for label in set(labels):
        places = np.nonzero(given == label)[0]
        middle = vectors[places].mean(axis=0)
        by_nearness = places[np.argsort(-(vectors[places] @ middle), kind="stable")]
        ordered[label] = [firsts[place] for place in by_nearness.tolist()]
    return ordered


# ── naming ───────────────────────────────────────────────────────────────────────────────────────────────


def _words(asked: Sequence[Unanswered], indices: Sequence[int]) -> Counter[str]:
    """In how many questions each telling word stands, as it is written most often."""
    return Counter(word for index in indices for word in dict.fromkeys(_telling(asked[index].question)))


def _telling(question: str) -> list[str]:
    """Words as a person reads them, not their stems."""
    written = [word for word in _split(question) if (found := whole(word)) and not is_light(found[0])]
    return [word for word in content(written) if len(word) > 1 or not HAN.match(word)]


def _split(question: str) -> list[str]:
    words = WORDS.findall(question.casefold())
    return [cut for word in words for cut in (whole(word) if HAN.search(word) else [word])]


def _title(label: int, used: Mapping[int, Counter[str]]) -> str:
    """The words of a theme that the others use least, by log-odds against all of them."""
    mine, every = used[label], sum(used.values(), Counter[str]())
    own, total = sum(mine.values()), sum(every.values())

    def telling(word: str) -> float:
        inside, outside = mine[word] + 0.5, every[word] - mine[word] + 0.5
        others, elsewhere = own - mine[word] + 0.5, total - own - (every[word] - mine[word]) + 0.5
        return mine[word] * (math.log(inside / others) - math.log(outside / elsewhere))

    return " · ".join(sorted(mine, key=lambda word: (-telling(word), word))[:TITLE_WORDS])


def _theme(asked: Sequence[Unanswered], title: str, nearest: Sequence[Unanswered]) -> Theme:
    """``nearest``: of those that are asked in the same words only one."""
    questions: dict[str, tuple[str, ...]] = {}
    for one in nearest:
        questions[one.language] = (*questions.get(one.language, ()), one.question)
    return Theme(
        id=stable_id(*sorted(_same(one.question) for one in nearest))[:8],
        title=title or nearest[0].question,
        asked=len(asked),
        shoppers=len({one.shopper for one in asked}),
        questions=questions,
        first=min(one.at for one in asked),
        last=max(one.at for one in asked),
    )
