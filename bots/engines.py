"""The models of all bots: bots that name the same one share one engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bots.progress import Opening
from core.botfile import Bot
from core.ports import TextModel
from models.load import load_model, model_key


@asynccontextmanager
async def open_models(bots: Sequence[Bot], data_dir: Path, progress: Opening) -> AsyncIterator[dict[str, TextModel]]:
    """The model of each bot, by the bot's name. Raises ModelUnavailable with one sentence to act on."""
    opened: dict[object, TextModel] = {}
    models: dict[str, TextModel] = {}
    async with AsyncExitStack() as stack:
        for bot in bots:
            key = model_key(bot.config.model, bot.folder)
            if key not in opened:
                with progress.step(f"Loading the model of {bot.name}"):
                    engine = await load_model(
                        bot.config.model, bot.folder, data_dir=data_dir, progress=progress.downloaded
                    )
                opened[key] = await stack.enter_async_context(engine)
            models[bot.name] = opened[key]
        yield models
