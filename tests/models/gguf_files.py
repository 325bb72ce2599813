"""Writes small GGUF files, right ones and wrong ones."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


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


def lora_bytes(
    tensors: Mapping[str, NDArray[np.float32]],
    *,
    architecture: str = "llama",
    alpha: bytes | None = None,
    kind: str = "adapter",
) -> bytes:
    """A LoRA adapter. ``tensors``: by name (…lora_a, …lora_b), rows first, as numpy has them. ``alpha``: its entry."""
    listed, data = [], b""
    for name, values in tensors.items():
        listed.append(tensor(name, values.shape[::-1], 0, len(data)))
        raw = values.astype("<f4").tobytes()
        data += raw + b"\0" * (-len(raw) % 32)
    extra = [
        entry("general.type", 8, text(kind)),
        entry("adapter.type", 8, text("lora")),
        entry("adapter.lora.alpha", 6, struct.pack("<f", 1.0)) if alpha is None else alpha,
    ]
    return gguf_bytes(architecture=architecture, vocabulary=(), extra=extra, tensors=listed, data=data)
