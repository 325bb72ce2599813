"""What the parent and the child process say to each other: one line of JSON each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from core.value import CheckedValue
from models.tuning.values import Asked, Choices, Measured

# llama_ftype of the types that a model can be repacked to; the library has fast kernels for them on most CPUs.
RepackType = Literal["q4_0", "q8_0", "iq4_nl", "q4_k_m"]
REPACK_TYPES: dict[RepackType, int] = {"q4_0": 2, "q8_0": 7, "iq4_nl": 25, "q4_k_m": 15}


class MeasureOrder(CheckedValue):
    """``prompt``: how many tokens; 0: as many as take about a second."""

    kind: Literal["measure"] = "measure"
    model: Path
    asked: Asked
    choices: Choices
    prompt: int


class RepackOrder(CheckedValue):
    """Write ``model``, quantised to ``type``, as ``target``."""

    kind: Literal["repack"] = "repack"
    model: Path
    target: Path
    type: RepackType
    threads: int


class Answer(CheckedValue):
    """``failed``: why the order could not be carried out."""

    measured: Measured | None = None
    failed: str = ""


Order = Annotated[MeasureOrder | RepackOrder, Field(discriminator="kind")]
ORDER: TypeAdapter[MeasureOrder | RepackOrder] = TypeAdapter(Order)
