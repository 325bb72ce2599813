"""Telegram's limits: kept before they are hit, and when Telegram asks to wait all the same. Over the wire."""

from __future__ import annotations

import asyncio

import pytest

from adapters.telegram import Rates, TelegramChannel
from core.errors import ChannelError, RateLimited
from tests.adapters.telegram.helpers import make_channel, outgoing, scaled
from tests.adapters.writing import maybe, surely
from tests.platforms.telegram_faults import Delay, rate_limit
from tests.platforms.telegram_limits import Flood
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Call, Chat

SCALE = 0.1


async def answer(channel: TelegramChannel, chat: Chat, number: int) -> None:
    reply, sent = f"r{number}", ""
    for words in range(1, 4):
        sent = await maybe(channel, outgoing(chat.id, f"{number}" + " so" * words, final=False, reply=reply), sent)
        await asyncio.sleep(0.01)
    await surely(channel, outgoing(chat.id, f"{number} done", reply=reply), sent)


async def test_a_hundred_answers_in_twenty_chats_meet_no_429() -> None:
    flood = Flood(SCALE)
    async with TelegramServer(flood=flood) as server:
        channel = make_channel(server, rates=scaled(SCALE, longest_wait_s=0.5))
        chats = [server.private(f"Person {number}") for number in range(17)]
        chats += [server.group(f"Group {number}", [server.user("Anna")]) for number in range(3)]

        async def answer_all(chat: Chat) -> None:
            for number in range(5):
                await answer(channel, chat, number)

        async with asyncio.timeout(120):
            await asyncio.gather(*(answer_all(chat) for chat in chats))
        await channel.close()
        assert flood.refused == []
        assert all(call.status == 200 for call in server.calls)
        for chat in chats:
            assert [message.text for message in server.replies(chat)] == [f"{number} done" for number in range(5)]
        assert server.calls_of("editMessageText"), "and some of it was seen growing"


async def test_a_busy_group_delays_nobody_else() -> None:
    """Its topics are conversations of their own, and all of them wait for the one group."""
    flood = Flood()
    async with TelegramServer(flood=flood) as server:
        channel = make_channel(server, rates=Rates())
        group = server.group("Busy", [server.user("Anna")], forum=True)
        topics = [server.topic(group, f"Topic {number}") for number in range(40)]
        busy = [
            asyncio.create_task(surely(channel, outgoing(group.id, "hello", thread=f"topic-{topic}")))
            for topic in topics
        ]
        await server.until(lambda: len(server.replies(group)) >= 4)
        quiet = [server.private(f"Person {number}") for number in range(20)]
        await asyncio.gather(*(channel.send(outgoing(chat.id, "at once")) for chat in quiet))
        assert all(server.replies(chat) for chat in quiet)
        assert not all(task.done() for task in busy), "the group is still waiting"
        for task in busy:
            task.cancel()
        await _ended(busy)
        await channel.close()
    assert flood.refused == []


async def test_a_draft_is_refused_at_once_and_leaves_room_for_the_final() -> None:
    async with TelegramServer() as server:
        chat, other = server.private("Anna"), server.private("Bo")
        channel = make_channel(server, rates=scaled(100))
        sent = await channel.send(outgoing(chat.id, "We", final=False))
        edits = [channel.edit(sent, outgoing(chat.id, f"We have {number}", final=False)) for number in range(9)]
        ends = await asyncio.gather(*edits, return_exceptions=True)
        refused = [end for end in ends if isinstance(end, RateLimited)]
        assert len(refused) == 7
        assert all(300 < end.retry_after <= 400 for end in refused)
        assert len(server.calls_of("editMessageText")) == 2, "the others were not even asked for"
        with pytest.raises(RateLimited):
            await channel.send(outgoing(chat.id, "Another", final=False, reply="r2"))
        await channel.send(outgoing(other.id, "Somebody else's", final=False))
        await channel.edit(sent, outgoing(chat.id, "We have tea."))
        [message] = server.replies(chat)
        assert message.text == "We have tea."
        await channel.close()


