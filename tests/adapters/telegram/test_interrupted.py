"""Sends that are interrupted anywhere, over the wire: nothing is lost; what may stand there twice is on record."""

from __future__ import annotations

import pytest

from adapters.telegram import TelegramChannel
from core.messages import Address
from core.store import Store
from tests.adapters.outboxes import (
    all_sent,
    answered,
    asked,
    deliveries,
    draft,
    outgoing,
    recorded,
    sending,
    taken_by_who_dies,
)
from tests.platforms.telegram_faults import DROP_AFTER, DROP_BEFORE, Drop, Garbage, rate_limit, server_error
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Chat


@pytest.fixture
def chat(server: TelegramServer) -> Chat:
    return server.private("Anna")


@pytest.fixture
def address(chat: Chat) -> Address:
    return Address(bot="teahouse", platform="telegram", chat=str(chat.id))


def shown(server: TelegramServer, chat: Chat) -> list[str]:
    return [message.text for message in server.replies(chat)]


@pytest.mark.parametrize("fault", [DROP_BEFORE, DROP_AFTER, Garbage()])
async def test_a_lost_answer_is_sent_again_and_on_record(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address, fault: Drop | Garbage
) -> None:
    """Telegram cannot be asked whether it took the first one."""
    server.fail("sendMessage", fault)
    await answered(store, await asked(store, address), "We have tea.")
    async with sending(store, channel):
        await all_sent(store, address)
    assert shown(server, chat) == ["We have tea."] * (1 if fault == DROP_BEFORE else 2)
    assert await deliveries(store, address) == ["ambiguous"]


async def test_what_was_surely_not_taken_is_sent_once(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    server.fail("sendMessage", server_error(502))
    server.fail("sendMessage", rate_limit(0))
    await answered(store, await asked(store, address), "We have tea.")
    async with sending(store, channel):
        await all_sent(store, address)
    assert shown(server, chat) == ["We have tea."]
    assert await deliveries(store, address) == [""]


async def test_killed_between_the_send_and_its_record(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    turn = await asked(store, address)
    await answered(store, turn, "We have tea.")
    await taken_by_who_dies(store, address)
    await channel.send(outgoing(turn, "We have tea."))
    async with sending(store, channel):
        await all_sent(store, address)
    assert shown(server, chat) == ["We have tea.", "We have tea."]
    assert await deliveries(store, address) == ["ambiguous"]


async def test_killed_while_it_is_edited_to_its_end(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    """Its message is known: editing it twice shows nothing twice."""
    turn = await asked(store, address)
    async with sending(store, channel):
        await store.publish(draft(turn, "We have"))
        await server.until(lambda: shown(server, chat) == ["We have"])
        await recorded(store, turn)
    await answered(store, turn, "We have tea.")
    unsent = await taken_by_who_dies(store, address)
    await channel.edit(unsent.shown.ids[0], outgoing(turn, "We have tea."))
    server.fail("editMessageText", DROP_AFTER)
    async with sending(store, channel):
        await all_sent(store, address)
    assert shown(server, chat) == ["We have tea."]
    assert await deliveries(store, address) == [""]


async def test_killed_between_the_first_draft_and_its_record(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    turn = await asked(store, address)
    await store.begin_draft(draft(turn, "We"))
    await channel.send(outgoing(turn, "We", final=False))
    async with sending(store, channel):
        await store.publish(draft(turn, "We have"))
        await answered(store, turn, "We have tea.")
        await all_sent(store, address)
    assert shown(server, chat) == ["We", "We have tea."]
    assert await deliveries(store, address) == ["ambiguous"]


async def test_a_first_draft_whose_answer_was_lost(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    """Nobody can say whether it stands there: no second one is shown, the finished text is, and on record."""
    turn = await asked(store, address)
    server.fail("sendMessage", DROP_AFTER)
    async with sending(store, channel):
        await store.publish(draft(turn, "We"))
        await server.until(lambda: shown(server, chat) == ["We"])
        for text in ("We have", "We have te"):
            await store.publish(draft(turn, text))
        await answered(store, turn, "We have tea.")
        await all_sent(store, address)
    assert shown(server, chat) == ["We", "We have tea."]
    assert await deliveries(store, address) == ["ambiguous"]


async def test_a_message_that_somebody_deleted_is_sent_anew_once(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    turn = await asked(store, address)
    async with sending(store, channel):
        await store.publish(draft(turn, "We have"))
        await server.until(lambda: shown(server, chat) == ["We have"])
        server.forget(server.replies(chat)[0])
        await answered(store, turn, "We have tea.")
        await all_sent(store, address)
    assert shown(server, chat) == ["We have tea."]
    assert await deliveries(store, address) == [""]


async def test_a_blocked_chat_is_closed_until_its_shopper_writes_again(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    server.block(chat)
    for update in ("u1", "u2"):
        await answered(store, await asked(store, address, update), "We have tea.")
    async with sending(store, channel):
        await all_sent(store, address)
        assert len(server.calls_of("sendMessage")) == 1, "the second reply is not tried"
        server.unblock(chat)
        await answered(store, await asked(store, address, "u3"), "Welcome back!")
        await all_sent(store, address)
    assert shown(server, chat) == ["Welcome back!"]
    assert await deliveries(store, address) == ["failed", "failed", ""]
