"""Our engine in a process of its own, called as the bot calls it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from core.config import ModelConfig
from core.ports import ChatMessage, GenerationRequest, Sampling, Usage
from tests.bench.child import Child, ChildFailed
from tests.bench.clock import Clock, all_at_their_time
from tests.bench.memory import forget_peak, peak_mb
from tests.bench.work import REPEAT_PENALTY, TEMPERATURE, Asked, Prompt, Said

if TYPE_CHECKING:
    from models.engine import Engine

CONTEXT = 4096
_TRIES = 2  # to measure a machine on which something else is busy


@dataclass(frozen=True, slots=True)
class Ask:
    prompts: tuple[Prompt, ...]
    patience_s: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the engine finds best on this machine. ``measured`` False: these are its defaults, others were too busy."""

    threads: int
    flash_attention: Literal["auto", "on", "off"]
    kv_type: Literal["f16", "q8_0"]
    batch: int
    measured: bool


def tune(model: Path, data_dir: Path) -> Tuned:
    """Let the engine measure the machine before anything else runs; what it finds is kept in the data folder.

    Raises ChildFailed.
    """
    child = Child("measuring for kefu", _tune, model, data_dir)
    child.close()
    return cast(Tuned, child.ready)


def config_of(model: Path, places: int, tuned: Tuned) -> ModelConfig:
    return ModelConfig(path=str(model), context=CONTEXT, parallel=places, tune=tuned.measured)


class Kefu:
    """The engine, with a ``config`` as it would stand in bot.yaml.

    ``data_dir`` holds what was measured; each engine gets a copy, so that it knows no prefix of another one's.
    """

    def __init__(self, name: str, config: ModelConfig, data_dir: Path) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="kefu-bench-")
        try:
            own = shutil.copytree(data_dir, Path(self._folder.name) / "data")
            self._child = Child(name, _serve, config, own)
        except BaseException:
            self._folder.cleanup()
            raise

    def ask(self, prompts: Sequence[Prompt], patience_s: float) -> Asked:
        forget_peak(self._child.pid)
        try:
            answer = self._child.call(Ask(tuple(prompts), patience_s))
        except ChildFailed as error:
            return Asked(patience_s, tuple(Said(failed=str(error)) for _ in prompts), 0.0)
        seconds, said = cast(tuple[float, tuple[Said, ...]], answer)
        return Asked(seconds, said, peak_mb(self._child.pid))

    def close(self) -> None:
        self._child.close()
        self._folder.cleanup()


# ── in the child ─────────────────────────────────────────────────────────────────────────────────────────


def _tune(pipe: Connection, model: Path, data_dir: Path) -> None:
    pipe.send(asyncio.run(_tuned(model, data_dir)))


async def _tuned(model: Path, data_dir: Path) -> Tuned:
    from models.load import find, tuning_job
    from models.tuning import tune_model

    found = await find(ModelConfig(path=str(model), context=CONTEXT), Path(), data_dir=data_dir)
    for _ in range(_TRIES):
        tuning = (await tune_model(tuning_job(found, data_dir))).tuning
        if not tuning.disturbed:
            break
    choices = tuning.choices
    return Tuned(choices.threads, choices.flash_attention, choices.kv_type, choices.batch, not tuning.disturbed)


def _serve(pipe: Connection, config: ModelConfig, data_dir: Path) -> None:
    from models.load import load_model

    with asyncio.Runner() as runner:
        engine = runner.run(load_model(config, Path(), data_dir=data_dir))
        pipe.send(None)
        while (order := pipe.recv()) is not None:
            started = time.perf_counter()
            said = runner.run(_together(engine, cast(Ask, order)))
            pipe.send((time.perf_counter() - started, said))
        runner.run(engine.aclose())


async def _together(engine: Engine, order: Ask) -> tuple[Said, ...]:
    return await all_at_their_time(order.prompts, order.patience_s, lambda prompt: _answer(engine, prompt))


async def _answer(engine: Engine, prompt: Prompt) -> Said:
    clock, usage = Clock(), Usage(prompt_tokens=0, completion_tokens=0, first_token_s=0, total_s=0)
    request = GenerationRequest(
        messages=tuple(ChatMessage(role=role, content=content) for role, content in prompt.messages),
        sampling=Sampling(temperature=TEMPERATURE, repeat_penalty=REPEAT_PENALTY),
        max_tokens=prompt.max_tokens,
        owner=f"bench/{prompt.shopper}",
    )
    text = []
    async for piece in engine.generate(request):
        if piece.text:
            clock.piece()
            text.append(piece.text)
        usage = piece.usage or usage
    return clock.said("".join(text), usage.completion_tokens, usage.prompt_tokens, usage.cached_tokens)
