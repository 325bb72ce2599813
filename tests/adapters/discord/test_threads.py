"""An answer in a busy channel opens a thread: its address is known at once, the thread is made when it is needed."""

from __future__ import annotations

import pytest

from adapters.discord.threads import Policy
from core.errors import ChatClosed, SendFailed
from core.messages import Address, Incoming
from tests.adapters.discord.parts import address, channel_for, listening, outgoing, stored
from tests.platforms.discord_faults import broken, dropped
from tests.platforms.discord_server import OPEN_THREAD, SEND, TYPING, DiscordServer
from tests.platforms.discord_values import PRIVATE_THREAD, Channel, Message


async def _ask(
    server: DiscordServer, policy: Policy, *, others: bool = False, later_s: float = 0.0, dm: bool = False
) -> tuple[Channel, Message, Incoming]:
    mei, tom = server.user("Mei"), server.user("Tom")
    where = server.dm(mei) if dm else server.text_channel("general")
    async with listening(server, channel_for(server, threads=policy)) as inbox:
        if others:
            await server.user_says(where, "nice weather", user=tom)
        await server.user_says(where, "hi all", user=mei)
        server.passes(later_s)
        asked = await server.user_says(where, "**How much** is delivery?", user=mei, mention=True)
        incoming = (await stored(server, inbox, 3 if others else 2))[-1]
    return where, asked, incoming


@pytest.mark.parametrize(
    ("policy", "others", "later_s", "opens"),
    [
        ("never", True, 0, False),
        ("busy", False, 0, False),
        ("busy", True, 0, True),
        ("busy", True, 55, True),
        ("busy", True, 65, False),
        ("always", False, 0, True),
    ],
)
async def test_the_policy(server: DiscordServer, policy: Policy, others: bool, later_s: float, opens: bool) -> None:
    where, asked, incoming = await _ask(server, policy, others=others, later_s=later_s)
    assert incoming.address == address(where, asked.id if opens else "")
    assert server.thread_of(asked) is None  # not before there is an answer


async def test_no_thread_in_a_direct_chat_or_unasked(server: DiscordServer) -> None:
    where, _, incoming = await _ask(server, "always", dm=True)
    assert incoming.address == address(where)
    general, mei = server.text_channel("talk"), server.user("Tom")
    async with listening(server, channel_for(server, threads="always")) as inbox:
        await server.user_says(general, "I like tea", user=mei)
        (unasked,) = await stored(server, inbox)
    assert unasked.address == address(general)


async def test_duplicates_and_edits_have_the_same_address(server: DiscordServer) -> None:
    general, mei, tom = server.text_channel("general"), server.user("Mei"), server.user("Tom")
    channel = channel_for(server, threads="busy")
    async with listening(server, channel) as inbox:
        asked = await server.user_says(general, "how much?", user=mei, mention=True)
        await server.user_says(general, "hello", user=tom)
        await server.user_edits(asked, f"<@{server.bot.id}> how much is it?")
        plain = (await stored(server, inbox, 3))[2]
        asked = await server.user_says(general, "and this?", user=mei, mention=True)
        await server.user_edits(asked, f"<@{server.bot.id}> and that?")
        first, second = (await stored(server, inbox, 5))[3:]
    assert plain.address == address(general)
    assert first.address == second.address == address(general, asked.id)


async def test_an_edit_after_a_restart_goes_to_the_thread(server: DiscordServer) -> None:
    _, asked, incoming = await _ask(server, "busy", others=True)
    await channel_for(server).send(outgoing(incoming.address, "5 €"))
    async with listening(server, channel_for(server, threads="busy")) as inbox:
        await server.user_edits(asked, f"<@{server.bot.id}> how much is it to Norway?")
        (edited,) = await stored(server, inbox)
    assert edited.address == incoming.address
    assert edited.edited


