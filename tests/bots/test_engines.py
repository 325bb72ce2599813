"""A bot whose model is at a server: opened, shared, and used by the real program."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from rich.console import Console

from bots.engines import open_models, shared_key
from bots.progress import opening
from core.botfile import Bot, load_bot
from core.config import ModelConfig
from core.errors import ModelUnavailable
from tests.bots.running import command, edit, shop
from tests.platforms.openai_server import OpenAIServer

QUESTION = "When will I get my refund?"


def at_server(folder: Path, name: str, server: OpenAIServer, more: str = "") -> Path:
    made = shop(folder, name)
    edit(made / "bot.yaml", "model: bundled", f"model: {{server: {{urls: {server.url}{more}}}, context: 2048}}")
    return made


async def test_bots_with_equal_servers_share_one_client(tmp_path: Path) -> None:
    async with OpenAIServer("vllm", context=4096) as server:
        bots = [load_bot(at_server(tmp_path, name, server)) for name in ("one", "two")]
        other = load_bot(at_server(tmp_path, "other", server, ", retries: 1"))
        with opening(Console(file=io.StringIO())) as progress:
            async with open_models([*bots, other], tmp_path, progress) as models:
                assert models["one"] is models["two"]
                assert models["other"] is not models["one"]
                assert models["one"].info.context_tokens == 2048


def test_which_models_are_shared() -> None:
    def key(folder: str = "/a", **config: object) -> object:
        return shared_key(ModelConfig.model_validate(config), Path(folder))

    server = {"urls": ["http://a/v1"]}
    assert key(server=server) == key("/b", server={"urls": "http://a/v1/"}, threads=3)
    assert key(server=server) != key(server=server, languages=["zh"])
    assert key(server=server) != key(server=server, context=1024)
    assert key(path="m.gguf") != key("/b", path="m.gguf")


@pytest.mark.parametrize("url", ["10.0.0.5:8000/v1", "ftp://a/v1", "http://a/v1?x=1", "http://me:sk-1@a/v1", "http://"])
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(ValidationError, match="is no base URL; write for example"):
        ModelConfig.model_validate({"server": {"urls": [url]}})


async def test_a_missing_key_is_named(tmp_path: Path) -> None:
    async with OpenAIServer("vllm", api_key="sk-1") as server:
        bot: Bot = load_bot(at_server(tmp_path, "shop", server, ", api_key: NO_SUCH_TEA_KEY"))
        with opening(Console(file=io.StringIO())) as progress, pytest.raises(ModelUnavailable, match="NO_SUCH_TEA_KEY"):
            async with open_models([bot], tmp_path, progress):
                pass


async def test_a_shop_answers_with_the_words_of_a_server(tmp_path: Path) -> None:
    """The real program in a process of its own; the key comes from .env."""
    said = "We refund the price within 5 working days after the parcel has reached us."
    async with OpenAIServer("llama", answer=said, context=4096, api_key="sk-tea") as server:
        at_server(tmp_path, "shop", server, ", api_key: TEA_KEY")
        (tmp_path / ".env").write_text("TEA_KEY=sk-tea\n")
        code, out, err = await command(tmp_path, "chat", "shop", "--ask", QUESTION, "--json")
        assert code == 0, err
        assert said in json.loads(out)["text"]
        assert server.chats[-1].headers["Authorization"] == "Bearer sk-tea"
        assert QUESTION in server.chats[-1].body["messages"][-1]["content"]
