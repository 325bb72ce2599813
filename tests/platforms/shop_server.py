"""A shop's own API on a loopback port: orders and stock, behind a token, with the faults of a real one.

    async with ShopServer() as server:
        server.faults.append(Slow())                    # of the next request
        ...                                             # a look-up at server.url
        assert server.asked[-1].path == "/orders/W12345?email=ann%40tea.example"

Paths, queries, headers and bodies are checked strictly; what is wrong is answered with 400 and its reason.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

TOKEN = "shop-secret-4711"
ORDERS: Mapping[str, Mapping[str, object]] = {
    "W12345": {
        "number": "W12345",
        "customer": {"email": "ann@tea.example", "postcode": "1200-001"},
        "status": "shipped",
        "total": 24.90,
        "currency": "EUR",
        "delivery": {"date": "2026-03-05", "tracking": "https://track.example/W12345"},
        "items": [{"title": "Longjing 50 g", "count": 1}, {"title": "Gaiwan_white *thin*", "count": 1}],
    },
    "W23456": {
        "number": "W23456",
        "customer": {"email": "bo@tea.example", "postcode": "8000"},
        "status": "packing",
        "total": 9.50,
        "currency": "EUR",
        "delivery": {"date": None, "tracking": None},
        "items": [{"title": "Sencha 100 g", "count": 2}],
    },
}
STOCK: Mapping[tuple[str, str], int] = {("GT-01", "lisbon"): 7, ("GT-01", "porto"): 0}


@dataclass(frozen=True)
class Slow:
    """Answers, but late; with ``drip`` a byte now and then."""

    seconds: float = 30.0
    drip: bool = False


@dataclass(frozen=True)
class Answers:
    """Something else than it should."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """The connection ends in the middle of the answer."""


Fault = Slow | Answers | Cut


@dataclass(frozen=True)
class Asked:
    """A request as it stood on the wire; ``path`` with its query, still encoded."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ShopServer:
    """``asked``: every request; ``left``: how many clients went away before their answer. ``checks_owner``: an order is
    only given to who names its e-mail address too."""

    def __init__(self, *, checks_owner: bool = True) -> None:
        self.orders = dict(ORDERS)
        self.faults: deque[Fault] = deque()
        self.asked: list[Asked] = []
        self.left = 0
        self.url = ""
        self.checks_owner = checks_owner
        self.waiting = asyncio.Event()  # set while a slow answer is waited for
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/orders/{number:[^/]+}", self._order)
        app.router.add_post("/orders/search", self._search)
        app.router.add_get("/stock/{sku}", self._stock)
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._runner:
            await self._runner.cleanup()

    # ── what it offers ───────────────────────────────────────────────────────────────────────────────────

    async def _order(self, request: web.Request) -> web.StreamResponse:
        if refused := await self._received(request, {"email"}):
            return refused
        order = self.orders.get(request.match_info["number"])
        if order is None or (self.checks_owner and not _owns(order, request.query.get("email", ""))):
            return web.json_response({"error": "no such order"}, status=404)
        return web.json_response(order)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        if refused := await self._received(request, set()):
            return refused
        if request.content_type != "application/json":
            return _wrong("the body must be application/json")
        body = json.loads(await request.read())
        if set(body) != {"number", "email"}:
            return _wrong(f"the body has the keys {sorted(body)}")
        order = self.orders.get(body["number"])
        found = [order] if order is not None and _owns(order, body["email"]) else []
        return web.json_response({"orders": found})

    async def _stock(self, request: web.Request) -> web.StreamResponse:
        if refused := await self._received(request, {"shop"}):
            return refused
        count = STOCK.get((request.match_info["sku"], request.query.get("shop", "")))
        return (
            web.json_response({"error": "no such thing"}, status=404)
            if count is None
            else web.json_response({"count": count})
        )

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        refused = await self._received(request, set(request.query))
        return refused or _wrong(f"there is no {request.method} {request.path}")

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────

    async def _received(self, request: web.Request, query: set[str]) -> web.StreamResponse | None:
        """What is answered instead; None: nothing is wrong."""
        self.asked.append(Asked(request.method, request.raw_path, dict(request.headers), await request.read()))
        if self.faults:
            return await self._faulty(request, self.faults.popleft())
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "who are you?"}, status=401)
        if set(request.query) != query:
            return _wrong(f"the query has {sorted(request.query)}, not {sorted(query)}")
        return None

    async def _faulty(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault:
            case Answers():
                return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
            case Cut():
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b'{"number": "W1')
                assert request.transport is not None
                request.transport.abort()
                return response
            case Slow():
                return await self._slow(request, fault)

    async def _slow(self, request: web.Request, fault: Slow) -> web.StreamResponse:
        response = web.StreamResponse()
        try:
            self.waiting.set()
            if fault.drip:
                await response.prepare(request)
                for _ in range(int(fault.seconds / 0.02)):
                    await response.write(b" ")
                    await asyncio.sleep(0.02)
            await asyncio.sleep(fault.seconds)
        except (asyncio.CancelledError, ConnectionError):
            self.left += 1
            raise
        return web.json_response({})


def _owns(order: Mapping[str, object], email: str) -> bool:
    customer = order["customer"]
    return isinstance(customer, dict) and customer["email"] == email.lower()


def _wrong(reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=400)
