"""Drafts change when a text comes, never the text: with the real model and prompts as the sample shop makes them."""

from __future__ import annotations

from pathlib import Path

from core.config import ModelConfig
from core.ports import ChatMessage, GenerationRequest, Sampling
from models.load import load_model
from tests.bench.grounded import grounded
from tests.models.asking import text

TOKENS = 48
QUESTIONS = 5


def request(number: int) -> GenerationRequest:
    (prompt,) = grounded(1, number)
    return GenerationRequest(
        messages=tuple(ChatMessage(role=role, content=content) for role, content in prompt.messages),
        sampling=Sampling(temperature=0, repeat_penalty=1),
        max_tokens=TOKENS,
    )


async def answers(gguf: Path, *, speculate: bool) -> tuple[list[str], int]:
    """To questions on notes, one after the other; and how many tokens were drafted."""
    config = ModelConfig.model_validate(
        {"path": str(gguf), "context": 2048, "parallel": 2, "tune": False, "speculate": speculate, "spill_mb": 0}
    )
    async with await load_model(config, gguf.parent) as engine:
        said = [await text(engine, request(number)) for number in range(QUESTIONS)]
        return said, engine.load().counters.drafted_tokens


async def test_alone_the_text_is_the_same_with_drafts_and_without(gguf: Path) -> None:
    plain, none = await answers(gguf, speculate=False)
    drafted, _ = await answers(gguf, speculate=True)
    assert none == 0
    assert drafted == plain
