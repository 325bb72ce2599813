"""Neither the token nor the webhook's secret gets into logs, errors or their tracebacks, whatever the log level."""

from __future__ import annotations

import logging
import traceback

import pytest
from structlog.testing import capture_logs

from adapters.telegram import TelegramChannel, Webhook
from core.errors import ChannelError
from tests.adapters.telegram.helpers import RecordingInbox, listening, make_channel, outgoing
from tests.platforms.telegram_faults import DROP_AFTER, DROP_BEFORE, Garbage, Refuse, rate_limit, server_error
from tests.platforms.telegram_server import TelegramServer

SECRET = "webhook-Secret-0123"
FAULTS = (
    server_error(),
    server_error(502),
    DROP_BEFORE,
    DROP_AFTER,
    Garbage(),
    Garbage(code=502),
    rate_limit(1),
    Refuse(404, "Not Found"),
)


async def _errors(channel: TelegramChannel, server: TelegramServer, chat: int) -> list[str]:
    found = []
    for fault in FAULTS:
        server.fail("sendMessage", fault)
        try:
            await channel.send(outgoing(chat, "Hello"))
        except ChannelError as error:
            found.append("".join(traceback.format_exception(error)) + repr(error))
    return found


async def test_nothing_leaks(server: TelegramServer, inbox: RecordingInbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    chat = server.private("Anna")
    polling, hooked = make_channel(server), make_channel(server, webhook=Webhook("http://127.0.0.1:9", SECRET))
    seen: list[str] = [repr(polling), repr(hooked)]
    with capture_logs() as logs:
        server.fail("getUpdates", DROP_AFTER)
        server.fail("getMe", DROP_BEFORE)
        server.user_says(chat, "my phone is 12345678")
        async with listening(polling, inbox):
            await server.until(lambda: inbox.messages)
        async with listening(hooked, inbox):
            await server.until(lambda: server.world.webhook.secret == SECRET)
        seen += await _errors(polling, server, chat.id)
        await server.stop()
        seen += await _errors(polling, server, chat.id)
        wrong = TelegramChannel(bot="teahouse", token="999:" + server.token.split(":")[1], api_url=server.url)
        seen += await _errors(wrong, server, chat.id)
    for channel in (polling, hooked, wrong):
        await channel.close()
    assert len(seen) == 2 + 3 * len(FAULTS)
    everything = "\n".join([caplog.text, str(logs), *seen])
    assert "HTTP Request: POST" in everything, "the libraries did log"
    assert server.token.split(":")[1] not in everything
    assert SECRET not in everything
    assert "12345678" not in everything, "nor what people write"


async def test_the_token_reaches_the_server(server: TelegramServer, channel: TelegramChannel) -> None:
    await channel.send(outgoing(server.private("Anna").id, "Hello"))
    assert [call.status for call in server.calls] == [200]
