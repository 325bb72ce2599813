"""The child process, as the parent sees it. It is started when it is needed, and again after it died."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pydantic import ValidationError

from models.tuning.orders import Answer, MeasureOrder, RepackOrder

ROOT = Path(__file__).resolve().parents[2]
_LINE = 1 << 20


class ChildDied(Exception):
    """The message says how: "crashed (SIGSEGV)", "took longer than 600 s"."""


class Child:
    """Use it in ``async with``: leaving it, or being cancelled in it, ends the process."""

    def __init__(self, limit_s: float = 900.0) -> None:
        """``limit_s``: of one order; a library that hangs is given up then. Loading a big model from a slow disk counts."""
        self._limit_s = limit_s
        self.process: asyncio.subprocess.Process | None = None
        self._said: IO[bytes] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def carry_out(self, order: MeasureOrder | RepackOrder) -> Answer:
        """Raises ChildDied; the next order starts another process."""
        process = self.process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._limit_s):
                with suppress(ConnectionError):  # it died: then there is no answer either
                    process.stdin.write(order.model_dump_json().encode() + b"\n")
                    await process.stdin.drain()
                line = await process.stdout.readline()
                return Answer.model_validate_json(line)
        except TimeoutError:
            await self._end()
            raise ChildDied(f"took longer than {self._limit_s:.0f} s") from None
        except ValidationError:
            raise ChildDied(await self._death(process)) from None

    async def _start(self) -> asyncio.subprocess.Process:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "models.tuning.child"),
            env={**os.environ, "PYTHONPATH": path, "PYTHONFAULTHANDLER": ""},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._said,
            limit=_LINE,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends this one
        )
        return self.process

    async def _death(self, process: asyncio.subprocess.Process) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
        code = process.returncode
        said = self._last_words()
        await self._end()
        if code is None:
            return f"said something else than an answer ({said})"
        if code == -signal.SIGKILL:
            return "was killed by the system, probably for want of memory"
        if code < 0:
            return f"crashed ({signal.Signals(-code).name}{f': {said}' if said else ''})"
        return f"ended with code {code} ({said})"

    def _last_words(self) -> str:
        if self._said is None:
            return ""
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 2000))
        lines = [line.strip() for line in self._said.read().decode("utf-8", "replace").splitlines() if line.strip()]
        telling = [line for line in lines if "GGML_ASSERT" in line or "Error" in line or "error" in line]
        return (telling or lines or [""])[-1][:300]

    async def _end(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
        if self._said is not None:
            self._said.close()
            self._said = None
