"""Vectors of texts: a context that evaluates many texts in one batch and pools each of them into one vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.llama.batch import Batch
from models.llama.helpers import let_go
from models.llama.library import LOG, LlamaError, lib
from models.llama.loading import load_weights, params_for
from models.runner import DecodeFailed, Slice

Pooling = Literal["auto", "mean", "cls", "last"]

_POOLING = {
    "auto": lib.LLAMA_POOLING_TYPE_UNSPECIFIED,
    "mean": lib.LLAMA_POOLING_TYPE_MEAN,
    "cls": lib.LLAMA_POOLING_TYPE_CLS,
    "last": lib.LLAMA_POOLING_TYPE_LAST,
}
_BATCH = 512  # tokens at least, so that short texts are evaluated together
_SEQUENCES = 64
_BLOCK = 4096  # characters tokenised at once: the library's regular expressions recurse, long texts overflow the stack


@dataclass(frozen=True, slots=True)
class EmbeddingOptions:
    """``context``: tokens of the longest text. ``pooling`` auto: the model's own, else the mean of its tokens."""

    context: int
    threads: int
    pooling: Pooling = "auto"
    gpu_layers: int = 0


def open_embedding(path: Path, options: EmbeddingOptions) -> LlamaEmbedding:
    """Load a GGUF file that was checked before (models/gguf.py). Raises LlamaError. Takes up to seconds."""
    model = load_weights(path, params_for(options.gpu_layers))
    try:
        return LlamaEmbedding(model, options)
    except BaseException:
        lib.llama_model_free(model)
        raise


class LlamaEmbedding:
    """Used by one thread at a time. Owns the model from now on: close() frees both.

    ``batch``: tokens and ``sequences``: texts that embed() takes at once; ``max_tokens`` of one text.
    """

    def __init__(self, model: lib.llama_model_p, options: EmbeddingOptions) -> None:
        _refuse_others(model)
        self._vocab = lib.llama_model_get_vocab(model)
        if not self._vocab or lib.llama_vocab_type(self._vocab) == lib.LLAMA_VOCAB_TYPE_NONE:
            raise LlamaError("the model has no vocabulary")
        self.max_tokens = min(options.context, int(lib.llama_model_n_ctx_train(model)) or options.context)
        self.batch = max(self.max_tokens, _BATCH)
        self.sequences = min(_SEQUENCES, int(lib.llama_max_parallel_sequences()))
        self.dimensions = int(lib.llama_model_n_embd_out(model))
        self._head, self._tail = self._around()
        self._model = model
        self._context = self._pooled(options)
        self._memory = lib.llama_get_memory(self._context)  # none: every token of a text sees all of it (BERT)
        self._batch = Batch(self.batch, self.batch)

    def tokenize(self, text: str) -> list[int]:
        """With what the model wants at both ends. What looks like a control token in ``text`` is plain text."""
        found: list[int] = []
        for block in _blocks(text):
            found += self._tokens(block, special=False)
        return [*self._head, *found, *self._tail]

    def is_empty(self, tokens: Sequence[int]) -> bool:
        return len(tokens) <= len(self._head) + len(self._tail)

    def embed(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Vectors of length 1, one for each tokenised text, in order. Raises DecodeFailed."""
        slices = [Slice(number, 0, tokens, len(tokens)) for number, tokens in enumerate(texts)]
        self._batch.fill(slices)
        if self._memory:
            lib.llama_memory_clear(self._memory, False)
        evaluate = lib.llama_decode if self._memory else lib.llama_encode
        status = evaluate(self._context, self._batch.struct)
        let_go()  # a text model beside it shall not suffer until the next texts come
        if status:
            raise DecodeFailed(f"llama.cpp returned {status}: {LOG.errors()}", intact=True)
        vectors = np.stack([self._vector(number) for number in range(len(texts))])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not (lengths > 0).all():
            raise DecodeFailed("the model gave a vector that has no direction: is it an embedding model?", intact=True)
        unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
        return unit

    def close(self) -> None:
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)

    # ── the context ──────────────────────────────────────────────────────────────────────────────────────

    def _pooled(self, options: EmbeddingOptions) -> lib.llama_context_p:
        context = self._open(options, _POOLING[options.pooling])
        kind = int(lib.llama_pooling_type(context))
        if kind in (lib.LLAMA_POOLING_TYPE_MEAN, lib.LLAMA_POOLING_TYPE_CLS, lib.LLAMA_POOLING_TYPE_LAST):
            return context
        lib.llama_free(context)
        if kind == lib.LLAMA_POOLING_TYPE_RANK:
            raise LlamaError("it is a reranker: it compares two texts and makes no vectors")
        return self._open(options, lib.LLAMA_POOLING_TYPE_MEAN)

    def _open(self, options: EmbeddingOptions, pooling: int) -> lib.llama_context_p:
        params = lib.llama_context_default_params()
        # A text is pooled within one physical batch, so that batch must hold the longest.
        params.n_ctx = params.n_batch = params.n_ubatch = self.batch
        params.n_seq_max = self.sequences
        params.n_threads = params.n_threads_batch = options.threads
        params.kv_unified = True  # or every sequence had only its share of the cells
        params.embeddings = True
        params.pooling_type = pooling
        params.no_perf = True
        context: lib.llama_context_p = lib.llama_init_from_model(self._model, params)
        if not context:
            raise LlamaError(LOG.errors())
        return context

    def _vector(self, sequence: int) -> NDArray[np.float32]:
        pointer = lib.llama_get_embeddings_seq(self._context, sequence)
        if not pointer:
            raise DecodeFailed(f"llama.cpp gave no vector for text {sequence} of a batch", intact=True)
        return np.ctypeslib.as_array(pointer, (self.dimensions,)).copy()

    # ── tokens ───────────────────────────────────────────────────────────────────────────────────────────

    def _around(self) -> tuple[list[int], list[int]]:
        """What the model wants before and after a text, e.g. [CLS] and [SEP]."""
        both = self._tokens("", special=True)
        begins = both[:1] == [lib.llama_vocab_bos(self._vocab)]
        return (both[:1], both[1:]) if begins else ([], both)

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = 2 * len(data) + 8
        tokens = (lib.llama_token * room)()
        count = lib.llama_tokenize(self._vocab, data, len(data), tokens, room, special, False)
        if count < 0:
            tokens = (lib.llama_token * -count)()
            count = lib.llama_tokenize(self._vocab, data, len(data), tokens, -count, special, False)
        return list(tokens[: max(0, count)])


def _refuse_others(model: lib.llama_model_p) -> None:
    if lib.llama_model_has_encoder(model) and lib.llama_model_has_decoder(model):
        raise LlamaError("it rewrites texts (an encoder with a decoder) and makes no vectors")
    if lib.llama_model_is_recurrent(model) or lib.llama_model_is_hybrid(model):
        raise LlamaError("it is a recurrent model, whose vectors cannot be pooled here")


def _blocks(text: str) -> list[str]:
    """Cut at white space where there is some."""
    blocks: list[str] = []
    while len(text) > _BLOCK:
        end = max(text.rfind(white, _BLOCK // 2, _BLOCK) for white in (" ", "\n")) + 1 or _BLOCK
        blocks.append(text[:end])
        text = text[end:]
    return [*blocks, text] if text else blocks
