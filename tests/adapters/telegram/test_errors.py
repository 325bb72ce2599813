"""Each row of the error map, over the wire."""

from __future__ import annotations

import pytest

from adapters.telegram import TelegramChannel
from core.errors import (
    ChannelError,
    ChannelNotReady,
    ChatClosed,
    RateLimited,
    SendAmbiguous,
    SendFailed,
    SendRejected,
)
from tests.adapters.telegram.helpers import make_channel, outgoing
from tests.platforms.telegram_faults import (
    DROP_AFTER,
    DROP_BEFORE,
    Fault,
    Garbage,
    Refuse,
    rate_limit,
    server_error,
)
from tests.platforms.telegram_server import TelegramServer

ROWS: list[tuple[Fault, type[ChannelError]]] = [
    (rate_limit(7), RateLimited),
    (server_error(500), SendFailed),
    (server_error(502), SendFailed),
    (server_error(503), SendFailed),
    (Garbage(code=504), SendFailed),
    (Refuse(429, "Too Many Requests"), SendFailed),
    (DROP_BEFORE, SendAmbiguous),
    (DROP_AFTER, SendAmbiguous),
    (Garbage(code=200), SendAmbiguous),
    (Garbage(code=200, body='{"ok": true}'), SendAmbiguous),
    (Garbage(code=200, body='{"ok": true, "result": {"message_id": 1}}'), SendAmbiguous),
    (Garbage(code=200, body="[]"), SendAmbiguous),
    (Refuse(403, "Forbidden: bot was blocked by the user"), ChatClosed),
    (Refuse(403, "Forbidden: bot was kicked from the supergroup chat"), ChatClosed),
    (Refuse(403, "Forbidden: bot can't initiate conversation with a user"), ChatClosed),
    (Refuse(403, "Forbidden: user is deactivated"), ChatClosed),
    (Refuse(403, "Forbidden: bot is not a member of the channel chat"), ChatClosed),
    (Refuse(400, "Bad Request: PEER_ID_INVALID"), ChatClosed),
    (Refuse(400, "Bad Request: group chat was deactivated"), ChatClosed),
    (Refuse(400, "Bad Request: CHAT_WRITE_FORBIDDEN"), ChatClosed),
    (Refuse(400, "Bad Request: chat not found"), ChatClosed),
    (Refuse(400, "Bad Request: TOPIC_CLOSED"), ChatClosed),
    (Refuse(400, "Bad Request: message thread not found"), ChatClosed),
    (Refuse(400, "Bad Request: not enough rights to send text messages to the chat"), ChatClosed),
    (Refuse(400, "Bad Request: message is too long"), SendRejected),
    (Refuse(400, "Bad Request: something new"), SendRejected),
    (Refuse(401, "Unauthorized"), ChannelNotReady),
]


@pytest.mark.parametrize(("fault", "expected"), ROWS)
@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_each_row(
    server: TelegramServer, channel: TelegramChannel, fault: Fault, expected: type[ChannelError], method: str
) -> None:
    chat = server.private("Anna")
    sent = await channel.send(outgoing(chat.id, "Hello"))
    server.fail(method, fault)
    again = outgoing(chat.id, "Hello again")
    with pytest.raises(ChannelError) as caught:
        await (channel.send(again) if method == "sendMessage" else channel.edit(sent, again))
    assert type(caught.value) is expected
    assert server.token not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_the_wait_is_what_telegram_said(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    server.fail("sendMessage", rate_limit(7))
    with pytest.raises(RateLimited) as caught:
        await channel.send(outgoing(chat.id, "Hello"))
    assert caught.value.retry_after == 7.0


async def test_an_ambiguous_send_may_have_arrived(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    for fault in (DROP_BEFORE, DROP_AFTER):
        server.fail("sendMessage", fault)
        with pytest.raises(SendAmbiguous):
            await channel.send(outgoing(chat.id, "Hello"))
    assert [message.text for message in server.replies(chat)] == ["Hello"]


async def test_nobody_there() -> None:
    async with TelegramServer() as server:
        chat = server.private("Anna")
    channel = make_channel(server)
    with pytest.raises(SendFailed):
        await channel.send(outgoing(chat.id, "Hello"))
    await channel.close()


async def test_after_close(server: TelegramServer, channel: TelegramChannel) -> None:
    await channel.close()
    with pytest.raises(SendFailed):
        await channel.send(outgoing(server.private("Anna").id, "Hello"))


async def test_closed_chats(server: TelegramServer, channel: TelegramChannel) -> None:
    anna, group = server.private("Anna"), server.group("Tea", [server.user("Bo")])
    for chat in (anna, group):
        server.block(chat)
        with pytest.raises(ChatClosed, match=r"(?i)bot was (blocked by the user|kicked from)"):
            await channel.send(outgoing(chat.id, "Hello"))
        server.unblock(chat)
        await channel.send(outgoing(chat.id, "Hello"))
    with pytest.raises(ChatClosed):
        await channel.send(outgoing(-100123, "Hello"))


async def test_a_draft_of_a_deleted_message(server: TelegramServer, channel: TelegramChannel) -> None:
    chat, other = server.private("Anna"), server.private("Bo")
    sent = await channel.send(outgoing(chat.id, "We", final=False))
    with pytest.raises(SendRejected, match="not found"):
        await channel.edit(sent, outgoing(other.id, "We have", final=False))
    with pytest.raises(SendRejected, match="no message id"):
        await channel.edit("?", outgoing(other.id, "We have"))


@pytest.mark.parametrize("fault", [fault for fault, _ in ROWS])
async def test_typing_is_never_fatal(server: TelegramServer, channel: TelegramChannel, fault: Fault) -> None:
    server.fail("sendChatAction", fault)
    await channel.typing(outgoing(server.private("Anna").id, "").address)
    await channel.typing(outgoing(404, "").address)