async def test_opening_a_thread_is_no_edit(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    channel = channel_for(server, threads="always")
    async with listening(server, channel) as inbox:
        asked = await server.user_says(general, "how much?", user=mei, mention=True)
        (incoming,) = await stored(server, inbox)
        await channel.send(outgoing(incoming.address, "5 €", reply_to=asked.id))
        thread = server.thread_of(asked)
        assert thread is not None
        await server.user_says(thread, "and to Norway?", user=mei)
        follow_up = (await stored(server, inbox, 2))[1]
    assert len(inbox.stored) == 2
    assert follow_up.address == incoming.address
    assert not follow_up.addressed  # the core decides by the conversation


async def test_the_first_answer_opens_it_in_any_process(server: DiscordServer) -> None:
    _, asked, incoming = await _ask(server, "always")
    first = channel_for(server)
    await first.typing(incoming.address)
    sent = await first.send(outgoing(incoming.address, "5 €", reply_to=asked.id))
    await channel_for(server).edit(sent, outgoing(incoming.address, "5 € or 6 €"))
    await channel_for(server).send(outgoing(incoming.address, "More?", part=1))
    thread = server.thread_of(asked)
    assert thread is not None
    assert thread.name == "How much is delivery?"
    assert server.texts(thread) == ["5 € or 6 €", "More?"]
    assert len(server.called(OPEN_THREAD)) == 1
    assert [call.path for call in server.called(TYPING)] == [
        f"/channels/{thread.id}/typing",
        f"/channels/{incoming.address.chat}/typing",
    ]


@pytest.mark.parametrize("route", [OPEN_THREAD, SEND])
async def test_a_crash_between_opening_and_sending(server: DiscordServer, route: str) -> None:
    where, asked, incoming = await _ask(server, "always")
    server.fail(route, dropped("first") if route == OPEN_THREAD else broken(503), times=1)
    with pytest.raises(Exception, match=r".+"):
        await channel_for(server).send(outgoing(incoming.address, "5 €"))
    await channel_for(server).send(outgoing(incoming.address, "5 €"))
    thread = server.thread_of(asked)
    assert thread is not None
    assert (server.texts(thread), server.texts(where)) == (["5 €"], [])


async def test_somebody_opened_the_thread_meanwhile(server: DiscordServer) -> None:
    _, asked, incoming = await _ask(server, "always")
    general = server.world.channels[incoming.address.chat]
    thread = await server.opens_thread(general, "Toms", server.user("Tom"), on=asked)
    await channel_for(server).send(outgoing(incoming.address, "5 €"))
    assert server.texts(thread) == ["5 €"]


async def test_without_the_right_to_open_threads_the_channel_is_used(server: DiscordServer) -> None:
    where, asked, incoming = await _ask(server, "always")
    server.forbid(where, "threads")
    channel = channel_for(server)
    sent = await channel.send(outgoing(incoming.address, "5", reply_to=asked.id))
    await channel.edit(sent, outgoing(incoming.address, "5 €"))
    await channel.send(outgoing(incoming.address, "More?", part=1))
    await channel_for(server).edit(sent, outgoing(incoming.address, "5 € sharp"))
    await channel_for(server).send(outgoing(incoming.address, "No?", part=2))
    assert server.texts(where) == ["5 € sharp", "More?", "No?"]
    assert server.from_bot(where)[0].reply_to == asked.id
    assert len(server.called(OPEN_THREAD)) == 2  # each process finds out once


async def test_trouble_while_opening_is_not_taken_for_a_refusal(server: DiscordServer) -> None:
    where, _, incoming = await _ask(server, "always")
    for fault in (broken(503), dropped("never")):
        server.fail(OPEN_THREAD, fault)
        with pytest.raises(SendFailed):
            await channel_for(server).send(outgoing(incoming.address, "5 €"))
    assert server.texts(where) == []


async def test_a_question_that_was_deleted_gets_no_thread(server: DiscordServer) -> None:
    where, asked, incoming = await _ask(server, "always")
    await server.deletes(asked)
    with pytest.raises(ChatClosed, match="deleted"):
        await channel_for(server).send(outgoing(incoming.address, "5 €"))
    assert server.texts(where) == []


async def test_what_was_said_in_a_private_thread_stays_there(server: DiscordServer) -> None:
    """A private thread that was deleted: its answer must not appear in the channel for all to see."""
    general, mei = server.text_channel("general"), server.user("Mei")
    secret = await server.opens_thread(general, "Secret", mei, type=PRIVATE_THREAD)
    to = address(secret)
    server.delete_channel(secret)
    for rights in ((), ("threads",), ("threads", "read")):
        server.forbid(general, *rights)
        with pytest.raises(ChatClosed):
            await channel_for(server).send(outgoing(to, "your order 4711"))
    assert server.texts(general) == []


async def test_a_thread_that_a_moderator_deleted_stays_deleted(server: DiscordServer) -> None:
    where, asked, incoming = await _ask(server, "always")
    channel = channel_for(server)
    await channel.send(outgoing(incoming.address, "5 €"))
    thread = server.thread_of(asked)
    assert thread is not None
    server.delete_channel(thread)
    with pytest.raises(ChatClosed):
        await channel.send(outgoing(incoming.address, "More?", part=1))
    assert server.thread_of(asked) is None
    assert server.texts(where) == []


@pytest.mark.parametrize(
    ("question", "language", "name"),
    [
        ("<@1> " * 3, "zh-CN", "咨询"),
        ("", "en", "Question"),
        ("茶" * 300, "zh", "茶" * 78 + "…"),
        ("`a`\n\n# b  *c*", "en", "a b c"),
    ],
)
async def test_the_threads_name(server: DiscordServer, question: str, language: str, name: str) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    asked = await server.user_says(general, question, user=mei, mention=True)
    to = Address(bot="teahouse", platform="discord", chat=general.id, thread=asked.id)
    await channel_for(server).send(outgoing(to, "5 €", language=language))
    thread = server.thread_of(asked)
    assert thread is not None
    assert thread.name == name
