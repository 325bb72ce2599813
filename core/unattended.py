"""Says when what one role has left for the other is not taken: nobody else would notice that no worker runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from core.errors import StoreError
from core.keys import QueueKeys
from core.store import Store

log = structlog.get_logger(__name__)

LOOK_S = 5.0
# Longer than a lease: what a dead worker had is taken again after it.
PATIENCE_S = 20.0


async def watch_answers(store: Store, bot: str, patience_s: float = PATIENCE_S) -> None:
    """For a gateway, until cancelled: messages that no worker takes."""
    queues = [store.work_queue(partition, bot) for partition in store.partitions]
    advice = "no worker takes them: is one running over this store (run --role worker), and does it keep up?"
    await _watch(store, queues, f"messages to {bot} wait", advice, patience_s)


async def watch_sending(store: Store, bot: str, platform: str, patience_s: float = PATIENCE_S) -> None:
    """For a worker, until cancelled: replies that no gateway takes."""
    queues = [store.sending_queue(partition, bot, platform) for partition in store.partitions]
    advice = f"no gateway sends them: is one running over this store (run --role gateway) with {platform} connected?"
    await _watch(store, queues, f"replies of {bot} on {platform} wait", advice, patience_s)


async def _watch(store: Store, queues: Sequence[QueueKeys], what: str, advice: str, patience_s: float) -> None:
    said = False
    while True:
        try:
            longest_s = await store.overdue_s(queues)
        except StoreError as error:
            log.debug("not looked at", reason=str(error))
        else:
            if longest_s > patience_s and not said:
                log.warning(what, since_s=round(longest_s), meaning=advice)
            elif longest_s <= patience_s and said:
                log.info("taken again", what=what)
            said = longest_s > patience_s
        await asyncio.sleep(min(LOOK_S, patience_s))
