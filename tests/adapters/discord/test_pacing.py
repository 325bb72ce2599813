"""Discord's limits: kept before they are hit, and when Discord asks to wait all the same. Over the wire."""

from __future__ import annotations

import asyncio

import pytest

from adapters.discord import DiscordChannel
from adapters.discord.pacing import Rates
from core.errors import ChannelError, RateLimited
from tests.adapters.discord.parts import address, channel_for, listening, outgoing, scaled, stored
from tests.adapters.writing import maybe, surely
from tests.platforms.discord_faults import silent, too_many
from tests.platforms.discord_server import EDIT, HISTORY, SEND, TYPING, DiscordServer
from tests.platforms.discord_values import Channel

SCALE = 0.1


async def answer(channel: DiscordChannel, where: Channel, number: int) -> None:
    reply, sent = f"r{number}", ""
    for words in range(1, 4):
        sent = await maybe(channel, outgoing(where, f"{number}" + " so" * words, final=False, reply=reply), sent)
        await asyncio.sleep(0.01)
    await surely(channel, outgoing(where, f"{number} done", reply=reply), sent)


async def test_a_hundred_answers_in_twenty_chats_meet_no_429(server: DiscordServer) -> None:
    server.limit_sending(5, 5.0 * SCALE)
    server.limit_all(50, 1.0 * SCALE)
    channel = channel_for(server, rates=scaled(SCALE, longest_wait_s=0.5))
    places = [server.dm(server.user(f"Person {number}")) for number in range(20)]

    async def answer_all(where: Channel) -> None:
        for number in range(5):
            await answer(channel, where, number)

    async with listening(server, channel), asyncio.timeout(120):
        await asyncio.gather(*(answer_all(where) for where in places))
    assert {call.status for call in server.calls} == {200}
    for where in places:
        assert server.texts(where) == [f"{number} done" for number in range(5)]
    assert server.called(EDIT), "and some of it was seen growing"


async def test_a_limit_that_only_the_headers_name(server: DiscordServer) -> None:
    server.limit_sending(2, 0.3)
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server)
    async with listening(server, channel):
        await asyncio.gather(*(surely(channel, outgoing(dm, str(number), part=number)) for number in range(7)))
    assert sorted(server.texts(dm)) == [str(number) for number in range(7)]
    assert {call.status for call in server.called(SEND)} == {200}


async def test_whoever_uses_up_a_bucket_is_not_kept(server: DiscordServer) -> None:
    """The message's id must be recorded at once, not when the bucket is full again."""
    server.limit_sending(1, 600)
    dm, other = server.dm(server.user("Mei")), server.dm(server.user("Tom"))
    channel = channel_for(server)
    async with asyncio.timeout(60):
        sent = await channel.send(outgoing(dm, "one"))
        assert [message.id for message in server.from_bot(dm)] == [sent]
        with pytest.raises(RateLimited) as caught:
            await channel.send(outgoing(dm, "two", part=1))
        assert 500 < caught.value.retry_after <= 600
        await channel.send(outgoing(other, "one"))
    assert {call.status for call in server.called(SEND)} == {200}


async def test_a_busy_channel_delays_nobody_else(server: DiscordServer) -> None:
    general = server.text_channel("general")
    channel = channel_for(server, rates=Rates())
    async with listening(server, channel):
        busy = [asyncio.create_task(surely(channel, outgoing(general, "x", part=part))) for part in range(30)]
        await server.until(lambda: len(server.texts(general)) >= 3)
        quiet = [server.dm(server.user(f"Person {number}")) for number in range(10)]
        await asyncio.gather(*(channel.send(outgoing(dm, "at once")) for dm in quiet))
        assert not all(task.done() for task in busy), "the channel is still waiting"
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
    assert all(server.texts(dm) == ["at once"] for dm in quiet)


