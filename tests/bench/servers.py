"""Starts the servers that we are compared with, each as its user would."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from tests.bench.child import Child, Log
from tests.bench.loopback import HttpSystem

_END_S = 10.0


class ServerFailed(Exception):
    """A server did not come up; the message holds the last that it wrote."""


# ── programs ─────────────────────────────────────────────────────────────────────────────────────────────


def start_program(name: str, command: Sequence[str]) -> HttpSystem:
    """``{port}`` in the command becomes a free port."""
    port, log = _free_port(), Log()
    with log.path.open("wb") as errors:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for us
            env={**os.environ, "NO_PROXY": "*"},
        )

    def stop() -> None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        process.kill()
        process.wait()

    try:
        system = HttpSystem(
            name,
            f"http://127.0.0.1:{port}",
            process.pid,
            alive=lambda: process.poll() is None,
            stop=stop,
        )
    except (OSError, TimeoutError) as error:
        raise ServerFailed(f"{error}: {log.tail()}") from None
    finally:
        log.remove()  # on Unix the server goes on writing into it, and nobody reads it any more
    return system


def llama_cpp_server(model: Path, more: Sequence[str] = ()) -> list[str]:
    return [
        *(sys.executable, "-m", "llama_cpp.server", "--model", str(model)),
        *("--host", "127.0.0.1", "--port", "{port}", *more),
    ]


def llama_server(program: Path, model: Path, more: Sequence[str] = ()) -> list[str]:
    return [str(program), "-m", str(model), "--host", "127.0.0.1", "--port", "{port}", *more]


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return cast(int, listening.getsockname()[1])


# ── the package ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Flags:
    """The few settings in which the package's servers differ; the others are llama-server's defaults.

    ``context`` of all places together, 0: what the model was trained with.
    """

    places: int
    context: int = 0
    unified: bool = False
    flash_attention: bool | None = None


def start_xllamacpp(name: str, model: Path, flags: Flags) -> HttpSystem:
    child = Child(name, _serve_xllamacpp, model, flags)
    try:
        return HttpSystem(name, cast(str, child.ready), child.pid, alive=lambda: True, stop=child.close)
    except (OSError, TimeoutError) as error:
        raise ServerFailed(f"{name} did not become ready: {error}") from None


def _serve_xllamacpp(pipe: Connection, model: Path, flags: Flags) -> None:
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_parallel = flags.places
    params.n_ctx = flags.context
    params.kv_unified = flags.unified
    if flags.flash_attention is not None:
        kinds = xllamacpp.llama_flash_attn_type
        params.flash_attn_type = (
            kinds.LLAMA_FLASH_ATTN_TYPE_ENABLED if flags.flash_attention else kinds.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
    server = xllamacpp.Server(params)
    pipe.send(server.listening_address)
    pipe.recv()
    os._exit(0)  # its destructor waits for open connections
