"""Holds an answer to a grammar: which tokens may follow, for a text that is made of tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from core.errors import RequestInvalid
from core.ports import GenerationRequest
from models.llama.automaton import Automaton, State
from models.llama.gbnf import GrammarError, read_grammar
from models.llama.schema import SchemaError, grammar_of_schema
from models.llama.vocabulary import LlamaVocabulary

_KEPT = 32  # grammars that were used last, with what was worked out about them
_MOST_WORK = 1_000_000  # readings looked at for one token: about a second, of a grammar that is hardly usable


class Pieces:
    """What each token adds to a text, in an order that shares beginnings."""

    def __init__(self, vocabulary: LlamaVocabulary) -> None:
        self.by_token = vocabulary.texts()
        self.ends = np.array([token for token in range(vocabulary.size) if vocabulary.is_end(token)], np.intp)
        self.is_end = frozenset(self.ends.tolist())
        tokens = [token for token, piece in enumerate(self.by_token) if piece and token not in self.is_end]
        self.tokens = sorted(tokens, key=self.by_token.__getitem__)
        self.sorted = [self.by_token[token] for token in self.tokens]


class Constraint:
    """Of one answer."""

    def __init__(self, automaton: Automaton, pieces: Pieces) -> None:
        self._automaton = automaton
        self._pieces = pieces
        self._state: State = automaton.start

    def allows(self, token: int) -> bool:
        return self._after(token) is not None

    def accept(self, token: int) -> None:
        """``token`` was drawn, and is allowed."""
        if (state := self._after(token)) is not None:
            self._state = state

    def allowed(self) -> NDArray[np.intp]:
        """All tokens that may follow; of a grammar that is too ambiguous to look at them all, some of them."""
        state = self._state
        if state.mask is None:
            state.mask = np.packbits(self._walk(state))
        found = np.flatnonzero(np.unpackbits(state.mask, count=len(self._pieces.by_token)))
        if not len(found):
            raise RequestInvalid("the grammar expects a character here that this model cannot write")
        return found

    def _after(self, token: int) -> State | None:
        if token in self._pieces.is_end:
            return self._state if self._state.ends else None
        piece = self._pieces.by_token[token]
        return self._automaton.follow(self._state, piece) if piece else None

    def _walk(self, state: State) -> NDArray[np.bool_]:
        """Goes through the sorted pieces; those that begin with what is not in the grammar are passed over at once."""
        pieces, follow = self._pieces, self._automaton.follow
        mask = np.zeros(len(pieces.by_token), np.bool_)
        mask[pieces.ends] = state.ends
        last = self._automaton.work + _MOST_WORK
        path: list[State] = [state]  # after each byte of the piece before
        before, at = b"", 0
        while at < len(pieces.sorted) and self._automaton.work < last:
            piece = pieces.sorted[at]
            shared = _shared(before, piece, len(path) - 1)
            del path[shared + 1 :]
            for place in range(shared, len(piece)):
                following = follow(path[-1], piece[place : place + 1])
                if following is None:
                    before = piece[: place + 1]
                    at = bisect_left(pieces.sorted, _next(before), at + 1)
                    break
                path.append(following)
            else:
                mask[pieces.tokens[at]] = True
                before = piece
                at += 1
        return mask


class Grammars:
    """Compiles what requests ask for, and keeps it: a bot asks for the same again and again. For one thread."""

    def __init__(self, vocabulary: LlamaVocabulary) -> None:
        self._vocabulary = vocabulary
        self._pieces: Pieces | None = None
        self._kept: OrderedDict[tuple[str, str], Automaton] = OrderedDict()

    def constraint(self, request: GenerationRequest) -> Constraint | None:
        """None: the request has no grammar. Raises RequestInvalid."""
        if not request.grammar and not request.json_schema:
            return None
        key = request.grammar, request.json_schema
        automaton = self._kept.pop(key, None) or _compile(request)
        self._kept[key] = automaton
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        if self._pieces is None:
            self._pieces = Pieces(self._vocabulary)
        return Constraint(automaton, self._pieces)


def _compile(request: GenerationRequest) -> Automaton:
    try:
        return Automaton(read_grammar(request.grammar or grammar_of_schema(request.json_schema)))
    except SchemaError as error:
        raise RequestInvalid(f"the JSON schema cannot be used: {error}") from error
    except GrammarError as error:
        kind = "grammar" if request.grammar else "JSON schema (as a grammar)"
        raise RequestInvalid(f"the {kind} cannot be used: {error}") from error


def _shared(first: bytes, second: bytes, most: int) -> int:
    """How many bytes both begin with, at most ``most``."""
    for place in range(min(most, len(first), len(second))):
        if first[place] != second[place]:
            return place
    return min(most, len(first), len(second))


def _next(prefix: bytes) -> bytes:
    """The first of all bytes in order that do not begin with ``prefix`` and come after it."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else b"\xff" * 64
