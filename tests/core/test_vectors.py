"""Sentence vectors on disk: what is nearest, what a broken file says, and who has an old one open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import VectorsInvalid
from core.knowledge.vectors import CODED, Floats, Vectors

MANY = CODED + 3000


def unit(count: int, dimensions: int = 96, seed: int = 0) -> Floats:
    """Vectors in clusters, all a little to one side, as a model's are."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((40, dimensions))
    drawn = centres[random.integers(0, 40, count)] + random.standard_normal((count, dimensions)) + 0.5
    rows: Floats = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return rows


def near(rows: Floats, row: int, seed: int = 1) -> Floats:
    noise = np.random.default_rng(seed).standard_normal(rows.shape[1]) * 0.02
    moved = rows[row] + noise
    vector: Floats = (moved / np.linalg.norm(moved)).astype(np.float32)
    return vector


@pytest.fixture(scope="module")
def rows() -> Floats:
    return unit(MANY)


@pytest.fixture(scope="module")
def vectors(rows: Floats, tmp_path_factory: pytest.TempPathFactory) -> Vectors:
    path = tmp_path_factory.mktemp("vectors") / "index"
    Vectors.write(path, rows, "abc")
    return Vectors.open(path)


def test_what_was_written_is_read(vectors: Vectors, rows: Floats) -> None:
    assert (vectors.digest, len(vectors), vectors.dimensions) == ("abc", MANY, 96)
    assert np.array_equal(vectors.rows, rows)
    assert not vectors.rows.flags.writeable


def test_the_nearest_come_first_as_if_all_were_compared(vectors: Vectors, rows: Floats) -> None:
    hits = 0
    for row in range(0, MANY, MANY // 50):
        query = near(rows, row)
        found, scores = vectors.search(query, 10)
        assert found[0] == row
        assert np.allclose(scores, rows[found] @ query, atol=1e-6)
        assert (np.diff(scores) <= 0).all()
        hits += len(set(found.tolist()) & set(np.argsort(-(rows @ query))[:10].tolist()))
    assert hits >= 0.97 * 10 * len(range(0, MANY, MANY // 50))


@pytest.mark.parametrize("share", [0.001, 0.05, 0.6])
def test_only_the_rows_that_are_wanted_are_found(vectors: Vectors, rows: Floats, share: float) -> None:
    among = np.random.default_rng(3).random(MANY) < share
    among[7] = True
    query = near(rows, 7)
    found, _ = vectors.search(query, 5, among)
    wanted = np.flatnonzero(among)
    assert found[0] == 7
    assert among[found].all()
    assert len(found) == min(5, len(wanted))
    assert len(set(found.tolist()) & set(wanted[np.argsort(-(rows[wanted] @ query))[:5]].tolist())) >= len(found) - 1


@pytest.mark.parametrize("part", [slice(10, 400), slice(100, MANY - 50), slice(7, 7)])
def test_only_a_part_is_searched(vectors: Vectors, rows: Floats, part: slice) -> None:
    query = near(rows, 150)
    found, scores = vectors.search(query, 5, part)
    exact = part.start + np.argsort(-(rows[part] @ query))[:5]
    assert ((found >= part.start) & (found < part.stop)).all()
    assert len(set(found.tolist()) & set(exact.tolist())) >= len(exact) - 1
    assert np.allclose(scores, rows[found] @ query, atol=1e-6)


def test_nothing_wanted_finds_nothing(vectors: Vectors, rows: Floats) -> None:
    found, scores = vectors.search(rows[0], 5, np.zeros(MANY, np.bool_))
    assert len(found) == len(scores) == 0


def test_in_memory_it_is_the_same(vectors: Vectors, rows: Floats) -> None:
    query = near(rows, 11)
    assert np.array_equal(Vectors.of(rows).search(query, 10)[0], vectors.search(query, 10)[0])
    assert np.allclose(vectors.scores(query, np.array([5, 3])), rows[[5, 3]] @ query)


@given(st.integers(0, 40), st.integers(1, 12), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_a_few_are_compared_exactly(count: int, limit: int, seed: int) -> None:
    rows = unit(count, 9, seed)
    query = unit(1, 9, seed + 100)[0]
    found, _ = Vectors.of(rows).search(query, limit)
    assert found.tolist() == np.argsort(-(rows @ query), kind="stable")[:limit].tolist()


def test_no_vectors_at_all(tmp_path: Path) -> None:
    Vectors.write(tmp_path / "none", np.empty((0, 8), np.float32), "x")
    vectors = Vectors.open(tmp_path / "none")
    assert (len(vectors), vectors.dimensions) == (0, 8)
    assert len(vectors.search(unit(1, 8)[0], 3)[0]) == 0


def test_a_new_file_leaves_the_open_one_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "index"
    before, after = unit(20, 8, 1), unit(30, 8, 2)
    Vectors.write(path, before, "one")
    opened = Vectors.open(path)
    Vectors.write(path, after, "two")
    assert np.array_equal(opened.rows, before)
    assert Vectors.open(path).digest == "two"
    assert [file.name for file in tmp_path.iterdir()] == ["index"]


def test_another_process_finds_the_same(vectors: Vectors, rows: Floats, tmp_path: Path) -> None:
    path = tmp_path / "index"
    Vectors.write(path, rows, "abc")
    program = (
        "import sys; from pathlib import Path; from core.knowledge.vectors import Vectors; "
        "opened = Vectors.open(Path(sys.argv[1])); print(opened.search(opened.rows[9], 5)[0].tolist())"
    )
    root = Path(__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", program, path], cwd=root, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(vectors.search(rows[9], 5)[0].tolist())


@pytest.mark.parametrize("keep", [0, 5, 30, 2000])
def test_a_file_that_is_cut_off_says_so(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "index"
    Vectors.write(path, unit(100, 16), "x")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(VectorsInvalid, match="index is no index of vectors"):
        Vectors.open(path)


def test_a_missing_or_foreign_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(VectorsInvalid, match="delete it"):
        Vectors.open(tmp_path / "none")
    (tmp_path / "text").write_bytes(b"KEFUVEC1" + (4).to_bytes(4, "little") + b"[1]x" + b"0" * 100)
    with pytest.raises(VectorsInvalid):
        Vectors.open(tmp_path / "text")


@pytest.mark.parametrize(
    "rows", [np.ones((3, 4), np.float32), np.zeros((1, 4), np.float32), np.full((1, 4), np.nan, np.float32)]
)
def test_only_vectors_of_length_one_are_taken(tmp_path: Path, rows: Floats) -> None:
    with pytest.raises(ValueError, match="length 1"):
        Vectors.write(tmp_path / "index", rows, "x")
    assert list(tmp_path.iterdir()) == []
