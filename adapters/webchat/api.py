"""The three requests of the page: a session, a message, the event stream. The package's docstring has the protocol."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Send

from adapters.webchat.channel import WebChannel
from adapters.webchat.events import HEARTBEAT, Event
from adapters.webchat.posted import parse_message, read_body, to_incoming
from adapters.webchat.ratelimit import RateLimit
from adapters.webchat.refusals import Code, Refused
from adapters.webchat.site import shop_json
from adapters.webchat.tabs import Tab

HEARTBEAT_S = 15.0
# A page that takes nothing for this long is gone; its connection would keep memory for nothing.
STUCK_S = 60.0

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Api:
    """``heartbeat_s``: the longest silence of an event stream."""

    def __init__(self, channel: WebChannel, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._channel = channel
        self._heartbeat_s = heartbeat_s
        self._session_messages = RateLimit(channel.allowances.session_messages)
        self._address_messages = RateLimit(channel.allowances.address_messages)
        self._address_sessions = RateLimit(channel.allowances.address_sessions)

    def routes(self) -> list[Route]:
        return [
            Route("/api/sessions", self.sessions, methods=["POST"]),
            Route("/api/messages", self.messages, methods=["POST"]),
            Route("/api/events", self.events, methods=["GET"]),
        ]

    async def sessions(self, request: Request) -> Response:
        _allow(self._address_sessions, _network_address(request))
        body = {"token": secrets.token_urlsafe(32)}
        return JSONResponse(body, status_code=201, headers={"Cache-Control": "no-store"})

    async def messages(self, request: Request) -> Response:
        chat = chat_of(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(Code.CONTENT_TYPE)
        _allow(self._session_messages, chat)
        _allow(self._address_messages, _network_address(request))
        posted = parse_message(await read_body(request), self._channel.page().message_chars)
        await self._channel.take(to_incoming(posted, self._channel.address(chat)))
        return JSONResponse({"id": str(posted.id)}, status_code=202, headers={"Cache-Control": "no-store"})

    async def events(self, request: Request) -> Response:
        chat = chat_of(request)
        tab = self._channel.open_tab(chat)
        try:
            history = await self._channel.history(chat, shop_json(self._channel.bot, self._channel.page()))
        except BaseException:
            self._channel.leave_tab(chat, tab)
            raise
        return EventStream(tab, history, self._heartbeat_s, partial(self._channel.leave_tab, chat, tab))


class EventStream(StreamingResponse):
    """Sends what waits in ``tab`` until the tab is closed on either side."""

    def __init__(self, tab: Tab, first: Event, heartbeat_s: float, leave: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(iter(()), media_type="text/event-stream", headers=headers)
        self._tab = tab
        self._first = first
        self._heartbeat_s = heartbeat_s
        self._leave = leave

    async def stream_response(self, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _send_in_time(send, _chunk(self._first.encode()))
            while (waiting := await self._tab.take(self._heartbeat_s)) is not None:
                body = b"".join(event.encode() for event in waiting) or HEARTBEAT
                await _send_in_time(send, _chunk(body))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            self._tab.close()
        finally:
            self._leave()


def chat_of(request: Request) -> str:
    """The conversation's name: a digest, so that whoever reads it cannot open the conversation."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        raise Refused(Code.SESSION)
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _allow(limit: RateLimit, key: str) -> None:
    wait = limit.take(key)
    if wait:
        raise Refused(Code.TOO_FAST, retry_after=wait)


def _network_address(request: Request) -> str:
    """Behind a proxy, uvicorn's ``proxy_headers`` puts the shopper's address here."""
    return request.client.host if request.client else ""


def _chunk(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _send_in_time(send: Send, message: Message) -> None:
    async with asyncio.timeout(STUCK_S):
        await send(message)
