"""A request's logit bias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from core.errors import RequestInvalid
from core.ports import LogitBias
from models.llama.vocabulary import LlamaVocabulary
from models.penalties import Logits

_FORBIDS = -100.0
_MOST = 1024


class Bias:
    """Of a token that is named twice the biases are added; one that is forbidden stays so."""

    def __init__(self, biases: Sequence[LogitBias], vocabulary: LlamaVocabulary) -> None:
        added: dict[int, float] = defaultdict(float)
        for one in biases:
            for token in _tokens(one, vocabulary):
                added[token] += -np.inf if one.bias == _FORBIDS else one.bias
        if len(added) > _MOST:
            raise RequestInvalid(f"logit_bias names {len(added)} tokens; at most {_MOST} are allowed")
        self._tokens = np.fromiter(added, np.int64, len(added))
        self._added = np.fromiter(added.values(), np.float32, len(added))

    @contextmanager
    def on(self, logits: Logits) -> Iterator[None]:
        """``logits`` are changed in place, and are as before afterwards."""
        if not len(self._tokens):
            yield
            return
        before = logits[self._tokens]
        logits[self._tokens] = before + self._added
        try:
            yield
        finally:
            logits[self._tokens] = before


def _tokens(one: LogitBias, vocabulary: LlamaVocabulary) -> Sequence[int]:
    if isinstance(one.token, int):
        if not 0 <= one.token < vocabulary.size:
            raise RequestInvalid(
                f"logit_bias: this model has no token {one.token}; its tokens are 0 to {vocabulary.size - 1}"
            )
        return (one.token,)
    if not (tokens := vocabulary.tokenize(one.token, special=False)):
        raise RequestInvalid("logit_bias: an empty text is no token; write the text that is meant, or a token's number")
    return tokens
