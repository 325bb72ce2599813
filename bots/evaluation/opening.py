"""What a bot answers with, opened for the test bench: no store, no platform."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.lookup import open_look_ups
from bots.engines import open_embedders, open_models, shared_key
from bots.ingest import bring_up_to_date
from bots.intents import read_trained, ready
from bots.progress import Opening
from bots.settings import Settings, read_secrets
from core.answer import Means
from core.botfile import Bot
from core.knowledge.ingest import index_of, read_bot


@dataclass(frozen=True, slots=True)
class Ready:
    """A bot with the vectors of its texts, and all that it answers with. Nothing is remembered of a person."""

    bot: Bot
    means: Means


@asynccontextmanager
async def open_bot(bot: Bot, settings: Settings, progress: Opening) -> AsyncIterator[Ready]:
    """Raises ModelUnavailable with one sentence to act on."""
    async with AsyncExitStack() as stack:
        models = await stack.enter_async_context(open_models([bot], settings.data_dir, progress, tune=settings.tune))
        embedders = await stack.enter_async_context(open_embedders([bot], settings.data_dir, progress))
        means = Means(models[bot.name], embedders.get(bot.name))
        yield await _ready(stack, bot, means, settings.data_dir, settings, progress)


@asynccontextmanager
async def open_other(folder: Path, ours: Ready, settings: Settings, progress: Opening) -> AsyncIterator[Ready]:
    """Another version of a bot, with the models that are open already where it names the same. Raises ConfigError.

    A revision has no model files in it: relative paths of it begin at the folder of the bot itself. Its index is a
    copy, so that the one that serves stays as it is, and only what differs is embedded.
    """
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kefu-eval-index-")))
        kept = index_of(ours.bot.name, settings.data_dir).folder
        name = folder.resolve().name
        if kept.is_dir():
            shutil.copytree(kept, index_of(name, scratch).folder)
        other = read_bot(folder, scratch)
        at_home = replace(other, folder=ours.bot.folder)
        means = ours.means
        if not _same_models(at_home, ours.bot):
            models = await stack.enter_async_context(
                open_models([at_home], settings.data_dir, progress, tune=settings.tune)
            )
            embedders = await stack.enter_async_context(open_embedders([at_home], settings.data_dir, progress))
            means = Means(models[other.name], embedders.get(other.name))
        yield await _ready(stack, other, means, scratch, settings, progress)


async def _ready(
    stack: AsyncExitStack, bot: Bot, means: Means, index_dir: Path, settings: Settings, progress: Opening
) -> Ready:
    """With everything beside the models."""
    bot = (await bring_up_to_date(bot, index_dir, means.embedder, progress)).bot
    declared = [(bot.name, name, config) for name, config in bot.config.lookups.items()]
    lookups = await stack.enter_async_context(open_look_ups(declared, read_secrets()))
    intents = read_trained(bot, means.embedder, settings.data_dir)
    if intents is None:  # what another version learns is not kept: it would take the place of ours
        embedders = {bot.name: means.embedder} if means.embedder else {}
        intents = (await ready([bot], embedders, index_dir, progress, train=settings.train)).get(bot.name)
    return Ready(bot, replace(means, lookups=lookups, intents=intents))


def _same_models(one: Bot, two: Bot) -> bool:
    models = [shared_key(bot.config.model, bot.folder) for bot in (one, two)]
    return models[0] == models[1] and one.config.embedder == two.config.embedder


def seats(bot: Bot, wanted: int | None) -> int:
    """How many conversations go on at once: as many as the engine has sequences."""
    return wanted or bot.config.model.parallel
