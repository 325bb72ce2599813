"""Long polling: nothing is acknowledged before it is stored, and trouble is waited out."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from adapters.telegram import TelegramChannel
from core.errors import ChannelNotReady
from tests.adapters.telegram.helpers import RecordingInbox, listening, make_channel
from tests.platforms.telegram_faults import (
    DROP_AFTER,
    DROP_BEFORE,
    Fault,
    Garbage,
    Refuse,
    conflict,
    rate_limit,
    server_error,
)
from tests.platforms.telegram_server import TelegramServer


async def test_the_offset_moves_only_when_the_store_has_it(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    chat = server.private("Anna")
    inbox.refuse = 3
    for text in ("one", "two", "three"):
        server.user_says(chat, text)
    waiting = server.unacknowledged
    async with listening(channel, inbox):
        await server.until(lambda: len(inbox.refused) == 3)
        assert {message.text for message in inbox.refused} == {"one"}, "the same one again, and none before it"
        await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["one", "two", "three"]
    offsets = [call.params.get("offset") for call in server.calls_of("getUpdates")]
    assert offsets[:4] == [None] * 4
    assert str(waiting[-1] + 1) in offsets


async def test_the_store_fails_in_the_middle_of_a_batch(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    chat = server.private("Anna")
    server.user_says(chat, "one")
    async with listening(channel, inbox):
        await server.until(lambda: not server.unacknowledged)
        inbox.refuse = 1
        server.user_says(chat, "two")
        server.user_says(chat, "three")
        await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["one", "two", "three"]


async def test_a_batch_in_another_order_is_taken_by_its_ids(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    """Else the offset would pass what the store did not take."""
    chat = server.private("Anna")
    for text in ("one", "two", "three"):
        server.user_says(chat, text)
    server.reorder_updates(2)
    inbox.refuse = 1
    async with listening(channel, inbox):
        await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["one", "two", "three"]


@pytest.mark.parametrize(
    "fault",
    [
        server_error(500),
        server_error(502),
        rate_limit(0),
        DROP_BEFORE,
        DROP_AFTER,
        Garbage(),
        Garbage(code=502),
        Garbage(body="[]"),
        Garbage(body='{"ok": true}'),
        Garbage(body='{"ok": true, "result": {"message_id": 1}}'),
        Refuse(429, "Too Many Requests"),
    ],
)
async def test_trouble_is_waited_out(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, fault: Fault
) -> None:
    for method in ("getMe", "setMyCommands", "deleteWebhook", "getUpdates"):
        server.fail(method, fault, times=2)
    server.user_says(server.private("Anna"), "hello")
    async with listening(channel, inbox):
        await server.until(lambda: inbox.messages and not server.unacknowledged)
    assert inbox.texts == ["hello"]


async def test_no_server_yet(inbox: RecordingInbox) -> None:
    late = TelegramServer()
    channel = make_channel(late)
    async with listening(channel, inbox) as task:
        await asyncio.sleep(0.05)
        assert not task.done()
        async with late:
            late.user_says(late.private("Anna"), "hello")
            await late.until(lambda: inbox.messages)
    await channel.close()


async def test_a_conflict_says_what_it_means(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    server.fail("getUpdates", conflict(), times=2)
    server.user_says(server.private("Anna"), "hello")
    with capture_logs() as logs:
        async with listening(channel, inbox):
            await server.until(lambda: inbox.messages)
    warnings = [log for log in logs if log["event"] == "telegram.conflict"]
    assert len(warnings) == 2
    assert "same token is running" in warnings[0]["meaning"]


async def test_a_bot_that_telegram_refuses(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    for method in ("getMe", "deleteWebhook"):
        server.fail(method, Refuse(400, "Bad Request: no"))
        with pytest.raises(ChannelNotReady, match="refuses the bot: No"):
            await channel.listen(inbox)


async def test_two_pollers_disturb_but_lose_nothing(server: TelegramServer, inbox: RecordingInbox) -> None:
    one, two = make_channel(server), make_channel(server)
    chat = server.private("Anna")
    async with listening(one, inbox), listening(two, inbox):
        for number in range(5):
            server.user_says(chat, str(number))
            await asyncio.sleep(0.02)
        await server.until(lambda: not server.unacknowledged and len(inbox.messages) == 5)
    assert sorted(inbox.texts) == ["0", "1", "2", "3", "4"]
    await one.close()
    await two.close()


@pytest.mark.parametrize("token", ["4711:another-token", "999:not-this-one"])
async def test_a_wrong_token_says_what_to_do(server: TelegramServer, inbox: RecordingInbox, token: str) -> None:
    channel = make_channel(server, token=token)
    with pytest.raises(ChannelNotReady, match=r"Copy it again from @BotFather") as caught:
        await channel.listen(inbox)
    assert token not in str(caught.value)
    await channel.close()


async def test_a_token_revoked_while_running(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    task = asyncio.create_task(channel.listen(inbox))
    await server.until(lambda: server.calls_of("getUpdates"))
    server.fail("getUpdates", Refuse(401, "Unauthorized"))
    server.user_says(server.private("Anna"), "ends the poll that waits")
    with pytest.raises(ChannelNotReady, match="BotFather"):
        await task


async def test_a_token_that_cannot_be_one() -> None:
    with pytest.raises(ChannelNotReady, match="BotFather"):
        TelegramChannel(bot="teahouse", token="put your token here")


async def test_poison_is_skipped(server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox) -> None:
    chat = server.private("Anna")
    server.user_says(chat, "before")
    server.raw_update({"message": {"message_id": "?", "text": "no chat, no date"}})
    server.raw_update({"message": 17})
    server.raw_update({"message": {"message_id": 5, "date": 10**18, "chat": chat.json(), "text": "far future"}})
    server.raw_update({"unheard_of": {"x": 1}})
    server.user_says(chat, "after")
    with capture_logs() as logs:
        async with listening(channel, inbox):
            await server.until(lambda: not server.unacknowledged)
    assert inbox.texts == ["before", "after"]
    assert len([log for log in logs if log["event"] == "telegram.update_unreadable"]) >= 3
    assert "no chat" not in json.dumps(logs, default=str), "what people wrote stays out of the log"


async def test_duplicates_keep_their_id(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    async with listening(channel, inbox):
        server.user_says(server.private("Anna"), "hello")
        await server.until(lambda: not server.unacknowledged)
        polls = len(server.calls_of("getUpdates"))
        server.duplicate_updates()
        await server.until(lambda: len(server.calls_of("getUpdates")) > polls)
        server.user_says(server.private("Bo"), "hi")
        await server.until(lambda: "hi" in inbox.texts)
    assert inbox.texts == ["hello", "hi"]


async def test_a_webhook_of_yesterday_is_removed_and_the_menu_set(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    server.world.webhook.url = "https://old.example/hook"
    server.user_says(server.private("Anna"), "hello")
    async with listening(channel, inbox):
        await server.until(lambda: inbox.messages)
    assert not server.world.webhook.url
    assert [command["command"] for command in server.world.commands[""]] == [
        "start",
        "help",
        "new",
        "human",
        "language",
    ]
    assert server.world.commands["zh"][3] == {"command": "human", "description": "联系人工客服"}


async def test_a_refused_menu_is_no_reason_to_stop(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    server.fail("setMyCommands", Refuse(400, "Bad Request: BOT_COMMAND_INVALID"), times=None)
    server.user_says(server.private("Anna"), "hello")
    async with listening(channel, inbox):
        await server.until(lambda: inbox.messages)


async def test_numbers_that_start_again_lower(server: TelegramServer, inbox: RecordingInbox) -> None:
    """After a quiet week Telegram numbers its updates anew; an old offset would swallow them."""
    channel = make_channel(server)
    server.user_says(server.private("Anna"), "hello")
    async with listening(channel, inbox):
        await server.until(lambda: not server.unacknowledged)
        await server.until(lambda: server.calls_of("getUpdates")[-1].params.get("offset") is None, timeout_s=10)
    await channel.close()
