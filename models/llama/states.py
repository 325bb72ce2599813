"""The cells of a sequence as bytes, sealed: the library aborts or takes nonsense for real if it is given other bytes."""

from __future__ import annotations

import ctypes
import hashlib
import struct

import numpy as np

from models.llama.library import LOG, lib, log

_MAGIC = b"KEFUSEQ1"
_DIGEST = 16
_HEAD = struct.Struct(f"<8s{_DIGEST}sQ{_DIGEST}s")  # magic, who wrote it, length, checksum


class States:
    """``fingerprint``: what must be the same for the bytes to mean the same; of any length."""

    def __init__(self, context: lib.llama_context_p, fingerprint: bytes) -> None:
        self._context = context
        self._writer = _digest(fingerprint)

    def save(self, sequence: int) -> bytes:
        """Empty: the library refused."""
        size = int(lib.llama_state_seq_get_size(self._context, sequence))
        if not size:
            return b""
        data = bytearray(_HEAD.size + size)
        body = memoryview(data)[_HEAD.size :]
        written = int(lib.llama_state_seq_get_data(self._context, _address(body), size, sequence))
        if written != size:
            log.warning("a sequence could not be saved", reason=LOG.errors())
            return b""
        _HEAD.pack_into(data, 0, _MAGIC, self._writer, size, _digest(body))
        return bytes(data)

    def restore(self, sequence: int, data: bytes) -> bool:
        """False: another build's, damaged, or there is no room for it; then the sequence is as empty as before."""
        body = memoryview(data)[_HEAD.size :]
        if not self._ours(data, body):
            log.info("a saved sequence is not of this model and build, or it is damaged: it is evaluated again")
            return False
        LOG.errors()
        if not lib.llama_state_seq_set_data(self._context, _address(body), len(body), sequence):
            log.debug("a saved sequence was not restored", reason=LOG.errors())
            lib.llama_memory_seq_rm(lib.llama_get_memory(self._context), sequence, -1, -1)
            return False
        return True

    def _ours(self, data: bytes, body: memoryview) -> bool:
        if len(data) < _HEAD.size:
            return False
        magic, writer, size, checksum = _HEAD.unpack_from(data)
        return bool(magic == _MAGIC and writer == self._writer and size == len(body) > 0 and checksum == _digest(body))


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data).digest()[:_DIGEST]


def _address(data: memoryview) -> object:
    """Of the first byte, whether the memory may be written or not."""
    array = np.frombuffer(data, np.uint8)
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
