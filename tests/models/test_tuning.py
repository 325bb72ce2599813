"""Which options are measured, which ones win, what is kept: over a scripted machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.tuning import Asked, Choices, Facts, Measured, Tuning, default_choices
from models.tuning.kept import Kept, alone, facts
from models.tuning.search import Found, search

Cost = Callable[[Choices], float]  # how many times longer than the fastest


class Scripted:
    """Measures by formula; each measurement takes a second of its clock. ``fails``: why these choices do not work."""

    def __init__(self, cost: Cost, *, fails: Callable[[Choices], str] = lambda _: "", prompt: int = 512) -> None:
        self._cost, self._fails, self._prompt = cost, fails, prompt
        self.seconds = 0.0
        self.prompts: list[int] = []

    async def measure(self, choices: Choices, prompt: int) -> Measured:
        self.seconds += 1
        self.prompts.append(prompt)
        if failed := self._fails(choices):
            return Measured(choices=choices, failed=failed)
        cost = self._cost(choices)
        return Measured(
            choices=choices,
            prompt_rate=1000 / cost,
            step_1_ms=10 * cost,
            step_8_ms=40 * cost,
            prompt_tokens=prompt or self._prompt,
        )

    def find(self, asked: Asked | None = None, *, usable: int = 2, budget_s: float = 100) -> Found:
        asked = asked or Asked()
        return asyncio.run(search(asked, usable, self.measure, seconds=lambda: self.seconds, budget_s=budget_s))


def by_threads(choices: Choices) -> float:
    return 1 / min(choices.threads, 6)  # more than six bring nothing


def test_on_a_cpu_where_flash_attention_is_slow() -> None:
    found = Scripted(lambda one: (2.5 if one.flash_attention == "on" else 1) * by_threads(one)).find()
    assert found.choices == Choices(threads=2, flash_attention="off", kv_type="f16", batch=512)
    assert not found.stopped
    tried = [one.choices for one in found.measured]
    assert len(set(tried)) == len(tried), "nothing is measured twice"
    assert {one.flash_attention for one in tried} == {"on", "off"}
    assert {one.threads for one in tried} == {1, 2}
    assert {one.batch for one in tried} == {256, 512}


def test_where_flash_attention_and_q8_0_are_fast() -> None:
    def cost(one: Choices) -> float:
        return (0.7 if one.flash_attention == "on" else 1) * (0.8 if one.kv_type == "q8_0" else 1)

    found = Scripted(cost).find()
    assert found.choices is not None
    assert (found.choices.flash_attention, found.choices.kv_type) == ("on", "q8_0")


@pytest.mark.parametrize("gain", [0.96, 1.0, 1.2])
def test_q8_0_is_not_chosen_without_a_gain(gain: float) -> None:
    found = Scripted(lambda one: gain if one.kv_type == "q8_0" else 1.0).find()
    assert found.choices is not None
    assert found.choices.kv_type == "f16"
    assert all(one.choices.flash_attention == "on" for one in found.measured if one.choices.kv_type == "q8_0")


def test_only_threads_that_pay() -> None:
    found = Scripted(by_threads).find(usable=16)
    assert found.choices is not None
    assert 6 <= found.choices.threads <= 9


def test_a_batch_that_evaluates_prompts_faster() -> None:
    class Prompts(Scripted):
        async def measure(self, choices: Choices, prompt: int) -> Measured:
            measured = await super().measure(choices, prompt)
            return measured.model_copy(update={"prompt_rate": float(choices.batch)})

    assert Prompts(lambda _: 1.0, prompt=2048).find().choices == Choices(threads=1, flash_attention="off", batch=2048)
    slow = Prompts(lambda _: 1.0, prompt=64).find()
    assert {one.choices.batch for one in slow.measured} == {512}, "too short a prompt shows no difference"


def test_every_prompt_is_as_long_as_the_first() -> None:
    scripted = Scripted(lambda _: 1.0, prompt=128)
    scripted.find()
    assert scripted.prompts[0] == 0
    assert set(scripted.prompts[1:]) == {128}


def test_what_is_set_is_neither_measured_nor_changed() -> None:
    asked = Asked(threads=3, flash_attention="on", kv_type="f16", batch=128)
    found = Scripted(lambda _: 1.0).find(asked, usable=8)
    assert found.choices == Choices(threads=3, flash_attention="on", kv_type="f16", batch=128)
    assert len(found.measured) == 1


@pytest.mark.parametrize("flash", [None, "on"])
def test_q8_0_that_is_set_gets_flash_attention(flash: str | None) -> None:
    found = Scripted(
        lambda _: 1.0, fails=lambda one: "needs flash attention" if one.flash_attention == "off" else ""
    ).find(Asked(kv_type="q8_0", flash_attention="on" if flash else None))
    assert found.choices is not None
    assert found.choices.kv_type == "q8_0"
    assert not any(one.failed for one in found.measured)


def test_on_a_gpu_threads_are_not_measured() -> None:
    found = Scripted(lambda one: 1.0 if one.flash_attention == "auto" else 1.5).find(Asked(gpu_layers=-1), usable=16)
    assert found.choices is not None
    assert found.choices.flash_attention == "auto"
    assert {one.choices.threads for one in found.measured} == {16}


def test_what_crashes_is_not_chosen() -> None:
    found = Scripted(
        lambda _: 1.0, fails=lambda one: "crashed (SIGSEGV)" if one.flash_attention == "off" else ""
    ).find()
    assert found.choices is not None
    assert found.choices.flash_attention == "on"
    assert "crashed (SIGSEGV)" in [one.failed for one in found.measured]


def test_nothing_works() -> None:
    found = Scripted(lambda _: 1.0, fails=lambda _: "no").find()
    assert found.choices is None


@pytest.mark.parametrize("budget", [0, 1, 2, 3])
def test_it_ends_early_and_says_so(budget: float) -> None:
    found = Scripted(by_threads).find(budget_s=budget)
    assert len(found.measured) == max(1, budget)
    assert found.choices is not None
    assert "not measured" in found.stopped
    assert "batch" in found.stopped


def test_without_measuring() -> None:
    assert default_choices(Asked(), 4) == Choices(threads=4, flash_attention="off", kv_type="f16", batch=512)
    assert default_choices(Asked(gpu_layers=-1), 4).flash_attention == "auto"
    assert default_choices(Asked(kv_type="q8_0"), 4).flash_attention == "auto"
    assert default_choices(Asked(threads=64), 4).threads == 4


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────

DIGEST = "ab" * 32
HERE = Facts(processor="x", features="y", threads=2, quota=None, gpus=(), build="1", waiting="")


def tuning(facts: Facts = HERE, asked: Asked | None = None) -> Tuning:
    choices = Choices(threads=2, flash_attention="off")
    measured = (Measured(choices=choices, prompt_rate=500, step_1_ms=10, step_8_ms=40, prompt_tokens=512),)
    return Tuning(
        model="m", digest=DIGEST, facts=facts, asked=asked or Asked(), choices=choices, measured=measured, seconds=1
    )


def test_what_was_measured_is_read_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "tuning", DIGEST, HERE, Asked())
    assert kept.read() is None
    kept.write(tuning())
    assert kept.read() == tuning()
    assert kept.path is not None
    assert kept.path.name.startswith(DIGEST[:16])
    assert [path.name for path in (tmp_path / "tuning").iterdir()] == [kept.path.name]


@pytest.mark.parametrize(
    "other",
    [
        {"processor": "z"},
        {"features": "z"},
        {"threads": 3},
        {"quota": 1.5},
        {"gpus": ("10de:2335",)},
        {"build": "2"},
        {"waiting": "GOMP_SPINCOUNT=0"},
    ],
)
def test_another_machine_or_build_is_measured_again(tmp_path: Path, other: dict[str, object]) -> None:
    Kept(tmp_path, DIGEST, HERE, Asked()).write(tuning())
    assert Kept(tmp_path, DIGEST, HERE.model_copy(update=other), Asked()).read() is None
    assert Kept(tmp_path, DIGEST, HERE, Asked(gpu_layers=5)).read() is None
    assert Kept(tmp_path, "cd" * 32, HERE, Asked()).read() is None
    assert Kept(tmp_path, DIGEST, HERE, Asked()).read() is not None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}', None])
def test_a_damaged_file_is_measured_again(tmp_path: Path, content: bytes | None) -> None:
    kept = Kept(tmp_path, DIGEST, HERE, Asked())
    kept.write(tuning())
    assert kept.path is not None
    if content is None:  # of another format
        content = json.dumps({**json.loads(kept.path.read_text()), "format": 99}).encode()
    kept.path.write_bytes(content)
    assert kept.read() is None
    kept.write(tuning())
    assert kept.read() == tuning()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    kept = Kept(tmp_path / "file" / "tuning", DIGEST, HERE, Asked())
    kept.write(tuning())
    assert kept.read() is None
    assert Kept(None, DIGEST, HERE, Asked()).read() is None


def test_the_facts_of_this_machine() -> None:
    here = facts()
    assert here == facts()
    assert here.threads >= 1
    assert here.build
    assert here.processor


async def test_only_one_measures_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    waited: list[int] = []

    async def one(number: int) -> None:
        async with alone(tmp_path, lambda: waited.append(number)):
            inside.append(number)
            assert len(inside) == 1
            await asyncio.sleep(0.02)
            inside.remove(number)

    await asyncio.gather(*(one(number) for number in range(3)))
    assert len(waited) == 2
