"""What changes while it is being answered: a worker is told, looks, and begins anew if another answer is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog

from core.errors import LeaseLost, StoreUnavailable, TurnChanged
from core.lease import interruptible
from core.store import Store

log = structlog.get_logger(__name__)

LISTEN_AGAIN_S = 0.5
# More keeps coming: after so many times the quiet that is waited for, what is there is answered.
QUIETS = 4


class Changes:
    """One subscription for all conversations that a worker of one bot has.

    Nothing is lost with a notice that is: what was added is answered in the next turn, and a turn of which something
    was withdrawn cannot be committed.
    """

    def __init__(self, store: Store, bot: str, joined_line: Callable[[int], None]) -> None:
        """``joined_line``: called with the partition in whose line for the model somebody stands now."""
        self._store = store
        self._bot = bot
        self._joined_line = joined_line
        self._told: dict[str, Callable[[], None]] = {}

    async def run(self) -> None:
        while True:
            try:
                async for news in self._store.news(self._bot):
                    if isinstance(news, int):
                        self._joined_line(news)
                    elif told := self._told.get(news):
                        told()
            except StoreUnavailable as error:
                log.debug("changes are not heard", bot=self._bot, reason=str(error))
                await asyncio.sleep(LISTEN_AGAIN_S)

    @asynccontextmanager
    async def watched(self, conversation: str, changed: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Ends the block with TurnChanged when there is news and ``changed`` says so, with LeaseLost when it raises that."""
        news = looking = False
        looks: set[asyncio.Task[None]] = set()
        async with interruptible() as interrupt:

            async def look() -> None:
                nonlocal news, looking
                while news:
                    news = False
                    try:
                        if await changed():
                            interrupt(TurnChanged(f"there is news in {conversation}"))
                    except LeaseLost as error:
                        interrupt(error)
                    except Exception as error:  # what is there as yet is answered all the same
                        log.warning("news not read", conversation=conversation, reason=str(error))
                looking = False

            def told() -> None:
                nonlocal news, looking
                news = True
                if not looking:
                    looking = True
                    task = asyncio.create_task(look())
                    looks.add(task)
                    task.add_done_callback(looks.discard)

            try:
                with self._telling(conversation, told):
                    yield
            finally:
                for task in looks:
                    task.cancel()

    async def quiet(self, conversation: str, quiet_s: float) -> None:
        """Wait until nothing more comes: a burst joins an answer as one."""
        news = asyncio.Event()
        with self._telling(conversation, news.set):
            for _ in range(QUIETS):
                news.clear()
                try:
                    await asyncio.wait_for(news.wait(), quiet_s)
                except TimeoutError:
                    return

    @contextmanager
    def _telling(self, conversation: str, told: Callable[[], None]) -> Iterator[None]:
        self._told[conversation] = told
        try:
            yield
        finally:
            if self._told.get(conversation) is told:
                del self._told[conversation]
