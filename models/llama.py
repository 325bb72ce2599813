"""The only import of llama_cpp: its low-level API, as a runner and a vocabulary. Never blocks on anything but itself."""

from __future__ import annotations

import ctypes
import os
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

# OpenMP's threads spin while they wait. One busy neighbour on the same cores (our own event loop, Redis, a browser) then
# makes a step ten times slower; waiting passively costs next to nothing. It is read when the library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from llama_cpp import llama_cpp as lib

from core.ports import Sampling
from models.penalties import Logits, Penalties
from models.runner import DecodeFailed, Limits, Slice

log = structlog.get_logger("models.llama")

_LEVELS = {2: "info", 3: "warning", 4: "error"}  # ggml_log_level; the binding's own table is out of date
_CONTINUED = 5
_ERROR = 4
_DEBUG = 1
_BLOCK = 4096  # characters tokenised at once: the library's regular expressions recurse, long texts overflow the stack


class LlamaError(Exception):
    """llama.cpp refused; the message holds the last errors that it logged."""


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────


class _Log:
    """llama.cpp's log, as lines at level debug; the last errors are kept for the message of an exception.

    The library has one log for the process, so there is one of these. It is called from any thread.
    """

    def __init__(self) -> None:
        self._errors: deque[str] = deque(maxlen=8)
        self._partial = ""
        self._level = 0
        self.callback = lib.llama_log_callback(self._take)

    def install(self) -> None:
        lib.llama_log_set(self.callback, ctypes.c_void_p(0))

    def errors(self) -> str:
        """The errors since the last call, joined."""
        lines = list(dict.fromkeys(self._errors))
        self._errors.clear()
        return "; ".join(lines) or "llama.cpp gave no reason"

    def _take(self, level: int, text: bytes, _user_data: object) -> None:
        if level != _CONTINUED:
            self._level = level
        if self._level == _DEBUG:  # thousands of lines about tensors
            return
        self._partial += text.decode("utf-8", "replace")
        *lines, self._partial = self._partial.split("\n")
        for line in filter(None, (line.strip() for line in lines)):
            if self._level == _ERROR:
                self._errors.append(line)
            log.debug(line, level=_LEVELS.get(self._level, "info"))


_LOG = _Log()


def set_up_library() -> None:
    """Once for the process; again does no harm."""
    _LOG.install()
    lib.llama_backend_init()


# ── the model ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``context``: tokens of one request; ``cells``: tokens of all requests and idle prefixes together."""

    context: int
    cells: int
    parallel: int
    gpu_layers: int
    threads: int
    idle_sequences: int = 32
    batch: int = 512


@dataclass(frozen=True, slots=True)
class Opened:
    vocabulary: LlamaVocabulary
    runner: LlamaRunner
    chat_template: str
    trained_context: int


def open_model(path: Path, options: LoadOptions) -> Opened:
    """Load a GGUF file that was checked before (models/gguf.py). Raises LlamaError. Takes seconds."""
    set_up_library()
    _LOG.errors()
    params = lib.llama_model_default_params()
    params.n_gpu_layers = options.gpu_layers
    if b"AMX_INT8 = 1" in lib.llama_print_system_info():
        # Older compilers (GCC 12.2 for one) drop a part of the AMX tile configuration, and the first batch dies of a
        # protection fault (https://github.com/ggml-org/llama.cpp/issues/20824): keep the weights out of AMX buffers.
        params.use_extra_bufts = False
    if options.gpu_layers and not lib.llama_supports_gpu_offload():
        log.warning("gpu_layers is set, but this build of llama.cpp knows no GPU: everything runs on the CPU")
    model = lib.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise LlamaError(_LOG.errors())
    try:
        vocabulary = LlamaVocabulary(model)
        runner = LlamaRunner(model, vocabulary, options)
    except BaseException:
        lib.llama_model_free(model)
        raise
    return Opened(
        vocabulary=vocabulary,
        runner=runner,
        chat_template=(lib.llama_model_chat_template(model, None) or b"").decode("utf-8", "replace"),
        trained_context=int(lib.llama_model_n_ctx_train(model)),
    )


