"""The whole of it: is it known already? If not, wait for our turn, measure in a child process, keep the result."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog

from core.errors import ModelUnavailable
from models.tuning.kept import Kept, alone, facts
from models.tuning.orders import MeasureOrder
from models.tuning.process import Child, ChildDied
from models.tuning.search import search
from models.tuning.values import Asked, Choices, Measured, Tuning, default_choices

log = structlog.get_logger("models.tuning")

BUDGET_S = 30.0
_DISTURBED, _SHARE = 0.35, 0.05  # CPUs that others may use, or the share of ours, before the figures say little

Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """``named``: how the model's owner knows it. ``folder``: where results are kept; None: nowhere."""

    model: Path
    named: str
    digest: str
    asked: Asked
    folder: Path | None
    budget_s: float = BUDGET_S


@dataclass(frozen=True, slots=True)
class Tuned:
    """``fresh``: measured just now."""

    tuning: Tuning
    fresh: bool


def no_step(_what: str) -> AbstractContextManager[None]:
    return nullcontext()


async def tune_model(job: Job, *, again: bool = False, step: Step = no_step) -> Tuned:
    """``again``: measure even if it is known. ``step``: shows what is being done while it is.

    Raises ModelUnavailable if the library crashes whatever is chosen: it would take our process with it.
    """
    kept = Kept(job.folder, job.digest, facts(), job.asked)
    known = None if again else kept.read()
    if known is not None:
        return Tuned(known, fresh=False)
    began = time.time()
    with step(f"Measuring {job.named} on this machine (once, about 10 s; big models up to a minute)"):
        async with alone(job.folder):
            known = kept.read()  # somebody else has measured while we waited
            if known is not None and not (again and _older(kept.path, began)):
                return Tuned(known, fresh=True)
            tuning = await _measure(job)
    if not tuning.disturbed:
        kept.write(tuning)
    _tell(tuning)
    return Tuned(tuning, fresh=True)


async def _measure(job: Job) -> Tuning:
    now = facts()
    started = time.monotonic()
    async with Child() as child:

        async def measure(choices: Choices, prompt: int) -> Measured:
            order = MeasureOrder(model=job.model, asked=job.asked, choices=choices, prompt=prompt)
            try:
                answer = await child.carry_out(order)
            except ChildDied as error:
                return Measured(choices=choices, failed=str(error), died=True)
            return answer.measured or Measured(choices=choices, failed=answer.failed)

        found = await search(
            job.asked, now.threads, measure, seconds=lambda: time.monotonic() - started, budget_s=job.budget_s
        )
    if found.choices is None and all(one.died for one in found.measured):
        raise ModelUnavailable(
            f"llama.cpp {found.measured[0].failed} with {job.named} on this machine, whatever its options are: "
            "choose another GGUF model, or build llama-cpp-python anew (make clean, then make run)"
        )
    disturbed = _disturbed(found.measured, now.threads)
    default = default_choices(job.asked, now.threads)
    works = all(one.choices != default or not one.failed for one in found.measured)
    return Tuning(
        model=job.named,
        digest=job.digest,
        facts=now,
        asked=job.asked,
        choices=found.choices if found.choices is not None and not (disturbed and works) else default,
        measured=found.measured,
        seconds=round(time.monotonic() - started, 1),
        stopped=found.stopped,
        disturbed=disturbed,
    )


def _disturbed(measured: tuple[Measured, ...], cpus: int) -> bool:
    others = sorted(one.others for one in measured if not one.failed)
    return bool(others) and others[len(others) // 2] > max(_DISTURBED, _SHARE * cpus)


def _older(path: Path | None, moment: float) -> bool:
    return path is None or path.stat().st_mtime < moment


def _tell(tuning: Tuning) -> None:
    if tuning.disturbed:
        log.warning(
            "other programs used the CPUs while the model was measured: the defaults are used, the next start measures again",
            model=tuning.model,
        )
        return
    log.info("model measured", model=tuning.model, seconds=tuning.seconds, **tuning.choices.model_dump())
    if tuning.stopped:
        log.info("the measurement ended early", model=tuning.model, reason=tuning.stopped)
