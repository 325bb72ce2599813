from __future__ import annotations

import hashlib
import os
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import ModelConfig
from core.errors import ModelUnavailable
from models.digest import file_digest
from models.gguf import NotUsable, check_gguf
from models.load import load_model, model_key
from models.source import bundled_file, find_model
from tests.models.gguf_files import entry, gguf_bytes, tensor, text

HUGE = 2**62
GOOD = gguf_bytes()


async def test_the_bundled_model() -> None:
    found = await find_model(ModelConfig(bundled=True), Path())
    assert found.path == bundled_file()
    assert found.path.suffix == ".gguf"


async def test_a_path_begins_at_the_bots_folder(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.gguf").write_bytes(GOOD)
    found = await find_model(ModelConfig(path="models/m.gguf"), tmp_path)
    assert found.path == tmp_path / "models" / "m.gguf"
    assert len({model_key(ModelConfig(path=one), tmp_path) for one in ("m.gguf", "./m.gguf", "n.gguf")}) == 2
    assert model_key(ModelConfig(path="m.gguf"), tmp_path / "models") == model_key(
        ModelConfig(path="models/m.gguf"), tmp_path
    )
    assert model_key(ModelConfig(bundled=True), tmp_path) == model_key(ModelConfig(bundled=True), Path("/elsewhere"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip file", "is no GGUF file"),
        (os.urandom(4096), "is no GGUF file"),
        (b"GGUF", "cut off in its header"),
        (GOOD[:60], "cut off in its header"),
        (GOOD[:-1], "is cut off: it has"),
        (gguf_bytes(version=9), "version 9"),
        (gguf_bytes(architecture="clip"), "no text model"),
        (gguf_bytes(architecture="bert"), "no text model"),
        (gguf_bytes(vocabulary=()), "no vocabulary"),
        (b"GGUF" + struct.pack("<IQQ", 3, HUGE, 1), "damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", HUGE), "damaged"),
        (gguf_bytes(extra=[entry("a", 9, struct.pack("<IQ", 8, HUGE))]), "damaged"),
        (gguf_bytes(extra=[entry("a", 9, struct.pack("<IQ", 8, 1 << 20))]), "cut off"),
        (gguf_bytes(extra=[entry("a", 9, struct.pack("<IQ", 4, HUGE))]), "cut off"),
        (gguf_bytes(extra=[entry("a", 9, struct.pack("<IQ", 9, 1))]), "damaged"),
        (gguf_bytes(extra=[entry("general.architecture", 8, struct.pack("<Q", 1 << 50))]), "damaged"),
        (gguf_bytes(extra=[entry("a", 99, b"")]), "damaged"),
        (gguf_bytes(tensors=[tensor("w", (2**40, 2**40), 0, 0)]), "is cut off"),
        (gguf_bytes(tensors=[tensor("w", (1,), 2, HUGE)]), "is cut off"),
        (gguf_bytes(tensors=[text("w") + struct.pack("<I", 7)]), "damaged"),
    ],
)
async def test_a_wrong_file_gets_one_clear_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(ModelUnavailable, match=says) as caught:
        await load_model(ModelConfig(path="m.gguf"), tmp_path)
    assert str(tmp_path / "m.gguf") in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"does not exist: correct model\.path"):
        await load_model(ModelConfig(path="none.gguf"), tmp_path)
    with pytest.raises(ModelUnavailable, match="is a folder"):
        await load_model(ModelConfig(path="."), tmp_path)


async def test_a_plausible_file_that_the_library_refuses(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(architecture="nobody-knows"))
    with pytest.raises(ModelUnavailable, match=r"unknown model architecture.*choose another"):
        await load_model(ModelConfig(path="m.gguf"), tmp_path)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_header_is_trusted(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"changed-{os.getpid()}.gguf"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with suppress(NotUsable):  # and nothing else
        assert check_gguf(path).parts >= 1


def test_the_real_model_cut_anywhere(gguf: Path, tmp_path: Path) -> None:
    raw = gguf.read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in (3, 20, 1000, 1_000_000, len(raw) // 2, len(raw) - 1):
        cut.write_bytes(raw[:length])
        with pytest.raises(NotUsable):
            check_gguf(cut)
    assert check_gguf(gguf).architecture == "llama"


def test_digest(tmp_path: Path) -> None:
    file, notes = tmp_path / "m", tmp_path / "data"
    file.write_bytes(b"one")
    assert file_digest(file, notes) == hashlib.sha256(b"one").hexdigest()
    assert file_digest(file, notes) == file_digest(file)
    file.write_bytes(b"three")
    assert file_digest(file, notes) == hashlib.sha256(b"three").hexdigest()
    (notes / "model-digests.json").write_text("broken")
    assert file_digest(file, notes) == hashlib.sha256(b"three").hexdigest()
