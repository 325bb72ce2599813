"""The bound: the same work through the bare loop of the library, without scheduler, sampling, text or event loop.

Nobody can be faster with this library, this build and these settings; how near one comes measures everything around it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from llama_cpp import llama_cpp as lib

from models.machine import usable_threads
from tests.bench.work import CONTEXT, PARALLEL, Load

_BATCH = 512
_TOKEN = 1000  # any: what is computed does not depend on it

Row = tuple[int, int, bool]  # sequence, position, whether its logits are wanted


class Bound:
    def __init__(self, model: Path) -> None:
        parameters = lib.llama_model_default_params()
        parameters.n_gpu_layers = 0
        self._model = lib.llama_model_load_from_file(str(model).encode(), parameters)
        context = lib.llama_context_default_params()
        context.n_ctx = CONTEXT + PARALLEL * 256
        context.n_batch = context.n_ubatch = _BATCH
        context.n_seq_max = context.n_outputs_max = PARALLEL + 1
        context.n_threads = context.n_threads_batch = usable_threads()
        context.kv_unified = True
        context.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = lib.llama_init_from_model(self._model, context)
        self._memory = lib.llama_get_memory(self._context)
        self._batch = lib.llama_batch_init(_BATCH, 0, 1)

    def seconds(self, load: Load) -> float:
        lib.llama_memory_clear(self._memory, False)
        shared = [(PARALLEL, position, False) for position in range(load.shared)]
        if load.shared_is_there:
            self._decode(shared)
        started = time.perf_counter()
        if not load.shared_is_there:
            self._decode(shared)
        replies = range(len(load.own))
        for reply in replies:
            lib.llama_memory_seq_cp(self._memory, PARALLEL, reply, 0, load.shared)
        self._decode(
            (reply, load.shared + at, at == load.own[reply] - 1) for reply in replies for at in range(load.own[reply])
        )
        for step in range(max(load.drawn) - 1):
            self._decode(
                (reply, load.shared + load.own[reply] + step, True) for reply in replies if step < load.drawn[reply] - 1
            )
        return time.perf_counter() - started

    def _decode(self, rows: Iterable[Row]) -> None:
        waiting = list(rows)
        for start in range(0, len(waiting), _BATCH):
            part = waiting[start : start + _BATCH]
            for index, (sequence, position, wanted) in enumerate(part):
                self._batch.token[index] = _TOKEN
                self._batch.pos[index] = position
                self._batch.n_seq_id[index] = 1
                self._batch.seq_id[index][0] = sequence
                self._batch.logits[index] = wanted
            self._batch.n_tokens = len(part)
            if status := lib.llama_decode(self._context, self._batch):
                raise RuntimeError(f"llama_decode returned {status}")
            lib.llama_synchronize(self._context)

    def close(self) -> None:
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)
