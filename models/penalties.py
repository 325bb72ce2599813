"""Penalties on what an answer has said already; never on its prompt, for prices are to be repeated."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from core.ports import Sampling

Logits = NDArray[np.float32]

_WINDOW = 64


class Penalties:
    """Computed as llama.cpp does, but for the few tokens that were said and not for the whole vocabulary: the
    library's own takes a hundredth of a step for each answer.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._repeat = sampling.repeat_penalty
        self._frequency = sampling.frequency_penalty
        self._presence = sampling.presence_penalty
        self._wanted = self._repeat != 1 or bool(self._frequency) or bool(self._presence)
        self._window: deque[int] = deque()
        self._counts: Counter[int] = Counter()

    def said(self, token: int) -> None:
        if not self._wanted:
            return
        self._window.append(token)
        self._counts[token] += 1
        if len(self._window) > _WINDOW:
            gone = self._window.popleft()
            self._counts[gone] -= 1
            if not self._counts[gone]:
                del self._counts[gone]

    @contextmanager
    def on(self, logits: Logits) -> Iterator[None]:
        """``logits`` are changed in place, and are as before afterwards."""
        if not self._counts:
            yield
            return
        tokens = np.fromiter(self._counts, np.int64, len(self._counts))
        counts = np.fromiter(self._counts.values(), np.float32, len(self._counts))
        before = logits[tokens]
        repeated = np.where(before <= 0, before * self._repeat, before / self._repeat)
        logits[tokens] = repeated - counts * self._frequency - self._presence
        try:
            yield
        finally:
            logits[tokens] = before
