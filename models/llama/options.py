"""How a model is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA adapter's file, the name that requests use, and how strongly it is applied."""

    name: str
    path: Path
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``context``: tokens of one request; ``cells``: tokens of all requests and idle prefixes together.

    ``batch``: tokens in one decode; ``rows``: after how many of them a token may be drawn. ``flash_attention`` auto is
    the library's own choice. ``gpu_shares``: empty means by the GPUs' memory.
    """

    context: int
    cells: int
    parallel: int
    threads: int
    gpu_layers: int = 0
    gpu_split: Literal["layer", "row", "none"] = "layer"
    gpu_shares: tuple[float, ...] = ()
    main_gpu: int = 0
    gpu_cache: bool = True
    flash_attention: Literal["auto", "on", "off"] = "off"
    kv_type: Literal["f16", "q8_0"] = "f16"
    batch: int = 512
    rows: int = 64
    idle_sequences: int = 32
    loras: tuple[Lora, ...] = ()
