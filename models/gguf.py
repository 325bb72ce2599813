"""Reads the header of a GGUF file, to say what is wrong with it before llama.cpp sees it.

Nothing that the file says is trusted: every length is checked against the file's size before anything is read or
skipped, and only a few short values are kept. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_LONGEST_KEY = 65_535
_LONGEST_KEPT = 1 << 20
_MOST_ENTRIES = 1 << 16
_MOST_TENSORS = 1 << 16
_MOST_STRINGS = 1 << 22
_DEFAULT_ALIGNMENT = 32

_FLOAT, _STRING, _ARRAY = 6, 8, 9
_WHOLE = (0, 1, 2, 3, 4, 5, 10, 11)
_MOST_NUMBERS = 256
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_KEPT = {
    "general.architecture", "general.type", "general.alignment", "tokenizer.ggml.model", "tokenizer.ggml.tokens",
    "split.count", "adapter.type",
}  # fmt: skip
_ALPHA = "adapter.lora.alpha"
_LORA_TENSORS = (0, 1, 2, 3, 6, 7, 8, 30)  # F32, F16, Q4_0 to Q8_0, BF16: what a matrix product takes

# (elements in a block, bytes of a block) by ggml type; a type that is missing here is checked by its offset only.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip

# What cannot write a text with a decoder alone: encoders, embedders, vision and speech parts, diffusion models.
_OTHER_KINDS = (
    "clip", "mmproj", "bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "neo-bert", "eurobert",
    "modern-bert", "gemma-embedding", "t5", "t5encoder", "wavtokenizer-dec", "whisper", "dream", "llada", "llada-moe",
)  # fmt: skip


_NO_EMBEDDERS = ("clip", "mmproj", "t5", "wavtokenizer-dec", "whisper", "dream", "llada", "llada-moe")


class NotUsable(Exception):
    """The message says what is wrong with the file, without its name: "is cut off …"."""


@dataclass(frozen=True, slots=True)
class Header:
    """``numbers``: the short whole numbers that describe the model (layers, heads, …), by their keys."""

    architecture: str
    vocabulary: int
    parts: int
    numbers: Mapping[str, int] = field(default_factory=dict)


def check_gguf(path: Path) -> Header:
    """Raises NotUsable if llama.cpp could not load this file as a text model, and OSError if it cannot be read."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = _Reader(file, size).header()
    if header.architecture in _OTHER_KINDS:
        raise NotUsable(f"is no text model (its architecture is {header.architecture!r})")
    if not header.vocabulary and header.parts <= 1:
        raise NotUsable("has no vocabulary, so it cannot read or write text")
    return header


