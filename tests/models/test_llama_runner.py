"""The runner by itself: rows, log-probabilities, saved sequences, LoRA adapters, options."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import RequestInvalid
from core.ports import GenerationRequest, LogitBias, Sampling
from models.gguf import NotUsable, check_lora
from models.llama import LlamaError, LlamaRunner, LoadOptions, Lora, Opened, open_model
from models.runner import DecodeFailed, Slice
from tests.models.gguf_files import entry, lora_bytes

GREEDY = Sampling(temperature=0, repeat_penalty=1)
PLAIN = GenerationRequest(messages=(), sampling=GREEDY)
WIDTH = 576  # of the bundled model


def lora(
    tensor: str = "blk.29.ffn_down.weight",
    *,
    architecture: str = "llama",
    kind: str = "adapter",
    alpha: bytes | None = None,
) -> bytes:
    """Two numbers for each of the 1536 inputs and 576 outputs of a layer: enough to change what is said."""
    random = np.random.default_rng(5)
    down, up = random.normal(0, 0.3, (2, 1536)), random.normal(0, 0.3, (WIDTH, 2))
    tensors = {f"{tensor}.lora_a": down.astype(np.float32), f"{tensor}.lora_b": up.astype(np.float32)}
    return lora_bytes(tensors, architecture=architecture, kind=kind, alpha=alpha)


@pytest.fixture(scope="module")
def opened(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    path = tmp_path_factory.mktemp("lora") / "tone.gguf"
    path.write_bytes(lora())
    loras = (Lora("tone", path), Lora("faint", path, scale=1e-6))
    opened = open_model(gguf, LoadOptions(context=512, cells=512, parallel=3, threads=1, rows=16, loras=loras))
    yield opened
    opened.runner.close()


@pytest.fixture
def runner(opened: Opened) -> LlamaRunner:
    opened.runner.clear()
    return opened.runner


@pytest.fixture
def tokens(opened: Opened) -> list[int]:
    return opened.vocabulary.tokenize("The capital of France is", special=False)


def greedy(runner: LlamaRunner, tokens: list[int], count: int, *, adapter: str = "", sequence: int = 0) -> list[int]:
    sampler = runner.sampler(PLAIN, 1)
    runner.decode([Slice(sequence, 0, tokens, 1)], adapter)
    drawn = [sampler.draw(0)]
    for place in range(len(tokens), len(tokens) + count - 1):
        runner.decode([Slice(sequence, place, drawn[-1:], 1)], adapter)
        drawn.append(sampler.draw(0))
    runner.truncate(sequence, 0)
    return drawn


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_counted_over_all_slices(runner: LlamaRunner, tokens: list[int]) -> None:
    """What follows each of a sequence's last tokens is the same, whether they come in one batch or one by one."""
    runner.decode([Slice(0, 0, tokens[:2], 0), Slice(1, 0, tokens, 3)])
    sampler = runner.sampler(PLAIN, 1)
    together = [sampler.logprob(row, 0, 1) for row in range(3)]
    for row, length in enumerate(range(len(tokens) - 2, len(tokens) + 1)):
        runner.clear()
        runner.decode([Slice(0, 0, tokens[:length], 1)])
        alone = sampler.logprob(0, 0, 1)
        assert alone.top[0][0] == together[row].top[0][0]
        assert alone.logprob == pytest.approx(together[row].logprob, abs=0.1)


def test_a_batch_that_would_end_the_process_is_refused(runner: LlamaRunner, tokens: list[int]) -> None:
    too_long = [Slice(0, 0, tokens[:1] * (runner.limits.batch + 1), 1)]
    too_many_rows = [Slice(0, 0, tokens[:1] * 17, 17)]
    for slices in ([], too_long, too_many_rows, [Slice(0, 0, [], 0)], [Slice(0, 0, tokens[:1], 2)]):
        with pytest.raises(DecodeFailed) as caught:
            runner.decode(slices)
        assert caught.value.intact
    assert len(greedy(runner, tokens, 2)) == 2


def test_a_small_cache_makes_a_small_batch(gguf: Path, tokens: list[int]) -> None:
    small = open_model(gguf, LoadOptions(context=256, cells=256, parallel=1, threads=1, batch=8192, rows=400)).runner
    assert (small.limits.batch, small.limits.rows) == (256, 256)
    small.decode([Slice(0, 0, tokens[:1] * 256, 2)])
    small.set_threads(2)
    small.truncate(0, 1)
    small.decode([Slice(0, 1, tokens, 1)])
    small.close()


