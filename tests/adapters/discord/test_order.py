"""Nothing is lost or shuffled on the way into the inbox."""

from __future__ import annotations

import pytest

from tests.adapters.discord.parts import channel_for, listening, stored
from tests.platforms.discord_server import DiscordServer


async def test_duplicates_are_put_under_the_same_id(server: DiscordServer) -> None:
    mei = server.user("Mei")
    async with listening(server, channel_for(server, threads="always")) as inbox:
        server.duplicate_next(2)
        await server.user_says(server.text_channel("general"), "hello", user=mei, mention=True)
        await server.until(lambda: len(inbox.tries) == 3)
    assert len(inbox.stored) == 1


async def test_the_store_comes_back(server: DiscordServer) -> None:
    mei, tom = server.user("Mei"), server.user("Tom")
    texts = [f"message {number}" for number in range(20)]
    async with listening(server, channel_for(server)) as inbox:
        inbox.refuse_next = 3
        for text in texts:
            await server.user_says(server.dm(mei), text, user=mei)
            await server.user_says(server.dm(tom), text, user=tom)
        await stored(server, inbox, 40)
    for person in (mei, tom):
        assert [incoming.text for incoming in inbox.stored if incoming.sender.id == person.id] == texts


async def test_the_first_of_a_channel_waits_and_the_others_behind_it(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        inbox.away = True
        said = await server.user_says(dm, "one", user=mei)
        await server.user_edits(said, "one, corrected")
        await server.user_says(dm, "two", user=mei)
        await server.until(lambda: len(inbox.tries) >= 2)
        assert set(inbox.tries) == {f"message:{said.id}"}
        inbox.away = False
        await stored(server, inbox, 3)
    assert inbox.texts == ["one", "one, corrected", "two"]


async def test_stopping_says_what_was_not_stored(server: DiscordServer, caplog: pytest.LogCaptureFixture) -> None:
    mei = server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        inbox.away = True
        await server.user_says(server.dm(mei), "my word is kumquat", user=mei)
        await server.until(lambda: inbox.tries)
    assert "1 messages were not stored" in caplog.text
    assert "kumquat" not in caplog.text


async def test_resume_replays_what_was_missed(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "one", user=mei)
        await stored(server, inbox)
        server.gateway.abort()
        await server.until(lambda: server.gateway.connected() == 0)
        await server.user_says(dm, "two", user=mei)
        await server.until(lambda: server.gateway.resumed == 1)
        await server.user_says(dm, "three", user=mei)
        await stored(server, inbox, 3)
    assert inbox.texts == ["one", "two", "three"]


async def test_discord_asks_to_reconnect(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "one", user=mei)
        await server.gateway.ask_to_reconnect()
        await server.user_says(dm, "two", user=mei)
        await server.until(lambda: server.gateway.resumed == 1)
        await server.user_says(dm, "three", user=mei)
        await stored(server, inbox, 3)
    assert inbox.texts == ["one", "two", "three"]


async def test_an_invalid_session_that_may_be_resumed(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.gateway.invalidate(resumable=True)
        await server.user_says(dm, "one", user=mei)
        await stored(server, inbox)
    assert (server.gateway.resumed, server.gateway.identified) == (1, 1)


async def test_a_lost_session_is_caught_up(server: DiscordServer) -> None:
    """Discord forgets the session and replays nothing: what was said meanwhile is read from the channels."""
    general, mei = server.text_channel("general"), server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "one", user=mei)
        await server.user_says(general, "a", user=mei, mention=True)
        await stored(server, inbox, 2)
        await server.gateway.invalidate()
        await server.user_says(dm, "two", user=mei)
        await server.user_says(dm, "three", user=mei)
        await server.user_says(general, "b", user=mei, mention=True)
        await server.until(lambda: server.gateway.identified == 2)
        await stored(server, inbox, 5)
    by_place = {group: [i.text for i in inbox.stored if i.group is group] for group in (True, False)}
    assert by_place == {False: ["one", "two", "three"], True: ["a", "b"]}
    assert len({incoming.address for incoming in inbox.stored}) == 2


async def test_the_whole_server_is_away_for_a_while(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_says(dm, "one", user=mei)
        await stored(server, inbox)
        await server.stop()
        await server.user_says(dm, "two", user=mei)
        await server.start()
        await stored(server, inbox, 2)
    assert inbox.texts == ["one", "two"]


async def test_a_restart_catches_up_in_servers(server: DiscordServer) -> None:
    general, mei, tom = server.text_channel("general"), server.user("Mei"), server.user("Tom")
    thread = await server.opens_thread(general, "Talk", tom)
    server.passes(-3600)
    await server.user_says(general, "long ago", user=mei, mention=True)
    server.passes(3600)
    async with listening(server, channel_for(server)) as first:
        await server.user_says(general, "before", user=mei, mention=True)
        await stored(server, first)
    await server.user_says(general, "meanwhile", user=mei, mention=True)
    await server.user_says(thread, "in the thread", user=tom)
    async with listening(server, channel_for(server)) as second:
        await stored(server, second, 3)
    by_text = {incoming.text: incoming for incoming in second.stored}
    assert set(by_text) == {"before", "meanwhile", "in the thread"}
    assert by_text["before"] == first.stored[0].replace(at=by_text["before"].at)  # a duplicate
    assert [text for text in second.texts if text != "in the thread"] == ["before", "meanwhile"]