async def test_finals_wait() -> None:
    flood = Flood(SCALE)
    async with TelegramServer(flood=flood) as server:
        chat = server.private("Anna")
        channel = make_channel(server, rates=scaled(SCALE))
        for number in range(10):
            await channel.send(outgoing(chat.id, str(number)))
        assert [message.text for message in server.replies(chat)] == [str(number) for number in range(10)]
        await channel.close()
    assert flood.refused == []


async def test_a_wait_that_is_too_long_is_the_outboxes() -> None:
    async with TelegramServer() as server:
        chat = server.private("Anna")
        channel = make_channel(server, rates=Rates())
        for number in range(4):
            await channel.send(outgoing(chat.id, str(number)))
        slow = make_channel(server, rates=scaled(100))
        for number in range(4):
            await slow.send(outgoing(chat.id, str(number)))
        with pytest.raises(RateLimited) as caught:
            await slow.send(outgoing(chat.id, "5"))
        assert 200 < caught.value.retry_after <= 400
        await channel.close()
        await slow.close()


# ── when Telegram asks to wait ───────────────────────────────────────────────────────────────────────────


def writes(server: TelegramServer, chat: Chat) -> list[Call]:
    return [call for call in server.calls if call.params.get("chat_id") == str(chat.id) and call.method != "getChat"]


async def test_the_whole_chat_waits_exactly_as_long_as_telegram_said() -> None:
    async with TelegramServer() as server:
        anna, bo = server.private("Anna"), server.private("Bo")
        channel = make_channel(server, rates=scaled(SCALE))
        server.fail("sendMessage", rate_limit(2))
        with pytest.raises(RateLimited) as caught:
            await channel.send(outgoing(anna.id, "one"))
        assert caught.value.retry_after == 2.0
        with pytest.raises(RateLimited):
            await channel.send(outgoing(anna.id, "a draft", final=False))
        await channel.typing(outgoing(anna.id, "").address)
        await channel.send(outgoing(bo.id, "another chat does not wait"))
        await channel.send(outgoing(anna.id, "one"))
        first, second = writes(server, anna)
        assert [first.method, second.method] == ["sendMessage", "sendMessage"], "no typing, no draft in between"
        assert second.at - first.at >= 2.0
        assert (first.status, second.status) == (429, 200)
        await channel.close()


async def test_a_second_chat_that_must_wait_means_all() -> None:
    async with TelegramServer() as server:
        anna, bo, cy = (server.private(name) for name in ("Anna", "Bo", "Cy"))
        channel = make_channel(server, rates=scaled(SCALE))
        for chat, wait in ((anna, 30), (bo, 1)):
            server.fail("sendMessage", rate_limit(wait))
            with pytest.raises(RateLimited):
                await channel.send(outgoing(chat.id, "hello"))
        await channel.send(outgoing(cy.id, "hello"))
        [told], [late] = writes(server, bo), writes(server, cy)
        assert late.at - told.at >= 1.0
        with pytest.raises(RateLimited) as caught:
            await channel.send(outgoing(anna.id, "hello"))
        assert 20 < caught.value.retry_after <= 30
        await channel.close()


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.02, 0.1, 0.3])
async def test_sends_that_are_cancelled_leave_nothing_behind(after_s: float) -> None:
    """Waiting for their turn, connecting, or waiting for the answer: all places and connections are free again."""
    async with TelegramServer() as server:
        chats = [server.private(f"Person {number}") for number in range(8)]
        channel = make_channel(server, rates=scaled(SCALE))
        server.fail("sendMessage", Delay(30), times=None)
        tasks = [
            asyncio.create_task(channel.send(outgoing(chat.id, str(number)))) for number in range(6) for chat in chats
        ]
        await asyncio.sleep(after_s)
        for task in tasks:
            task.cancel()
        assert all(isinstance(e, asyncio.CancelledError | ChannelError) for e in await _ended(tasks))
        server.heal()
        async with asyncio.timeout(30):
            await asyncio.gather(*(surely(channel, outgoing(chat.id, "after")) for chat in chats for _ in range(5)))
        # What was cancelled may have been on the wire already.
        texts = [[message.text for message in server.replies(chat)] for chat in chats]
        assert all(text.count("after") == 5 for text in texts)
        await channel.close()


async def _ended(tasks: list[asyncio.Task[str]]) -> list[BaseException]:
    return [end for end in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(end, BaseException)]
