"""The other gateways that serve this bot's page: what is shown here may concern a tab that is open there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from pydantic import ValidationError

from core.errors import StoreError
from core.messages import Incoming, Outgoing
from core.ports import Relay
from core.value import CheckedValue

log = structlog.get_logger(__name__)

LISTEN_AGAIN_S = 0.5


class Notice(CheckedValue):
    """``by``: the gateway; a ``reply`` was shown under ``name``, or the shopper has ``written``."""

    by: str = ""
    name: str = ""
    reply: Outgoing | None = None
    written: Incoming | None = None


class Others:
    """``heard`` is called with each notice of another gateway. Telling waits for nobody: who misses it has the history."""

    def __init__(self, relay: Relay, heard: Callable[[Notice], Awaitable[None]]) -> None:
        self._relay = relay
        self._heard = heard
        self._me = uuid4().hex
        self._telling: set[asyncio.Task[None]] = set()

    def tell(self, notice: Notice) -> None:
        task = asyncio.create_task(self._tell(notice.model_copy(update={"by": self._me})))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with contextlib.aclosing(self._relay.heard()) as notices:
                    async for notice in notices:
                        await self._take(notice)
            except StoreError as error:
                log.debug("other gateways are not heard", reason=str(error))
                await asyncio.sleep(LISTEN_AGAIN_S)

    async def _take(self, text: str) -> None:
        try:
            notice = Notice.model_validate_json(text)
        except ValidationError as error:
            log.warning("a notice of another gateway is not understood", reason=str(error))
            return
        if notice.by != self._me:
            await self._heard(notice)

    async def _tell(self, notice: Notice) -> None:
        try:
            await self._relay.tell(notice.model_dump_json(exclude_defaults=True))
        except StoreError as error:
            log.debug("other gateways are not told", reason=str(error))
