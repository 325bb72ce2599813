"""Kefu as its users start it: a process of its own, in a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
STARTER = ROOT / "bots" / "starter"
START_S = 60.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Nothing of the developer's own settings; data in the test's folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("KEFU_", "TELEGRAM_", "DISCORD_"))
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "KEFU_DATA_DIR": str(folder / "data"),
        "KEFU_TUNE": "0",  # no process of a test measures the model first
        "KEFU_TRAIN": "0",  # nor learns what shoppers want
        "COLUMNS": "200",
        "NO_PROXY": "*",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def shop(folder: Path, name: str = "shop") -> Path:
    """A copy of the starter bot that may be changed."""
    return Path(shutil.copytree(STARTER, folder / name))


def edit(file: Path, old: str, new: str) -> None:
    """Change a file as an editor does: the new one is put in the old one's place."""
    text = file.read_text()
    assert old in text
    written = file.with_suffix(".tmp")
    written.write_text(text.replace(old, new))
    written.replace(file)


async def command(folder: Path, *arguments: str, **env: str) -> tuple[int, str, str]:
    """Run a command to its end; exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bots", *arguments),
        cwd=folder,
        env=environment(folder, **env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), START_S)
    return process.returncode or 0, out.decode(), err.decode()


class Kefu:
    """A running `python -m bots run`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = ""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.output += line.decode()

    async def says(self, text: str) -> None:
        """Wait until the output holds ``text``."""
        async with asyncio.timeout(START_S):
            while text not in self.output:
                assert not self._reading.done(), f"ended before it said {text!r}:\n{self.output}"
                await asyncio.sleep(0.02)

    @property
    def address(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.output)
        assert found is not None, self.output
        return found.group()

    async def stop(self, name: signal.Signals = signal.SIGINT) -> int:
        if self.process.returncode is None:
            self.process.send_signal(name)
        code = await asyncio.wait_for(self.process.wait(), START_S)
        await self._reading
        return code


def running(folder: Path, *arguments: str, **env: str) -> AbstractAsyncContextManager[Kefu]:
    """Kefu up and serving, with what `run` is given; the web chat on a free port."""
    return started(folder, "--port", "0", *arguments, **env)


@asynccontextmanager
async def started(folder: Path, *arguments: str, **env: str) -> AsyncIterator[Kefu]:
    """`run` with nothing but these arguments."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bots", "run", *arguments),
        cwd=folder,
        env=environment(folder, **env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    kefu = Kefu(process)
    try:
        await kefu.says("Ctrl-C stops it")
        yield kefu
    finally:
        await kefu.stop()


class Visitor:
    """A shopper's browser, without the page: the same requests."""

    def __init__(self, address: str, bot: str, token: str = "") -> None:
        self._http = httpx.AsyncClient(base_url=f"{address}/{bot}/api", timeout=30, trust_env=False)
        self.token = token

    async def __aenter__(self) -> Visitor:
        if not self.token:
            self.token = (await self._http.post("/sessions")).raise_for_status().json()["token"]
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, name: str, text: str) -> httpx.Response:
        return await self._http.post("/messages", json={"id": name, "text": text, "language": "en"})

    async def history(self) -> list[dict[str, str]]:
        """The lines of the conversation, as the page gets them when it connects."""
        async for kind, data in self.events():
            if kind == "history":
                return list(data["lines"])
        raise AssertionError("no history")

    async def answers(self, count: int) -> list[dict[str, str]]:
        """The history once it has ``count`` lines of the bot's."""
        async with asyncio.timeout(START_S):
            while True:
                lines = await self.history()
                if sum(line["role"] == "bot" for line in lines) >= count:
                    return lines
                await asyncio.sleep(0.1)

    async def events(self) -> AsyncIterator[tuple[str, dict[str, list[dict[str, str]]]]]:
        kind = ""
        async with self._http.stream("GET", "/events") as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("event:"):
                    kind = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    yield kind, json.loads(line.removeprefix("data:"))