# ── log-probabilities and bias ───────────────────────────────────────────────────────────────────────────


def test_log_probabilities_are_the_models_own(opened: Opened, runner: LlamaRunner, tokens: list[int]) -> None:
    runner.decode([Slice(0, 0, tokens, 1)])
    biased = PLAIN.model_copy(update={"logit_bias": (LogitBias(token=" Paris", bias=-100), LogitBias(token=0, bias=5))})
    before = runner.logits(0).copy()
    sampler = runner.sampler(biased, 1)
    token = sampler.draw(0)
    assert np.array_equal(runner.logits(0), before)
    found = sampler.logprob(0, token, 5)
    exact = before.astype(np.float64)
    exact -= exact.max() + math.log(np.exp(exact - exact.max()).sum())
    assert found.logprob == pytest.approx(exact[token], abs=1e-4)
    assert [value for _, value in found.top] == pytest.approx(sorted(exact, reverse=True)[:5], abs=1e-4)
    assert sampler.logprob(0, token, 0).top == ()
    end = opened.vocabulary.eos
    assert end is not None
    assert sampler.logprob(0, end, 0).token == opened.vocabulary.name(end)


def test_bias(opened: Opened, runner: LlamaRunner, tokens: list[int]) -> None:
    free = greedy(runner, tokens, 1)[0]
    runner.decode([Slice(0, 0, tokens, 1)])

    def draw(*biases: LogitBias) -> int:
        return runner.sampler(PLAIN.model_copy(update={"logit_bias": biases}), 1).draw(0)

    assert draw(LogitBias(token=free, bias=-100)) != free
    assert draw(LogitBias(token=free, bias=-100), LogitBias(token=free, bias=100)) != free
    assert draw(LogitBias(token=77, bias=100)) == 77
    text = opened.vocabulary.text(free).decode()
    assert draw(LogitBias(token=text, bias=-100)) != free


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"logit_bias": (LogitBias(token=-1, bias=1),)}, "no token -1; its tokens are 0 to 49151"),
        ({"logit_bias": (LogitBias(token=49152, bias=1),)}, "no token 49152"),
        ({"logit_bias": (LogitBias(token="", bias=1),)}, "an empty text is no token"),
        ({"logit_bias": tuple(LogitBias(token=token, bias=1) for token in range(2000))}, "at most 1024"),
        ({"grammar": "root ::= (", "sampling": GREEDY}, "the grammar cannot be used: line 1, column 10"),
        ({"json_schema": "{"}, "the JSON schema cannot be used: it is no JSON"),
        ({"lora": "other"}, "no LoRA adapter 'other'; it has: tone, faint"),
    ],
)
def test_what_a_request_cannot_ask(runner: LlamaRunner, change: dict[str, object], says: str) -> None:
    with pytest.raises(RequestInvalid, match=says.replace("(", r"\(")):
        runner.sampler(PLAIN.model_copy(update=change), 1)


# ── saved sequences ──────────────────────────────────────────────────────────────────────────────────────


def test_a_saved_sequence_goes_on_as_before(runner: LlamaRunner, tokens: list[int]) -> None:
    expected = greedy(runner, tokens, 3)
    runner.decode([Slice(0, 0, tokens, 0)])
    saved = runner.save(0)
    runner.clear()
    assert runner.restore(2, saved)
    sampler = runner.sampler(PLAIN, 1)
    runner.truncate(2, len(tokens) - 1)
    runner.decode([Slice(2, len(tokens) - 1, tokens[-1:], 1)])
    assert sampler.draw(0) == expected[0]


def test_what_is_not_a_saved_sequence_is_refused(runner: LlamaRunner, tokens: list[int]) -> None:
    runner.decode([Slice(0, 0, tokens, 0)])
    saved = runner.save(0)
    random = np.random.default_rng(3)
    wrong = [b"", b"x", saved[:60], saved[:-1], saved + b"\0", saved[1:]]
    for at in random.integers(0, len(saved), 30).tolist():
        wrong.append(saved[:at] + bytes((saved[at] ^ 0x10,)) + saved[at + 1 :])
    assert [data for data in wrong if runner.restore(1, data)] == []
    assert runner.restore(1, saved)


