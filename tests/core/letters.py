"""An embedder for tests: texts with the same letters are alike. It counts what it is given."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import PromptTooLong
from core.ports import EmbedderInfo


class Letters:
    def __init__(self, digest: str = "letters", longest: int = 10_000) -> None:
        self.info = EmbedderInfo(name="letters", digest=digest, dimensions=64, max_tokens=longest)
        self.given: list[str] = []

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage"
    ) -> NDArray[np.float32]:
        if any(len(text) > self.info.max_tokens for text in texts):
            raise PromptTooLong(max(map(len, texts)), self.info.max_tokens)
        self.given += texts
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.full(64, 0.01, np.float32)
        for start in range(len(text) - 1):
            vector[zlib.crc32(text[start : start + 2].casefold().encode()) % 64] += 1
        return vector / np.linalg.norm(vector)
