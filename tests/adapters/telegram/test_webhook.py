"""The webhook on a real HTTP server: Telegram gets its 200 only when the update is stored."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from adapters.telegram import TelegramChannel, Webhook
from core.errors import ChannelNotReady
from core.messages import Button
from tests.adapters.telegram.helpers import RecordingInbox, listening, make_channel, outgoing
from tests.platforms.telegram_faults import Refuse, rate_limit, server_error
from tests.platforms.telegram_server import SECRET_HEADER, TelegramServer

SECRET = "a-Secret_of-the-webhook"
UPDATE = {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "hi",
                                      "from": {"id": 7, "is_bot": False, "first_name": "Eve"}}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hooked:
    channel: TelegramChannel
    address: str

    async def post(self, *, content: bytes | None = None, secret: str | None = SECRET) -> int:
        headers = {} if secret is None else {SECRET_HEADER: secret}
        async with httpx.AsyncClient(base_url=self.address, verify=False) as client:
            if content is None:
                answer = await client.post("/telegram/teahouse", json=UPDATE, headers=headers)
            else:
                answer = await client.post("/telegram/teahouse", content=content, headers=headers)
            return answer.status_code


@pytest.fixture
async def hooked(server: TelegramServer) -> AsyncIterator[Hooked]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    channel = make_channel(server, webhook=Webhook(address + "/", SECRET))
    config = uvicorn.Config(Starlette(routes=list(channel.routes)), log_config=None, lifespan="off")
    web = uvicorn.Server(config)
    task = asyncio.create_task(web.serve([listener]))
    await server.until(lambda: web.started)
    yield Hooked(channel, address)
    web.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await channel.close()


async def test_updates_come_in(server: TelegramServer, hooked: Hooked, inbox: RecordingInbox) -> None:
    async with listening(hooked.channel, inbox):
        chat = server.private("Anna")
        server.user_says(chat, "hello")
        server.user_says(chat, "again")
        await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["hello", "again"]
    assert server.world.webhook.url == f"{hooked.address}/telegram/teahouse"
    assert server.world.webhook.secret == SECRET
    assert server.world.updates.allowed == {"message", "edited_message", "callback_query"}


async def test_presses_come_in_and_are_answered(server: TelegramServer, hooked: Hooked, inbox: RecordingInbox) -> None:
    chat = server.private("Anna")
    ask = Button(label="Milder", text="Do you have something milder?")
    await hooked.channel.send(outgoing(chat.id, "Next?").replace(buttons=(ask,)))
    async with listening(hooked.channel, inbox):
        press = server.user_presses(server.replies(chat)[0], "Milder")
        await server.until(lambda: press.answered)
    assert inbox.texts == [ask.text]


async def test_what_is_not_stored_is_sent_again(server: TelegramServer, hooked: Hooked, inbox: RecordingInbox) -> None:
    inbox.refuse = 2
    async with listening(hooked.channel, inbox):
        server.user_says(server.private("Anna"), "hello")
        await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["hello"]
    assert [status for _, status in server.deliveries] == [503, 503, 200]


async def test_while_nobody_listens_updates_wait(server: TelegramServer, hooked: Hooked, inbox: RecordingInbox) -> None:
    async with listening(hooked.channel, inbox):
        await server.until(lambda: server.world.webhook.url)
    server.user_says(server.private("Anna"), "hello")
    await server.until(lambda: (server.unacknowledged[0], 503) in server.deliveries)
    async with listening(hooked.channel, inbox):
        await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["hello"]


async def test_poison_does_not_block(server: TelegramServer, hooked: Hooked, inbox: RecordingInbox) -> None:
    async with listening(hooked.channel, inbox):
        server.raw_update({"message": {"message_id": "?"}})
        server.user_says(server.private("Anna"), "hello")
        await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["hello"]


async def test_duplicates_are_accepted(server: TelegramServer, hooked: Hooked, inbox: RecordingInbox) -> None:
    async with listening(hooked.channel, inbox):
        server.user_says(server.private("Anna"), "hello")
        await server.until(lambda: not server.unacknowledged)
        server.duplicate_updates()
        await server.until(lambda: len(server.deliveries) == 2)
    assert inbox.texts == ["hello"]
    assert {status for _, status in server.deliveries} == {200}


@pytest.mark.parametrize(
    ("secret", "status"), [(None, 401), ("", 403), ("wrong", 403), (SECRET + "x", 403), ("\xe9", 403)]
)
async def test_strangers_are_refused(
    hooked: Hooked, inbox: RecordingInbox, secret: str | None, status: int, server: TelegramServer
) -> None:
    async with listening(hooked.channel, inbox):
        await server.until(lambda: server.world.webhook.url)
        headers = {} if secret is None else {SECRET_HEADER.encode(): secret.encode("latin-1")}
        async with httpx.AsyncClient(verify=False) as client:
            answer = await client.post(f"{hooked.address}/telegram/teahouse", json=UPDATE, headers=headers)
    assert answer.status_code == status
    assert not inbox.messages


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"x" * (1024 * 1024 + 1), 413),
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"[]", 400),
        (b'{"update_id": "one"}', 400),
        (b'{"update_id": 5}', 200),
    ],
)
async def test_bodies_that_are_no_update(
    server: TelegramServer, hooked: Hooked, inbox: RecordingInbox, content: bytes, status: int
) -> None:
    async with listening(hooked.channel, inbox):
        await server.until(lambda: server.world.webhook.url)
        assert await hooked.post(content=content) == status
        assert await hooked.post() == 200
    assert inbox.texts == ["hi"]


async def test_only_post(server: TelegramServer, hooked: Hooked) -> None:
    async with httpx.AsyncClient(verify=False) as client:
        assert (await client.get(f"{hooked.address}/telegram/teahouse")).status_code == 405


async def test_network_trouble_is_waited_out(server: TelegramServer, hooked: Hooked, inbox: RecordingInbox) -> None:
    server.fail("setWebhook", server_error())
    server.fail("setWebhook", rate_limit(0))
    async with listening(hooked.channel, inbox):
        server.user_says(server.private("Anna"), "hello")
        await server.until(lambda: inbox.messages)


async def test_a_refused_webhook_says_what_to_do(inbox: RecordingInbox) -> None:
    async with TelegramServer(https_only=True) as server:
        channel = make_channel(server, webhook=Webhook("http://shop.example", SECRET))
        with pytest.raises(
            ChannelNotReady, match=r"(?i)an https url must be provided.*platforms\.telegram\.webhook_url"
        ):
            await channel.listen(inbox)
        server.fail("setWebhook", Refuse(401, "Unauthorized"))
        with pytest.raises(ChannelNotReady, match="BotFather"):
            await channel.listen(inbox)
        await channel.close()


@pytest.mark.parametrize("secret", ["", "has spaces", "x" * 257, "密"])
def test_a_secret_that_telegram_would_not_take(secret: str) -> None:
    with pytest.raises(ChannelNotReady, match="webhook_secret"):
        Webhook("https://shop.example", secret)


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(Webhook("https://shop.example", SECRET))
