"""The webhook: the route that Telegram posts updates to."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass, field

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from telegram import Bot, Update
from telegram.error import TelegramError

from adapters.telegram.intake import Intake
from adapters.telegram.wire import readable_update
from core.errors import ChannelNotReady, StoreUnavailable

MAX_BODY = 1024 * 1024
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Webhook:
    """``url``: the public https address of our server, without the route's path."""

    url: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not SECRET.fullmatch(self.secret):
            raise ChannelNotReady(
                "the Telegram webhook needs a secret of 1 to 256 letters, digits, '_' and '-' in the environment variable "
                "that bot.yaml names under platforms.telegram.webhook_secret"
            )


class WebhookRoute:
    """Answers 200 when the update is stored; anything else makes Telegram send it again later."""

    def __init__(self, bot: str, webhook: Webhook) -> None:
        self._bot = bot
        self._secret = webhook.secret.encode()
        self._intake: Intake | None = None
        self._telegram: Bot | None = None
        self.path = f"/telegram/{bot}"
        self.url = webhook.url.rstrip("/") + self.path
        self.route = Route(self.path, self._receive, methods=["POST"], name=f"telegram-{bot}")

    def open(self, telegram: Bot, intake: Intake) -> None:
        self._telegram, self._intake = telegram, intake

    def close(self) -> None:
        self._telegram = self._intake = None

    async def _receive(self, request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER)
        if given is None:
            return _say(401, "the secret token is missing")
        if not hmac.compare_digest(given.encode("latin-1", "replace"), self._secret):
            return _say(403, "wrong secret token")
        try:
            body = await _body(request)
        except ClientDisconnect:
            return _say(400, "the request broke off")
        if body is None:
            return _say(413, f"more than {MAX_BODY} bytes")
        return await self._take(body)

    async def _take(self, body: bytes) -> Response:
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            return _say(400, "no JSON")
        if self._intake is None:
            return _say(503, "not listening yet")
        readable = readable_update(raw)
        if readable is None:
            return _say(400, "no update")
        try:
            await self._intake.take(Update.de_json(readable, self._telegram))
        except (StoreUnavailable, TelegramError) as error:
            _log.warning("telegram.not_stored", bot=self._bot, reason=str(error), waiting_at="Telegram")
            return _say(503, "not stored, send it again")
        return Response(status_code=200)


async def _body(request: Request) -> bytes | None:
    """None if it is too long; then the rest is not read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _say(status: int, text: str) -> Response:
    return PlainTextResponse(text, status_code=status)
