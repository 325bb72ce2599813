"""The bots of this process, each in its newest valid version. Saving a file puts a new version on the shelf."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog
from watchfiles import awatch

from core.botfile import Bot, load_bot
from core.errors import ConfigError

log = structlog.get_logger(__name__)


class Shelf:
    def __init__(self, bots: Sequence[Bot]) -> None:
        self._bots = {bot.name: bot for bot in bots}

    @property
    def names(self) -> list[str]:
        return list(self._bots)

    def bot(self, name: str) -> Bot:
        """The version to answer with now; take it once for each message and keep it until the answer is made."""
        return self._bots[name]

    async def watch(self) -> None:
        """Reload a bot whenever its folder changes, until cancelled. A broken file changes nothing."""
        folders = {bot.folder: bot.name for bot in self._bots.values()}
        async for changes in awatch(*folders, debounce=200, step=50):
            changed = {Path(path) for _, path in changes}
            for folder, name in folders.items():
                if any(path.is_relative_to(folder) for path in changed):
                    await self.reload(name)

    async def reload(self, name: str) -> bool:
        """Read a bot's folder again; False if it was refused or says the same as before."""
        before = self._bots[name]
        try:
            after = await asyncio.to_thread(load_bot, before.folder)
        except ConfigError as error:
            for problem in error.problems:
                log.error("bot not reloaded", bot=name, problem=str(problem), still_serving=before.version)
            return False
        if after.version == before.version:
            return False
        if _needs_restart(before, after):
            log.warning("the model or the platforms changed: they take effect at the next start", bot=name)
        self._bots[name] = after
        log.info("bot reloaded", bot=name, version=after.version, before=before.version)
        return True


def _needs_restart(before: Bot, after: Bot) -> bool:
    """The page's looks are read for each visit; what is opened at the start is not."""
    one, two = before.config.platforms, after.config.platforms
    opened = (one.telegram, one.discord, one.web.enabled) != (two.telegram, two.discord, two.web.enabled)
    return opened or before.config.model != after.config.model
