"""The child process: it measures the bundled model, and it may die."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from core.config import LoraConfig, ModelConfig
from core.errors import ModelUnavailable
from models.gguf import check_gguf
from models.load import load_model
from models.tuning import Asked, Choices, Job, tune_model
from models.tuning.orders import REPACK_TYPES, MeasureOrder
from models.tuning.process import Child, ChildDied
from models.tuning.repack import loss, repacked_path, try_repacked
from tests.models.gguf_files import gguf_bytes

ONE = Choices(threads=1, flash_attention="off", batch=64)
SET = Asked(threads=1, flash_attention="off", kv_type="f16", batch=64)  # so only one measurement is made


def order(gguf: Path, choices: Choices = ONE, prompt: int = 32) -> MeasureOrder:
    return MeasureOrder(model=gguf, asked=Asked(), choices=choices, prompt=prompt)


async def test_the_real_thing_is_measured_once_and_kept(gguf: Path, tmp_path: Path) -> None:
    shown: list[str] = []

    def step(what: str) -> AbstractContextManager[None]:
        shown.append(what)
        return nullcontext()

    job = Job(gguf, "the bundled model", "ab" * 32, SET, tmp_path / "tuning")
    first, second = await asyncio.gather(tune_model(job, step=step), tune_model(job, step=step))
    assert first.tuning.choices == second.tuning.choices == ONE
    (measured,) = first.tuning.measured
    assert not measured.failed
    assert measured.prompt_rate > 0
    assert measured.step_8_ms > 0
    assert measured.step_1_ms > 0
    assert all("the bundled model" in what for what in shown)
    if not first.tuning.disturbed:
        assert first.tuning == second.tuning, "the one that waited takes what the other has measured"
        shown.clear()
        again = await tune_model(job, step=step)
        assert (again.fresh, again.tuning, shown) == (False, first.tuning, [])


async def test_the_child_opens_what_it_is_told_and_survives_what_does_not_work(gguf: Path) -> None:
    async with Child() as child:
        refused = (await child.carry_out(order(gguf, ONE.model_copy(update={"kv_type": "q8_0"})))).measured
        assert refused is not None
        assert "flash attention" in refused.failed
        flash = ONE.model_copy(update={"kv_type": "q8_0", "flash_attention": "on"})
        works = (await child.carry_out(order(gguf, flash))).measured
        assert works is not None
        assert not works.failed
        assert works.prompt_tokens == 32


async def test_a_child_that_dies_is_told_of_and_started_again(gguf: Path, tmp_path: Path) -> None:
    async with Child() as child:
        await child.carry_out(order(gguf))
        process = child.process
        assert process is not None
        process.kill()
        with pytest.raises(ChildDied, match="killed by the system"):
            await child.carry_out(order(gguf))
        answer = await child.carry_out(order(gguf))
        assert answer.measured is not None
        assert not answer.measured.failed
        second = child.process
    assert second is not None
    assert second.returncode is not None, "leaving the block ends it"


async def test_a_child_that_hangs_is_given_up(gguf: Path) -> None:
    async with Child(limit_s=0.01) as child:
        with pytest.raises(ChildDied, match="took longer"):
            await child.carry_out(order(gguf))
        assert child.process is None


async def test_being_cancelled_ends_the_child(gguf: Path) -> None:
    child = Child()

    async def measuring() -> None:
        async with child:
            while True:
                await child.carry_out(order(gguf))

    task = asyncio.create_task(measuring())
    async with asyncio.timeout(60):
        while child.process is None:
            await asyncio.sleep(0.01)
    process = child.process
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert process.returncode is not None


async def test_a_file_that_is_no_model_is_not_measured_well(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(gguf_bytes())
    job = Job(tmp_path / "x.gguf", "x", "cd" * 32, SET, None)
    tuned = await tune_model(job)  # loading it will say what is wrong with it
    assert tuned.tuning.choices == ONE
    assert tuned.tuning.measured[0].failed


# ── repacking ────────────────────────────────────────────────────────────────────────────────────────────


async def test_repacking(gguf: Path, tmp_path: Path) -> None:
    job = Job(gguf, "the bundled model", "ab" * 32, SET, tmp_path / "tuning")
    target = repacked_path(job, "q4_0", tmp_path)
    seen: list[tuple[int, int]] = []
    tried = await try_repacked(job, "q4_0", ONE, lambda done, total: seen.append((done, total)), target)
    assert not tried.measured.failed
    assert tried.size == target.stat().st_size
    assert check_gguf(target).numbers["general.file_type"] == REPACK_TYPES["q4_0"]
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert all(done <= total for done, total in seen)
    assert "little more quality" in loss(check_gguf(gguf))
    with pytest.raises(ModelUnavailable, match="of type q4_0 already"):
        await try_repacked(Job(target, "x", "", SET, tmp_path), "q4_0", ONE, lambda *_: None)
    tried = await try_repacked(job, "q8_0", ONE, lambda *_: None)
    assert not tried.measured.failed
    assert tried.size > gguf.stat().st_size
    assert not list((tmp_path / "tuning").iterdir()), "the copy is deleted"


async def test_what_cannot_be_repacked_is_a_sentence(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"no model")
    job = Job(tmp_path / "x.gguf", "x", "", SET, tmp_path)
    with pytest.raises(ModelUnavailable, match="is no GGUF file"):
        await try_repacked(job, "q4_0", ONE, lambda *_: None, tmp_path / "models" / "y.gguf")
    (tmp_path / "file").write_text("no folder")
    good = Job(gguf, "the bundled model", "", SET, tmp_path)
    with pytest.raises(ModelUnavailable, match="cannot be made"):
        await try_repacked(good, "q4_0", ONE, lambda *_: None, tmp_path / "file" / "y.gguf")
    assert not (tmp_path / "models" / "y.gguf").exists()


# ── loading with it ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"kv_type": "q8_0", "flash_attention": "off"}, "works only with flash attention"),
        ({"gpu_shares": [0, 0]}, "gives no GPU a share"),
        ({"batch": 3}, "too small"),
        ({"loras": {"kind": LoraConfig(path="kind.gguf")}}, "model.loras.kind.path"),
    ],
)
async def test_what_cannot_be_loaded_is_a_sentence(tmp_path: Path, config: dict[str, object], says: str) -> None:
    with pytest.raises(ModelUnavailable, match=says):
        await load_model(ModelConfig.model_validate({"bundled": True, **config}), tmp_path, tune=False)


async def test_measured_options_are_used_and_answers_come(tmp_path: Path) -> None:
    config = ModelConfig(
        bundled=True, context=512, parallel=2, threads=1, flash_attention="on", kv_type="q8_0", batch=128
    )
    async with await load_model(config, tmp_path, data_dir=tmp_path / "data") as engine:
        assert engine.info.context_tokens == 512
    assert len(list((tmp_path / "data" / "tuning").glob("*.json"))) <= 1
