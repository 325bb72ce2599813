"""The worker of the turns benchmark in a process of its own, as a deployment on two cores has it."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

import structlog

from bots.memory import settle
from core.answer import Means
from core.shelf import Shelf
from core.store import Store
from core.worker import Worker
from tests.bench.turns_shop import AtOnce, shop

_END_S = 30


class WorkerProcess:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def cpu_s(self) -> float:
        """Seconds of CPU time that it has used so far."""
        self._pipe.send("cpu")
        return float(self._pipe.recv())


@contextmanager
def worker_process(url: str, concurrency: int) -> Iterator[WorkerProcess]:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=_run, args=(url, concurrency, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        pipe.recv()  # it is ready
        yield WorkerProcess(pipe)
    finally:
        with suppress(OSError):  # it has ended by itself
            pipe.send(None)
        process.join(_END_S)
        process.kill()


def _run(url: str, concurrency: int, pipe: Connection) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(_serve(url, concurrency, pipe))


async def _serve(url: str, concurrency: int, pipe: Connection) -> None:
    bot = shop(concurrency)
    settle()
    async with Store.open(url) as store:
        running = asyncio.create_task(Worker(store, Shelf([bot]), bot.name, Means(AtOnce())).run())
        pipe.send("ready")
        while await asyncio.to_thread(pipe.recv) is not None:
            pipe.send(time.process_time())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