def check_embedder(path: Path) -> Header:
    """Raises NotUsable if llama.cpp could not make vectors of texts with this file, and OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = _Reader(file, size).header()
    if header.architecture in _NO_EMBEDDERS:
        raise NotUsable(f"makes no vectors of texts (its architecture is {header.architecture!r})")
    if not header.vocabulary and header.parts <= 1:
        raise NotUsable("has no vocabulary, so it cannot read text")
    return header


def check_lora(path: Path, architecture: str) -> None:
    """Raises NotUsable if the file is no LoRA adapter for a model of that architecture, and OSError.

    llama.cpp takes the types of these entries for granted, and ends the process if they are others.
    """
    with path.open("rb") as file:
        reader = _Reader(file, os.fstat(file.fileno()).st_size)
        header = reader.header()
    if reader.text("general.type") != "adapter" or reader.text("adapter.type") != "lora":
        raise NotUsable("is no LoRA adapter; convert one with llama.cpp's convert_lora_to_gguf.py")
    if header.architecture != architecture:
        raise NotUsable(f"is for another architecture ({header.architecture!r}; this model's is {architecture!r})")
    if reader.kinds.get(_ALPHA) != _FLOAT:
        raise NotUsable("says no adapter.lora.alpha (a 32-bit float), so nobody knows how strongly to apply it")
    if not reader.tensors or not reader.tensors <= set(_LORA_TENSORS):
        raise NotUsable("has no tensors, or some of a type that an adapter cannot have; convert it to f16 or f32")


class _Reader:
    """``kinds`` of all entries, and the types of all ``tensors``, are known after ``header()``."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._at = 0
        self._values: dict[str, str | int] = {}
        self.numbers: dict[str, int] = {}
        self.kinds: dict[str, int] = {}
        self.tensors: set[int] = set()

    def text(self, key: str) -> str:
        value = self._values.get(key, "")
        return value if isinstance(value, str) else ""

    def header(self) -> Header:
        self._check_magic()
        tensors, entries = self._number("<Q"), self._number("<Q")
        if tensors > _MOST_TENSORS or entries > _MOST_ENTRIES:
            raise NotUsable("is damaged: its header is not plausible")
        for _ in range(entries):
            self._entry()
        end = max((self._tensor() for _ in range(tensors)), default=0)
        alignment = self._int("general.alignment") or _DEFAULT_ALIGNMENT
        needed = -(-self._at // alignment) * alignment + end
        if needed > self._size:
            raise NotUsable(f"is cut off: it has {self._size} bytes of {needed}")
        return Header(
            architecture=str(self._values.get("general.architecture", "")),
            vocabulary=self._int("tokenizer.ggml.tokens"),
            parts=self._int("split.count") or 1,
            numbers=self.numbers,
        )

    def _check_magic(self) -> None:
        if self._size == 0:
            raise NotUsable("is empty")
        if self._file.read(4) != MAGIC:
            raise NotUsable("is no GGUF file")
        self._at = 4
        version = self._number("<I")
        if version not in _VERSIONS:
            raise NotUsable(f"has version {version} of the GGUF format, which is not known here (known: 2 and 3)")

    def _entry(self) -> None:
        key = self._text(_LONGEST_KEY)
        kind = self.kinds[key] = self._number("<I")
        if key in _KEPT and kind == _STRING:
            self._values[key] = self._text(_LONGEST_KEPT)
        elif key in _KEPT and kind in _SCALARS and kind not in (6, 12):
            self._values[key] = self._number(_SCALARS[kind])
        elif kind in _WHOLE and len(self.numbers) < _MOST_NUMBERS:
            self.numbers[key] = self._number(_SCALARS[kind])
        elif kind == _ARRAY:
            self._values[key] = self._skip_array()
        else:
            self._skip_value(kind)
        if key not in _KEPT:
            self._values.pop(key, None)

    def _skip_array(self) -> int:
        kind, count = self._number("<I"), self._number("<Q")
        if kind in _SCALARS:
            self._skip(count * struct.calcsize(_SCALARS[kind]))
        elif kind == _STRING and count <= _MOST_STRINGS:
            for _ in range(count):
                self._skip(self._number("<Q"))
        else:
            raise NotUsable("is damaged: its header is not plausible")
        return count

    def _skip_value(self, kind: int) -> None:
        if kind == _STRING:
            self._skip(self._number("<Q"))
        elif kind in _SCALARS:
            self._skip(struct.calcsize(_SCALARS[kind]))
        else:
            raise NotUsable("is damaged: its header is not plausible")

    def _tensor(self) -> int:
        """Where the tensor's data end, counted from the beginning of all data."""
        self._text(_LONGEST_KEY)
        dimensions = self._number("<I")
        if not 1 <= dimensions <= 4:
            raise NotUsable("is damaged: its header is not plausible")
        elements = 1
        for _ in range(dimensions):
            elements *= self._number("<Q")
        kind, offset = self._number("<I"), self._number("<Q")
        self.tensors.add(kind)
        per_block, size = _BLOCKS.get(kind, (1, 0))
        return offset + -(-elements // per_block) * size

    def _int(self, key: str) -> int:
        value = self._values.get(key, 0)
        return value if isinstance(value, int) and value > 0 else 0

    def _number(self, layout: str) -> int:
        length = struct.calcsize(layout)
        return int(struct.unpack(layout, self._take(length))[0])

    def _text(self, longest: int) -> str:
        length = self._number("<Q")
        if length > longest:
            raise NotUsable("is damaged: its header is not plausible")
        return self._take(length).decode("utf-8", "replace")

    def _take(self, length: int) -> bytes:
        self._expect(length)
        data = self._file.read(length)
        if len(data) < length:
            raise NotUsable("is cut off in its header")
        self._at += length
        return data

    def _skip(self, length: int) -> None:
        self._expect(length)
        self._file.seek(length, os.SEEK_CUR)
        self._at += length

    def _expect(self, length: int) -> None:
        if length > self._size - self._at:
            raise NotUsable("is cut off in its header")
