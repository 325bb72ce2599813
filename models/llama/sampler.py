"""Draws the next token of one answer."""

from __future__ import annotations

from itertools import islice
from typing import Protocol

import numpy as np

from core.errors import GenerationFailed, RequestInvalid
from core.ports import GenerationRequest, TokenLogprob
from models.llama.bias import Bias
from models.llama.choice import Choice, Indices, best
from models.llama.constraint import Constraint
from models.llama.vocabulary import LlamaVocabulary
from models.penalties import Logits, Penalties

_LIKELY = 256


class Rows(Protocol):
    """What a sampler needs of the runner."""

    def logits(self, row: int) -> Logits: ...


class LlamaSampler:
    def __init__(
        self,
        rows: Rows,
        vocabulary: LlamaVocabulary,
        request: GenerationRequest,
        seed: int,
        constraint: Constraint | None = None,
    ) -> None:
        self._rows = rows
        self._vocabulary = vocabulary
        self._bias = Bias(request.logit_bias, vocabulary)
        self._penalties = Penalties(request.sampling)
        self._choice = Choice(request.sampling, seed)
        self._constraint = constraint

    def draw(self, row: int) -> int:
        """Raises RequestInvalid: grammar and bias together leave nothing; GenerationFailed: the model's numbers are none."""
        logits = self._rows.logits(row)
        with self._bias.on(logits), self._penalties.on(logits):
            token = self._choice.choose(logits)
            if not logits[token] > -np.inf:
                raise GenerationFailed("the model gave no numbers to draw a token by")
            if self._constraint is not None:
                token = self._constrained(self._constraint, logits, token)
        self._penalties.said(token)
        return token

    def _constrained(self, constraint: Constraint, logits: Logits, token: int) -> int:
        """``token`` if the grammar allows it, which is almost always so; otherwise one of those that it allows."""
        if not constraint.allows(token):
            allowed = self._allowed(constraint, logits)
            token = int(allowed[self._choice.choose(logits[allowed])])
            if not logits[token] > -np.inf:
                raise RequestInvalid("logit_bias forbids all that the grammar allows here")
        constraint.accept(token)
        return token

    def _allowed(self, constraint: Constraint, logits: Logits) -> Indices:
        """As many of the best as the choice looks at, if they are soon found; otherwise all."""
        if needed := self._choice.needed:
            likely = (token for token in best(logits, _LIKELY) if constraint.allows(int(token)))
            found = np.fromiter(islice(likely, needed), np.intp)
            if len(found) == needed:
                return found
        return constraint.allowed()

    def logprob(self, row: int, token: int, top: int) -> TokenLogprob:
        logits = self._rows.logits(row)
        highest = logits.max()
        normal = float(highest) + float(np.log(np.exp(logits - highest).sum(dtype=np.float64)))
        return TokenLogprob(
            token=self._text(token),
            logprob=float(logits[token]) - normal,
            top=tuple((self._text(int(one)), float(logits[one]) - normal) for one in best(logits, top)),
        )

    def close(self) -> None:
        """Nothing of it lies outside Python."""

    def _text(self, token: int) -> str:
        data = self._vocabulary.text(token)
        return data.decode("utf-8", "replace") if data else self._vocabulary.name(token)
