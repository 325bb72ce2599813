"""The benchmark of retrieval, small: that it counts what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.sentences import open_sentences
from tests.bench.retrieval import DataUnusable, generated, matched, tables
from tests.bench.retrieval_texts import MOST, texts

TRAIN = "text,category\nwhere is my card,card\nmy card has not come,card\nhow do I change my pin,pin\na new pin please,pin\n"
TEST = "text,category\nthe card did not arrive,card\nI want another pin,pin\n"


def test_generated_texts_are_different_and_the_same_every_time() -> None:
    some = texts(500)
    assert some == texts(600)[:500]
    assert len({one.text["en"] for one in some}) == len({one.question["zh"] for one in some}) == 500
    assert MOST >= 100_000


async def test_every_system_is_measured_in_every_pair_of_languages(tmp_path: Path) -> None:
    async with await open_sentences("small", tmp_path) as embedder:
        rows = await generated(embedder, [120], lambda told: None)
        for name, text in (("train", TRAIN), ("test", TEST)):
            (tmp_path / f"{name}.csv").write_text(text)
        matches = await matched(tmp_path, embedder, lambda told: None)
        (tmp_path / "test.csv").write_text("question\nwhy\n")
        with pytest.raises(DataUnusable, match="columns are text and category"):
            await matched(tmp_path, embedder, lambda told: None)
        with pytest.raises(DataUnusable, match=r"train\.csv cannot be read"):
            await matched(tmp_path / "none", embedder, lambda told: None)
    systems = {"kefu", "kefu, no embedder", "numpy, all compared", "bm25s"}
    assert {(row.asked, row.found, row.system) for row in rows} == {
        (*pair, system) for pair in (("en", "en"), ("zh", "en"), ("zh", "zh")) for system in systems
    }
    assert all(row.passages == 120 and 0 <= row.recall_1 <= row.recall_5 <= 1 for row in rows)
    ours = {(row.asked, row.found): row.recall_5 for row in rows if row.system == "kefu"}
    words = {(row.asked, row.found): row.recall_5 for row in rows if row.system == "bm25s"}
    assert all(ours[pair] >= words[pair] for pair in ours)
    assert ours["zh", "en"] > 0.3
    assert [(row.system, row.recall_1) for row in matches if row.system == "kefu"] == [("kefu", 1.0)]
    assert [table.row_count for table in tables([*rows, *matches])] == [12, 3]
