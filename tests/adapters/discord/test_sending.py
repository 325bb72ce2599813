"""Messages, edits and typing, as they arrive at Discord."""

from __future__ import annotations

import asyncio

import pytest

from adapters.discord import DiscordChannel
from core.errors import SendRejected
from core.messages import Outgoing
from core.ports import Channel
from tests.adapters.discord.parts import address, channel_for, listening, outgoing
from tests.platforms.discord_faults import broken, dropped, silent
from tests.platforms.discord_server import EDIT, LOGIN, SEND, TYPING, DiscordServer
from tests.platforms.discord_values import SUPPRESS_EMBEDS


async def test_an_answer_in_a_fresh_process(server: DiscordServer) -> None:
    """Nobody listens and nothing is cached: an address is enough."""
    general, mei = server.text_channel("general"), server.user("Mei")
    asked = await server.user_says(general, "how much?", user=mei, mention=True)
    sent = await channel_for(server).send(outgoing(general, "**5 €** https://shop.example", reply_to=asked.id))
    (message,) = server.from_bot(general)
    assert message.id == sent
    assert message.content == "**5 €** https://shop.example"
    assert message.reply_to == asked.id
    assert message.flags & SUPPRESS_EMBEDS


async def test_nobody_is_rung(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    channel = channel_for(server)
    sent = await channel.send(outgoing(general, f"@everyone @here <@{mei.id}>"))
    await channel.edit(sent, outgoing(general, f"@everyone again <@{mei.id}>"))
    (message,) = server.from_bot(general)
    assert message.pings == ()
    assert message.content == f"@everyone again <@{mei.id}>"


async def test_a_deleted_question_does_not_stop_the_answer(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    asked = await server.user_says(general, "how much?", user=mei, mention=True)
    await server.deletes(asked)
    await channel_for(server).send(outgoing(general, "5 €", reply_to=asked.id))
    assert server.texts(general) == ["5 €"]


async def test_a_growing_answer_is_one_message(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server)
    async with listening(server, channel):
        sent = await channel.send(outgoing(dm, "It"))
        await channel.edit(sent, outgoing(dm, "It costs"))
        await channel.edit(sent, outgoing(dm, "It costs 5 €."))
        await channel.edit(sent, outgoing(dm, "It costs 5 €."))  # not modified: success
    (message,) = server.from_bot(dm)
    assert (message.content, message.history[:2]) == ("It costs 5 €.", ("It", "It costs"))
    assert all(call.json()["flags"] == SUPPRESS_EMBEDS for call in server.called(EDIT))
    assert len(server.called(LOGIN)) == 2  # one for listening, one for all of sending


async def test_sending_again_after_a_crash_shows_one_message(server: DiscordServer) -> None:
    """The process died after the first piece was sent and before its id was kept."""
    dm = server.dm(server.user("Mei"))
    first = await channel_for(server).send(outgoing(dm, "It cos"))
    again = await channel_for(server).send(outgoing(dm, "It costs 5 €."))
    assert first == again
    assert server.texts(dm) == ["It costs 5 €."]


async def test_other_parts_and_replies_are_other_messages(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server)
    await channel.send(outgoing(dm, "same"))
    await channel.send(outgoing(dm, "same", part=1))
    await channel.send(outgoing(dm, "same", reply="r2"))
    assert server.texts(dm) == ["same"] * 3
    nonces = [str(call.json()["nonce"]) for call in server.called(SEND)]
    assert len(set(nonces)) == 3
    assert all(len(nonce) == 25 for nonce in nonces)


async def test_a_lost_answer_is_asked_for_again(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server)
    server.fail(SEND, dropped("first"))
    sent = await channel.send(outgoing(dm, "once"))
    assert [message.id for message in server.from_bot(dm)] == [sent]
    server.fail(EDIT, dropped("first"))
    await channel.edit(sent, outgoing(dm, "twice"))
    assert server.texts(dm) == ["twice"]


async def test_a_silent_server_is_asked_again(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    server.fail(SEND, silent("first"))
    await channel_for(server, timeout_s=0.3).send(outgoing(dm, "once"))
    assert server.texts(dm) == ["once"]


async def test_a_broken_server_is_asked_again(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    server.fail(SEND, broken(500, "first"))
    await channel_for(server).send(outgoing(dm, "once"))
    assert server.texts(dm) == ["once"]


async def test_typing(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    await channel_for(server).typing(address(dm))
    assert [call.path for call in server.called(TYPING)] == [f"/channels/{dm.id}/typing"]


async def test_a_direct_channel_is_made_on_demand(server: DiscordServer) -> None:
    mei = server.user("Mei")
    channel = channel_for(server)
    to = await channel.direct(mei.id)
    await channel.send(outgoing(to, "your order is here"))
    assert to == address(server.dm(mei))
    assert server.texts(server.dm(mei)) == ["your order is here"]


async def test_what_discord_cannot_draw_is_rewritten(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    table = "| Tea | Price |\n|---|---|\n| 龙井 | 12 € |\n| Assam | 8 € |"
    await channel_for(server).send(outgoing(dm, table))
    assert server.texts(dm) == ["```\nTea    Price\n-----  -----\n龙井   12 €\nAssam  8 €\n```"]


async def test_every_part_of_a_long_answer_is_taken(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server)
    long = "\n\n".join(f"第{number}段。" + "茶叶需要密封保存。🍵" * 40 for number in range(12))
    parts = channel.split(long)
    for number, part in enumerate(parts):
        await channel.send(outgoing(dm, part, part=number))
    assert len(parts) > 1
    assert "".join("".join(server.texts(dm)).split()) == "".join(long.split())


async def test_a_draft_that_is_too_long_is_shown_shortened(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    draft = Outgoing(address=address(dm), reply="r1", text="word " * 1000, final=False)
    await channel_for(server).send(draft)
    (text,) = server.texts(dm)
    assert text.endswith("…")
    with pytest.raises(SendRejected, match="2000 or fewer"):
        await channel_for(server).send(draft.replace(final=True, reply="r2"))


async def test_many_at_once(server: DiscordServer) -> None:
    people = [server.user(f"Person {number}") for number in range(12)]
    channel = channel_for(server)
    async with listening(server, channel):
        await asyncio.gather(*(channel.send(outgoing(server.dm(person), person.name)) for person in people))
    assert [server.texts(server.dm(person)) for person in people] == [[person.name] for person in people]


def test_traits() -> None:
    quiet: Channel = DiscordChannel(bot="teahouse", token="t", stream=False)
    assert (quiet.platform, quiet.bot) == ("discord", "teahouse")
    assert (quiet.traits.max_chars, quiet.traits.streams, quiet.traits.typing) == (2000, False, True)
    assert DiscordChannel(bot="teahouse", token="t").traits.streams
