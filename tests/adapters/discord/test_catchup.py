"""What was said while nobody listened is read, in its order and before what comes in live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from adapters.discord.catchup import MESSAGES
from core.errors import StoreUnavailable
from core.messages import Incoming
from tests.adapters.discord.parts import MemoryInbox, address, channel_for, listening, outgoing, stored
from tests.platforms.discord_faults import broken, dropped, refused
from tests.platforms.discord_server import GET_CHANNEL, HISTORY, DiscordServer
from tests.platforms.discord_values import PRIVATE_THREAD, Channel


class Seen:
    """As a store tells it, from what its inbox holds."""

    def __init__(self, stored: Sequence[Incoming] = (), away: int = 0) -> None:
        self._stored = stored
        self._away = away

    async def newest(self) -> Mapping[str, datetime]:
        if self._away:
            self._away -= 1
            raise StoreUnavailable("the store cannot be reached")
        found: dict[str, datetime] = {}
        for incoming in self._stored:
            to = incoming.address
            found[to.chat if incoming.message == to.thread else to.thread or to.chat] = incoming.at
        return found


def texts(inbox: MemoryInbox, where: Channel) -> list[str]:
    return [incoming.text for incoming in inbox.stored if incoming.address == address(where)]


async def test_direct_messages_while_it_was_down(server: DiscordServer) -> None:
    """Two persons, and many words; then they go on."""
    people = [server.user("Mei"), server.user("Tom")]
    async with listening(server, channel_for(server)) as first:
        for person in people:
            await server.user_says(server.dm(person), "hello", user=person)
        await stored(server, first, 2)
    for number in range(5):
        for person in people:
            await server.user_says(server.dm(person), str(number), user=person)
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        for person in people:
            await server.user_says(server.dm(person), "live", user=person)
        await stored(server, second, 12)
    for person in people:
        assert texts(second, server.dm(person)) == [*"01234", "live"]
    assert len(second.tries) == 12, "nothing was read twice"
    assert all(incoming.addressed and not incoming.group for incoming in second.stored)


async def test_without_anybody_writing_again(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as first:
        await server.user_says(dm, "hello", user=mei)
        await stored(server, first)
    said = await server.user_says(dm, "is anybody there?", user=mei)
    async with listening(server, channel_for(server, seen=Seen(first.stored, away=1))) as second:
        (incoming,) = await stored(server, second)
    assert (incoming.text, incoming.message, incoming.update) == ("is anybody there?", said.id, f"message:{said.id}")


async def test_pages_in_order_and_live_ones_behind_them(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as first:
        await server.user_says(dm, "hello", user=mei)
        await stored(server, first)
    before = len(server.called(HISTORY))
    for number in range(250):
        await server.user_says(dm, str(number), user=mei)
    server.fail(HISTORY, broken(503))
    server.fail(HISTORY, dropped("never"), times=2)  # aiohttp itself repeats a GET once
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        await server.user_says(dm, "live", user=mei)
        await server.slash(dm, "help", user=mei)
        await stored(server, second, 252)
    assert second.texts == [*(str(number) for number in range(250)), "live", "/help"]
    assert len([call for call in server.called(HISTORY)[before:] if call.status == 200]) == 3


async def test_more_than_is_read(server: DiscordServer, caplog: pytest.LogCaptureFixture) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as first:
        await server.user_says(dm, "hello", user=mei)
        await stored(server, first)
    for number in range(MESSAGES + 5):
        await server.user_says(dm, str(number), user=mei)
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        await stored(server, second, MESSAGES)
    assert second.texts == [str(number) for number in range(5, MESSAGES + 5)]
    assert "more than 1000 messages" in caplog.text


async def test_longer_ago_than_a_day(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as first:
        server.passes(-72 * 3600)
        await server.user_says(dm, "three days ago", user=mei)
        await stored(server, first)
    server.passes(24 * 3600)
    await server.user_says(dm, "two days ago", user=mei)
    server.passes(47 * 3600)
    await server.user_says(dm, "an hour ago", user=mei)
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        await stored(server, second)
    assert second.texts == ["an hour ago"]


async def test_somebody_new_wrote_while_it_was_down(server: DiscordServer) -> None:
    """Discord lists no direct chats, so that this one is found when its person writes again."""
    mei = server.user("Mei")
    dm = server.dm(mei)
    await server.user_says(dm, "one", user=mei)
    await server.user_says(dm, "two", user=mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "three", user=mei)
        await server.user_says(dm, "four", user=mei)
        await stored(server, inbox, 4)
    assert inbox.texts == ["one", "two", "three", "four"]
    assert len(inbox.tries) == 4


async def test_what_we_answered_was_seen(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    await server.user_says(dm, "how much?", user=mei)
    await channel_for(server).send(outgoing(dm, "5 €"))
    await server.user_says(dm, "and to Norway?", user=mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "hello?", user=mei)
        await stored(server, inbox, 2)
    assert inbox.texts == ["and to Norway?", "hello?"]


async def test_the_connection_is_lost_again_before_it_was_read(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "one", user=mei)
        await stored(server, inbox)
        for missed, live in (("two", "three"), ("four", "five")):
            server.fail(HISTORY, broken(503), times=2)
            sessions = server.gateway.identified
            await server.gateway.invalidate()
            await server.user_says(dm, missed, user=mei)
            await server.ready_again(sessions)
            await server.user_says(dm, live, user=mei)
        await stored(server, inbox, 5)
    assert inbox.texts == ["one", "two", "three", "four", "five"]


async def test_a_resumed_session_reads_nothing(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "one", user=mei)
        await stored(server, inbox)
        read = len(server.called(HISTORY))
        server.gateway.abort()
        await server.until(lambda: server.gateway.connected() == 0)
        await server.user_says(dm, "two", user=mei)
        await stored(server, inbox, 2)
    assert len(server.called(HISTORY)) == read


@pytest.mark.parametrize("route", [HISTORY, GET_CHANNEL])
async def test_a_history_that_may_not_be_read_stops_nothing(server: DiscordServer, route: str) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as first:
        await server.user_says(dm, "hello", user=mei)
        await stored(server, first)
    server.fail(route, refused(403, 50001))
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        await server.user_says(dm, "live", user=mei)
        await stored(server, second)
    assert second.texts == ["live"]


async def test_threads_and_channels_with_a_conversation(server: DiscordServer) -> None:
    """Also longer ago than what is read of every channel, and a thread that Discord does not list."""
    general, mei = server.text_channel("general"), server.user("Mei")
    thread = await server.opens_thread(general, "Talk", mei)
    async with listening(server, channel_for(server, threads="always")) as first:
        hidden = server.world.thread(general, server.world.ids.next(), "Hidden", mei, PRIVATE_THREAD)
        server.passes(-7200)
        asked = await server.user_says(general, "how much?", user=mei, mention=True)
        await server.user_says(thread, "hi", user=mei)
        await server.user_says(hidden, "psst", user=mei)
        await stored(server, first, 3)
    server.passes(3600)
    await server.user_says(general, "and to Norway?", user=mei, mention=True)
    await server.user_says(thread, "in the thread", user=mei)
    server.world.unlisted.add(hidden.id)
    await server.user_says(hidden, "in secret", user=mei)
    server.passes(3600)
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        await stored(server, second, 3)
    assert {i.address.thread for i in first.stored} == {asked.id, thread.id, hidden.id}
    by_text = {incoming.text: incoming for incoming in second.stored}
    assert {text: incoming.address for text, incoming in by_text.items()} == {
        "and to Norway?": address(general),
        "in the thread": address(thread),
        "in secret": address(hidden),
    }
    assert all(incoming.group for incoming in second.stored)
    assert not by_text["in secret"].addressed


async def test_a_quiet_channel_is_not_asked(server: DiscordServer) -> None:
    quiet, busy, mei = server.text_channel("quiet"), server.text_channel("busy"), server.user("Mei")
    server.passes(-3600)
    async with listening(server, channel_for(server)) as first:
        for where in (quiet, busy):
            await server.user_says(where, "how much?", user=mei, mention=True)
        await stored(server, first, 2)
    await server.user_says(busy, "and to Norway?", user=mei, mention=True)
    before = len(server.called(HISTORY))
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        await stored(server, second)
    assert {call.path for call in server.called(HISTORY)[before:]} == {f"/channels/{busy.id}/messages"}


async def test_stopping_while_it_waits(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as first:
        await server.user_says(dm, "hello", user=mei)
        await stored(server, first)
    await server.user_says(dm, "meanwhile", user=mei)
    server.fail(HISTORY, broken(503), times=5)
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as second:
        await server.user_says(dm, "live", user=mei)
        await server.until(lambda: server.called(HISTORY))
    assert second.stored == [], "not out of order: the next start reads both"
    server.heal()
    async with listening(server, channel_for(server, seen=Seen(first.stored))) as third:
        await stored(server, third, 2)
    assert third.texts == ["meanwhile", "live"]
