"""How listening begins, fails and ends."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest

from adapters.discord import DiscordChannel
from core.errors import ChannelNotReady, SendFailed
from core.messages import Command
from tests.adapters.discord.parts import MemoryInbox, channel_for, listening, outgoing, stored
from tests.platforms.discord_faults import broken, refused
from tests.platforms.discord_server import GATEWAY, GET_COMMANDS, LOGIN, PUT_COMMANDS, DiscordServer


async def _refused(channel: DiscordChannel) -> str:
    with pytest.raises(ChannelNotReady) as caught:
        await asyncio.wait_for(channel.listen(MemoryInbox()), 20)
    return str(caught.value)


@pytest.mark.parametrize("token", ["wrong-token", "wrong token", "wrong\ntoken", "错误", "\x00"])
async def test_a_wrong_token(server: DiscordServer, token: str) -> None:
    said = await _refused(DiscordChannel(bot="teahouse", token=token, api_url=server.api_url))
    assert "Reset Token" in said
    assert token not in said


@pytest.mark.parametrize("token", ["", "  \n"])
async def test_no_token(server: DiscordServer, token: str) -> None:
    said = await _refused(DiscordChannel(bot="teahouse", token=token, api_url=server.api_url))
    assert "no token" in said


async def test_a_token_that_is_reset_while_the_bot_runs(server: DiscordServer) -> None:
    channel = channel_for(server)
    listener = asyncio.create_task(channel.listen(MemoryInbox()))
    await server.ready()
    await server.gateway.close(4004)
    with pytest.raises(ChannelNotReady, match="Reset Token"):
        await listener


async def test_a_token_that_is_reset_between_login_and_gateway(server: DiscordServer) -> None:
    server.fail(GATEWAY, refused(401, 0))
    assert "Reset Token" in await _refused(channel_for(server))


async def test_the_message_content_intent_is_off(server: DiscordServer) -> None:
    server.gateway.allow_message_content = False
    said = await _refused(channel_for(server))
    assert "Message Content Intent" in said
    assert "https://discord.com/developers/applications" in said


async def test_not_discord_at_all(server: DiscordServer) -> None:
    said = await _refused(DiscordChannel(bot="teahouse", token="t", api_url=server.api_url + "/elsewhere"))
    assert "not Discord" in said
    assert "elsewhere" in said


@pytest.mark.parametrize("route", [LOGIN, GATEWAY])
async def test_trouble_at_the_start_is_waited_out(server: DiscordServer, route: str) -> None:
    server.fail(route, broken(503))
    mei = server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(server.dm(mei), "hello", user=mei)
        await stored(server, inbox)


async def test_a_gateway_that_does_not_open_at_first(server: DiscordServer) -> None:
    server.gateway.refuse_connections = 1
    async with listening(server, channel_for(server)):
        assert server.gateway.connected() == 1


async def test_a_server_that_is_not_there_yet(server: DiscordServer) -> None:
    await server.stop()
    listener = asyncio.create_task(channel_for(server).listen(MemoryInbox()))
    await asyncio.sleep(0.1)
    await server.start()
    await server.ready()
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)


async def test_two_bots_in_one_process_on_two_servers(server: DiscordServer) -> None:
    async with DiscordServer(token="another-token") as other:
        mei, tom = server.user("Mei"), other.user("Tom")
        first, second = channel_for(server), channel_for(other)
        async with listening(server, first) as inbox, listening(other, second) as other_inbox:
            await server.user_says(server.dm(mei), "to the first", user=mei)
            await other.user_says(other.dm(tom), "to the second", user=tom)
            await stored(server, inbox)
            await stored(other, other_inbox)
            await first.send(outgoing(server.dm(mei), "from the first"))
            await second.send(outgoing(other.dm(tom), "from the second"))
    assert (inbox.texts, other_inbox.texts) == (["to the first"], ["to the second"])
    assert server.texts(server.dm(mei)) == ["from the first"]
    assert other.texts(other.dm(tom)) == ["from the second"]


async def test_a_proxy_from_the_environment(server: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name does not exist: only the proxy, which is our server, can have taken the message."""
    monkeypatch.setenv("http_proxy", server.api_url.removesuffix("/api/v10"))
    monkeypatch.setenv("no_proxy", "elsewhere.test")
    dm = server.dm(server.user("Mei"))
    through = DiscordChannel(bot="teahouse", token=server.token, api_url="http://discord.invalid/api/v10")
    await through.send(outgoing(dm, "hello"))
    assert server.texts(dm) == ["hello"]
    monkeypatch.setenv("no_proxy", "discord.invalid")
    around = DiscordChannel(bot="teahouse", token=server.token, api_url="http://discord.invalid/api/v10")
    with pytest.raises(SendFailed):
        await around.send(outgoing(dm, "hello", part=1))


async def test_commands_are_written_only_when_they_changed(server: DiscordServer) -> None:
    async with listening(server, channel_for(server)):
        await server.until(lambda: server.called(PUT_COMMANDS))
    async with listening(server, channel_for(server)):
        await server.until(lambda: len(server.called(GET_COMMANDS)) == 2)
    assert len(server.called(PUT_COMMANDS)) == 1
    assert [command["name"] for command in server.world.commands] == [command.value for command in Command]
    assert all("zh-CN" in str(command["description_localizations"]) for command in server.world.commands)
    server.world.commands = server.world.commands[:2]
    async with listening(server, channel_for(server)):
        await server.until(lambda: len(server.called(PUT_COMMANDS)) == 2)


async def test_commands_that_cannot_be_written_stop_nothing(server: DiscordServer) -> None:
    server.fail(GET_COMMANDS, broken(503))
    mei = server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(server.dm(mei), "hello", user=mei)
        await stored(server, inbox)


async def test_connected_says_whether_discord_has_us(server: DiscordServer) -> None:
    channel = channel_for(server)
    assert not channel.connected.is_set()
    async with listening(server, channel):
        await channel.connected.wait()
        server.gateway.abort()
        await server.until(lambda: not channel.connected.is_set())
        await channel.connected.wait()
        assert server.gateway.resumed == 1
    assert not channel.connected.is_set()


async def test_stopping_leaves_nothing_open(server: DiscordServer) -> None:
    channel = channel_for(server)
    before = asyncio.all_tasks()
    async with listening(server, channel):
        await channel.send(outgoing(server.dm(server.user("Mei")), "hello"))
    await server.until(lambda: server.gateway.connected() == 0)
    await channel.send(outgoing(server.dm(server.user("Tom")), "sent after listening has ended"))
    await server.until(lambda: not {task for task in asyncio.all_tasks() - before if "discord" in task.get_name()})


async def test_the_token_is_in_no_log_and_no_error(server: DiscordServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    mei = server.user("Mei")
    server.fail(LOGIN, broken(503))
    channel = channel_for(server)
    async with listening(server, channel) as inbox:
        await server.user_says(server.dm(mei), "hello", user=mei)
        await stored(server, inbox)
        await channel.send(outgoing(server.dm(mei), "hello"))
        with pytest.raises(Exception, match="Unknown Channel") as caught:
            await channel.send(outgoing(inbox.stored[0].address.replace(chat="1"), "hello"))
    everything = caplog.text + "".join(traceback.format_exception(caught.value)) + repr(channel)
    assert server.token not in everything
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
