"""A TCP proxy in front of a Redis, for the faults of a network: cut connections, lost answers, another server behind it.

Python's own event loop carries both ways; what is armed strikes once, at the next request that holds the given bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

CHUNK = 1 << 16


class Fault(Enum):
    REQUEST_CUT = auto()  # half of the request arrives, then the connection is gone
    ANSWER_LOST = auto()  # the request is executed, the connection is gone before its answer
    ANSWER_CUT = auto()  # of the answer, one half arrives
    NO_ANSWER = auto()  # the request is executed, the answer never comes and the connection stays


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(eq=False, slots=True)
class _Link:
    """One client's connection and ours to the server behind it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    fault: Fault | None = None

    def close(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


@dataclass(slots=True)
class Proxy:
    """``struck``: how often an armed fault has struck; ``deaf``: no new connections reach the server; ``late_s``: so long
    every answer is on its way; ``answering``: none arrives while this is not set."""

    target: str
    port: int = 0
    struck: int = 0
    deaf: bool = False
    late_s: float = 0.0
    answering: asyncio.Event = field(default_factory=_set)
    _armed: list[tuple[Fault, bytes, bool]] = field(default_factory=list)
    _links: set[_Link] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def arm(self, fault: Fault, holding: str = "", *, then_deaf: bool = False) -> None:
        """The fault strikes the next request in which ``holding`` stands; ``then_deaf``: and nobody gets through after it."""
        self._armed.append((fault, holding.encode(), then_deaf))

    def cut(self) -> None:
        """End every connection now."""
        for link in tuple(self._links):
            link.close()

    def point(self, target: str) -> None:
        """New connections go to another server; those that are open stay where they are."""
        self.target = target

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.deaf:
            writer.transport.abort()
            return
        try:
            behind, server = await _connect(self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, server)
        self._links.add(link)
        try:
            both = [asyncio.create_task(self._requests(link, reader)), asyncio.create_task(self._answers(link, behind))]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            self._links.discard(link)
            link.close()

    async def _requests(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while request := await reader.read(CHUNK):
            fault = self._strikes(request)
            if fault is Fault.REQUEST_CUT:
                link.server.write(request[: len(request) // 2])
                with contextlib.suppress(OSError):
                    await link.server.drain()
                return
            link.fault = link.fault or fault
            link.server.write(request)

    def _strikes(self, request: bytes) -> Fault | None:
        for one in self._armed:
            fault, holding, then_deaf = one
            if holding in request:
                self._armed.remove(one)
                self.struck += 1
                self.deaf = self.deaf or then_deaf
                return fault
        return None

    async def _answers(self, link: _Link, behind: asyncio.StreamReader) -> None:
        while answer := await behind.read(CHUNK):
            await asyncio.sleep(self.late_s)
            await self.answering.wait()
            match link.fault:
                case None:
                    link.client.write(answer)
                case Fault.NO_ANSWER:
                    pass
                case Fault.ANSWER_CUT:
                    link.client.write(answer[: len(answer) // 2])
                    with contextlib.suppress(OSError):
                        await link.client.drain()
                    return
                case _:
                    return


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return await asyncio.open_unix_connection(parts.path)
    return await asyncio.open_connection(parts.hostname, parts.port)


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Proxy]:
    """In front of ``target``, a redis:// or unix:// URL."""
    opened = Proxy(target)
    server = await asyncio.start_server(opened._serve, "127.0.0.1", 0)
    opened.port = server.sockets[0].getsockname()[1]
    try:
        yield opened
    finally:
        server.close()
        opened.cut()
        await server.wait_closed()
