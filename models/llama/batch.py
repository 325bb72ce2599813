"""The arrays of one batch, in the form that llama_decode reads."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.llama.library import lib
from models.runner import DecodeFailed, Slice


class Batch:
    """Filled a slice at a time: element by element through ctypes, 512 tokens take as long as a token's evaluation."""

    def __init__(self, tokens: int, rows: int) -> None:
        self._tokens = tokens
        self._rows = rows
        self._token = np.zeros(tokens, np.int32)
        self._position = np.zeros(tokens, np.int32)
        self._sequence = np.zeros(tokens, np.int32)
        self._wanted = np.zeros(tokens, np.int8)
        self._count = np.ones(tokens, np.int32)  # each token belongs to one sequence …
        width = self._sequence.itemsize  # … whose number this points to
        self._pointers = self._sequence.ctypes.data + width * np.arange(tokens, dtype=np.uintp)
        self.struct = lib.llama_batch(
            n_tokens=0,
            token=_pointer(self._token, lib.llama_token),
            embd=None,
            pos=_pointer(self._position, lib.llama_pos),
            n_seq_id=_pointer(self._count, ctypes.c_int32),
            seq_id=_pointer(self._pointers, ctypes.POINTER(lib.llama_seq_id)),
            logits=_pointer(self._wanted, ctypes.c_int8),
        )

    def fill(self, slices: Sequence[Slice]) -> list[int]:
        """Where in the batch each row is. Raises DecodeFailed: more than it holds, or an empty slice."""
        self._check(slices)
        rows: list[int] = []
        begin = 0
        for one in slices:
            end = begin + len(one.tokens)
            self._token[begin:end] = one.tokens
            self._position[begin:end] = np.arange(one.start, one.start + end - begin)
            self._sequence[begin:end] = one.sequence
            self._wanted[begin:end] = 0
            self._wanted[end - one.wanted : end] = 1
            rows.extend(range(end - one.wanted, end))
            begin = end
        self.struct.n_tokens = begin
        return rows

    def _check(self, slices: Sequence[Slice]) -> None:
        """The library aborts the process if a batch is too long."""
        tokens = sum(len(one.tokens) for one in slices)
        rows = sum(one.wanted for one in slices)
        if tokens > self._tokens or rows > self._rows:
            raise DecodeFailed(
                f"a batch of {tokens} tokens and {rows} rows; it holds {self._tokens} and {self._rows}", intact=True
            )
        if not slices or not all(0 <= one.wanted <= len(one.tokens) > 0 for one in slices):
            raise DecodeFailed("a slice without tokens, or with more rows than tokens", intact=True)


def _pointer(array: NDArray[np.generic], kind: type) -> object:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
