"""Writes small GGUF files, right ones and wrong ones."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def words(values: Sequence[str]) -> bytes:
    return struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))


def tensor(name: str, shape: Sequence[int], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", kind, offset)


def gguf_bytes(
    *,
    architecture: str = "llama",
    vocabulary: Sequence[str] = ("<s>", "a", "b"),
    extra: Sequence[bytes] = (),
    tensors: Sequence[bytes] | None = None,
    data: bytes = b"\0" * 256,
    version: int = 3,
) -> bytes:
    entries = [
        entry("general.architecture", 8, text(architecture)),
        entry("x.scores", 9, struct.pack("<IQ", 6, 2) + b"\0" * 8),
    ]
    if vocabulary:
        entries.append(entry("tokenizer.ggml.tokens", 9, words(vocabulary)))
    entries += extra
    tensors = [tensor("w", (8, 8), 0, 0)] if tensors is None else tensors
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries)) + b"".join(entries) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data
