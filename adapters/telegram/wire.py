"""The connection to the Bot API. The token is known to the transport alone.

The Bot API has the token in every address, and libraries write addresses into logs and errors. So python-telegram-bot
and httpx are given a stand-in, and the token takes its place in the last step before the connection.
"""

from __future__ import annotations

import json
import logging
import re
import ssl
import urllib.request
import warnings
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from telegram import Bot, Update
from telegram.error import TelegramError
from telegram.request import HTTPXRequest
from telegram.warnings import PTBDeprecationWarning

from core.errors import ChannelNotReady

STAND_IN = "hidden-token"
TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
_log = structlog.get_logger(__name__)


class TokenTransport(httpx.AsyncBaseTransport):
    """Puts the token into the address of each request."""

    def __init__(self, inner: httpx.AsyncBaseTransport, token: str) -> None:
        self._inner = inner
        self._token = token

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.replace(b"/bot" + STAND_IN.encode(), b"/bot" + self._token.encode(), 1)
        return await self._inner.handle_async_request(
            httpx.Request(
                method=request.method,
                url=request.url.copy_with(raw_path=path),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class CheckedRequest(HTTPXRequest):
    """An answer that is JSON, but none of the Bot API's, is an error of the library's like one that is no JSON."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        answer: object = HTTPXRequest.parse_json_payload(payload)
        if isinstance(answer, dict) and ("result" in answer or answer.get("ok") is False):
            return answer
        raise TelegramError("Invalid server response")


class PollRequest(HTTPXRequest):
    """getUpdates, of which one unreadable update must not spoil the others."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As the library does; but an update that it cannot read becomes an empty one, so that its id is passed by."""
        answer = CheckedRequest.parse_json_payload(payload)
        found = answer.get("result", [])
        if not isinstance(found, list):
            raise TelegramError("Invalid server response")
        if "result" in answer:
            answer["result"] = [readable for update in found if (readable := readable_update(update)) is not None]
        return answer


def readable_update(raw: object) -> dict[str, Any] | None:
    """The update itself if the library can read it, else one that has only its id; None without an id."""
    if not isinstance(raw, dict) or not isinstance(raw.get("update_id"), int):
        _log.warning("telegram.update_unreadable", reason="no update_id")
        return None
    try:
        Update.de_json(json.loads(json.dumps(raw)), None)
    except Exception as error:
        _log.warning("telegram.update_unreadable", update=raw["update_id"], reason=type(error).__name__)
        return {"update_id": raw["update_id"]}
    return raw


@dataclass(frozen=True, slots=True)
class Wire:
    """The library's bot, and the connections it uses."""

    bot: Bot
    requests: tuple[HTTPXRequest, HTTPXRequest]

    async def close(self) -> None:
        for request in self.requests:
            await request.shutdown()


def connect(token: str, api_url: str) -> Wire:
    """Each request is made once; nothing is repeated here. ``api_url`` has no path for the bot."""
    if not TOKEN.fullmatch(token):
        raise ChannelNotReady(
            "the Telegram token does not look like one (digits, a colon, letters); copy it again from @BotFather"
        )
    quiet()
    tls = httpx.create_ssl_context() if api_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    calls = CheckedRequest(
        read_timeout=20,
        write_timeout=10,
        connect_timeout=10,
        pool_timeout=20,
        httpx_kwargs={"transport": _transport(token, api_url, tls, connections=32)},
    )
    polls = PollRequest(
        read_timeout=10,
        write_timeout=10,
        connect_timeout=10,
        pool_timeout=10,
        httpx_kwargs={"transport": _transport(token, api_url, tls, connections=2)},
    )
    url = api_url.rstrip("/")
    bot = Bot(STAND_IN, f"{url}/bot", f"{url}/file/bot", request=calls, get_updates_request=polls)
    return Wire(bot, (polls, calls))


def quiet() -> None:
    """At DEBUG the library logs whole messages, and the webhook's secret: never wanted, whatever the root's level.

    And it warns of its own use of ``retry_after``, for which we read both of its types.
    """
    logging.getLogger("telegram").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", message=".*`retry_after`", category=PTBDeprecationWarning)


def _transport(token: str, api_url: str, tls: ssl.SSLContext, connections: int) -> TokenTransport:
    try:
        inner = httpx.AsyncHTTPTransport(
            verify=tls, limits=httpx.Limits(max_connections=connections), proxy=_proxy(api_url)
        )
    except (ImportError, ValueError) as error:
        raise ChannelNotReady(f"the proxy for Telegram (from the environment) cannot be used: {error}") from None
    return TokenTransport(inner, token)


def _proxy(api_url: str) -> str | None:
    """HTTPS_PROXY, ALL_PROXY and NO_PROXY of the environment; httpx reads them only for transports of its own."""
    parts = urlsplit(api_url)
    proxies = urllib.request.getproxies()
    if parts.hostname in (None, "localhost", "127.0.0.1", "::1") or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    found = proxies.get(parts.scheme) or proxies.get("all")
    return found if found is None or "://" in found else f"http://{found}"
