"""One test for each row of the table in adapters/discord/errors.py."""

from __future__ import annotations

import pytest

from adapters.discord import DiscordChannel
from core.errors import (
    ChannelError,
    ChannelNotReady,
    ChatClosed,
    RateLimited,
    SendAmbiguous,
    SendFailed,
    SendRejected,
)
from tests.adapters.discord.parts import address, channel_for, outgoing
from tests.platforms.discord_faults import Fault, broken, dropped, refused, silent, too_many
from tests.platforms.discord_server import EDIT, LOGIN, SEND, TYPING, DiscordServer

ROWS = [
    (too_many(0.3), 1, RateLimited),
    (too_many(0.3, everywhere=True), 1, RateLimited),
    (too_many(0, via=False), 1, RateLimited),
    (refused(401, 0), 1, ChannelNotReady),
    (broken(503), 1, SendFailed),
    (refused(400, 130000), 1, SendFailed),
    (dropped("first"), 2, SendAmbiguous),
    (dropped("never"), 2, SendAmbiguous),
    (silent("first"), 2, SendAmbiguous),
    (refused(403, 50001), 1, ChatClosed),
    (refused(403, 50007), 1, ChatClosed),
    (refused(403, 50013), 1, ChatClosed),
    (refused(404, 10003), 1, ChatClosed),
    (refused(404, 10004), 1, ChatClosed),
    (refused(400, 50083), 1, ChatClosed),
    (refused(403, 160005), 1, ChatClosed),
    (refused(404, 10008), 1, SendRejected),
    (refused(400, 50035), 1, SendRejected),
    (refused(413, 40005), 1, SendRejected),
]


@pytest.mark.parametrize(("fault", "times", "expected"), ROWS, ids=str)
async def test_the_table(server: DiscordServer, fault: Fault, times: int, expected: type[ChannelError]) -> None:
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server, timeout_s=0.3)
    sent = await channel.send(outgoing(dm, "before"))
    for route in (SEND, EDIT):
        server.fail(route, fault, times)
    with pytest.raises(expected) as sending:
        await channel.send(outgoing(dm, "hello", part=1))
    with pytest.raises(expected) as editing:
        await channel.edit(sent, outgoing(dm, "after"))
    assert type(sending.value) is type(editing.value) is expected
    await channel.send(outgoing(dm, "hello", part=1))  # and then it works again, and stands there once
    assert server.texts(dm).count("hello") == 1


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (too_many(0.01), 0.01),
        (too_many(31.5), 31.5),
        (too_many(2, everywhere=True), 2),
        (too_many(90, via=False), 90),
        (too_many(0, via=False), 0),
    ],
)
async def test_the_seconds_to_wait(server: DiscordServer, fault: Fault, seconds: float) -> None:
    server.fail(SEND, fault)
    with pytest.raises(RateLimited) as caught:
        await channel_for(server).send(outgoing(server.dm(server.user("Mei")), "hello"))
    assert caught.value.retry_after == seconds


async def test_a_lost_answer_and_then_nothing(server: DiscordServer) -> None:
    """The first try may have arrived, whatever became of the second; with the nonce the third shows it once."""
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server)
    server.fail(SEND, dropped("first"))
    server.fail(SEND, broken(503))
    with pytest.raises(SendAmbiguous):
        await channel.send(outgoing(dm, "once"))
    sent = await channel.send(outgoing(dm, "once"))
    assert [message.id for message in server.from_bot(dm)] == [sent]
    server.fail(SEND, dropped("never"))
    server.fail(SEND, refused(403, 50007))
    with pytest.raises(ChatClosed):
        await channel.send(outgoing(dm, "twice", part=1))


async def test_a_refused_connection(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server)
    await server.stop()
    with pytest.raises(SendFailed):
        await channel.send(outgoing(dm, "hello"))
    with pytest.raises(SendFailed):
        await channel.typing(address(dm))


async def test_a_host_that_does_not_exist(server: DiscordServer) -> None:
    channel = DiscordChannel(bot="teahouse", token=server.token, api_url="http://nowhere.invalid/api/v10")
    with pytest.raises(SendFailed):
        await channel.typing(address(server.dm(server.user("Mei"))))


async def test_login_trouble_while_sending(server: DiscordServer) -> None:
    """Sending alone logs in first: nothing was sent, whatever went wrong there."""
    dm = server.dm(server.user("Mei"))
    for fault, times in ((broken(503), 1), (dropped("never"), 2)):  # aiohttp itself repeats a GET once
        server.fail(LOGIN, fault, times)
        with pytest.raises(SendFailed):
            await channel_for(server).send(outgoing(dm, "hello"))
    server.fail(LOGIN, refused(401, 0))
    with pytest.raises(ChannelNotReady, match="Reset Token"):
        await channel_for(server).send(outgoing(dm, "hello"))
    assert server.texts(dm) == []


async def test_real_refusals(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    channel = channel_for(server)
    sent = await channel.send(outgoing(general, "hello"))
    with pytest.raises(SendRejected):
        await channel.send(outgoing(general, "   ", part=1))
    (message,) = server.from_bot(general)
    await server.deletes(message)
    with pytest.raises(SendRejected, match="Unknown Message"):
        await channel.edit(sent, outgoing(general, "hello again"))
    server.forbid(general, "send")
    with pytest.raises(ChatClosed, match="Missing Permissions"):
        await channel.send(outgoing(general, "hello", part=2))
    server.forbid(general, "view")
    with pytest.raises(ChatClosed, match="Missing Access"):
        await channel.typing(address(general))
    server.forbid(server.dm(mei), "send")
    with pytest.raises(ChatClosed, match="Cannot send messages to this user"):
        await channel.send(outgoing(server.dm(mei), "hello"))
    with pytest.raises(SendRejected):
        await channel.direct("4711")
    with pytest.raises(SendRejected):
        await channel.send(outgoing(address(general).replace(chat="no-number"), "hello"))
    thread = await server.opens_thread(server.text_channel("talk"), "Talk", mei)
    server.lock(thread)
    with pytest.raises(ChatClosed, match="locked"):
        await channel.send(outgoing(thread, "hello"))


async def test_typing_is_translated_too(server: DiscordServer) -> None:
    server.fail(TYPING, refused(403, 50001))
    with pytest.raises(ChatClosed):
        await channel_for(server).typing(address(server.dm(server.user("Mei"))))
