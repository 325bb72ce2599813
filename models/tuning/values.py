"""What is measured, what came out, and what it is kept as."""

from __future__ import annotations

from typing import Literal

from core.value import CheckedValue

FORMAT = 1  # of the kept file; another one is measured again

FlashAttention = Literal["auto", "on", "off"]
KvType = Literal["f16", "q8_0"]

_PROMPT, _ANSWER, _ROWS = 100, 48, 8  # a typical question and answer, in tokens; so many of them at once
_DEFAULT_BATCH = 512


class Choices(CheckedValue):
    """What can be chosen. ``batch``: tokens in one evaluation. ``threads``: the most that pay."""

    threads: int
    flash_attention: FlashAttention
    kv_type: KvType = "f16"
    batch: int = _DEFAULT_BATCH


class Asked(CheckedValue):
    """What the configuration says; None: not set, so it is measured. The GPU's part is never chosen, only obeyed."""

    threads: int | None = None
    flash_attention: Literal["on", "off"] | None = None
    kv_type: KvType | None = None
    batch: int | None = None
    gpu_layers: int = 0
    gpu_split: Literal["layer", "row", "none"] = "layer"
    gpu_shares: tuple[float, ...] = ()
    main_gpu: int = 0
    gpu_cache: bool = True


class Measured(CheckedValue):
    """What one set of choices did. ``failed``: why it cannot be used; then the figures are 0.

    ``prompt_rate``: prompt tokens per second; ``step_1_ms`` and ``step_8_ms``: a step of one and of eight answers.
    ``others``: how many CPUs other programs kept busy meanwhile. ``died``: it failed by ending the process.
    """

    choices: Choices
    prompt_rate: float = 0.0
    step_1_ms: float = 0.0
    step_8_ms: float = 0.0
    prompt_tokens: int = 0
    others: float = 0.0
    failed: str = ""
    died: bool = False

    @property
    def eight_answers_s(self) -> float:
        """Seconds for eight typical answers at once; what is compared. Infinite for what failed."""
        if self.failed:
            return float("inf")
        return _ROWS * _PROMPT / self.prompt_rate + _ANSWER * self.step_8_ms / 1000


class Facts(CheckedValue):
    """What a measurement holds for. ``build``: of llama.cpp; ``waiting``: how its threads wait for each other."""

    processor: str
    features: str
    threads: int
    quota: float | None
    gpus: tuple[str, ...]
    build: str
    waiting: str


class Repacked(CheckedValue):
    """The model, quantised anew for the sake of speed. ``measured`` with the same choices as the original."""

    type: str
    size: int
    measured: Measured
    original: Measured


class Tuning(CheckedValue):
    """``stopped``: why not everything was measured; empty if it was.

    ``disturbed``: other programs used the CPUs meanwhile, so the figures say little: ``choices`` are the defaults then,
    and it is not kept.
    """

    format: int = FORMAT
    model: str
    digest: str
    facts: Facts
    asked: Asked
    choices: Choices
    measured: tuple[Measured, ...]
    seconds: float
    stopped: str = ""
    disturbed: bool = False
    repacked: tuple[Repacked, ...] = ()


def default_choices(asked: Asked, usable: int) -> Choices:
    """Without a measurement: on a CPU flash attention is off, for it makes steps of many answers slower there."""
    flash: FlashAttention = asked.flash_attention or ("auto" if asked.gpu_layers or asked.kv_type == "q8_0" else "off")
    return Choices(
        threads=min(asked.threads or usable, usable),
        flash_attention=flash,
        kv_type=asked.kv_type or "f16",
        batch=asked.batch or _DEFAULT_BATCH,
    )
