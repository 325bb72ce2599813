"""Counts tokens with the model's own vocabulary, in a process of its own: ours must not load the library.

Loading it decides for this process, and for every server that it starts, how the library's threads wait.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from tests.bench.child import Child
from tests.bench.work import LONG_TOKENS, PERSONA_TOKENS, Texts, make_texts


def texts_for(model: Path, persona_tokens: int = PERSONA_TOKENS, long_tokens: int = LONG_TOKENS) -> Texts:
    """Texts of so many tokens. Raises ChildFailed: the file is no model."""
    child = Child("the tokeniser", _serve, model, persona_tokens, long_tokens)
    texts = cast(Texts, child.ready)
    child.close()
    return texts


def _serve(pipe: Connection, model: Path, persona_tokens: int, long_tokens: int) -> None:
    from llama_cpp import llama_cpp as lib

    from models.llama import LlamaVocabulary, set_up_library

    set_up_library()
    params = lib.llama_model_default_params()
    params.vocab_only = True
    loaded = lib.llama_model_load_from_file(str(model).encode(), params)
    if not loaded:
        raise RuntimeError(f"{model} is no model that llama.cpp can load")
    vocabulary = LlamaVocabulary(loaded)
    pipe.send(make_texts(lambda text: len(vocabulary.tokenize(text, special=False)), persona_tokens, long_tokens))
    pipe.recv()
    vocabulary.close()
    lib.llama_model_free(loaded)
