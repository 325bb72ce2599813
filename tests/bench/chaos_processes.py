"""The processes of the chaos benchmark, as an operator has them: a store, a gateway and workers, each started again
when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bots.valkey import answers, find_carried_server, find_server
from tests.bench.chaos_plan import GATEWAY, STORE, WORKERS
from tests.bots.running import environment

START_S = 120.0
STOP_S = 60.0
_AGAIN_S = 0.5
_UP = "Ctrl-C stops it"


class Process:
    """One program that is started again whenever it ends by itself. ``killed``: when, by the monotonic clock."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.killed: list[float] = []
        self.stalled: list[float] = []
        """When it went on again."""
        self.ended: list[int] = []
        """Exit codes of those times when it ended by itself."""
        self._command = command
        self._env = env
        self._folder = folder
        self._wanted = asyncio.Event()
        self._now: asyncio.subprocess.Process | None = None
        self._logged = 0
        self._keeper = asyncio.create_task(self._keep())

    def start(self) -> None:
        self._wanted.set()

    def strike(self) -> bool:
        """SIGKILL; it stays away until it is started again. False: it is away already."""
        now = self._now
        if now is None or now.returncode is not None or not self._wanted.is_set():
            return False
        self._wanted.clear()
        self.killed.append(time.monotonic())
        now.kill()
        return True

    async def stall(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT if it is not killed meanwhile."""
        now = self._now
        if now is None or now.returncode is not None:
            return
        now.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        if now.returncode is None:
            self.stalled.append(time.monotonic())
            now.send_signal(signal.SIGCONT)

    async def stop(self) -> int:
        """SIGTERM; its exit code. It stays away."""
        self._wanted.clear()
        now = self._now
        if now is None:
            return 0
        if now.returncode is None:
            now.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(now.wait(), STOP_S)

    async def close(self) -> None:
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        if self._now is not None and self._now.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._now.kill()
            await self._now.wait()

    async def up(self) -> None:
        """Wait until it says that it is ready."""
        async with asyncio.timeout(START_S):
            while not await self.is_up():
                await asyncio.sleep(0.05)

    async def is_up(self) -> bool:
        if self._now is None or self._now.returncode is not None:
            return False
        with self.log.open("rb") as log:
            log.seek(self._logged)
            return _UP.encode() in log.read()

    async def _keep(self) -> None:
        while True:
            await self._wanted.wait()
            with self.log.open("ab") as log:
                self._logged = log.tell()
                self._now = await asyncio.create_subprocess_exec(
                    *self._command,
                    cwd=self._folder,
                    env=dict(self._env),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            code = await self._now.wait()
            if self._wanted.is_set():
                self.ended.append(code)
                await asyncio.sleep(_AGAIN_S)


class StoreProcess(Process):
    """A server that has everything on the disk before it says so."""

    def __init__(self, folder: Path) -> None:
        data = folder / STORE
        data.mkdir()
        self.url = f"unix://{data / 'valkey.sock'}"
        program = find_carried_server() or find_server(data)
        options = {
            **{"port": "0", "unixsocket": str(data / "valkey.sock"), "dir": str(data), "save": ""},
            **{"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"},
        }
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        super().__init__(STORE, [str(program), *arguments], {}, folder)

    async def is_up(self) -> bool:
        return await answers(self.url)


class Crew:
    """All of them, by their names."""

    def __init__(self, store: StoreProcess, others: Sequence[Process]) -> None:
        self.store = store
        self._all: dict[str, Process] = {store.name: store, **{other.name: other for other in others}}

    def __getitem__(self, name: str) -> Process:
        return self._all[name]

    @property
    def all(self) -> Sequence[Process]:
        return tuple(self._all.values())

    @property
    def kills(self) -> int:
        return sum(len(process.killed) for process in self.all)

    async def up(self) -> None:
        await asyncio.gather(*(process.up() for process in self.all))

    async def stop(self) -> dict[str, int]:
        """All but the store, with SIGTERM; their exit codes."""
        names = [name for name in self._all if name != STORE]
        codes = await asyncio.gather(*(self._all[name].stop() for name in names))
        return dict(zip(names, codes, strict=True))


@asynccontextmanager
async def crew(
    folder: Path, shop: Path, secrets: Mapping[str, str], workers: Sequence[str] = WORKERS
) -> AsyncIterator[Crew]:
    """Everything started and up; what is still there at the end is killed."""
    async with AsyncExitStack() as stack:
        store = StoreProcess(folder)
        stack.push_async_callback(store.close)
        env = environment(folder, KEFU_REDIS_URL=store.url, **secrets)
        roles = {GATEWAY: ("--role", "gateway", "--port", "0"), **{name: ("--role", "worker") for name in workers}}
        run = (sys.executable, "-m", "bots", "run", str(shop))
        others = [Process(name, (*run, *role), env, folder) for name, role in roles.items()]
        for other in others:
            stack.push_async_callback(other.close)
        made = Crew(store, others)
        store.start()
        await store.up()
        for other in others:
            other.start()
        await made.up()
        yield made
