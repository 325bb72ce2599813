"""The models of all bots: bots that name the same one share one engine, or one client of the same servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bots.progress import Opening
from bots.settings import read_secrets
from core.botfile import Bot
from core.config import EmbedderConfig, ModelConfig
from core.errors import ModelUnavailable
from core.ports import Embedder, TextModel
from models.engine import Engine
from models.load import load_model, model_key
from models.server import ServerModel, open_server

if TYPE_CHECKING:
    from models.embed import GgufEmbedder
    from models.sentences import SentenceEmbedder

BINDING = "llama_cpp"


@asynccontextmanager
async def open_embedders(bots: Sequence[Bot], data_dir: Path, progress: Opening) -> AsyncIterator[dict[str, Embedder]]:
    """The embedder of each bot that has one, by the bot's name; bots that name the same one share it.

    Raises ModelUnavailable with one sentence to act on.
    """
    opened: dict[object, Embedder] = {}
    embedders: dict[str, Embedder] = {}
    async with AsyncExitStack() as stack:
        for bot in bots:
            config = bot.config.embedder
            if config is None:
                continue
            # A relative path begins at the bot's folder, whatever else is equal.
            key = config.model_dump_json(), "" if config.bundled else bot.folder
            if key not in opened:
                with progress.step(f"Loading the embedder of {bot.name}"):
                    embedder = await open_embedder(config, bot.folder, data_dir=data_dir, progress=progress)
                opened[key] = await stack.enter_async_context(embedder)
            embedders[bot.name] = opened[key]
        yield embedders


async def open_embedder(
    config: EmbedderConfig, base_dir: Path, *, data_dir: Path, progress: Opening
) -> GgufEmbedder | SentenceEmbedder:
    """Close it with ``aclose()``, or use it in ``async with``. Raises ModelUnavailable."""
    if config.bundled:
        from models.sentences import open_sentences

        return await open_sentences(config.bundled, data_dir)
    from models.embed import load_embedder

    return await load_embedder(config, base_dir, data_dir=data_dir, progress=progress.downloaded)


@asynccontextmanager
async def open_models(
    bots: Sequence[Bot], data_dir: Path, progress: Opening, *, tune: bool = True
) -> AsyncIterator[dict[str, TextModel]]:
    """The model of each bot, by the bot's name. Raises ModelUnavailable with one sentence to act on.

    ``tune``: measure a model that this machine does not know yet.
    """
    opened: dict[object, TextModel] = {}
    models: dict[str, TextModel] = {}
    secrets = read_secrets()
    async with AsyncExitStack() as stack:
        for bot in bots:
            key = shared_key(bot.config.model, bot.folder)
            if key not in opened:
                doing = "Connecting to" if bot.config.model.server else "Loading"
                with progress.step(f"{doing} the model of {bot.name}"):
                    model = await open_text_model(
                        bot.config.model, bot.folder, data_dir=data_dir, secrets=secrets, progress=progress, tune=tune
                    )
                opened[key] = await stack.enter_async_context(model)
            models[bot.name] = opened[key]
        yield models


async def open_text_model(
    config: ModelConfig,
    base_dir: Path,
    *,
    data_dir: Path,
    secrets: Mapping[str, str],
    progress: Opening,
    tune: bool = True,
) -> Engine | ServerModel:
    """In this process, or at ``config.server``. Close it with ``aclose()``, or use it in ``async with``.

    Raises ModelUnavailable.
    """
    if config.server is not None:
        return await open_server(config, secrets)
    try:
        return await load_model(
            config, base_dir, data_dir=data_dir, progress=progress.downloaded, tune=tune, step=progress.step
        )
    except ImportError as error:
        if (error.name or "").partition(".")[0] != BINDING:
            raise
        raise ModelUnavailable(
            f"llama.cpp's binding is not installed here ({error}): `make install` builds it; a bot whose bot.yaml names "
            "a model.server needs none, and a gateway (--role gateway) needs no model at all"
        ) from error


def shared_key(config: ModelConfig, base_dir: Path) -> object:
    """Equal for two bots that can share one model: of a server's, the options of an engine mean nothing."""
    if config.server is None:
        return model_key(config, base_dir)
    return config.server.model_dump_json(), config.context, tuple(config.languages)
