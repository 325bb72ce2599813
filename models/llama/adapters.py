"""LoRA adapters: all of them are loaded with the model, and at most one is on in a decode."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from models.gguf import NotUsable, check_lora
from models.llama.library import LOG, LlamaError, lib
from models.llama.options import Lora

_POINTERS = ctypes.POINTER(lib.llama_adapter_lora_p_ctypes)


class Adapters:
    """Freed before the model, after the context."""

    def __init__(self, model: lib.llama_model_p, loras: Sequence[Lora]) -> None:
        self._loaded: dict[str, tuple[lib.llama_adapter_lora_p, float]] = {}
        self._on = ""
        try:
            for lora in loras:
                self._loaded[lora.name] = _load(model, lora), lora.scale
        except BaseException:
            self.close()
            raise

    def __contains__(self, name: str) -> bool:
        return not name or name in self._loaded

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._loaded)

    def use(self, context: lib.llama_context_p, name: str) -> bool:
        """For the decodes from now on; an empty name means the model as it is. False: there is none of that name.

        A change makes the library plan its memory anew, which takes milliseconds: decodes of one adapter belong together.
        """
        if name == self._on:
            return True
        if name not in self:
            return False
        adapters = [self._loaded[name]] if name else []
        pointers = (ctypes.c_void_p * 1)(*(ctypes.cast(pointer, ctypes.c_void_p).value for pointer, _ in adapters))
        scales = (ctypes.c_float * 1)(*(scale for _, scale in adapters))
        if lib.llama_set_adapters_lora(context, ctypes.cast(pointers, _POINTERS), len(adapters), scales):
            raise LlamaError(f"the LoRA adapter {name!r} cannot be applied: {LOG.errors()}")
        self._on = name
        return True

    def close(self) -> None:
        for pointer, _ in self._loaded.values():
            lib.llama_adapter_lora_free(pointer)
        self._loaded = {}


def _load(model: lib.llama_model_p, lora: Lora) -> lib.llama_adapter_lora_p:
    try:
        check_lora(lora.path, _architecture(model))
    except NotUsable as error:
        raise LlamaError(f"the LoRA adapter {lora.name!r} ({lora.path}) {error}") from error
    except OSError as error:
        raise LlamaError(f"the LoRA adapter {lora.name!r} cannot be read: {error}") from error
    LOG.errors()
    pointer: lib.llama_adapter_lora_p = lib.llama_adapter_lora_init(model, str(lora.path).encode())
    if not pointer:
        raise LlamaError(f"the LoRA adapter {lora.name!r} ({lora.path}) does not fit this model: {LOG.errors()}")
    if lib.llama_adapter_get_alora_n_invocation_tokens(pointer):
        lib.llama_adapter_lora_free(pointer)
        raise LlamaError(f"the LoRA adapter {lora.name!r} ({lora.path}) is an activated one (aLoRA): use a plain one")
    return pointer


def _architecture(model: lib.llama_model_p) -> str:
    buffer = ctypes.create_string_buffer(128)
    lib.llama_model_meta_val_str(model, b"general.architecture", buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace")
