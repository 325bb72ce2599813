"""A message that somebody deletes is withdrawn, after it was stored."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import StoreUnavailable
from core.messages import Address
from tests.adapters.discord.parts import address, channel_for, listening, stored
from tests.platforms.discord_server import DiscordServer


class Withdrawn:
    """Keeps what it is told; ``away``: so many calls fail first."""

    def __init__(self, away: int = 0) -> None:
        self.told: list[tuple[Sequence[Address], str]] = []
        self._away = away

    async def withdraw(self, places: Sequence[Address], message: str) -> None:
        if self._away:
            self._away -= 1
            raise StoreUnavailable("the store cannot be reached")
        self.told.append((places, message))


async def test_one_message(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm, withdrawn = server.dm(mei), Withdrawn(away=1)
    async with listening(server, channel_for(server, withdrawals=withdrawn)) as inbox:
        said = await server.user_says(dm, "my password is kumquat", user=mei)
        await server.deletes(said)
        await server.until(lambda: withdrawn.told)
    [(places, message)] = withdrawn.told
    assert inbox.stored[0].address in places
    assert message == inbox.stored[0].message


async def test_after_it_was_stored(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm, withdrawn = server.dm(mei), Withdrawn()
    async with listening(server, channel_for(server, withdrawals=withdrawn)) as inbox:
        inbox.away = True
        said = await server.user_says(dm, "oops", user=mei)
        await server.deletes(said)
        await server.until(lambda: len(inbox.tries) >= 2)
        assert withdrawn.told == []
        inbox.away = False
        await server.until(lambda: withdrawn.told)
    assert inbox.texts == ["oops"]


async def test_many_at_once_in_a_thread(server: DiscordServer) -> None:
    general, mei, withdrawn = server.text_channel("general"), server.user("Mei"), Withdrawn()
    async with listening(server, channel_for(server, withdrawals=withdrawn)) as inbox:
        thread = await server.opens_thread(general, "Talk", mei)
        said = [await server.user_says(thread, text, user=mei) for text in ("one", "two")]
        await stored(server, inbox, 2)
        await server.deletes(*said)
        await server.until(lambda: len(withdrawn.told) == 2)
    assert withdrawn.told == [([address(thread)], message.id) for message in said]


async def test_a_question_whose_answer_was_to_open_a_thread(server: DiscordServer) -> None:
    general, mei, withdrawn = server.text_channel("general"), server.user("Mei"), Withdrawn()
    async with listening(server, channel_for(server, threads="always", withdrawals=withdrawn)) as inbox:
        asked = await server.user_says(general, "how much?", user=mei, mention=True)
        await stored(server, inbox)
        await server.deletes(asked)
        await server.until(lambda: withdrawn.told)
    assert inbox.stored[0].address in withdrawn.told[0][0]


async def test_nobody_wants_to_know(server: DiscordServer) -> None:
    mei = server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        said = await server.user_says(server.dm(mei), "one", user=mei)
        await server.deletes(said)
        await server.user_says(server.dm(mei), "two", user=mei)
        await stored(server, inbox, 2)
    assert inbox.texts == ["one", "two"]
