"""python -m bots embed, in a process of its own, with a BERT of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bots.running import command, shop
from tests.models.bert_file import CONTEXT, WIDTH, write_bert


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop whose bot has an embedder."""
    made = shop(tmp_path)
    write_bert(made / "tiny.gguf")
    with (made / "bot.yaml").open("a") as file:
        file.write("\nembedder: {path: tiny.gguf, threads: 1}\n")
    return made


async def test_texts_are_compared(folder: Path) -> None:
    code, out, err = await command(
        folder.parent, "embed", folder.name, "--text", "tea", "--text", "tea", "--text", "delivery 4", "--json"
    )
    assert code == 0, err
    told = json.loads(out)
    assert (told["model"], told["dimensions"], told["max_tokens"], told["kind"]) == ("tiny", WIDTH, CONTEXT, "passage")
    assert told["texts"] == ["tea", "tea", "delivery 4"]
    assert told["similarity"][0][1] == pytest.approx(1, abs=0.001)
    assert told["similarity"][0][2] < 0.999
    assert [len(vector) for vector in told["vectors"]] == [WIDTH] * 3
    code, out, err = await command(folder.parent, "embed", folder.name, "--query", "--text", "tea", "--text", "[b]茶")
    assert code == 0, err
    assert f"{WIDTH} dimensions" in out
    assert "[b]茶" in out
    assert "1.00" in out


async def test_what_is_wrong_is_one_sentence(folder: Path) -> None:
    code, _, err = await command(folder.parent, "embed", folder.name, "--text", "a " * 100)
    assert (code, "102 tokens" in err, "Traceback" in err) == (1, True, False)
    code, _, err = await command(folder.parent, "embed", folder.name, "--text", " ")
    assert (code, "is empty" in err) == (1, True)
    (folder / "tiny.gguf").unlink()
    code, _, err = await command(folder.parent, "embed", folder.name, "--text", "tea")
    assert (code, "correct embedder.path in bot.yaml" in err.replace("\n", " ")) == (1, True)


async def test_a_bot_without_an_embedder_and_check(tmp_path: Path) -> None:
    made = shop(tmp_path)
    code, _, err = await command(tmp_path, "embed", "shop", "--text", "tea")
    assert (code, "embedder: is missing" in err) == (1, True)
    with (made / "bot.yaml").open("a") as file:
        file.write("\nembedder: {path: tiny.gguf, pooling: maximum, prefix: x}\n")
    code, _, err = await command(tmp_path, "check", "shop")
    assert code == 1
    assert "embedder.pooling: 'maximum' does not fit" in err
    assert "embedder.prefix: is no known key" in err
