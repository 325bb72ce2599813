"""The real llama-server that the package xllamacpp carries, in a process of its own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import unavailable

API_KEY = "sk-teahouse"
PLACES = 4
CONTEXT = 1024  # of each place


@dataclass(frozen=True)
class LlamaServer:
    """``url``: its base URL; it lets in who has API_KEY."""

    url: str

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")


@contextlib.contextmanager
def running(model: Path) -> Iterator[LlamaServer]:
    if importlib.util.find_spec("xllamacpp") is None:
        unavailable("no xllamacpp (pip install xllamacpp)")
    command = [sys.executable, "-m", "tests.models.llama_server", str(model)]
    folder = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http"), "llama-server did not start"
            yield LlamaServer(f"{address}/v1")
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(model: str) -> None:
    """Until standard input ends."""
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = PLACES * CONTEXT
    params.n_parallel = PLACES
    params.cpuparams.n_threads = 1  # several threads spin, and wait for each other on a busy machine
    params.cpuparams_batch.n_threads = 1
    params.api_keys = [API_KEY]
    params.verbosity = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1])