class LlamaVocabulary:
    """Reads only what never changes after loading, so every thread may use it; the lock is for closing."""

    def __init__(self, model: lib.llama_model_p) -> None:
        vocab = lib.llama_model_get_vocab(model)
        if not vocab or lib.llama_vocab_type(vocab) == lib.LLAMA_VOCAB_TYPE_NONE:
            raise LlamaError("the model has no vocabulary")
        self._vocab = vocab
        self._lock = threading.Lock()
        self._closed = False
        self.size = int(lib.llama_vocab_n_tokens(vocab))
        self.bos = _token(lib.llama_vocab_bos(vocab))
        self.eos = _token(lib.llama_vocab_eos(vocab))
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(vocab)) and self.bos is not None
        self.control: dict[str, int] = {}
        self.markup: list[str] = []
        self._read_special_tokens()

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        if special:
            return self._tokenize(text, True)
        tokens: list[int] = []
        for start in range(0, len(text), _BLOCK):
            tokens += self._tokenize_plain(text[start : start + _BLOCK])
        return tokens

    def text(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        length = lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, length)]

    def name(self, token: int | None) -> str:
        """How a template writes the token, e.g. ``<s>``; empty for none."""
        return "" if token is None else lib.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace")

    def is_end(self, token: int) -> bool:
        return bool(lib.llama_vocab_is_eog(self._vocab, token))

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def _tokenize_plain(self, text: str) -> list[int]:
        """No piece of ``text`` becomes a control token, whatever the vocabulary's merges do."""
        tokens: list[int] = []
        for part in self._split_markup(text):
            found = self._tokenize(part, False)
            if not self._special.isdisjoint(found):
                found = [token for character in part for token in self._tokenize(character, False)]
                found = [token for token in found if token not in self._special]
            tokens += found
        return tokens

    def _split_markup(self, text: str) -> list[str]:
        """Cut inside what looks like a control token but is marked as plain text in the vocabulary (<tool_call>).

        The library always takes those for one token; cut in two, they are read as the letters they are made of.
        """
        parts = [text]
        for name in self.markup:
            if name in text:
                parts = [
                    piece
                    for part in parts
                    for index, piece in enumerate(part.split(name))
                    for piece in (([name[:1], name[1:]] if index else []) + [piece])
                ]
        return [part for part in parts if part]

    def _tokenize(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (lib.llama_token * room)()
        with self._lock:  # a few milliseconds at most: see _BLOCK
            if self._closed:
                raise LlamaError("the model is closed")
            count = lib.llama_tokenize(self._vocab, data, len(data), tokens, room, False, special)
            if count < 0:
                tokens = (lib.llama_token * -count)()
                count = lib.llama_tokenize(self._vocab, data, len(data), tokens, -count, False, special)
        return list(tokens[: max(0, count)])

    def _read_special_tokens(self) -> None:
        hidden = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
        for token in range(self.size):
            attributes = lib.llama_vocab_get_attr(self._vocab, token)
            if attributes & hidden:
                self.control[self.name(token)] = token
            elif attributes & lib.LLAMA_TOKEN_ATTR_USER_DEFINED:
                name = self.name(token)
                if len(name) > 2 and name[0] in "<[" and name[-1] in ">]":
                    self.markup.append(name)
        self._special = frozenset(self.control.values())
        self.markup.sort(key=len, reverse=True)


def _token(value: int) -> int | None:
    return None if value < 0 else int(value)


# ── the runner ───────────────────────────────────────────────────────────────────────────────────────────


class LlamaRunner:
    """A context with a unified KV cache. Owns the model from now on: close() frees both."""

    def __init__(self, model: lib.llama_model_p, vocabulary: LlamaVocabulary, options: LoadOptions) -> None:
        if lib.llama_model_has_encoder(model) or not lib.llama_model_has_decoder(model):
            raise LlamaError("it is no decoder-only text model")
        sequences = min(options.parallel + options.idle_sequences, int(lib.llama_max_parallel_sequences()))
        params = lib.llama_context_default_params()
        params.n_ctx = options.cells
        params.n_batch = params.n_ubatch = options.batch
        params.n_seq_max = sequences
        params.n_outputs_max = sequences  # rows of logits in a batch; the default takes memory for each token of it
        params.n_threads = params.n_threads_batch = options.threads
        params.kv_unified = True
        params.swa_full = True  # a sliding window that forgot cells could not be cut back
        # On the CPU flash attention makes many sequences 2-3 times slower; on a GPU it is the faster one.
        params.flash_attn_type = (
            lib.LLAMA_FLASH_ATTN_TYPE_AUTO if options.gpu_layers else lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        params.no_perf = True
        context = lib.llama_init_from_model(model, params)
        if not context:
            raise LlamaError(_LOG.errors())
        self._model = model
        self._context = context
        self._memory = lib.llama_get_memory(context)
        self._vocabulary = vocabulary
        self._batch = lib.llama_batch_init(options.batch, 0, 1)
        self._rows: list[int] = []
        rewinds = not (lib.llama_model_is_recurrent(model) or lib.llama_model_is_hybrid(model))
        self.limits = Limits(
            cells=int(lib.llama_n_ctx(context)), sequences=sequences, batch=options.batch, rewinds=rewinds
        )

    def share(self, source: int, target: int, length: int) -> None:
        lib.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def truncate(self, sequence: int, length: int) -> None:
        if not lib.llama_memory_seq_rm(self._memory, sequence, length, -1):
            raise LlamaError(f"sequence {sequence} cannot be cut back to {length} tokens")

    def clear(self) -> None:
        lib.llama_memory_clear(self._memory, False)

    def decode(self, slices: Sequence[Slice]) -> None:
        batch, row = self._batch, 0
        self._rows = []
        for one in slices:
            for offset, token in enumerate(one.tokens):
                batch.token[row] = token
                batch.pos[row] = one.start + offset
                batch.n_seq_id[row] = 1
                batch.seq_id[row][0] = one.sequence
                batch.logits[row] = 0
                row += 1
            batch.logits[row - 1] = one.sample
            self._rows.append(row - 1)
        batch.n_tokens = row
        status = lib.llama_decode(self._context, batch)
        if status:
            raise DecodeFailed(f"llama_decode returned {status}: {_LOG.errors()}", intact=status in (1, -1))

    def sampler(self, sampling: Sampling, seed: int) -> LlamaSampler:
        return LlamaSampler(self, sampling, seed)

    def logits(self, row: int) -> Logits:
        """Of the token that follows slice ``row`` of the last decode; valid until the next one."""
        pointer = lib.llama_get_logits_ith(self._context, self._rows[row])
        if not pointer:
            raise LlamaError(f"there are no logits in row {row}")
        return np.ctypeslib.as_array(pointer, (self._vocabulary.size,))

    def draw(self, chain: lib.llama_sampler_p, row: int) -> int:
        return int(lib.llama_sampler_sample(chain, self._context, self._rows[row]))

    def close(self) -> None:
        self._vocabulary.close()
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)


class LlamaSampler:
    def __init__(self, runner: LlamaRunner, sampling: Sampling, seed: int) -> None:
        self._runner = runner
        self._penalties = Penalties(sampling)
        self._chain = _chain(sampling, seed) if sampling.temperature else None

    def draw(self, row: int) -> int:
        logits = self._runner.logits(row)
        with self._penalties.on(logits):
            token = int(logits.argmax()) if self._chain is None else self._runner.draw(self._chain, row)
        self._penalties.said(token)
        return token

    def close(self) -> None:
        if self._chain is not None:
            lib.llama_sampler_free(self._chain)


def _chain(sampling: Sampling, seed: int) -> lib.llama_sampler_p:
    """Top-k, top-p, min-p, temperature, draw."""
    params = lib.llama_sampler_chain_default_params()
    params.no_perf = True
    chain: lib.llama_sampler_p = lib.llama_sampler_chain_init(params)
    if sampling.top_k:
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p < 1:
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p:
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_min_p(sampling.min_p, 1))
    lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_temp(sampling.temperature))
    lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_dist(seed))
    return chain
