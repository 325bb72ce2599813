"""Loads a GGUF's weights: what a text model and an embedding model have in common."""

from __future__ import annotations

from pathlib import Path

from models.llama.library import FOLDER, LOG, LlamaError, lib, log, set_up_library
from models.llama.tiles import cpu_libraries, tiles_are_safe


def params_for(gpu_layers: int) -> lib.llama_model_params:
    set_up_library()
    params: lib.llama_model_params = lib.llama_model_default_params()
    if not tiles_are_safe(lib.llama_print_system_info(), cpu_libraries(FOLDER)):
        params.use_extra_bufts = False  # keeps the weights out of AMX buffers
    params.n_gpu_layers = gpu_layers
    if gpu_layers and not lib.llama_supports_gpu_offload():
        log.warning("gpu_layers is set, but this build of llama.cpp knows no GPU: everything runs on the CPU")
    return params


def load_weights(path: Path, params: lib.llama_model_params) -> lib.llama_model_p:
    """Raises LlamaError with the library's reasons."""
    LOG.errors()
    model: lib.llama_model_p | None = lib.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise LlamaError(LOG.errors())
    return model
