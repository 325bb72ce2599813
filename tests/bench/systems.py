"""The systems that are compared, each behind the same small face and in a process of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.kefu import Kefu, Tuned, config_of
from tests.bench.servers import Flags, llama_cpp_server, llama_server, start_program, start_xllamacpp
from tests.bench.work import Asked, Prompt

KEFU = "kefu"
LLAMA_CPP_SERVER = "llama_cpp.server"
LLAMA_CPP_SERVER_QUEUED = "llama_cpp.server queued"
XLLAMACPP = "xllamacpp"
DEFAULT = "llama-server default"
TUNED = "llama-server tuned"
SYSTEMS = (KEFU, LLAMA_CPP_SERVER, XLLAMACPP, DEFAULT, TUNED)
KNOWN = (*SYSTEMS, LLAMA_CPP_SERVER_QUEUED)

PLACE_TOKENS = 1536  # the context of one place; where a long prompt comes, four times as much is wanted
_DEFAULT_PLACES = 4  # what llama-server takes if it is told nothing, with a unified cache
_SERVER_PARTS = ("uvicorn", "fastapi", "sse_starlette", "starlette_context", "pydantic_settings", "yaml")
_GET_SERVER = "pip install 'llama-cpp-python[server]'"
_GET_XLLAMACPP = "pip install xllamacpp"


class System(Protocol):
    name: str

    def ask(self, prompts: Sequence[Prompt], patience_s: float) -> Asked:
        """All prompts arrive at once; returns when the last answer is complete or has failed."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """``llama_server``: the program, None for the one inside xllamacpp. ``data_dir`` and ``tuned`` are our engine's."""

    model: Path
    data_dir: Path
    tuned: Tuned
    llama_server: Path | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """``places``: shoppers that are answered at once; ``np``: places of the tuned llama-server."""

    places: int
    np: int
    place_tokens: int = PLACE_TOKENS


def open_system(name: str, setup: Setup, size: Size) -> System:
    """Ready to be asked. Raises ServerFailed or ChildFailed."""
    model, program = setup.model, setup.llama_server
    tuned = Flags(size.np, size.np * size.place_tokens, unified=True, flash_attention=False)
    if name == KEFU:
        return Kefu(name, config_of(model, size.places, setup.tuned), setup.data_dir)
    if name == LLAMA_CPP_SERVER:
        return start_program(name, llama_cpp_server(model))
    if name == LLAMA_CPP_SERVER_QUEUED:
        return start_program(name, llama_cpp_server(model, ("--interrupt_requests", "false")))
    if name == XLLAMACPP:
        return start_xllamacpp(name, model, Flags(size.places, size.places * size.place_tokens))
    if name == DEFAULT and program:
        return start_program(name, llama_server(program, model))
    if name == DEFAULT:
        return start_xllamacpp(name, model, Flags(_DEFAULT_PLACES, unified=True))
    if name == TUNED and program:
        return start_program(name, llama_server(program, model, _as_arguments(tuned)))
    if name == TUNED:
        return start_xllamacpp(name, model, tuned)
    raise ValueError(f"{name} is no known system")


def _as_arguments(flags: Flags) -> list[str]:
    return ["-fa", "off", "-kvu", "-np", str(flags.places), "-c", str(flags.context)]


def how_started(name: str, llama_server: Path | None) -> str:
    """In a sentence, for whoever reads the figures."""
    named = f"`{llama_server.name}`" if llama_server else "llama-server as the package xllamacpp builds it"
    sentences = {
        KEFU: "this engine, called in its own process, with a place for each shopper",
        LLAMA_CPP_SERVER: "`python -m llama_cpp.server` with its defaults (`interrupt_requests` true: "
        "a running stream is cut off when another client comes, which counts as failed)",
        LLAMA_CPP_SERVER_QUEUED: "`python -m llama_cpp.server --interrupt_requests false`: one after the other",
        XLLAMACPP: "the server of the package xllamacpp with a place for each shopper (`-np`), its other defaults",
        DEFAULT: f"{named}, its defaults",
        TUNED: f"{named}, `-fa off -kvu` and the best `-np` found by trying",
    }
    return sentences[name]


def missing(name: str, llama_server: Path | None) -> str:
    """How to get a system that is not there; empty if it is."""
    if name in (LLAMA_CPP_SERVER, LLAMA_CPP_SERVER_QUEUED):
        return "" if all(map(importlib.util.find_spec, _SERVER_PARTS)) else _GET_SERVER
    if name == XLLAMACPP:
        return "" if importlib.util.find_spec("xllamacpp") else _GET_XLLAMACPP
    if name in (DEFAULT, TUNED) and not llama_server:
        here = importlib.util.find_spec("xllamacpp")
        return "" if here else f"give --llama-server PATH, or {_GET_XLLAMACPP}, which holds one"
    return ""
