"""The port Embedder by the installed encoders: one of them, or two whose vectors are joined into one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import sqrt
from pathlib import Path
from typing import Literal, Self

import numpy as np

from core.errors import GenerationFailed, PromptTooLong, RequestInvalid
from core.ports import EmbedderInfo
from models.digest import file_digest
from models.sentences.encoders import DIMENSIONS, Encoder, Floats, Kind, Name, files, is_installed, load

Size = Literal["small", "large"]

# What each encoder counts in the dot product of two joined vectors; together 1. As the spread of their own dot products
# differs (E5 squeezes all into a tenth of the scale), these make it about the sum of their z-scores. See bench retrieval.
JOINED: Mapping[Name, float] = {"use": 0.25, "e5": 0.75}
ALONE: Mapping[Name, float] = {"use": 1.0}

# Texts of one call on the thread: what is asked meanwhile waits for no more.
TOGETHER = 16
MAX_CHARS = 20_000


def parts(size: Size) -> Mapping[Name, float]:
    """Which encoders, and what each counts. Where E5 does not run, large is small."""
    return JOINED if size == "large" and is_installed("e5") else ALONE


async def open_sentences(size: Size, data_dir: Path | None = None) -> SentenceEmbedder:
    """Close it with ``aclose()``, or use it in ``async with``. Takes some seconds.

    ``data_dir`` keeps the digests of big files. Raises ModelUnavailable with one sentence to act on.
    """
    chosen = parts(size)
    digest = await asyncio.to_thread(_digest, chosen, data_dir)
    info = EmbedderInfo(
        name="+".join(chosen), digest=digest, dimensions=sum(map(DIMENSIONS.__getitem__, chosen)), max_tokens=MAX_CHARS
    )
    thread = ThreadPoolExecutor(1, thread_name_prefix="kefu-sentences")
    loop = asyncio.get_running_loop()
    try:
        encoders = [await loop.run_in_executor(thread, load, name) for name in chosen]
    except BaseException:
        thread.shutdown(wait=False, cancel_futures=True)
        raise
    return SentenceEmbedder(info, encoders, list(chosen.values()), thread)


def _digest(chosen: Mapping[Name, float], data_dir: Path | None) -> str:
    """Of all that the vectors depend on."""
    told = [f"{name} {share} {file_digest(file, data_dir)}" for name, share in chosen.items() for file in files(name)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


class SentenceEmbedder:
    """Works on a thread of its own, a few texts after the other, in turns for all callers.

    A cancelled call gives up its texts that have not begun.
    """

    def __init__(
        self, info: EmbedderInfo, encoders: Sequence[Encoder], shares: Sequence[float], thread: ThreadPoolExecutor
    ) -> None:
        self.info = info
        self._encoders = encoders
        self._shares = shares
        self._thread = thread
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def embed(self, texts: Sequence[str], *, kind: Kind = "passage") -> Floats:
        """Vectors of length 1, shape (len(texts), dimensions), in order.

        Raises PromptTooLong (``tokens`` are characters here) and RequestInvalid before anything is computed: a text is
        too long, or empty or blank, which has no direction; GenerationFailed: closed meanwhile.
        """
        read = [_readable(text, number, len(texts)) for number, text in enumerate(texts)]
        vectors = np.empty((len(texts), self.info.dimensions), np.float32)
        for start in range(0, len(read), TOGETHER):
            some = read[start : start + TOGETHER]
            vectors[start : start + len(some)] = await self._call(some, kind)
        return vectors

    async def aclose(self) -> None:
        """Who still waits gets GenerationFailed. Again does no harm."""
        self._closed = True
        await asyncio.to_thread(partial(self._thread.shutdown, cancel_futures=False))

    async def _call(self, texts: Sequence[str], kind: Kind) -> Floats:
        if self._closed:
            raise GenerationFailed("the embedder is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._joined, texts, kind)

    def _joined(self, texts: Sequence[str], kind: Kind) -> Floats:
        if self._closed:
            raise GenerationFailed("the embedder is closed")
        found = [
            sqrt(share) * encoder.encode(texts, kind)
            for encoder, share in zip(self._encoders, self._shares, strict=True)
        ]
        vectors: Floats = np.concatenate(found, axis=1)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not (lengths > 0).all():
            raise GenerationFailed("the sentence encoder gave a vector that has no direction")
        unit: Floats = (vectors / lengths).astype(np.float32)
        return unit


def _readable(text: str, number: int, count: int) -> str:
    """Without what the encoders cannot take: they end a text at its first NUL, and fall over half a surrogate pair."""
    if not text.strip():
        raise RequestInvalid(f"text {number + 1} of {count} is empty: leave it out, it has no meaning")
    if len(text) > MAX_CHARS:
        raise PromptTooLong(len(text), MAX_CHARS)
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
