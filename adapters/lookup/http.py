"""Asking a shop's API: bounded in time and size, never led to another server, silent about secrets and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import structlog

from adapters.lookup.request import Request, missing, request_of
from core.errors import LookUpFailed
from core.lookups.config import LookUpConfig

log = structlog.get_logger(__name__)

REDIRECTS = 3
NOTHING = frozenset({204, 404, 410})
REFUSED = frozenset({401, 403})
MOVED = frozenset({301, 302, 303, 307, 308})
# Of all look-ups of this process; a shop's API is not to be run down by us.
CONNECTIONS = 32


class HttpLookUps:
    """For all bots of a process, with one client that is made when it is first needed; close it with aclose().

    ``secrets`` by the names of their environment variables.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._client: asyncio.Task[httpx.AsyncClient] | None = None

    async def aclose(self) -> None:
        if self._client is not None:
            await (await self._client).aclose()

    async def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = asyncio.create_task(asyncio.to_thread(_client))  # it reads the CAs, that takes long
        return await asyncio.shield(self._client)

    def is_on(self, config: LookUpConfig) -> bool:
        return not missing(config, self._secrets)

    async def fetch(self, name: str, config: LookUpConfig, arguments: Mapping[str, str]) -> object | None:
        """As core.ports.LookUps."""
        request = request_of(name, config, arguments, self._secrets)
        try:
            async with asyncio.timeout(config.timeout_s):
                body = await self._asked(name, config, request)
        except TimeoutError:
            raise LookUpFailed(f"the look-up '{name}' was not answered within {config.timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # its own words may hold the address with the arguments
            raise LookUpFailed(f"the look-up '{name}' failed: {type(error).__name__}") from None
        return None if body is None else _json(name, body)

    async def _asked(self, name: str, config: LookUpConfig, request: Request) -> bytes | None:
        """The body of the answer; None: there is no such thing."""
        client, url = await self._opened(), request.url
        for _ in range(1 + REDIRECTS):
            async with client.stream(request.method, url, headers=request.headers, content=request.content) as response:
                status = response.status_code
                if status in NOTHING:
                    return None
                if status == httpx.codes.OK:
                    return await _read(name, response, config.max_bytes)
                if status in REFUSED:
                    raise LookUpFailed(f"the look-up '{name}' was refused ({status}): are its secrets right?")
                if status not in MOVED or request.method != "GET":
                    raise LookUpFailed(f"the look-up '{name}' was answered with status {status}")
                url = url.join(response.headers.get("Location", ""))
                if _origin(url) != _origin(request.url):
                    raise LookUpFailed(f"the look-up '{name}' was sent on to another server")
        raise LookUpFailed(f"the look-up '{name}' was sent on more than {REDIRECTS} times")


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        # Compressed, a small answer could become a huge one.
        headers={"User-Agent": "kefu", "Accept": "application/json", "Accept-Encoding": "identity"},
        # A session that one shopper's answer began is not the next one's.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(None),  # the whole answer has a time of its own
        limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=30),
        trust_env=False,
    )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read(name: str, response: httpx.Response, limit: int) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise LookUpFailed(f"the look-up '{name}' was answered with more than {limit} bytes")
    return body


def _json(name: str, body: bytes) -> object:
    try:
        read: object = json.loads(body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise LookUpFailed(f"the look-up '{name}' was not answered with JSON") from None
    return read


def _no_number(written: str) -> object:
    raise ValueError(written)


@asynccontextmanager
async def open_look_ups(
    declared: Sequence[tuple[str, str, LookUpConfig]], secrets: Mapping[str, str]
) -> AsyncIterator[HttpLookUps]:
    """``declared``: bot, name and configuration of every look-up; those that lack something are named in the log."""
    for bot, name, config in declared:
        if lacking := missing(config, secrets):
            wanted_off = lacking == config.server_from and not secrets.get(lacking)
            tell = log.info if wanted_off else log.warning
            tell("look-up is off", bot=bot, look_up=name, reason=f"{lacking} is empty or cannot be used")
    look_ups = HttpLookUps(secrets)
    try:
        yield look_ups
    finally:
        await look_ups.aclose()
