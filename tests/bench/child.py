"""A process for each system: they share no library, no thread and no memory, and each one's memory can be seen."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

_TAIL = 600  # characters of the log that are shown
_PATIENCE_S = 20.0


class ChildFailed(Exception):
    """The process ended, or did not start; the message says what was asked of it, and the last that it wrote."""


class Log:
    """What a process writes to its error output, for the case that it fails."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="kefu-bench-", suffix=".log")
        os.close(handle)
        self.path = Path(name)

    def tail(self) -> str:
        with suppress(OSError):
            return self.path.read_text("utf-8", "replace")[-_TAIL:].strip()
        return ""

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


class Child:
    """Runs ``serve(pipe, *given)`` in a new Python process. What it sends first is ``ready``."""

    def __init__(self, name: str, serve: Callable[..., None], *given: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = name
        self._log = Log()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(serve, theirs, self._log.path, given), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.ready = self._receive("start")
        except BaseException:
            self._end()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def call(self, what: object) -> object:
        """Send and wait for the answer. Raises ChildFailed."""
        try:
            self._pipe.send(what)
        except OSError:
            raise self._failed("answer") from None
        return self._receive("answer")

    def close(self) -> None:
        """Ask it to end, and see that it does."""
        with suppress(OSError):
            self._pipe.send(None)
        self._end()

    def _end(self) -> None:
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_PATIENCE_S)
        self._pipe.close()
        self._log.remove()

    def _receive(self, what: str) -> object:
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            raise self._failed(what) from None

    def _failed(self, what: str) -> ChildFailed:
        self._process.join(5)
        why = self._log.tail() or "it wrote nothing"
        return ChildFailed(f"{self.name} was to {what} and ended with exit code {self._process.exitcode}: {why}")


def _run(serve: Callable[..., None], pipe: Connection, log: Path, given: tuple[object, ...]) -> None:
    """In the child. Ctrl-C is for the parent, which then ends its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), sys.stderr.fileno())
    try:
        serve(pipe, *given)
    except EOFError:  # the parent is gone
        sys.exit(1)
