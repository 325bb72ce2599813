"""Opens the binding's low-level API once for the process: how its threads wait, its log, its errors."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from pathlib import Path

import structlog
from llama_cpp import llama_cpp as lib

__all__ = ["FOLDER", "LOG", "LlamaError", "lib", "log", "set_up_library"]

# Where the binding looks for its libraries.
FOLDER = Path(os.environ.get("LLAMA_CPP_LIB_PATH") or Path(lib.__file__).parent / "lib")

log = structlog.get_logger("models.llama")

_LEVELS = {2: "info", 3: "warning", 4: "error"}  # ggml_log_level; the binding's own table is out of date
_CONTINUED = 5
_ERROR = 4
_DEBUG = 1


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


LOG = _Log()


def set_up_library() -> None:
    """Once for the process; again does no harm."""
    LOG.install()
    lib.llama_backend_init()
