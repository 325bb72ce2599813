"""How much memory a model will take, compared with what there is: a clear refusal instead of the system's killer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.gguf import Header
from models.machine import Memory

_BYTES = {"f16": 2.0, "q8_0": 34 / 32}  # of one number in the KV cache
_OTHER_CACHES = ("ssm.", "kv_lora_rank", "wkv.", "shortconv.")  # keys of models whose cache has another form


@dataclass(frozen=True, slots=True)
class Needed:
    """Bytes. ``weights`` are the file's, which the system reads as it needs them; ``cache`` is taken at once."""

    weights: int
    cache: int


def needed_memory(header: Header, size: int, cells: int, kv_type: Literal["f16", "q8_0"]) -> Needed | None:
    """``size`` of the file; ``cells`` of the KV cache. None: the header does not tell."""
    name, numbers = header.architecture, header.numbers
    if any(part in key for key in numbers for part in _OTHER_CACHES):
        return None
    layers, heads = numbers.get(f"{name}.block_count", 0), numbers.get(f"{name}.attention.head_count", 0)
    shared = numbers.get(f"{name}.attention.head_count_kv", 0)
    if not layers or not heads or not shared:
        return None
    width = numbers.get(f"{name}.embedding_length", 0) // heads
    key = numbers.get(f"{name}.attention.key_length", width)
    value = numbers.get(f"{name}.attention.value_length", width)
    return Needed(weights=size, cache=int(cells * layers * shared * (key + value) * _BYTES[kv_type]))


def too_much(needed: Needed, memory: Memory) -> str:
    """Why the model cannot be loaded; empty if it can."""
    if needed.cache <= memory.free and needed.weights + needed.cache <= memory.limit:
        return ""
    return (
        f"it needs about {_size(needed.weights + needed.cache)} of memory ({_size(needed.weights)} for the model, "
        f"{_size(needed.cache)} for its KV cache); this process may use {_size(memory.limit)}, of which "
        f"{_size(memory.free)} are free"
    )


def file_size(path: Path) -> int:
    """Of all parts, if the model is split (…-00001-of-00003.gguf)."""
    parts = path.parent.glob(path.name.replace("-00001-of-", "-?????-of-")) if "-00001-of-" in path.name else [path]
    return sum(part.stat().st_size for part in parts)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
