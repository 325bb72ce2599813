"""The bots of this process, each in its newest valid version. Saving a file puts a new version on the shelf."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import structlog
from watchfiles import awatch

from core.botfile import Bot
from core.errors import ConfigError, ModelError
from core.knowledge.ingest import refreshed

log = structlog.get_logger(__name__)
# A bot's folder that was moved away is looked for so often.
GONE_S = 1.0

# The newest version of a bot, given the one that serves; that one itself if nothing changed.
Refresh = Callable[[Bot], Awaitable[Bot]]


async def _in_memory(before: Bot) -> Bot:
    return await refreshed(before, None, None)


class Shelf:
    def __init__(self, bots: Sequence[Bot], refresh: Refresh = _in_memory) -> None:
        self._bots = {bot.name: bot for bot in bots}
        self._refresh = refresh

    @property
    def names(self) -> list[str]:
        return list(self._bots)

    def bot(self, name: str) -> Bot:
        """The version to answer with now; take it once for each message and keep it until the answer is made."""
        return self._bots[name]

    async def watch(self) -> None:
        """Reload a bot whenever its folder changes, until cancelled. A broken file changes nothing."""
        roots = self._roots()
        while True:
            async for changes in awatch(*_present(roots), debounce=200, step=50):
                changed = {Path(path) for _, path in changes}
                for name, own in roots.items():
                    if any(path.is_relative_to(root) for path in changed for root in own):
                        await self.reload(name)
                # A file that is watched by itself is another one once an editor has renamed a new one to it.
                if changed & {root for own in roots.values() for root in own[1:]} or self._roots() != roots:
                    break
            while not all(own[0].exists() for own in self._roots().values()):
                await asyncio.sleep(GONE_S)
            roots = self._roots()
            for name in self.names:  # what changed between two watches was not seen
                await self.reload(name)

    def _roots(self) -> dict[str, tuple[Path, ...]]:
        return {bot.name: _roots(bot) for bot in self._bots.values()}

    async def reload(self, name: str) -> bool:
        """Read what changed in a bot's folder; False if it was refused or says the same as before."""
        before = self._bots[name]
        try:
            after = await self._refresh(before)
        except ConfigError as error:
            for problem in error.problems:
                log.error("bot not reloaded", bot=name, problem=str(problem), still_serving=before.version)
            return False
        except (ModelError, OSError) as error:
            log.error("bot not reloaded", bot=name, problem=str(error), still_serving=before.version)
            return False
        if after.version == before.version:
            return False
        if _needs_restart(before, after):
            log.warning("the model or the platforms changed: they take effect at the next start", bot=name)
        self._bots[name] = after
        _tell_unread(before, after)
        log.info("bot reloaded", bot=name, version=after.version, before=before.version, read=list(after.sources.read))
        return True


def _tell_unread(before: Bot, after: Bot) -> None:
    """What cannot be read since now, and whether its last readable version still serves."""
    known = set(before.sources.unread)
    for file in after.sources.files:
        for problem in file.problems:
            if problem not in known:
                log.error("source not read", bot=after.name, problem=str(problem), before_still_serves=file.stale)


def _present(roots: Mapping[str, tuple[Path, ...]]) -> set[Path]:
    return {root for own in roots.values() for root in own if root.exists()}


def _roots(bot: Bot) -> tuple[Path, ...]:
    """The bot's folder, and what bot.yaml names outside of it."""
    named = [*bot.config.sources.notes, *(one.file for one in bot.config.catalogue)]
    paths = {(bot.folder / Path(name).expanduser()).resolve() for name in named}
    return bot.folder, *sorted(path for path in paths if not path.is_relative_to(bot.folder))


def _needs_restart(before: Bot, after: Bot) -> bool:
    """The page's looks are read for each visit; what is opened at the start is not."""
    one, two = before.config.platforms, after.config.platforms
    opened = (one.telegram, one.discord, one.web.enabled) != (two.telegram, two.discord, two.web.enabled)
    return opened or (before.config.model, before.config.embedder) != (after.config.model, after.config.embedder)
