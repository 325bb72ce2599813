"""Whether llama.cpp may use the AMX instructions of this CPU."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

# Older compilers (GCC 12.2 for one) drop a part of the AMX tile configuration, and the first batch dies of a protection
# fault (https://github.com/ggml-org/llama.cpp/issues/20824). bots/kefu_tiles.h mends that, and leaves these words.
MENDED = b"kefu: AMX tiles are configured whole"
_AMX = b"AMX_INT8 = 1"


def tiles_are_safe(system_info: bytes, libraries: Iterable[Path]) -> bool:
    """``system_info``: the library's own words; ``libraries``: the files of which one holds the CPU's part of it."""
    return _AMX not in system_info or any(_holds(path, MENDED) for path in libraries)


def cpu_libraries(folder: Path) -> list[Path]:
    """The files in the binding's folder that hold ggml's CPU part, also linked statically into another or renamed."""
    if not folder.is_dir():
        return []
    files = {path.resolve() for path in folder.iterdir() if {".so", ".dylib", ".dll"} & set(path.suffixes)}
    return sorted(path for path in files if path.is_file())


def _holds(path: Path, words: bytes) -> bool:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(words) >= 0
    except (OSError, ValueError):  # unreadable, or empty
        return False
