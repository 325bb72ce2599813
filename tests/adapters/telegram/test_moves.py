"""A group that becomes a supergroup stays the same conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from adapters.telegram import TelegramChannel
from core.errors import StoreUnavailable
from tests.adapters.telegram.helpers import RecordingInbox, listening, make_channel, outgoing
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Chat


@dataclass(slots=True)
class KeptMoves:
    """Outlives a channel, as a store does. ``refuse``: so many calls fail first."""

    kept: dict[str, str] = field(default_factory=dict)
    refuse: int = 0

    def _check(self) -> None:
        if self.refuse:
            self.refuse -= 1
            raise StoreUnavailable("the store is away")

    async def moves(self) -> Mapping[str, str]:
        self._check()
        return dict(self.kept)

    async def moved(self, old: str, new: str) -> None:
        self._check()
        self.kept[old] = new


@pytest.fixture
def old(server: TelegramServer) -> Chat:
    return server.group("Tea lovers", [server.user("Anna"), server.user("Bo")], kind="group")


async def test_it_is_told_by_service_messages(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, old: Chat
) -> None:
    async with listening(channel, inbox):
        before = server.user_says(old, "hello")
        await server.until(lambda: inbox.messages)
        new = server.migrate(old)
        after = server.user_says(new, "still here, @teahouse_bot")
        server.user_edits(after, "still there, @teahouse_bot")
        await server.until(lambda: len(inbox.messages) == 3)
    first, second, edited = inbox.messages
    assert first.address == second.address == edited.address == outgoing(old.id, "").address
    assert first.message == str(before.id)
    assert second.message == edited.message == f"{new.id}:{after.id}"
    await channel.send(outgoing(old.id, "Yes", reply_to=second.message))
    await channel.send(outgoing(old.id, "Hello", reply_to=first.message))
    assert [call.status for call in server.calls_of("sendMessage")] == [200, 200], "the old id is not even tried"
    one, two = server.replies(new)
    assert (one.text, one.reply_to) == ("Yes", after.id)
    assert (two.text, two.reply_to) == ("Hello", None), "the number of an old message is another one's here"


async def test_it_is_found_out_by_sending(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, old: Chat
) -> None:
    """The service message was for a process that died: a 400 with migrate_to_chat_id tells it as well."""
    server.user_says(old, "hello")
    new = server.migrate(old)
    server.world.updates.clear()
    server.user_says(new, "noise")
    sent = await channel.send(outgoing(old.id, "Hello", reply_to="1"))
    [message] = server.replies(new)
    assert (sent, message.reply_to) == (f"{new.id}:{message.id}", None)
    await channel.edit(sent, outgoing(old.id, "Hello, all"))
    assert [message.text for message in server.replies(new)] == ["Hello, all"]
    async with listening(channel, inbox):
        server.user_says(new, "thank you")
        await server.until(lambda: len(inbox.messages) == 2)
    assert {incoming.address.chat for incoming in inbox.messages} == {str(old.id)}


async def test_it_is_known_after_a_restart(server: TelegramServer, old: Chat) -> None:
    kept, first, second = KeptMoves(), RecordingInbox(), RecordingInbox()
    channel = make_channel(server, moves=kept)
    async with listening(channel, first):
        new = server.migrate(old)
        await server.until(lambda: kept.kept)
        await server.until(lambda: not server.unacknowledged)
    await channel.close()
    assert kept.kept == {str(old.id): str(new.id)}
    kept.refuse = 2
    channel = make_channel(server, moves=kept)
    server.user_says(new, "still here, @teahouse_bot")
    async with listening(channel, second):
        await server.until(lambda: second.messages)
    await channel.send(outgoing(old.id, "Yes"))
    await channel.close()
    assert [incoming.address.chat for incoming in second.messages] == [str(old.id)]
    assert [call.status for call in server.calls_of("sendMessage")] == [200]


async def test_it_is_acknowledged_when_it_is_kept(server: TelegramServer, inbox: RecordingInbox, old: Chat) -> None:
    kept = KeptMoves()
    channel = make_channel(server, moves=kept)
    async with listening(channel, inbox):
        await server.until(lambda: server.calls_of("getUpdates"))
        kept.refuse = 3
        new = server.migrate(old)
        await server.until(lambda: not server.unacknowledged)
        assert kept.refuse == 0
    assert kept.kept == {str(old.id): str(new.id)}
    await channel.close()


async def test_a_store_that_is_away_does_not_hold_up_a_send(server: TelegramServer, old: Chat) -> None:
    kept = KeptMoves(refuse=1)
    channel = make_channel(server, moves=kept)
    new = server.migrate(old)
    await channel.send(outgoing(old.id, "Hello"))
    assert [message.text for message in server.replies(new)] == ["Hello"]
    inbox = RecordingInbox()
    async with listening(channel, inbox):
        await server.until(lambda: kept.kept)
    assert kept.kept == {str(old.id): str(new.id)}
    await channel.close()
