"""Opens the model that a bot's configuration names: find the file, check it, load it, start its engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from core.config import ModelConfig
from core.errors import ModelUnavailable
from core.ports import ModelInfo
from models.decoder import EngineOptions
from models.digest import file_digest
from models.engine import Engine
from models.machine import usable_threads
from models.source import ModelFile, find_model
from models.template import usable_template

if TYPE_CHECKING:
    from models.download import Hub, Progress
    from models.llama import Opened

log = structlog.get_logger("models.load")

_CELLS_FOR_EACH = 1024  # of an answer in parallel, beyond the one that fills its whole context
_CHATML_TOKENS = {"<|im_start|>", "<|im_end|>"}


async def load_model(
    config: ModelConfig,
    base_dir: Path,
    *,
    data_dir: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    hub: Hub | None = None,
    keep: int = 1024,
) -> Engine:
    """The opened engine; close it with ``aclose()``, or use it in ``async with``.

    ``base_dir``: the bot's folder, where relative paths begin. ``data_dir``: remembers the digests of big files.
    ``progress``: told about a download, from another thread. ``keep``: tokens that idle conversations may hold in the
    cache: more saves evaluation, but makes every step of running answers slower. Raises ModelUnavailable with one sentence to act on.
    """
    file = await find_model(config, base_dir, progress=progress, hub=hub)
    digest = asyncio.create_task(asyncio.to_thread(file_digest, file.path, data_dir))
    opening = asyncio.create_task(asyncio.to_thread(_open, file, config))
    try:
        opened = await asyncio.shield(opening)
        engine = _engine(opened, config, file, await digest, keep)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unused)  # the thread cannot be stopped: free what it opens
        raise
    finally:
        digest.cancel()
    log.info("model loaded", model=engine.info.name, context=engine.info.context_tokens, parallel=config.parallel)
    return engine.start()


def model_key(config: ModelConfig, base_dir: Path) -> tuple[str, Path | None]:
    """Equal for two bots that can share one engine."""
    path = (base_dir / Path(config.path).expanduser()).resolve() if config.path else None
    return config.model_copy(update={"path": ""}).model_dump_json(), path


def _open(file: ModelFile, config: ModelConfig) -> Opened:
    from models.llama import LlamaError, LoadOptions, open_model  # takes a second, and only who loads a model needs it

    options = LoadOptions(
        context=config.context,
        parallel=config.parallel,
        cells=config.context + (config.parallel - 1) * min(config.context, _CELLS_FOR_EACH),
        gpu_layers=config.gpu_layers,
        threads=config.threads or usable_threads(),
    )
    try:
        return open_model(file.path, options)
    except LlamaError as error:
        raise ModelUnavailable(
            f"{file.named} cannot be loaded ({error}): choose another GGUF model, or a smaller model.context if memory is short"
        ) from error


def _engine(opened: Opened, config: ModelConfig, file: ModelFile, digest: str, keep: int) -> Engine:
    vocabulary = opened.vocabulary
    template, problem = usable_template(
        opened.chat_template,
        vocabulary,
        bos=vocabulary.name(vocabulary.bos),
        eos=vocabulary.name(vocabulary.eos),
        chatml=vocabulary.control.keys() >= _CHATML_TOKENS,
    )
    if problem:
        log.warning("a general chat format is used, answers may be worse", model=file.named, reason=problem)
    trained = opened.trained_context or config.context
    info = ModelInfo(
        name=file.path.stem,
        digest=digest,
        context_tokens=min(config.context, trained, opened.runner.limits.cells),
        languages=tuple(config.languages),
    )
    return Engine(info, opened.runner, vocabulary, template, EngineOptions(parallel=config.parallel, keep=keep))


def _close_unused(opening: asyncio.Task[Opened]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().runner.close()
