"""A process for each system: they share no library, no thread and no memory, and each one's memory can be seen."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from tests.bench.systems import open_system
from tests.bench.work import Load, Prompt, Said

BOUND = "bound"


class ChildFailed(Exception):
    """The process ended; the message says what was asked of it."""


class Child:
    """``ask`` for a system, ``seconds`` for the bound."""

    def __init__(self, name: str, model: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, model, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        self._receive("start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.is_alive():
            self._pipe.send(None)
        self._process.join(30)
        if self._process.is_alive():
            self._process.kill()

    def ask(self, prompts: Sequence[Prompt]) -> tuple[float, list[Said], float]:
        """Seconds until all is said; the answers; the most memory that the process has held so far, in MB."""
        self._pipe.send(list(prompts))
        return cast(tuple[float, list[Said], float], self._receive(f"answer {len(prompts)} shoppers"))

    def seconds(self, load: Load) -> float:
        self._pipe.send(load)
        return cast(float, self._receive("evaluate"))

    def _receive(self, what: str) -> object:
        try:
            return self._pipe.recv()
        except EOFError:
            self._process.join(5)
            raise ChildFailed(f"{self.name} was to {what} and ended with exit code {self._process.exitcode}") from None


def _serve(name: str, model: Path, pipe: Connection) -> None:
    """In the child: open, then answer until None comes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if name == BOUND:
        _serve_bound(model, pipe)
        return
    system = open_system(name, model)
    pipe.send(None)
    while (prompts := pipe.recv()) is not None:
        started = time.perf_counter()
        said = system.ask(prompts)
        pipe.send((time.perf_counter() - started, said, _peak_mb()))
    system.close()


def _serve_bound(model: Path, pipe: Connection) -> None:
    from models.llama import set_up_library

    set_up_library()  # first: it decides how the library's threads wait, and the bound has to wait as the engine does
    from tests.bench.bound import Bound

    bound = Bound(model)
    pipe.send(None)
    while (load := pipe.recv()) is not None:
        pipe.send(bound.seconds(load))
    bound.close()


def _peak_mb() -> float:
    """Linux says it for the program that runs now; getrusage would count what its parent held at the fork."""
    try:
        status = Path("/proc/self/status").read_text()
        return round(int(status.split("VmHWM:")[1].split()[0]) / 1024, 1)
    except (OSError, IndexError):
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 1)  # bytes on macOS
