"""A context with a unified KV cache: evaluates batches, and shares, cuts, saves and forgets sequences."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from core.errors import RequestInvalid
from core.ports import GenerationRequest
from models.llama.adapters import Adapters
from models.llama.batch import Batch
from models.llama.constraint import Grammars
from models.llama.helpers import let_go
from models.llama.library import LOG, LlamaError, lib
from models.llama.options import LoadOptions
from models.llama.sampler import LlamaSampler
from models.llama.states import States
from models.llama.vocabulary import LlamaVocabulary
from models.penalties import Logits
from models.runner import DecodeFailed, Limits, Slice

_FLASH = {
    "auto": lib.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": lib.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": lib.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}
# Attention of one token is summed up by another kernel than that of several (ggml-cpu/llamafile/sgemm.cpp: "n < 2"); on
# a GPU up to eight rows are (ggml-cuda/mmvq.cuh: MMVQ_MAX_BATCH_SIZE). The last bits differ then, and near ties with them.
_ALIKE_FROM = 2
_ALIKE_FROM_ON_GPU = 9
_KV_TYPES = {"f16": lib.GGML_TYPE_F16, "q8_0": lib.GGML_TYPE_Q8_0}


class LlamaRunner:
    """Owns the model from now on: close() frees both, and the adapters.

    ``identity``: other bytes for every other model file. ``keep``: lives as long as the model.
    """

    def __init__(
        self,
        model: lib.llama_model_p,
        vocabulary: LlamaVocabulary,
        options: LoadOptions,
        *,
        identity: bytes,
        keep: object = None,
    ) -> None:
        if lib.llama_model_has_encoder(model) or not lib.llama_model_has_decoder(model):
            raise LlamaError("it is no decoder-only text model")
        self._model = model
        self._keep = keep
        self._vocabulary = vocabulary
        self._grammars = Grammars(vocabulary)
        self._adapters = Adapters(model, options.loras)
        try:
            context, sequences = _context(model, options)
        except BaseException:
            self._adapters.close()
            raise
        self._context = context
        self._memory = lib.llama_get_memory(context)
        self._states = States(context, _fingerprint(identity, context, options))
        self._rows: list[int] = []
        self._window = int(lib.llama_model_n_swa(model))
        batch = int(lib.llama_n_batch(context))
        rewinds = not (lib.llama_model_is_recurrent(model) or lib.llama_model_is_hybrid(model))
        self.limits = Limits(
            cells=int(lib.llama_n_ctx(context)),
            sequences=sequences,
            batch=batch,
            rows=min(options.rows, batch),
            rewinds=rewinds,
            alike_from=_ALIKE_FROM_ON_GPU if options.gpu_layers else _ALIKE_FROM,
        )
        self._batch = Batch(batch, self.limits.rows)

    # ── the memory ───────────────────────────────────────────────────────────────────────────────────────

    def share(self, source: int, target: int, length: int) -> None:
        lib.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def truncate(self, sequence: int, length: int) -> None:
        if not lib.llama_memory_seq_rm(self._memory, sequence, length, -1):
            raise LlamaError(f"sequence {sequence} cannot be cut back to {length} tokens")

    def behead(self, sequence: int, length: int) -> None:
        """Forget the first ``length`` tokens of a sequence; the others stay where they are."""
        if not lib.llama_memory_seq_rm(self._memory, sequence, 0, length):
            raise LlamaError(f"the first {length} tokens of sequence {sequence} cannot be forgotten")

    def holds(self, sequence: int, length: int) -> bool:
        """Whether a sequence can be shared or cut at ``length``: a sliding window may have given its cells away.

        The library uses such cells anew if they are one sequence's only, even if it is told to keep them.
        """
        if not self._window:
            return True
        return bool(lib.llama_memory_seq_pos_min(self._memory, sequence) <= max(0, length - self._window + 1))

    def clear(self) -> None:
        lib.llama_memory_clear(self._memory, False)

    def save(self, sequence: int) -> bytes:
        """Empty: it cannot be saved whole, for of what a sliding window has passed the library saves nothing."""
        if self._window and lib.llama_memory_seq_pos_max(self._memory, sequence) >= self._window:
            return b""
        return self._states.save(sequence)

    def restore(self, sequence: int, data: bytes) -> bool:
        return self._states.restore(sequence, data)

    # ── evaluating ───────────────────────────────────────────────────────────────────────────────────────

    def decode(self, slices: Sequence[Slice], adapter: str = "") -> None:
        self._rows = []
        rows = self._batch.fill(slices)
        if not self._adapters.use(self._context, adapter):
            raise DecodeFailed(f"there is no LoRA adapter {adapter!r}", intact=True)
        status = lib.llama_decode(self._context, self._batch.struct)
        if status:
            raise DecodeFailed(f"llama_decode returned {status}: {LOG.errors()}", intact=status in (1, -1))
        self._rows = rows

    def sampler(self, request: GenerationRequest, seed: int) -> LlamaSampler:
        if request.lora not in self._adapters:
            known = ", ".join(self._adapters.names) or "none"
            raise RequestInvalid(f"this model has no LoRA adapter {request.lora!r}; it has: {known}")
        return LlamaSampler(self, self._vocabulary, request, seed, self._grammars.constraint(request))

    def logits(self, row: int) -> Logits:
        """Of the token that follows ``row`` of the last decode; valid until the next one."""
        pointer = lib.llama_get_logits_ith(self._context, self._rows[row])
        if not pointer:
            raise LlamaError(f"there are no logits in row {row}")
        return np.ctypeslib.as_array(pointer, (self._vocabulary.size,))

    def set_threads(self, count: int) -> None:
        lib.llama_set_n_threads(self._context, count, count)

    def rest(self) -> None:
        let_go()

    def close(self) -> None:
        self._vocabulary.close()
        lib.llama_free(self._context)
        self._adapters.close()
        lib.llama_model_free(self._model)


def _context(model: lib.llama_model_p, options: LoadOptions) -> tuple[lib.llama_context_p, int]:
    """The context, and how many sequences it holds."""
    sequences = min(options.parallel + options.idle_sequences, int(lib.llama_max_parallel_sequences()))
    params = lib.llama_context_default_params()
    params.n_ctx = options.cells
    params.n_batch = params.n_ubatch = options.batch
    params.n_seq_max = sequences
    # Rows of logits in a batch (the default takes memory for each token of it); the library asks for one per sequence.
    params.n_outputs_max = max(options.rows, sequences)
    params.n_outputs_max_per_seq = 0  # as many
    params.n_threads = params.n_threads_batch = options.threads
    params.kv_unified = True
    params.swa_full = True  # a sliding window that forgot cells could not be cut back
    params.flash_attn_type = _FLASH[options.flash_attention]
    params.type_k = params.type_v = _KV_TYPES[options.kv_type]
    params.offload_kqv = options.gpu_cache
    params.no_perf = True
    context = lib.llama_init_from_model(model, params)
    if not context:
        raise LlamaError(LOG.errors())
    return context, sequences


def _fingerprint(identity: bytes, context: lib.llama_context_p, options: LoadOptions) -> bytes:
    """Of all that a saved sequence depends on: the model, the build, how its cells are laid out."""
    layout = options.flash_attention, options.kv_type, int(lib.llama_n_ctx_seq(context))
    return b"\0".join(
        (identity, version("llama_cpp_python").encode(), lib.llama_print_system_info(), repr(layout).encode())
    )
