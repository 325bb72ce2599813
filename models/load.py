"""Opens the model that a bot's configuration names: find the file, check it, measure it once, load it, start its engine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from core.config import ModelConfig
from core.errors import ModelUnavailable
from core.ports import ModelInfo
from models.digest import file_digest
from models.engine import Engine
from models.gguf import check_gguf
from models.governor import MachineGovernor
from models.machine import usable_memory, usable_threads
from models.memory import file_size, needed_memory, too_much
from models.options import EngineOptions
from models.prefixes import PrefixStore
from models.source import ModelFile, find_model
from models.template import usable_template
from models.thread import in_own_thread
from models.tuning import Asked, Choices, Job, default_choices, tune_model
from models.tuning.kept import library_build
from models.tuning.tune import Step, no_step

if TYPE_CHECKING:
    from models.download import Hub, Progress
    from models.llama import LoadOptions, Opened

log = structlog.get_logger("models.load")

_CELLS_FOR_EACH = 1024  # of an answer in parallel, beyond the one that fills its whole context
_CHATML_TOKENS = {"<|im_start|>", "<|im_end|>"}


@dataclass(frozen=True, slots=True)
class Found:
    """A model's file, before it is opened. ``loras``: the adapters' files by name."""

    file: ModelFile
    config: ModelConfig
    digest: str
    loras: Mapping[str, Path]


async def load_model(
    config: ModelConfig,
    base_dir: Path,
    *,
    data_dir: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    hub: Hub | None = None,
    keep: int | None = None,
    tune: bool = True,
    step: Step = no_step,
) -> Engine:
    """The opened engine; close it with ``aclose()``, or use it in ``async with``.

    ``base_dir``: the bot's folder, where relative paths begin. ``data_dir``: keeps the digests of big files, what was
    measured and persona prefixes; without it nothing is measured. ``progress``: told about a download, from another
    thread. ``keep``: see EngineOptions. ``tune``: measure the model if this machine does not know it; ``step`` shows that.
    Raises ModelUnavailable with one sentence to act on.
    """
    found = await find(config, base_dir, data_dir=data_dir, progress=progress, hub=hub)
    choices = await _choose(found, data_dir, tune=tune, step=step)
    _check_memory(found, choices)
    opening = asyncio.create_task(in_own_thread(lambda: _open(found, choices)))
    try:
        opened = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unused)  # the thread cannot be stopped: free what it opens
        raise
    engine = _engine(opened, found, choices, data_dir, keep)
    log.info("model loaded", model=engine.info.name, context=engine.info.context_tokens, parallel=config.parallel)
    return engine.start()


def model_key(config: ModelConfig, base_dir: Path) -> tuple[str, Path | None]:
    """Equal for two bots that can share one engine."""
    path = _resolve(config.path, base_dir).resolve() if config.path else None
    loras = {
        name: lora.model_copy(update={"path": str(_resolve(lora.path, base_dir))})
        for name, lora in config.loras.items()
    }
    return config.model_copy(update={"path": "", "loras": loras}).model_dump_json(), path


async def find(
    config: ModelConfig,
    base_dir: Path,
    *,
    data_dir: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    hub: Hub | None = None,
) -> Found:
    """The model's file, downloaded if need be, and its adapters'. Raises ModelUnavailable."""
    _check_options(config)
    loras = {name: _resolve(lora.path, base_dir) for name, lora in config.loras.items()}
    for name, path in loras.items():
        if not path.is_file():
            raise ModelUnavailable(
                f"the LoRA adapter {name!r}, {path}, does not exist: correct model.loras.{name}.path in bot.yaml"
            )
    file = await find_model(config, base_dir, progress=progress, hub=hub)
    digest = await asyncio.to_thread(file_digest, file.path, data_dir)
    return Found(file, config, digest, loras)


def tuning_job(found: Found, data_dir: Path | None) -> Job:
    folder = data_dir / "tuning" if data_dir else None
    return Job(found.file.path, found.file.named, found.digest, asked_of(found.config), folder)


def asked_of(config: ModelConfig) -> Asked:
    """What the configuration leaves to the measurement, and what it does not."""
    return Asked(
        threads=config.threads or None,
        flash_attention=None if config.flash_attention == "auto" else config.flash_attention,
        kv_type=None if config.kv_type == "auto" else config.kv_type,
        batch=config.batch or None,
        gpu_layers=config.gpu_layers,
        gpu_split=config.gpu_split,
        gpu_shares=tuple(config.gpu_shares),
        main_gpu=config.main_gpu,
        gpu_cache=config.gpu_cache,
    )


# ── before it is opened ──────────────────────────────────────────────────────────────────────────────────


def _resolve(path: str, base_dir: Path) -> Path:
    return (base_dir / Path(path).expanduser()).absolute()


def _check_options(config: ModelConfig) -> None:
    if config.kv_type == "q8_0" and config.flash_attention == "off":
        raise ModelUnavailable(
            "model.kv_type q8_0 works only with flash attention: in bot.yaml, set model.flash_attention to on or auto, "
            "or model.kv_type to f16"
        )
    if config.gpu_shares and not any(config.gpu_shares):
        raise ModelUnavailable("model.gpu_shares gives no GPU a share: write for example [3, 1], or leave it out")
    if 0 < config.batch < 32:
        raise ModelUnavailable(
            f"model.batch is {config.batch}, which is too small: write 32 to 8192, or 0 to measure it"
        )
    if not config.gpu_layers and (config.gpu_shares or config.main_gpu):
        log.warning("gpu_shares and main_gpu do nothing while gpu_layers is 0")


async def _choose(found: Found, data_dir: Path | None, *, tune: bool, step: Step) -> Choices:
    job = tuning_job(found, data_dir)
    if not (tune and found.config.tune and data_dir):
        return default_choices(job.asked, usable_threads())
    return (await tune_model(job, step=step)).tuning.choices


def _check_memory(found: Found, choices: Choices) -> None:
    """Not where a GPU has a part of it: then nobody knows how much is needed here."""
    memory = usable_memory()
    if memory is None or found.config.gpu_layers:
        return
    path = found.file.path
    needed = needed_memory(check_gguf(path), file_size(path), _cells(found.config), choices.kv_type)
    if needed is not None and (problem := too_much(needed, memory)):
        raise ModelUnavailable(
            f"{found.file.named} does not fit: {problem}. Choose a smaller model, or a smaller model.context or "
            "model.parallel in bot.yaml"
        )


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────


def _cells(config: ModelConfig) -> int:
    return config.context + (config.parallel - 1) * min(config.context, _CELLS_FOR_EACH)


def _open(found: Found, choices: Choices) -> Opened:
    from models.llama import LlamaError, open_model  # takes a second, and only who loads a model needs it

    try:
        return open_model(found.file.path, _options(found, choices))
    except LlamaError as error:
        raise ModelUnavailable(
            f"{found.file.named} cannot be loaded ({error}): choose another GGUF model, or a smaller model.context if "
            "memory is short"
        ) from error


def _options(found: Found, choices: Choices) -> LoadOptions:
    from models.llama import LoadOptions, Lora

    config = found.config
    return LoadOptions(
        context=config.context,
        cells=_cells(config),
        parallel=config.parallel,
        threads=choices.threads,
        flash_attention=choices.flash_attention,
        kv_type=choices.kv_type,
        batch=choices.batch,
        gpu_layers=config.gpu_layers,
        gpu_split=config.gpu_split,
        gpu_shares=tuple(config.gpu_shares),
        main_gpu=config.main_gpu,
        gpu_cache=config.gpu_cache,
        loras=tuple(Lora(name, path, config.loras[name].scale) for name, path in found.loras.items()),
    )


def _engine(opened: Opened, found: Found, choices: Choices, data_dir: Path | None, keep: int | None) -> Engine:
    vocabulary, config = opened.vocabulary, found.config
    template, problem = usable_template(
        opened.chat_template,
        vocabulary,
        bos=vocabulary.name(vocabulary.bos),
        eos=vocabulary.name(vocabulary.eos),
        chatml=vocabulary.control.keys() >= _CHATML_TOKENS,
    )
    if problem:
        log.warning("a general chat format is used, answers may be worse", model=found.file.named, reason=problem)
    trained = opened.trained_context or config.context
    info = ModelInfo(
        name=found.file.path.stem,
        digest=found.digest,
        context_tokens=min(config.context, trained, opened.runner.limits.cells),
        languages=tuple(config.languages),
    )
    options = EngineOptions(
        parallel=config.parallel, keep=keep, spill_bytes=config.spill_mb * 1_000_000, speculate=config.speculate
    )
    return Engine(
        info,
        opened.runner,
        vocabulary,
        template,
        options,
        adapters=tuple(found.loras),
        governor=_governor(config, choices),
        prefixes=_prefixes(found, choices, data_dir) if data_dir else None,
    )


def _governor(config: ModelConfig, choices: Choices) -> MachineGovernor | None:
    """None: there is nothing to decide, or ``threads`` without ``tune`` says that just so many are wanted."""
    fixed = config.threads and not config.tune
    return None if fixed or choices.threads == 1 or config.gpu_layers == -1 else MachineGovernor(choices.threads)


def _prefixes(found: Found, choices: Choices, data_dir: Path) -> PrefixStore:
    """In a folder of this model and configuration; another build or other choices make its files worthless."""
    key = hashlib.sha256(repr((model_key(found.config, Path()), found.loras)).encode()).hexdigest()[:8]
    held = (found.digest, library_build(), choices.flash_attention, choices.kv_type, _cells(found.config))
    return PrefixStore(data_dir / "prefixes" / f"{found.digest[:16]}-{key}", repr(held))


def _close_unused(opening: asyncio.Task[Opened]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().runner.close()
