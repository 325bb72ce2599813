"""The classifiers of intents of this machine's bots: read at the start, trained anew when they do not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from bots.progress import Opening
from core.botfile import Bot
from core.errors import ModelError
from core.ports import Embedder
from core.understanding.classifier import Classifier, Floats
from core.understanding.examples import Example
from core.understanding.kept import file_of, read_classifier, write_classifier
from core.understanding.training import Trained, digest_of, train

log = structlog.get_logger(__name__)


def read_trained(bot: Bot, embedder: Embedder | None, data_dir: Path) -> Classifier | None:
    """The bot's classifier; None: it has no examples, or was not trained on these ones with this embedder."""
    if not bot.intents:
        return None
    used = embedder.info.digest if embedder else ""
    return read_classifier(file_of(data_dir, bot.name), digest_of(bot.intents), used)


async def ready(
    bots: Sequence[Bot], embedders: Mapping[str, Embedder], data_dir: Path, progress: Opening, *, train: bool
) -> dict[str, Classifier]:
    """By the name of the bot. One that does not fit its bot any more is trained anew, which takes seconds; without
    ``train`` the log says what to run, and rules do what they can.
    """
    found: dict[str, Classifier] = {}
    for bot in bots:
        embedder = embedders.get(bot.name)
        classifier = read_trained(bot, embedder, data_dir)
        if classifier is None and bot.intents and train:
            with progress.step(f"Learning what the shoppers of {bot.name} want"):
                classifier = await _trained(bot, embedder, data_dir)
        if classifier is not None:
            found[bot.name] = classifier
        elif bot.intents:
            log.info(
                "intents are told by rules alone", bot=bot.name, to_train=f"python -m bots train intents {bot.folder}"
            )
    return found


async def _trained(bot: Bot, embedder: Embedder | None, data_dir: Path) -> Classifier | None:
    """Trained and kept for the next start; None: it cannot be, and the log says why."""
    try:
        trained = await learn(bot.intents, await vectors_of(bot.intents, embedder), embedder)
    except (ModelError, ValueError) as error:
        log.warning("intents not learnt", bot=bot.name, reason=str(error))
        return None
    try:
        write_classifier(file_of(data_dir, bot.name), trained.classifier)
    except OSError as error:
        log.warning("what was learnt is not kept", bot=bot.name, reason=str(error))
    return trained.classifier


async def learn(examples: Sequence[Example], vectors: Floats | None, embedder: Embedder | None) -> Trained:
    """A classifier that has learnt from ``examples``, whose vectors these are. Raises ValueError as train()."""
    digest = embedder.info.digest if embedder else ""
    return await asyncio.to_thread(train, examples, vectors, embedder=digest)


async def vectors_of(examples: Sequence[Example], embedder: Embedder | None) -> Floats | None:
    """(examples, dimensions), as questions; None without an embedder."""
    return await embedder.embed([one.text for one in examples], kind="query") if embedder else None
