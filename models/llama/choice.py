"""How one token is chosen from the logits of all: greedy, or by top-k, top-p, min-p and temperature.

The rules and their order are llama.cpp's; its own samplers copy the whole vocabulary for each token first, which takes
milliseconds where this takes a tenth of one.
"""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from core.ports import Sampling
from models.penalties import Logits

_DEPTH = 64
_FIRST_DEPTH = 8.0  # nats below the best: enough for the likeliest tokens of almost every text

Indices = NDArray[np.intp]


class Choice:
    """``seed`` starts the only source of chance, so the same seed and logits give the same tokens."""

    def __init__(self, sampling: Sampling, seed: int) -> None:
        self._sampling = sampling
        self._random = random.Random(seed)

    @property
    def needed(self) -> int:
        """So many of the best tokens decide; 0: maybe all of them."""
        return self._sampling.top_k if self._sampling.temperature else 1

    def choose(self, logits: Logits) -> int:
        """An index into ``logits``; none of which is NaN, and some of which is finite."""
        sampling = self._sampling
        if not sampling.temperature:
            return int(logits.argmax())
        if 0 < sampling.top_k < len(logits):
            found = best(logits, sampling.top_k)
            values, whole = logits[found], None
        elif sampling.top_p < 1 or sampling.min_p:
            found, values, whole = self._nucleus(logits)
        else:
            return self._among_all(logits)
        return int(found[_pick(self._weights(values, whole), self._random.random())])

    def _weights(self, values: Logits, whole: float | None) -> NDArray[np.floating]:
        """Of the best that top-p and min-p leave, not normalised. ``values``: best first; ``whole``: see _nucleus."""
        sampling = self._sampling
        shifted = (values - values[0]).astype(np.float64)
        if sampling.top_p < 1:
            mass = np.cumsum(np.exp(shifted))
            enough = sampling.top_p * (mass[-1] if whole is None else whole)
            shifted = shifted[: int(np.searchsorted(mass, enough)) + 1]
        if sampling.min_p:
            shifted = shifted[shifted >= np.log(sampling.min_p)]
        weights: NDArray[np.floating] = np.exp(shifted / sampling.temperature)
        return weights

    def _among_all(self, logits: Logits) -> int:
        """First a column of the table of all, then a row: summing up the whole vocabulary one by one takes longer."""
        columns = -(-len(logits) // _DEPTH)
        weights = np.zeros(_DEPTH * columns, np.float32)
        np.exp((logits - logits.max()) * np.float32(1 / self._sampling.temperature), out=weights[: len(logits)])
        table = weights.reshape(_DEPTH, columns)
        column = _pick(table.sum(axis=0), self._random.random())
        return _pick(table[:, column], self._random.random()) * columns + column

    def _nucleus(self, logits: Logits) -> tuple[Indices, Logits, float | None]:
        """The tokens among which top-p and min-p choose, best first; and the mass of all tokens, the best's being 1."""
        sampling = self._sampling
        top = logits.max()
        whole = float(np.exp(logits - top).sum(dtype=np.float64)) if sampling.top_p < 1 else None
        depth = -np.log(sampling.min_p) + 1e-3 if sampling.min_p else _FIRST_DEPTH
        while True:
            found = np.flatnonzero(logits >= top - depth)
            values = logits[found]
            if sampling.min_p or len(found) == len(logits) or depth > 1e4:
                break
            if np.exp((values - top).astype(np.float64)).sum() >= sampling.top_p * (whole or 0.0):
                break
            depth *= 2
        order = np.argsort(-values)
        return found[order], values[order], whole


def best(logits: Logits, count: int) -> Indices:
    """The ``count`` largest, best first.

    Sorting or partitioning all takes much longer: in a table of them at least ``count`` columns have a maximum that is
    no smaller than the ``count``-th largest maximum, so what is smaller than that is not among the best.
    """
    columns = len(logits) // _DEPTH
    if not count:
        return np.empty(0, np.intp)
    if count * 2 < columns:
        maxima = logits[: _DEPTH * columns].reshape(_DEPTH, columns).max(axis=0)
        least = np.partition(maxima, columns - count)[columns - count]
        found = np.flatnonzero(logits >= least)
    elif count < len(logits):
        found = np.flatnonzero(logits >= np.partition(logits, -count)[-count])
    else:
        found = np.arange(len(logits))
    return found[np.argsort(-logits[found])[:count]]


def _pick(weights: NDArray[np.floating], chance: float) -> int:
    """An index, as likely as its weight says; never one without any weight."""
    total = np.cumsum(weights, dtype=np.float64)
    below = min(chance * total[-1], np.nextafter(total[-1], 0))
    return int(np.searchsorted(total, below, side="right"))
