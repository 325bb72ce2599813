"""A gateway without a worker, and a worker without a gateway, say what is missing; and no more once it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sized

from structlog.testing import capture_logs

from core.messages import Reply
from core.state import Outcome, State
from core.store import Store
from core.unattended import watch_answers, watch_sending
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, message
from tests.core.service import stop

PATIENT_S = 0.05


async def test_what_nobody_takes_is_said_once_and_taken_back(store: Store) -> None:
    with capture_logs() as said:
        watching = [
            asyncio.create_task(watch_answers(store, "shop", PATIENT_S)),
            asyncio.create_task(watch_sending(store, "shop", "test", PATIENT_S)),
        ]
        try:
            await store.put(message("hello"), 0, KEEP)
            await until_said(said, 1)
            ((taken,), _) = await store.take_turns(0, "shop", 1, 50)
            await until_said(said, 2)
            turn = taken.read()
            reply = Reply(id=turn.reply_id, address=turn.address, text="fine")
            await store.commit(turn, Outcome(state=State(), lines=(), reply=reply), KEEP)
            await until_said(said, 3)
            await asyncio.sleep(4 * PATIENT_S)
        finally:
            await stop(*watching)
    assert [entry["event"] for entry in said] == [
        "messages to shop wait",
        "taken again",
        "replies of shop on test wait",
    ]
    assert "run --role worker" in said[0]["meaning"]
    assert "run --role gateway" in said[2]["meaning"]


async def until_said(said: Sized, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(said) < count:
            await asyncio.sleep(0.01)