async def test_a_draft_is_refused_at_once_and_a_final_waits(server: DiscordServer) -> None:
    dm = server.dm(server.user("Mei"))
    channel = channel_for(server, rates=scaled(SCALE))
    async with listening(server, channel):
        sent = await channel.send(outgoing(dm, "We", final=False))
        await channel.edit(sent, outgoing(dm, "We have", final=False))
        drafts = [channel.edit(sent, outgoing(dm, f"We have {number}", final=False)) for number in range(9)]
        ends = await asyncio.gather(*drafts, return_exceptions=True)
        assert all(isinstance(end, RateLimited | None) for end in ends)
        assert len(server.called(EDIT)) < 6, "the others were not even asked for"
        for number in range(6):
            await channel.edit(sent, outgoing(dm, f"We have tea {number}."))
    assert server.texts(dm) == ["We have tea 5."]


# ── when Discord asks to wait ────────────────────────────────────────────────────────────────────────────


async def test_the_whole_bucket_waits_exactly_as_long_as_discord_said(server: DiscordServer) -> None:
    dm, other = server.dm(server.user("Mei")), server.dm(server.user("Tom"))
    channel = channel_for(server)
    await channel.send(outgoing(other, "before"))
    server.fail(SEND, too_many(2))
    with pytest.raises(RateLimited) as caught:
        await channel.send(outgoing(dm, "one"))
    assert caught.value.retry_after == 2
    with pytest.raises(RateLimited):
        await channel.send(outgoing(dm, "a draft", final=False, reply="r2"))
    await channel.send(outgoing(other, "another channel does not wait", part=1))
    await channel.send(outgoing(dm, "one"))
    first, second = (call for call in server.called(SEND) if call.path == f"/channels/{dm.id}/messages")
    assert (first.status, second.status) == (429, 200)
    assert second.at - first.at >= 2


async def test_all_wait_when_all_must(server: DiscordServer) -> None:
    dm, other = server.dm(server.user("Mei")), server.dm(server.user("Tom"))
    channel = channel_for(server)
    async with listening(server, channel):
        await channel.send(outgoing(dm, "before"))
        server.fail(SEND, too_many(2, everywhere=True))
        with pytest.raises(RateLimited):
            await channel.send(outgoing(dm, "one", part=1))
        with pytest.raises(RateLimited):
            await channel.typing(address(other))
        await channel.send(outgoing(other, "one"))
    _, first, second = server.called(SEND)
    assert second.at - first.at >= 2
    assert server.called(TYPING) == []


async def test_reading_waits_for_itself(server: DiscordServer) -> None:
    """What was missed is read when Discord allows it; nobody else would try again."""
    general, mei = server.text_channel("general"), server.user("Mei")
    await server.user_says(general, "meanwhile", user=mei, mention=True)
    server.fail(HISTORY, too_many(0.2), times=3)
    async with listening(server, channel_for(server)) as inbox:
        await stored(server, inbox)
    assert inbox.texts == ["meanwhile"]


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.02, 0.1, 0.3])
async def test_sends_that_are_cancelled_leave_nothing_behind(server: DiscordServer, after_s: float) -> None:
    """Logging in, waiting for their turn, or waiting for the answer: all places are free again."""
    places = [server.dm(server.user(f"Person {number}")) for number in range(8)]
    channel = channel_for(server, rates=scaled(SCALE))
    server.fail(SEND, silent("never"), times=48)
    tasks = [
        asyncio.create_task(channel.send(outgoing(where, str(number), part=number)))
        for number in range(6)
        for where in places
    ]
    await asyncio.sleep(after_s)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError | ChannelError) for end in ends)
    server.heal()
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(surely(channel, outgoing(where, "after", part=part)) for where in places for part in range(10, 16))
        )
    # What was cancelled may have been on the wire already.
    assert all(server.texts(where).count("after") == 6 for where in places)


async def test_a_send_that_is_cancelled_while_all_must_wait(server: DiscordServer) -> None:
    dm, other = server.dm(server.user("Mei")), server.dm(server.user("Tom"))
    channel = channel_for(server)
    server.fail(SEND, too_many(0.5, everywhere=True))
    with pytest.raises(RateLimited):
        await channel.send(outgoing(dm, "one"))
    waiting = asyncio.create_task(channel.send(outgoing(dm, "one")))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(30):
        await channel.send(outgoing(other, "one"))
    assert server.texts(other) == ["one"]
