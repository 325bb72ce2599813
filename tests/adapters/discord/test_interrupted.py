"""Sends that are interrupted anywhere, over the wire: with the nonce each is shown once, also by another process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adapters.discord.sender import NONCE_WINDOW_S, nonce
from core.messages import Address
from core.store import Store
from tests.adapters.discord import parts
from tests.adapters.outboxes import all_sent, answered, asked, deliveries, draft, outgoing, sending, taken_by_who_dies
from tests.platforms.discord_faults import dropped
from tests.platforms.discord_server import SEND, DiscordServer
from tests.platforms.discord_values import Channel

NONCE = """
from adapters.discord.sender import nonce
from core.messages import Address, Outgoing
print(nonce(Outgoing(address=Address(bot="b", platform="discord", chat="1"), reply="r1", part=2, text="any")))
"""


@pytest.fixture
def dm(server: DiscordServer) -> Channel:
    return server.dm(server.user("Mei"))


@pytest.fixture
def address(dm: Channel) -> Address:
    return parts.address(dm)


def test_the_nonce_is_the_same_in_every_process() -> None:
    """And whatever the text is: the final one may repeat a draft."""
    told = subprocess.run([sys.executable, "-c", NONCE], capture_output=True, text=True, check=True).stdout.strip()
    address = Address(bot="b", platform="discord", chat="1")
    assert told == nonce(parts.outgoing(address, "other", reply="r1", part=2, final=False))
    assert told != nonce(parts.outgoing(address, "other", reply="r1", part=1))


async def test_a_lost_answer_is_repeated_and_shown_once(
    server: DiscordServer, dm: Channel, address: Address, store: Store
) -> None:
    server.fail(SEND, dropped("first"), times=2)
    await answered(store, await asked(store, address), "We have tea.")
    async with sending(store, parts.channel_for(server)):
        await all_sent(store, address)
    assert server.texts(dm) == ["We have tea."]
    assert await deliveries(store, address) == [""]
    assert len({call.json()["nonce"] for call in server.called(SEND)}) == 1


async def test_killed_between_the_send_and_its_record(
    server: DiscordServer, dm: Channel, address: Address, store: Store
) -> None:
    turn = await asked(store, address)
    await answered(store, turn, "We have tea.")
    await taken_by_who_dies(store, address)
    await parts.channel_for(server).send(outgoing(turn, "We have tea."))
    async with sending(store, parts.channel_for(server)):
        await all_sent(store, address)
    assert server.texts(dm) == ["We have tea."]
    assert await deliveries(store, address) == [""]


async def test_killed_between_the_first_draft_and_its_record(
    server: DiscordServer, dm: Channel, address: Address, store: Store
) -> None:
    turn = await asked(store, address)
    await store.begin_draft(draft(turn, "We"))
    await parts.channel_for(server).send(outgoing(turn, "We", final=False))
    await answered(store, turn, "We have tea.")
    async with sending(store, parts.channel_for(server)):
        await all_sent(store, address)
    assert server.texts(dm) == ["We have tea."]
    assert await deliveries(store, address) == [""]


async def test_after_a_long_pause_discord_knows_the_nonce_no_more(
    server: DiscordServer, dm: Channel, address: Address, store: Store
) -> None:
    """Then it is as ambiguous as anywhere else: nothing is lost, and it is on record."""
    turn = await asked(store, address)
    await answered(store, turn, "We have tea.")
    await taken_by_who_dies(store, address)
    await parts.channel_for(server).send(outgoing(turn, "We have tea."))
    server.passes(200)
    begun = store._keys.conversation(address.id).hash
    await store._servers.some().client.hincrby(begun, "begun", -int((NONCE_WINDOW_S + 1) * 1000))
    async with sending(store, parts.channel_for(server)):
        await all_sent(store, address)
    assert server.texts(dm) == ["We have tea.", "We have tea."]
    assert await deliveries(store, address) == ["ambiguous"]


async def test_a_late_draft_does_not_overwrite_what_stands_there(server: DiscordServer, dm: Channel) -> None:
    """Two processes at once: the finished reply came first, and the draft's nonce leads to the same message."""
    sent = await parts.channel_for(server).send(parts.outgoing(dm, "We have tea."))
    late = await parts.channel_for(server).send(parts.outgoing(dm, "We have", final=False))
    assert (late, server.texts(dm)) == (sent, ["We have tea."])
