"""A gateway that dies anywhere: the web chat shows each reply once, whatever is repeated."""

from __future__ import annotations

import asyncio
import json

from adapters.webchat import WebChannel
from core.inbox import StoredTranscript
from core.store import Store
from tests.adapters.outboxes import all_sent, answered, asked, deliveries, outgoing, sending, taken_by_who_dies
from tests.adapters.webchat.shop import PAGE
from tests.adapters.webchat.shop import Store as Inbox

PATIENCE_S = 30.0


async def test_killed_between_the_send_and_its_record(store: Store) -> None:
    channel = WebChannel("teahouse", StoredTranscript(store), lambda: PAGE)
    address = channel.address("ann")
    listening = asyncio.create_task(channel.listen(Inbox()))
    await channel.connected.wait()
    tab = channel.open_tab("ann")
    turn = await asked(store, address)
    await answered(store, turn, "We have tea.")
    await taken_by_who_dies(store, address)
    first = await channel.send(outgoing(turn, "We have tea."))
    async with sending(store, channel):
        await all_sent(store, address)
    events = await tab.take(PATIENCE_S) or []
    shown = {json.loads(event.json)["id"] for event in events}
    assert shown == {first}, "the page puts the second in the first's place"
    assert await deliveries(store, address) == [""]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
