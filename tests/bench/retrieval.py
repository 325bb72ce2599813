"""Recall and latency of retrieval, beside what one would use instead: bm25s alone, numpy that compares all vectors.

A hit at k: the passage that a question was made for is among the first k. Of the questions of --data (a folder with
train.csv and test.csv: text, category) a hit is one of the first k *different* categories of the nearest training questions.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import bm25s
import numpy as np
from rich.table import Table

from core.knowledge.base import Knowledge
from core.knowledge.passages import Passage
from core.knowledge.vectors import Floats, Vectors
from core.ports import Embedder
from tests.bench.retrieval_texts import Text, texts

SIZES = (1_000, 10_000, 100_000)
QUESTIONS = 200
# Chinese passages are indexed up to here: their words take longer to cut than the rest of the benchmark.
CHINESE = 10_000
PAIRS = (("en", "en"), ("zh", "en"), ("zh", "zh"))
EMBEDDED = 512

Ranked = Callable[[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Row:
    """``asked`` and ``found``: languages. Milliseconds of one search on one core, the question's vector given.

    ``vector_ms``: what the vector of a question takes, median; 0: the system needs none.
    """

    data: str
    passages: int
    asked: str
    found: str
    system: str
    recall_1: float
    recall_5: float
    p50_ms: float
    p95_ms: float
    vector_ms: float


async def generated(embedder: Embedder, sizes: Sequence[int], told: Callable[[str], None]) -> list[Row]:
    """Every size and every pair of languages."""
    rows: list[Row] = []
    made = texts(max(sizes))
    for language in ("en", "zh"):
        counts = [size for size in sizes if language == "en" or size <= CHINESE]
        if not counts:
            continue
        everything = await _embedded(
            embedder, [f"{one.title[language]}\n{one.text[language]}" for one in made[: max(counts)]], told
        )
        for size in counts:
            told(f"{size} passages, {language}: indexing")
            shop = await _Shop.of(made[:size], language, everything[:size], embedder)
            for asked, found in PAIRS:
                if found == language:
                    told(f"{size} passages, {asked} → {found}")
                    rows += await shop.rows(asked, embedder)
    return rows


class _Shop:
    """Generated passages in one language, indexed by every system."""

    def __init__(self, made: Sequence[Text], language: str, rows: Floats, knowledge: Knowledge) -> None:
        self._made = made
        self._language = language
        self._knowledge = knowledge
        self._rows = rows
        self._vectors = Vectors.of(rows)
        self._words = _Bm25([f"{one.title[language]} {one.text[language]}" for one in made])

    @classmethod
    async def of(cls, made: Sequence[Text], language: str, rows: Floats, embedder: Embedder) -> _Shop:
        passages = [
            Passage(id=str(n), kind="note", language=language, title=one.title[language], text=one.text[language])
            for n, one in enumerate(made)
        ]
        knowledge = Knowledge(["en", "zh"], (), passages)
        rest = [one.text for one in knowledge.wanted[len(made) :]]
        probes = await embedder.embed(rest, kind="query")
        return cls(made, language, rows, knowledge.with_vectors(Vectors.of(np.concatenate([rows, probes])), 0.95))

    async def rows(self, asked: str, embedder: Embedder) -> list[Row]:
        step = max(1, len(self._made) // QUESTIONS)
        chosen = list(range(0, len(self._made), step))[:QUESTIONS]
        questions = [self._made[number].question[asked] for number in chosen]
        vectors, vector_ms = await _questions(embedder, questions)
        systems: dict[str, tuple[Ranked, bool]] = {
            "kefu": (lambda n: self._both(questions[n], vectors[n], asked), True),
            "kefu, no embedder": (lambda n: self._by_words(questions[n]), False),
            "numpy, all compared": (lambda n: _compared(self._rows, vectors[n]), True),
            "bm25s": (lambda n: self._words.ranked(questions[n]), False),
        }
        rows: list[Row] = []
        for name, (ranked, needs) in systems.items():
            found, times = _timed(ranked, len(questions))
            hits = [[wanted in some[:k] for some, wanted in zip(found, chosen, strict=True)] for k in (1, 5)]
            one, five = (round(float(np.mean(hit)), 4) for hit in hits)
            rows.append(
                Row(
                    *("generated", len(self._made), asked, self._language, name, one, five),
                    *(*_percentiles(times), vector_ms if needs else 0.0),
                )
            )
        return rows

    def _both(self, question: str, vector: Floats, asked: str) -> list[int]:
        ranked = self._knowledge.ranked(question, asked, self._language, vector)
        return [int(one.passage.id) for one in ranked[:5]]

    def _by_words(self, question: str) -> list[int]:
        return [int(one.passage.id) for one in self._knowledge.search(question, self._language, 5)]


class _Bm25:
    """As its README shows it, with the Han characters set apart (it cuts at spaces)."""

    def __init__(self, documents: Sequence[str]) -> None:
        self._retriever = bm25s.BM25()
        self._retriever.index(bm25s.tokenize(list(map(_spaced, documents)), show_progress=False), show_progress=False)
        self._count = len(documents)

    def ranked(self, question: str) -> list[int]:
        tokens = bm25s.tokenize([_spaced(question)], show_progress=False)
        found, _ = self._retriever.retrieve(tokens, k=min(5, self._count), show_progress=False)
        return [int(one) for one in found[0]]


def _spaced(text: str) -> str:
    """Its tokens have two characters at least, so Han ones are set in pairs."""
    han = [character for character in text if "一" <= character <= "鿿"]
    return f"{text} {' '.join(map(''.join, pairwise(han)))}" if han else text


def _compared(rows: Floats, vector: Floats) -> list[int]:
    scores = rows @ vector
    best = np.argpartition(-scores, min(5, len(scores) - 1))[:5]
    return cast(list[int], best[np.argsort(-scores[best])].tolist())


# ── questions of --data ──────────────────────────────────────────────────────────────────────────────────


class DataUnusable(Exception):
    """What is missing of --data, and what would be right."""


async def matched(folder: Path, embedder: Embedder, told: Callable[[str], None]) -> list[Row]:
    """Question matching: the training questions are the index, the test questions are asked. Raises DataUnusable."""
    train, test = _labelled(folder / "train.csv"), _labelled(folder / "test.csv")
    index = await _embedded(embedder, [text for text, _ in train], told, kind="query")
    asked = await _embedded(embedder, [text for text, _ in test], told, kind="query")
    _, vector_ms = await _questions(embedder, [text for text, _ in test[:QUESTIONS]])
    labels = [label for _, label in train]
    vectors, words = Vectors.of(index), _Bm25([text for text, _ in train])
    systems: dict[str, tuple[Ranked, bool]] = {
        "kefu": (lambda n: vectors.search(asked[n], 50)[0].tolist(), True),
        "numpy, all compared": (lambda n: np.argsort(-(index @ asked[n]))[:50].tolist(), True),
        "bm25s": (lambda n: words.ranked(test[n][0]), False),
    }
    rows: list[Row] = []
    for name, (ranked, needs) in systems.items():
        told(f"{folder.name}: {name}")
        found, times = _timed(ranked, len(test))
        kinds = [list(dict.fromkeys(labels[row] for row in some))[:5] for some in found]
        one, five = (
            round(float(np.mean([label in some[:k] for some, (_, label) in zip(kinds, test, strict=True)])), 4)
            for k in (1, 5)
        )
        rows.append(
            Row(
                *(folder.name, len(train), "", "", name, one, five),
                *(*_percentiles(times), vector_ms if needs else 0.0),
            )
        )
    return rows


def _labelled(file: Path) -> list[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            return [(row["text"], row["category"]) for row in csv.DictReader(opened)]
    except OSError as error:
        raise DataUnusable(
            f"{file} cannot be read ({error.strerror}): --data names a folder with train.csv and test.csv"
        ) from error
    except KeyError as error:
        raise DataUnusable(f"{file} has no column {error}: its columns are text and category") from error


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────


async def _embedded(
    embedder: Embedder, some: Sequence[str], told: Callable[[str], None], kind: str = "passage"
) -> Floats:
    made = np.empty((len(some), embedder.info.dimensions), np.float32)
    for start in range(0, len(some), EMBEDDED):
        told(f"embedding {start} of {len(some)}")
        block = some[start : start + EMBEDDED]
        made[start : start + len(block)] = await embedder.embed(block, kind="query" if kind == "query" else "passage")
    return made


async def _questions(embedder: Embedder, questions: Sequence[str]) -> tuple[Floats, float]:
    """Their vectors, and the milliseconds of one."""
    times: list[float] = []
    vectors: list[Floats] = []
    for question in questions:
        started = time.perf_counter()
        vectors.append((await embedder.embed([question], kind="query"))[0])
        times.append(time.perf_counter() - started)
    return np.stack(vectors), _percentiles(times)[0]


def _timed(ranked: Ranked, count: int) -> tuple[list[Sequence[int]], list[float]]:
    ranked(0)
    times: list[float] = []
    found: list[Sequence[int]] = []
    for number in range(count):
        started = time.perf_counter()
        found.append(ranked(number))
        times.append(time.perf_counter() - started)
    return found, times


def _percentiles(times: Sequence[float]) -> tuple[float, float]:
    half, most = np.percentile(times, [50, 95]) * 1000
    return round(float(half), 3), round(float(most), 3)


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    for data in dict.fromkeys(row.data for row in rows):
        table = Table(
            "passages", "asked → found", "system", "recall@1", "recall@5", "p50 ms", "p95 ms", "vector ms", title=data
        )
        last: tuple[int, str, str] | None = None
        for row in rows:
            if row.data != data:
                continue
            place = row.passages, row.asked, row.found
            if last not in (None, place):
                table.add_section()
            last = place
            table.add_row(
                *(f"{row.passages:,}", f"{row.asked} → {row.found}" if row.asked else "", row.system),
                *(f"{row.recall_1:.3f}", f"{row.recall_5:.3f}", f"{row.p50_ms:.2f}", f"{row.p95_ms:.2f}"),
                f"{row.vector_ms:.1f}" if row.vector_ms else "",
            )
        yield table
