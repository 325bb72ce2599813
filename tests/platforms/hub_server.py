"""A small strict Hugging Face hub on loopback: one repository with files, and the faults of a real network.

It answers ``HEAD`` and ``GET /{repo}/resolve/{revision}/{file}`` as the hub does: big files by redirect to a storage
address, with X-Repo-Commit, X-Linked-Etag and X-Linked-Size. Unknown paths and wrong headers are errors.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

COMMIT = "c0ffee" + "0" * 34


@dataclass
class HubWorld:
    """``cuts``: after how many bytes each following transfer breaks off. ``corrupt``: how many transfers are damaged.
    ``failures``: statuses that the next transfers answer instead. ``token``: what a gated repository wants.
    """

    repo: str = "tea/model-GGUF"
    files: dict[str, bytes] = field(default_factory=dict)
    token: str = ""
    hidden: bool = False
    ranges: bool = True
    size_known: bool = True
    cuts: deque[int] = field(default_factory=deque)
    corrupt: int = 0
    failures: deque[int] = field(default_factory=deque)
    transfers: list[tuple[int, int]] = field(default_factory=list)  # (first byte, bytes sent)
    heads: int = 0

    def etag(self, name: str) -> str:
        return hashlib.sha256(self.files[name]).hexdigest()


class Hub:
    def __init__(self, world: HubWorld) -> None:
        self.world = world

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{owner}/{name}/resolve/{revision}/{file:.+}", self._resolve)
        app.router.add_get("/storage/{file:.+}", self._storage)
        return app

    async def _resolve(self, request: web.Request) -> web.Response:
        world, info = self.world, request.match_info
        repo, name = f"{info['owner']}/{info['name']}", info["file"]
        if world.failures and request.method == "GET":
            return web.Response(status=world.failures.popleft())
        world.heads += request.method == "HEAD"
        if repo != world.repo or world.hidden:
            return self._refuse(401, "RepoNotFound", "Repository not found")
        if world.token and request.headers.get("Authorization") != f"Bearer {world.token}":
            return self._refuse(401, "GatedRepo", f"Access to model {repo} is restricted")
        if info["revision"] not in ("main", COMMIT):
            return self._refuse(404, "RevisionNotFound", f"Invalid rev id: {info['revision']}")
        headers = {"X-Repo-Commit": COMMIT}
        if name not in world.files:
            return self._refuse(404, "EntryNotFound", "Entry not found", headers)
        if request.headers.get("Accept-Encoding") != "identity":
            return web.Response(status=400, text="ask for the bytes as they are")
        headers |= {"X-Linked-Etag": f'"{world.etag(name)}"', "ETag": '"pointer"', "Location": f"/storage/{name}"}
        if world.size_known:
            headers["X-Linked-Size"] = str(len(world.files[name]))
        # An absolute address of another origin, as the hub's storage has.
        headers["Location"] = f"http://localhost:{request.url.port}/storage/{name}"
        return web.Response(status=302, headers=headers)

    def _refuse(self, status: int, code: str, text: str, headers: dict[str, str] | None = None) -> web.Response:
        return web.Response(status=status, headers={"X-Error-Code": code, "X-Error-Message": text} | (headers or {}))

    async def _storage(self, request: web.Request) -> web.StreamResponse:
        world, name = self.world, request.match_info["file"]
        if "Authorization" in request.headers:
            return web.Response(status=400, text="a token must not leave the hub")
        data = world.files[name]
        first = self._first_byte(request) if world.ranges else 0
        if first >= len(data):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
        body = data[first:]
        if world.corrupt:
            world.corrupt -= 1
            body = body[:-1] + bytes([body[-1] ^ 1])
        response = web.StreamResponse(status=206 if first else 200)
        response.content_length = len(body)
        if first:
            response.headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        await response.prepare(request)
        end = min(len(body), world.cuts.popleft()) if world.cuts else len(body)
        world.transfers.append((first, end))
        await response.write(body[:end])
        if end < len(body) and request.transport:
            request.transport.close()
        return response

    @staticmethod
    def _first_byte(request: web.Request) -> int:
        wanted = request.headers.get("Range", "")
        if not wanted:
            return 0
        unit, _, span = wanted.partition("=")
        first, _, last = span.partition("-")
        if unit != "bytes" or not first.isdecimal() or last:
            raise web.HTTPBadRequest(text=f"unexpected range {wanted!r}")
        return int(first)


@asynccontextmanager
async def hub_server(world: HubWorld) -> AsyncIterator[str]:
    """The hub's address while it runs."""
    runner = web.AppRunner(Hub(world).app(), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
