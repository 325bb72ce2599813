"""Writes a BERT of a few kilobytes with random weights, as a GGUF: what an encoder goes through without one at hand."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.models.gguf_files import entry, gguf_bytes, tensor, text

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz0123456789:?.,")
# A word begins with the mark of a space, as llama.cpp has it.
VOCABULARY = (*SPECIAL, *(f"\u2581{letter}" for letter in LETTERS), *LETTERS, "\u2581tea", "\u2581delivery", "\u2581茶")
WIDTH, LAYERS, CONTEXT, INNER = 32, 2, 64, 64
MEAN, CLS, LAST, RANK = 1, 2, 3, 4


def write_bert(path: Path, pooling: int | None = MEAN, seed: int = 1) -> Path:
    """``pooling``: as llama.cpp numbers it; None: the file does not say."""
    arrays = dict(_weights(np.random.default_rng(seed)))
    tensors, data = [], b""
    for name, array in arrays.items():
        tensors.append(tensor(name, array.shape[::-1], 0, len(data)))
        data += array.astype("<f4").tobytes()
        data += b"\0" * (-len(data) % 32)
    extra = [*_numbers(pooling), *_tokenizer()]
    path.write_bytes(
        gguf_bytes(architecture="bert", vocabulary=VOCABULARY, extra=extra, tensors=tensors, data=data),
    )
    return path


def _numbers(pooling: int | None) -> Iterator[bytes]:
    known = {
        "context_length": CONTEXT,
        "embedding_length": WIDTH,
        "feed_forward_length": INNER,
        "block_count": LAYERS,
        "attention.head_count": 4,
    }
    if pooling is not None:
        known["pooling_type"] = pooling
    for name, value in known.items():
        yield entry(f"bert.{name}", 4, struct.pack("<I", value))
    yield entry("bert.attention.layer_norm_epsilon", 6, struct.pack("<f", 1e-12))
    yield entry("bert.attention.causal", 7, struct.pack("<?", False))


def _tokenizer() -> Iterator[bytes]:
    yield entry("tokenizer.ggml.model", 8, text("bert"))
    yield entry("tokenizer.ggml.token_type_count", 4, struct.pack("<I", 2))
    kinds = [2 if name == "[UNK]" else 3 if name in SPECIAL else 1 for name in VOCABULARY]
    yield entry("tokenizer.ggml.token_type", 9, struct.pack(f"<IQ{len(kinds)}i", 5, len(kinds), *kinds))
    ids = {
        "padding": "[PAD]",
        "unknown": "[UNK]",
        "bos": "[CLS]",
        "cls": "[CLS]",
        "seperator": "[SEP]",
        "mask": "[MASK]",
    }
    for name, token in ids.items():
        yield entry(f"tokenizer.ggml.{name}_token_id", 4, struct.pack("<I", VOCABULARY.index(token)))


def _weights(random: np.random.Generator) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Names and arrays; a matrix is (rows, columns), which the file has the other way round."""

    def drawn(*shape: int) -> NDArray[np.float64]:
        return random.normal(0, 0.5, shape)

    def norm(name: str) -> Sequence[tuple[str, NDArray[np.float64]]]:
        return ((f"{name}.weight", np.ones(WIDTH)), (f"{name}.bias", np.zeros(WIDTH)))

    yield "token_embd.weight", drawn(len(VOCABULARY), WIDTH)
    yield "token_types.weight", drawn(2, WIDTH)
    yield "position_embd.weight", drawn(CONTEXT, WIDTH)
    yield from norm("token_embd_norm")
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"{block}.{name}.weight", drawn(WIDTH, WIDTH)
            yield f"{block}.{name}.bias", drawn(WIDTH)
        yield f"{block}.ffn_up.weight", drawn(INNER, WIDTH)
        yield f"{block}.ffn_up.bias", drawn(INNER)
        yield f"{block}.ffn_down.weight", drawn(WIDTH, INNER)
        yield f"{block}.ffn_down.bias", drawn(WIDTH)
        yield from norm(f"{block}.attn_output_norm")
        yield from norm(f"{block}.layer_output_norm")
