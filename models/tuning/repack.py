"""The model quantised anew, to a type with faster kernels: what that would bring, and making it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from core.errors import ModelUnavailable
from models.gguf import Header, NotUsable, check_gguf
from models.machine import usable_threads
from models.tuning.orders import REPACK_TYPES, MeasureOrder, RepackOrder, RepackType
from models.tuning.process import Child, ChildDied
from models.tuning.tune import Job
from models.tuning.values import Choices, Measured, Repacked

# llama_ftype of files whose numbers are exact or nearly so: quantising them loses no more than the new type itself does.
_EXACT = {0: "F32", 1: "F16", 7: "Q8_0", 32: "BF16"}
_BITS = {"q4_0": 4.7, "iq4_nl": 4.7, "q4_k_m": 5.1, "q8_0": 8.6}  # of a weight; some tensors stay larger
_BITS_NOW = {0: 32.0, 1: 16.0, 32: 16.0, 7: 8.5, 18: 6.6, 8: 5.5, 9: 6.0, 16: 5.5, 17: 5.7, 3: 5.0}
_MARGIN = 50_000_000  # bytes that stay free on the disk
_NOTHING_BETTER = 0.97

Progress = Callable[[int, int], None]  # bytes written, and about how many it will be


def loss(header: Header) -> str:
    """What quantising this file anew costs, in a sentence."""
    kind = _EXACT.get(header.numbers.get("general.file_type", -1))
    if kind:
        return f"The file holds {kind} numbers: quantising it loses only what the new type cannot hold."
    return (
        "The file is quantised already: quantising it again loses a little more quality. "
        "Better make it from the model's F16, BF16 or Q8_0 file, if you can get that."
    )


def pays(repacked: Repacked) -> bool:
    """Whether it is faster by more than noise."""
    return repacked.measured.eight_answers_s < _NOTHING_BETTER * repacked.original.eight_answers_s


def refuse(model: Path, kind: RepackType) -> Header:
    """The file's header. Raises ModelUnavailable: it is of that type already, or is in parts."""
    try:
        header = check_gguf(model)
    except (OSError, NotUsable) as error:
        raise ModelUnavailable(f"{model} cannot be repacked: it {error}") from error
    if header.numbers.get("general.file_type") == REPACK_TYPES[kind]:
        raise ModelUnavailable(f"{model} is of type {kind} already: there is nothing to repack")
    if header.parts > 1:
        raise ModelUnavailable(f"{model} is one of {header.parts} parts: join them first (llama-gguf-split --merge)")
    return header


async def try_repacked(
    job: Job, kind: RepackType, choices: Choices, progress: Progress, keep: Path | None = None
) -> Repacked:
    """Make a repacked copy, measure it and the original with the same choices; then it is deleted.

    ``keep``: or it becomes this file, all of it or nothing. Raises ModelUnavailable.
    """
    copy = _temporary(keep.parent if keep else _folder(job), kind)
    try:
        async with Child() as child:
            await _write(child, job, kind, copy, progress)
            original = await _measure(child, job, job.model, choices, prompt=0)
            measured = await _measure(child, job, copy, choices, prompt=original.prompt_tokens)
        if keep:
            await asyncio.to_thread(_put, copy, keep)
            copy = keep
        return Repacked(type=kind, size=copy.stat().st_size, measured=measured, original=original)
    finally:
        if copy != keep:
            with suppress(OSError):
                copy.unlink()


def _put(copy: Path, target: Path) -> None:
    try:
        with copy.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(copy, target)
    except OSError as error:
        raise ModelUnavailable(f"{target} cannot be written: {error.strerror or error}") from error


def repacked_path(job: Job, kind: RepackType, data_dir: Path) -> Path:
    return (data_dir / "models" / f"{job.model.stem}-{kind}.gguf").absolute()


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────


def _folder(job: Job) -> Path:
    assert job.folder is not None, "repacking needs a data folder"
    return job.folder


def _temporary(folder: Path, kind: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelUnavailable(f"the folder {folder} cannot be made: {error.strerror or error}") from error
    return folder / f"repacking-{kind}-{uuid4().hex[:8]}.part"


async def _write(child: Child, job: Job, kind: RepackType, target: Path, progress: Progress) -> None:
    refuse(job.model, kind)
    expected = _expected_size(job.model, kind)
    _check_room(target, expected)
    order = RepackOrder(model=job.model, target=target, type=kind, threads=usable_threads())
    watching = asyncio.create_task(_watch(target, expected, progress))
    try:
        failed = (await child.carry_out(order)).failed
    except ChildDied as error:
        failed = f"llama.cpp {error}"
    finally:
        watching.cancel()
    if not failed:
        try:
            check_gguf(target)  # a full disk does not always show in the library's answer
        except (OSError, NotUsable) as error:
            failed = f"what was written {error}"
    if failed:
        room = shutil.disk_usage(target.parent).free
        full = "; the disk is full" if room < _MARGIN else ""
        raise ModelUnavailable(f"{job.named} cannot be repacked to {kind}: {failed}{full}")


async def _measure(child: Child, job: Job, model: Path, choices: Choices, prompt: int) -> Measured:
    order = MeasureOrder(model=model, asked=job.asked, choices=choices, prompt=prompt)
    try:
        answer = await child.carry_out(order)
    except ChildDied as error:
        return Measured(choices=choices, failed=str(error), died=True)
    return answer.measured or Measured(choices=choices, failed=answer.failed)


def _check_room(target: Path, expected: int) -> None:
    folder = target.parent
    if not os.access(folder, os.W_OK):
        raise ModelUnavailable(f"the folder {folder} cannot be written to: give this user the permission")
    room = shutil.disk_usage(folder).free
    if room < expected + _MARGIN:
        raise ModelUnavailable(
            f"the disk of {folder} has {room / 1e6:.0f} MB free, and the repacked model needs about "
            f"{(expected + _MARGIN) / 1e6:.0f} MB: make room, or set KEFU_DATA_DIR to a larger disk"
        )


def _expected_size(model: Path, kind: RepackType) -> int:
    """A little more than it will be, from the file's size and the bits of a weight in both types."""
    now = _BITS_NOW.get(check_gguf(model).numbers.get("general.file_type", -1), 4.5)
    return int(model.stat().st_size * 1.05 * _BITS[kind] / now)


async def _watch(target: Path, expected: int, progress: Progress) -> None:
    while True:
        with suppress(OSError):
            progress(target.stat().st_size, expected)
        await asyncio.sleep(0.2)
