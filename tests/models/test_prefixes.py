from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from models.prefixes import KnownPrefixes, PrefixStore, SavedPrefix

PERSONA = list(range(200))


def store(folder: Path, fingerprint: str = "model", max_bytes: int = 10_000_000) -> PrefixStore:
    return PrefixStore(folder / "prefixes", fingerprint, max_bytes)


def saved(tokens: list[int], data: bytes = b"cells\nof\x00it", adapter: str = "") -> SavedPrefix:
    return SavedPrefix(adapter, tokens, data)


def test_what_was_written_is_read_the_newest_first(tmp_path: Path) -> None:
    assert list(store(tmp_path).read()) == []
    assert store(tmp_path).write(saved(PERSONA))
    assert store(tmp_path).write(saved([1, 2, 3], b"", "lora"))
    assert store(tmp_path).write(saved(PERSONA))  # again: the same file
    assert list(store(tmp_path).read()) == [saved(PERSONA), saved([1, 2, 3], b"", "lora")]


@pytest.mark.parametrize("harm", ["cut", "changed", "foreign", "empty", "text"])
def test_what_is_damaged_or_foreign_is_removed(tmp_path: Path, harm: str) -> None:
    store(tmp_path).write(saved(PERSONA))
    (path,) = (tmp_path / "prefixes").iterdir()
    content = path.read_bytes()
    broken = {
        "cut": content[:-1],
        "changed": content[:-1] + b"?",
        "foreign": content,
        "empty": b"",
        "text": b"hello\n\n",
    }
    path.write_bytes(broken[harm])
    with capture_logs() as logs:
        assert list(store(tmp_path, "another" if harm == "foreign" else "model").read()) == []
    assert len(logs) == 1
    assert list((tmp_path / "prefixes").iterdir()) == []


def test_the_budget_is_kept_and_leftovers_go(tmp_path: Path) -> None:
    few = store(tmp_path, max_bytes=5000)
    for number in range(5):
        assert few.write(saved([number] * 50, b"x" * 1500))
    assert not few.write(saved([9] * 50, b"x" * 5000))
    (tmp_path / "prefixes" / "left.tmp").write_bytes(b"half")
    assert [one.tokens[0] for one in few.read()] == [4, 3]
    assert len(list((tmp_path / "prefixes").iterdir())) == 2


def test_a_disk_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "prefixes").write_text("a file where the folder should be")
    with capture_logs() as logs:
        assert not store(tmp_path).write(saved(PERSONA))
        assert list(store(tmp_path).read()) == []
    assert "could not be stored" in logs[0]["event"]


def test_prefixes_are_what_several_prompts_have_in_common() -> None:
    known = KnownPrefixes()
    known.saw("", PERSONA[:63])
    known.saw("", [*PERSONA, 1, 2, 3])
    assert known.unstored() is None, "seen in one pair only"
    known.saw("", [*PERSONA, 1])
    known.saw("", [*PERSONA, 8])
    known.saw("x", PERSONA)
    prefix = known.unstored()
    assert prefix is not None
    assert (prefix.adapter, prefix.tokens) == ("", PERSONA)
    prefix.stored = True
    known.saw("", [*PERSONA, 9])
    assert known.unstored() is None
    known.saw("", PERSONA[:190])
    assert known.unstored() is prefix, "it became shorter: what is on disk is not what is shared"
