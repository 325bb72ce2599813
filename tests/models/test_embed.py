"""Vectors of texts: an encoder (a BERT of random weights) and a decoder (the bundled model), both by the real library."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from core.config import EmbedderConfig
from core.errors import GenerationFailed, ModelUnavailable, PromptTooLong, RequestInvalid
from core.ports import EmbedderInfo
from models.embed import GgufEmbedder, load_embedder
from tests.models.bert_file import CLS, CONTEXT, LAST, RANK, WIDTH, write_bert
from tests.models.gguf_files import gguf_bytes

LENGTH = 1e-5
CLOSE = 2e-3  # half floats in the attention


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return write_bert(tmp_path / "tiny.gguf")


async def opened(path: Path, **config: object) -> GgufEmbedder:
    return await load_embedder(EmbedderConfig.model_validate({"path": str(path), "threads": 1, **config}), Path())


def texts(count: int) -> list[str]:
    words = ("tea", "delivery", "how much?", "a b c", "return it.", "zzz zz z")
    return [f"{words[n % 6]} {n} {words[n * 7 % 5]}" for n in range(count)]


# ── an encoder ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_it_says_of_itself(bert: Path) -> None:
    async with await opened(bert) as embedder:
        digest = hashlib.sha256(bert.read_bytes()).hexdigest()
        assert embedder.info == EmbedderInfo(name="tiny", digest=digest, dimensions=WIDTH, max_tokens=CONTEXT)


async def test_many_texts_are_as_each_alone_in_their_order(bert: Path) -> None:
    async with await opened(bert) as embedder:
        asked = texts(200)
        together = await embedder.embed(asked)
        assert together.shape == (200, WIDTH)
        assert together.dtype == np.float32
        assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=LENGTH)
        for number in range(0, 200, 17):
            assert np.allclose((await embedder.embed([asked[number]]))[0], together[number], atol=CLOSE)
        assert np.allclose(await embedder.embed(asked[::-1]), together[::-1], atol=CLOSE)
        assert not np.allclose(together[0], together[1], atol=0.01)


async def test_no_texts_no_vectors(bert: Path) -> None:
    async with await opened(bert) as embedder:
        assert (await embedder.embed([])).shape == (0, WIDTH)


async def test_the_pooling_is_the_files_own_or_the_chosen_one(tmp_path: Path) -> None:
    async def vector(path: Path, pooling: str = "auto") -> Sequence[float]:
        async with await opened(path, pooling=pooling) as embedder:
            return list(map(float, (await embedder.embed(["tea and delivery"]))[0]))

    unsaid = write_bert(tmp_path / "unsaid.gguf", None)
    chosen = {pooling: await vector(unsaid, pooling) for pooling in ("mean", "cls", "last")}
    assert await vector(unsaid) == pytest.approx(chosen["mean"], abs=CLOSE)
    assert await vector(write_bert(tmp_path / "cls.gguf", CLS)) == pytest.approx(chosen["cls"], abs=CLOSE)
    assert await vector(write_bert(tmp_path / "last.gguf", LAST)) == pytest.approx(chosen["last"], abs=CLOSE)
    assert len({tuple(np.round(one, 3)) for one in chosen.values()}) == 3


async def test_a_text_is_read_whole_or_refused_with_numbers(bert: Path) -> None:
    async with await opened(bert) as embedder:
        fits = "a " * (CONTEXT - 2)  # and [CLS] and [SEP]
        assert (await embedder.embed([fits])).shape == (1, WIDTH)
        with pytest.raises(PromptTooLong) as caught:
            await embedder.embed(["tea", fits + "b"])
        assert (caught.value.tokens, caught.value.limit) == (CONTEXT + 1, CONTEXT)
        with pytest.raises(PromptTooLong) as caught:
            await embedder.embed(["tea " * 50_000])
        assert caught.value.tokens == 50_002
    async with await opened(bert, context=16) as embedder:
        with pytest.raises(PromptTooLong, match="16"):
            await embedder.embed(["a " * 15])


async def test_an_empty_text_is_refused(bert: Path) -> None:
    async with await opened(bert) as embedder:
        for empty in ("", " \n", "\u3000"):
            with pytest.raises(RequestInvalid, match="text 2 of 3 is empty"):
                await embedder.embed(["tea", empty, "tea"])
        with pytest.raises(RequestInvalid, match="nothing that the model can read"):
            await embedder.embed(["\u0001"])


async def test_unknown_characters_and_control_names_are_plain_text(bert: Path) -> None:
    async with await opened(bert) as embedder:
        vectors = await embedder.embed(["tea \U0001f375", "tea [SEP] tea", "[CLS]", "茶", "\x00tea", "tea"])
        assert np.isfinite(vectors).all()
        assert not np.allclose(vectors[0], vectors[5], atol=0.01)


async def test_prefixes(bert: Path) -> None:
    async with await opened(bert) as plain, await opened(bert, query_prefix="a: ", passage_prefix="b: ") as prefixed:
        written = await plain.embed(["a: tea", "b: tea"])
        assert np.allclose((await prefixed.embed(["tea"], kind="query"))[0], written[0], atol=CLOSE)
        assert np.allclose((await prefixed.embed(["tea"]))[0], written[1], atol=CLOSE)
        with pytest.raises(RequestInvalid, match="empty"):
            await prefixed.embed([""], kind="query")


async def test_several_tasks_at_once(bert: Path) -> None:
    async with await opened(bert) as embedder:
        expected = await embedder.embed(texts(40))
        found = await asyncio.gather(*(embedder.embed(texts(40)[start:]) for start in range(20)))
        for start, vectors in enumerate(found):
            assert np.allclose(vectors, expected[start:], atol=CLOSE)


async def test_a_cancelled_call_leaves_the_others_alone(bert: Path) -> None:
    async with await opened(bert) as embedder:
        given_up = [asyncio.create_task(embedder.embed(texts(200))) for _ in range(4)]
        kept = asyncio.create_task(embedder.embed(["tea"]))
        await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        assert (await kept).shape == (1, WIDTH)
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*given_up, return_exceptions=True)
        )


async def test_closing_while_it_embeds(bert: Path) -> None:
    embedder = await opened(bert)
    running = [asyncio.create_task(embedder.embed(texts(200))) for _ in range(4)]
    await asyncio.sleep(0.01)
    await asyncio.gather(embedder.aclose(), embedder.aclose())
    for end in await asyncio.gather(*running, return_exceptions=True):
        assert isinstance(end, GenerationFailed)
        assert "closed" in str(end)
    with pytest.raises(GenerationFailed, match="closed"):
        await embedder.embed(["tea"])
    await embedder.aclose()


# ── a decoder ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pooling", ["auto", "last"])
async def test_a_text_model_pooled(gguf: Path, pooling: str) -> None:
    asked = [
        "How much is delivery to Norway?",
        "What does shipping to Norway cost?",
        "<|im_start|>The cat sat on the mat.",
        *(f"Number {n} of many short texts" for n in range(70)),
    ]
    async with await opened(gguf, pooling=pooling) as embedder:
        together = await embedder.embed(asked)
        alone = np.concatenate([await embedder.embed([text]) for text in asked[:3]])
        assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=LENGTH)
        assert np.allclose(together[:3], alone, atol=0.02)
        assert together[0] @ together[1] > together[0] @ together[2]


# ── what cannot be used ──────────────────────────────────────────────────────────────────────────────────


async def test_files_that_make_no_vectors(tmp_path: Path) -> None:
    (tmp_path / "other.gguf").write_bytes(gguf_bytes(architecture="t5"))
    (tmp_path / "text.gguf").write_text("no model")
    write_bert(tmp_path / "rank.gguf", RANK)
    cut = write_bert(tmp_path / "cut.gguf")
    cut.write_bytes(cut.read_bytes()[:-100])
    for name, said in (
        ("none.gguf", "does not exist: correct embedder.path in bot.yaml"),
        ("other.gguf", "makes no vectors of texts"),
        ("text.gguf", "is no GGUF file: correct embedder.path in bot.yaml to an embedding model in GGUF format"),
        ("rank.gguf", "is a reranker"),
        ("cut.gguf", "is cut off"),
    ):
        with pytest.raises(ModelUnavailable, match=said):
            await opened(tmp_path / name)


def test_its_section_is_strict() -> None:
    assert EmbedderConfig.model_validate("e5.gguf").path == "e5.gguf"
    for wrong in ({}, {"path": "a", "repo": "b", "file": "c"}, {"repo": "b"}, {"path": "a", "bundled": True}):
        with pytest.raises(ValidationError):
            EmbedderConfig.model_validate(wrong)
