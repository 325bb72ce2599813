"""The model's vocabulary: text to tokens and back, and never a control token out of a user's text."""

from __future__ import annotations

import ctypes
import threading

from models.llama.library import LlamaError, lib

_BLOCK = 4096  # characters tokenised at once: the library's regular expressions recurse, long texts overflow the stack


class LlamaVocabulary:
    """Reads only what never changes after loading, so every thread may use it; the lock is for closing."""

    def __init__(self, model: lib.llama_model_p) -> None:
        vocab = lib.llama_model_get_vocab(model)
        if not vocab or lib.llama_vocab_type(vocab) == lib.LLAMA_VOCAB_TYPE_NONE:
            raise LlamaError("the model has no vocabulary")
        self._vocab = vocab
        self._lock = threading.Lock()
        self._closed = False
        self.size = int(lib.llama_vocab_n_tokens(vocab))
        self.bos = _token(lib.llama_vocab_bos(vocab))
        self.eos = _token(lib.llama_vocab_eos(vocab))
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(vocab)) and self.bos is not None
        self.control: dict[str, int] = {}
        self.markup: list[str] = []
        self._read_special_tokens()

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        if special:
            return self._tokenize(text, True)
        tokens: list[int] = []
        for start in range(0, len(text), _BLOCK):
            tokens += self._tokenize_plain(text[start : start + _BLOCK])
        return tokens

    def text(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        length = lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, length)]

    def texts(self) -> list[bytes]:
        """Of all tokens, as ``text()``: a fraction of the time that asking for each takes."""
        buffer = ctypes.create_string_buffer(256)
        found: list[bytes] = []
        for token in range(self.size):
            length = lib.llama_token_to_piece(self._vocab, token, buffer, 256, 0, False)
            found.append(ctypes.string_at(buffer, length) if length >= 0 else self.text(token))
        return found

    def name(self, token: int | None) -> str:
        """How a template writes the token, e.g. ``<s>``; empty for none."""
        return "" if token is None else lib.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace")

    def is_end(self, token: int) -> bool:
        return bool(lib.llama_vocab_is_eog(self._vocab, token))

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def _tokenize_plain(self, text: str) -> list[int]:
        """No piece of ``text`` becomes a control token, whatever the vocabulary's merges do."""
        tokens: list[int] = []
        for part in self._split_markup(text):
            found = self._tokenize(part, False)
            if not self._special.isdisjoint(found):
                found = [token for character in part for token in self._tokenize(character, False)]
                found = [token for token in found if token not in self._special]
            tokens += found
        return tokens

    def _split_markup(self, text: str) -> list[str]:
        """Cut inside what looks like a control token but is marked as plain text in the vocabulary (<tool_call>).

        The library always takes those for one token; cut in two, they are read as the letters they are made of.
        """
        parts = [text]
        for name in self.markup:
            if name in text:
                parts = [
                    piece
                    for part in parts
                    for index, piece in enumerate(part.split(name))
                    for piece in (([name[:1], name[1:]] if index else []) + [piece])
                ]
        return [part for part in parts if part]

    def _tokenize(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (lib.llama_token * room)()
        with self._lock:  # a few milliseconds at most: see _BLOCK
            if self._closed:
                raise LlamaError("the model is closed")
            count = lib.llama_tokenize(self._vocab, data, len(data), tokens, room, False, special)
            if count < 0:
                tokens = (lib.llama_token * -count)()
                count = lib.llama_tokenize(self._vocab, data, len(data), tokens, -count, False, special)
        return list(tokens[: max(0, count)])

    def _read_special_tokens(self) -> None:
        hidden = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
        for token in range(self.size):
            attributes = lib.llama_vocab_get_attr(self._vocab, token)
            if attributes & hidden:
                self.control[self.name(token)] = token
            elif attributes & lib.LLAMA_TOKEN_ATTR_USER_DEFINED:
                name = self.name(token)
                if len(name) > 2 and name[0] in "<[" and name[-1] in ">]":
                    self.markup.append(name)
        self._special = frozenset(self.control.values())
        self.markup.sort(key=len, reverse=True)


def _token(value: int) -> int | None:
    return None if value < 0 else int(value)
