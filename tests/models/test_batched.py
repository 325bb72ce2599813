"""Batched or alone, an answer is the same, but for near ties: a batch of another size sums up in another order.

The last bits of a sum are then different. A quantised model rounds what goes into each layer to 8 bits, which makes
hundredths of such bits and turns one in fifty of a small model's tokens; with 16-bit weights nothing is rounded so
coarsely. So the engine is held to it on a 16-bit copy, and the quantised file to "only near ties".
"""

from __future__ import annotations

import asyncio
import ctypes
from pathlib import Path

import pytest

from core.config import ModelConfig
from core.ports import ChatMessage, GenerationRequest, Sampling, TokenLogprob
from models.engine import Engine
from models.llama.library import lib, set_up_library
from models.load import load_model

TOPICS = "green tea, black tea, a teapot, honey, rain, the sea, bread, a cat, Paris, gold".split(", ")
QUESTIONS = (
    "What is {}?",
    "Tell me about {}.",
    "Is {} expensive?",
    "Where do I find {}?",
    "Write a line on {}.",
    "Who likes {}?",
    "How old is {}?",
    "What goes with {}?",
    "Describe {} in a word.",
    "Why {}?",
)
PROMPTS = [question.format(topic) for question in QUESTIONS for topic in TOPICS]
TOKENS = 6
NEAR = 0.05  # nats
NEAR_ROUNDED = 0.8  # a log-probability of the quantised model moves by up to 0.4 with the batch


def request(question: str) -> GenerationRequest:
    return GenerationRequest(
        messages=(ChatMessage(role="user", content=question),),
        max_tokens=TOKENS,
        sampling=Sampling(temperature=0, repeat_penalty=1),
        logprobs=5,
    )


async def answer(engine: Engine, question: str) -> list[TokenLogprob]:
    return [one async for piece in engine.generate(request(question)) for one in piece.logprobs]


def gap(one: list[TokenLogprob], other: list[TokenLogprob]) -> float:
    """How much likelier the token of ``one`` is than that of ``other``, in both, where they differ first."""
    place = next(at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a.token != b.token)
    first, second = one[place], other[place]
    return max(
        first.logprob - dict(first.top).get(second.token, -99.0),
        second.logprob - dict(second.top).get(first.token, -99.0),
    )


async def gaps(model: Path, questions: list[str]) -> list[float]:
    """Of the answers that are different if they are written one by one."""
    config = ModelConfig.model_validate(
        {"path": str(model), "context": 512, "parallel": 8, "tune": False, "flash_attention": "off", "spill_mb": 0}
    )
    async with await load_model(config, model.parent, keep=0) as engine:
        batched = await asyncio.gather(*(answer(engine, question) for question in questions))
        alone = [await answer(engine, question) for question in questions]
    pairs = zip(batched, alone, strict=True)
    return [gap(*pair) for pair in pairs if [one.token for one in pair[0]] != [one.token for one in pair[1]]]


@pytest.fixture
def unrounded(gguf: Path, tmp_path: Path) -> Path:
    """The bundled model with 16-bit weights."""
    set_up_library()
    params = lib.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = lib.LLAMA_FTYPE_MOSTLY_F16, True
    copy = tmp_path / "f16.gguf"
    assert lib.llama_model_quantize(str(gguf).encode(), str(copy).encode(), ctypes.byref(params)) == 0
    return copy


async def test_95_of_100_are_the_same(unrounded: Path) -> None:
    found = await gaps(unrounded, PROMPTS)
    assert len(PROMPTS) == 100
    assert len(found) <= 5
    assert all(one < NEAR for one in found)


async def test_of_the_quantised_file_only_near_ties_are_different(gguf: Path) -> None:
    found = await gaps(gguf, PROMPTS[::5])
    assert all(one < NEAR_ROUNDED for one in found)