def test_no_room_for_a_saved_sequence(gguf: Path, runner: LlamaRunner, tokens: list[int]) -> None:
    cells = runner.limits.cells
    runner.decode([Slice(0, 0, (tokens * cells)[: cells // 2 + 8], 0)])
    saved = runner.save(0)
    assert not runner.restore(1, saved)
    runner.decode([Slice(1, 0, tokens, 1)])
    runner.truncate(0, 0)
    assert runner.restore(2, saved)


def test_a_saved_sequence_of_other_options(gguf: Path, runner: LlamaRunner, tokens: list[int]) -> None:
    runner.decode([Slice(0, 0, tokens, 0)])
    saved = runner.save(0)
    options = LoadOptions(context=512, cells=512, parallel=1, threads=1, flash_attention="auto", kv_type="q8_0")
    other = open_model(gguf, options).runner
    assert not other.restore(0, saved)
    assert greedy(other, tokens, 1)
    other.close()


# ── LoRA adapters ────────────────────────────────────────────────────────────────────────────────────────


def test_an_adapter_changes_only_its_own_requests(runner: LlamaRunner, tokens: list[int]) -> None:
    base = greedy(runner, tokens, 6)
    toned = greedy(runner, tokens, 6, adapter="tone")
    assert toned != base
    assert greedy(runner, tokens, 6) == base
    assert greedy(runner, tokens, 6, adapter="faint") == base
    assert greedy(runner, tokens, 6, adapter="tone") == toned
    with pytest.raises(DecodeFailed, match="no LoRA adapter 'x'"):
        runner.decode([Slice(0, 0, tokens, 1)], "x")
    assert greedy(runner, tokens, 6) == base


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"GGUFx", "is cut off"),
        (lora(architecture="qwen2"), r"is for another architecture \('qwen2'; this model's is 'llama'\)"),
        (lora(kind="model"), "is no LoRA adapter"),
        (lora()[:-40], "is cut off"),
        (lora(alpha=entry("adapter.lora.alpha", 4, struct.pack("<I", 1))), "says no adapter.lora.alpha"),
        (lora_bytes({}), "has no tensors"),
    ],
)
def test_a_file_that_is_no_adapter(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "wrong.gguf"
    path.write_bytes(data)
    with pytest.raises(NotUsable, match=says):
        check_lora(path, "llama")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "cannot be read: .*wrong.gguf"),
        (lora(kind="model"), "wrong.gguf.* is no LoRA adapter"),
        (lora("blk.99.ffn_down.weight"), "wrong.gguf.* does not fit this model: .*does not exist in base model"),
        (lora("blk.0.ffn_up.weight"), "wrong.gguf.* does not fit this model: .*incorrect shape"),
    ],
)
def test_an_adapter_for_another_model(gguf: Path, tmp_path: Path, data: bytes | None, says: str) -> None:
    path = tmp_path / "wrong.gguf"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(LlamaError, match=f"the LoRA adapter 'tone' .*{says}"):
        open_model(gguf, LoadOptions(context=256, cells=256, parallel=1, threads=1, loras=(Lora("tone", path),)))


# ── options ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_quantised_cache_needs_flash_attention(gguf: Path) -> None:
    options = LoadOptions(context=256, cells=256, parallel=1, threads=1, kv_type="q8_0", flash_attention="off")
    with pytest.raises(LlamaError, match="needs flash attention: set flash_attention to on or auto"):
        open_model(gguf, options)


def test_from_two_tokens_on_each_comes_out_the_same(runner: LlamaRunner) -> None:
    """A token alone does not always: that is seen in about one of three places, of which these are ten."""
    for length in range(60, 80, 2):
        runner.clear()
        runner.decode([Slice(0, 0, [7919 * place % 20_000 + 100 for place in range(length)], wanted=0)])
        rows = []
        for count in range(runner.limits.alike_from, 10):
            runner.decode([Slice(0, length, [777, *range(900, 899 + count)], wanted=count)])
            rows.append(runner.logits(0).copy())
            runner.truncate(0, length)
        assert all((row == rows[0]).all() for row in rows)
