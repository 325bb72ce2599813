"""The bundled sentence encoders, the real ones: one alone, and two joined."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import GenerationFailed, PromptTooLong, RequestInvalid
from models.sentences import SentenceEmbedder, open_sentences
from models.sentences.embedder import ALONE, JOINED, MAX_CHARS, parts
from models.sentences.encoders import DIMENSIONS, is_installed

# What is asked, and the same in another language; each is nearer to its own than to any other.
PAIRS = (
    ("How much does delivery cost?", "运费是多少？"),
    ("I want to return the blue mug", "我想退掉蓝色的杯子"),
    ("When does the shop open?", "店几点开门？"),
    ("Is this tea free of caffeine?", "这款茶不含咖啡因吗？"),
)


@pytest.fixture(
    scope="module",
    params=["small", pytest.param("large", marks=pytest.mark.skipif(not is_installed("e5"), reason="no e5 here"))],
)
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentenceEmbedder]:
    opened = asyncio.run(open_sentences(request.param, tmp_path_factory.mktemp("data")))
    yield opened
    asyncio.run(opened.aclose())


async def test_vectors_have_length_one_and_stand_in_order(embedder: SentenceEmbedder) -> None:
    texts = [f"text number {n} about {('tea', 'delivery', '退货')[n % 3]}" for n in range(20)]
    together = await embedder.embed(texts)
    assert together.shape == (20, embedder.info.dimensions)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    for number in (0, 7, 19):
        alone = await embedder.embed([texts[number]])
        assert alone.shape == (1, embedder.info.dimensions)
        assert np.allclose(alone[0], together[number], atol=2e-2)
        assert (together @ alone[0]).argmax() == number
    assert (await embedder.embed([])).shape == (0, embedder.info.dimensions)


async def test_the_same_in_another_language_is_nearest(embedder: SentenceEmbedder) -> None:
    english = await embedder.embed([english for english, _ in PAIRS], kind="query")
    chinese = await embedder.embed([chinese for _, chinese in PAIRS], kind="query")
    likeness = english @ chinese.T
    assert likeness.argmax(axis=1).tolist() == likeness.argmax(axis=0).tolist() == [0, 1, 2, 3]


async def test_it_says_what_it_is(embedder: SentenceEmbedder) -> None:
    chosen = parts("large" if "e5" in embedder.info.name else "small")
    assert embedder.info.name == "+".join(chosen)
    assert embedder.info.dimensions == sum(DIMENSIONS[name] for name in chosen)
    assert len(embedder.info.digest) == 64
    assert sum(chosen.values()) == pytest.approx(1)
    assert parts("small") == ALONE
    assert set(JOINED) == {"use", "e5"}


async def test_what_cannot_be_read_is_refused_before_anything_is_computed(embedder: SentenceEmbedder) -> None:
    with pytest.raises(RequestInvalid, match="text 2 of 2 is empty"):
        await embedder.embed(["tea", " \n"])
    with pytest.raises(PromptTooLong):
        await embedder.embed(["tea", "x" * (MAX_CHARS + 1)])


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d of a pair", "👍", "\u200b", "\x01", "…", "x" * 300, "ＡＢＣ"])
async def test_any_text_has_a_vector(embedder: SentenceEmbedder, text: str) -> None:
    vectors = await embedder.embed([text, "tea"], kind="query")
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


async def test_what_stands_behind_a_nul_counts(embedder: SentenceEmbedder) -> None:
    one, other = await embedder.embed(["tea\0 and delivery to Norway", "tea"])
    assert one @ other < 0.98


async def test_many_callers_get_their_own(embedder: SentenceEmbedder) -> None:
    texts = [f"{word} {n}" for n, word in enumerate(["tea", "mug", "运费", "退货", "hello", "pot"])]
    together = await embedder.embed(texts)
    each = await asyncio.gather(*(embedder.embed([text]) for text in texts))
    for number, found in enumerate(each):
        assert (together @ found[0]).argmax() == number


async def test_a_cancelled_call_leaves_the_others_alone(embedder: SentenceEmbedder) -> None:
    long = asyncio.create_task(embedder.embed([f"one of many texts {n}" for n in range(100)]))
    await asyncio.sleep(0)
    long.cancel()
    assert (await embedder.embed(["tea"])).shape == (1, embedder.info.dimensions)
    assert long.cancelled()


async def test_once_closed_it_says_so_and_opening_changes_no_environment(tmp_path: Path) -> None:
    before = dict(os.environ)
    embedder = await open_sentences("large", tmp_path)
    assert dict(os.environ) == before
    async with embedder:
        await embedder.embed(["tea"])
    await embedder.aclose()
    with pytest.raises(GenerationFailed, match="closed"):
        await embedder.embed(["tea"])
