"""All bots' pages as one web application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.webchat.api import HEARTBEAT_S, Api
from adapters.webchat.channel import WebChannel
from adapters.webchat.refusals import Refused, refusal_response
from adapters.webchat.site import Site, shops_page

Check = Callable[[], Awaitable[str]]
CHECK_S = 3.0

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def web_app(
    channels: Sequence[WebChannel],
    extra_routes: Sequence[BaseRoute] = (),
    checks: Mapping[str, Check] | None = None,
    heartbeat_s: float = HEARTBEAT_S,
) -> Starlette:
    """``extra_routes`` come before the bots' own (webhooks, a console).

    ``checks``: what else ``/health`` looks at, by name; each returns what is wrong, or an empty string.
    """
    routes: list[BaseRoute] = [Route("/", _front(channels)), Route("/health", _health(channels, checks or {}))]
    routes.extend(extra_routes)
    for channel in channels:
        routes.append(Route(f"/{channel.bot}", _to_folder(channel.bot)))
        own = [*Api(channel, heartbeat_s).routes(), *Site(channel).routes()]
        routes.append(Mount(f"/{channel.bot}", routes=own, middleware=[Middleware(_SafeHeaders)]))
    return Starlette(routes=routes, exception_handlers={Refused: _refuse, ClientDisconnect: _gone})


def health_app(checks: Mapping[str, Check]) -> Starlette:
    """Only ``/health``, for a process that serves no page."""
    return Starlette(routes=[Route("/health", _health((), checks))])


class _SafeHeaders:
    """On every answer of a bot's part of the application; whatever is no page may not be framed at all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_safe_headers(message.get("headers", []))
            await send(message)

        await self._app(scope, receive, send_safely)


def _with_safe_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    headers = [*headers, *_HEADERS]
    if not any(name == b"content-security-policy" for name, _ in headers):
        headers.append((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
    return headers


def _front(channels: Sequence[WebChannel]) -> Callable[[Request], Awaitable[Response]]:
    async def front(request: Request) -> Response:
        # Relative, so that it also holds behind a proxy that serves us under a path.
        return RedirectResponse(f"{channels[0].bot}/") if len(channels) == 1 else shops_page(request, channels)

    return front


def _to_folder(bot: str) -> Callable[[Request], Awaitable[Response]]:
    async def to_folder(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{bot}/{query}")

    return to_folder


def _health(channels: Sequence[WebChannel], checks: Mapping[str, Check]) -> Callable[[Request], Awaitable[Response]]:
    async def health(request: Request) -> Response:
        found = {channel.bot: "" if channel.listening else "does not listen" for channel in channels}
        found |= dict(zip(checks, await asyncio.gather(*map(_wrong, checks.values())), strict=True))
        well = not any(found.values())
        body = {"ok": well, "checks": {name: wrong or "ok" for name, wrong in found.items()}}
        return JSONResponse(body, status_code=200 if well else 503, headers={"Cache-Control": "no-store"})

    return health


async def _wrong(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_S):
            return await check()
    except TimeoutError:
        return f"no answer in {CHECK_S:g} s"


def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return refusal_response(request, error)


def _gone(request: Request, error: Exception) -> Response:
    """The page went away in the middle of its request: nobody reads this answer."""
    return Response(status_code=400)
