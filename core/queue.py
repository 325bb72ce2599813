"""Working through a queue of conversations: claim, hold the lease, wait out a store that is away.

The worker and the outbox are both such consumers; what they do with a conversation is theirs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import structlog

from core.errors import LeaseLost, StoreUnavailable
from core.keys import QueueKeys
from core.store import Store

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

# The bell wakes an idle consumer at once; this is for the bell that was lost with a restarted server.
IDLE_S = 2.0
BACKOFF_CAP_S = 2.0


async def consume(store: Store, queue: QueueKeys, limit: int, handle: Callable[[str], Awaitable[None]]) -> None:
    """Handle every conversation of ``queue`` as it falls due, at most ``limit`` at once, until cancelled.

    What ``handle`` raises is logged; the conversation is due again when its lease runs out.
    """
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            if len(running) >= limit:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                continue
            due, next_s = await patiently(partial(store.claim, queue, limit - len(running)))
            for conversation in due:
                task = asyncio.create_task(_logged(handle, conversation))
                running.add(task)
                task.add_done_callback(running.discard)
            if not due:
                nap = IDLE_S if next_s is None else min(IDLE_S, next_s)
                await patiently(partial(store.wait, queue, nap))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _logged(handle: Callable[[str], Awaitable[None]], conversation: str) -> None:
    try:
        await handle(conversation)
    except LeaseLost as error:
        log.warning("lease lost", conversation=conversation, reason=str(error))
    except StoreUnavailable as error:
        log.warning("store away, the conversation is taken up again", conversation=conversation, reason=str(error))
    except Exception:
        log.exception("unexpected, the conversation is taken up again", conversation=conversation)


async def patiently(call: Callable[[], Awaitable[Result]]) -> Result:
    """Call until the store answers; says once that it is away and once that it is back."""
    delay = 0.05
    away = False
    while True:
        try:
            result = await call()
        except StoreUnavailable as error:
            if not away:
                log.warning("waiting for the store", reason=str(error))
            away = True
            await asyncio.sleep(delay * random.uniform(0.5, 1))
            delay = min(BACKOFF_CAP_S, delay * 2)
        else:
            if away:
                log.info("the store is back")
            return result


async def under_lease(work: Coroutine[Any, Any, Result], renew: Callable[[], Awaitable[None]], lease_ms: int) -> Result:
    """Run ``work`` while its lease is renewed; when the lease is lost ``work`` is cancelled and LeaseLost raised."""
    working = asyncio.create_task(work)
    renewing = asyncio.create_task(_renew(renew, lease_ms / 3000))
    try:
        done, _ = await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working in done else _raise(renewing)
    finally:
        working.cancel()
        renewing.cancel()
        await asyncio.gather(working, renewing, return_exceptions=True)


def _raise(renewing: asyncio.Task[None]) -> Any:
    renewing.result()
    raise AssertionError("renewing ends only with an error")


async def _renew(renew: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await renew()
        except StoreUnavailable as error:
            # Nobody else can take the lease either while the store is away; the fence decides when it is back.
            log.debug("lease not renewed", reason=str(error))
