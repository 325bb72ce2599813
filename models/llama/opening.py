"""Opens a model: its weights, its vocabulary, its context."""

from __future__ import annotations

import ctypes
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from models.llama.library import LlamaError, lib
from models.llama.loading import load_weights, params_for
from models.llama.options import LoadOptions
from models.llama.runner import LlamaRunner
from models.llama.vocabulary import LlamaVocabulary

_END = 1 << 20
_SPLITS = {
    "none": lib.LLAMA_SPLIT_MODE_NONE,
    "layer": lib.LLAMA_SPLIT_MODE_LAYER,
    "row": lib.LLAMA_SPLIT_MODE_ROW,
}


@dataclass(frozen=True, slots=True)
class Opened:
    vocabulary: LlamaVocabulary
    runner: LlamaRunner
    chat_template: str
    trained_context: int


def open_model(path: Path, options: LoadOptions) -> Opened:
    """Load a GGUF file that was checked before (models/gguf.py). Raises LlamaError. Takes seconds."""
    if options.kv_type == "q8_0" and options.flash_attention == "off":
        raise LlamaError(
            "a KV cache of q8_0 needs flash attention: set flash_attention to on or auto, or kv_type to f16"
        )
    params = params_for(options.gpu_layers)
    shares = _place_on_gpus(params, options)
    model = load_weights(path, params)
    try:
        vocabulary = LlamaVocabulary(model)
        runner = LlamaRunner(model, vocabulary, options, identity=_identity(path), keep=shares)
    except BaseException:
        lib.llama_model_free(model)
        raise
    return Opened(
        vocabulary=vocabulary,
        runner=runner,
        chat_template=(lib.llama_model_chat_template(model, None) or b"").decode("utf-8", "replace"),
        trained_context=int(lib.llama_model_n_ctx_train(model)),
    )


def _identity(path: Path) -> bytes:
    """Of the file: its ends hold its description and a part of its weights."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END))
        tail = file.read(_END)
        file.seek(0)
        return hashlib.blake2b(size.to_bytes(8) + file.read(_END) + tail).digest()


def _place_on_gpus(params: lib.llama_model_params, options: LoadOptions) -> object:
    """Returns what must live as long as the model."""
    if not options.gpu_layers or not lib.llama_supports_gpu_offload():
        return None
    params.split_mode = _SPLITS[options.gpu_split]
    params.main_gpu = options.main_gpu
    if not any(options.gpu_shares):
        return None
    most = int(lib.llama_max_devices())
    if len(options.gpu_shares) > most:
        raise LlamaError(f"gpu_shares has {len(options.gpu_shares)} numbers; llama.cpp knows at most {most} GPUs")
    shares = (ctypes.c_float * most)(*options.gpu_shares)
    params.tensor_split = shares
    return shares
