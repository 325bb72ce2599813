"""The command line as a newcomer uses it, each command in a process of its own."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.bots.running import ROOT, command, edit, shop


async def test_help_says_what_there_is(tmp_path: Path) -> None:
    code, out, _ = await command(tmp_path, "--help")
    assert code == 0
    for name in ("run", "chat", "check", "new"):
        assert name in out


async def test_a_new_bot_passes_check_and_answers(tmp_path: Path) -> None:
    code, out, _ = await command(tmp_path, "new", "my-shop")
    assert code == 0
    assert "-m bots check my-shop" in out
    code, out, _ = await command(tmp_path, "check", "my-shop")
    assert (code, "my-shop is right" in out) == (0, True)
    code, out, err = await command(tmp_path, "chat", "my-shop", "--ask", "How much is delivery?", "--json")
    assert code == 0, err
    assert "4.90" in json.loads(out)["text"]


@pytest.mark.parametrize("name", ["My Shop", "telegram"])
async def test_new_refuses_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    code, _, err = await command(tmp_path, "new", name)
    assert code == 1
    assert "is no name for a bot" in err
    assert not (tmp_path / name).exists()


async def test_new_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bot.yaml").write_text("mine")
    code, _, err = await command(tmp_path, "new", "mine")
    assert code == 1
    assert "not empty" in err
    assert (tmp_path / "mine" / "bot.yaml").read_text() == "mine"


async def test_an_address_that_is_none_is_named(tmp_path: Path) -> None:
    code, _, err = await command(tmp_path, "dead", "list", "--redis-url", "localhost")
    assert (code, "is no address of a Redis" in err) == (1, True)


async def test_check_names_every_mistake_with_file_line_and_key(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    edit(folder / "bot.yaml", "persona: assistant", "persona: asistant")
    edit(folder / "personas" / "assistant.yaml", "voice:", "voise:")
    edit(folder / "catalog.csv", "12.50,EUR", "cheap,EUR")
    code, _, err = await command(tmp_path, "check", "shop")
    assert code == 1
    assert "bot.yaml:8 persona: there is no personas/asistant.yaml. Did you mean 'assistant'?" in err
    assert "personas/assistant.yaml:5 voise: is no known key. Did you mean 'voice'?" in err
    assert "voice: is missing" in err
    assert "catalog.csv:2 price: 'cheap' does not fit" in err
    assert "4 mistakes." in err


async def test_a_secret_in_the_file_is_a_mistake_and_is_not_printed(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    edit(folder / "bot.yaml", "  # telegram: {} ", "  telegram: {token: '123456:AAE-verysecret'} #")
    code, _, err = await command(tmp_path, "check", "shop")
    assert code == 1
    assert "TELEGRAM_BOT_TOKEN" in err
    assert "verysecret" not in err


async def test_the_teahouse_is_right() -> None:
    code, out, err = await command(ROOT, "check", "bots/teahouse")
    assert code == 0, err
    assert "teahouse is right" in out


async def test_ask_answers_with_the_shops_own_figure(tmp_path: Path) -> None:
    questions = [
        "How much is delivery to Norway?",
        "龙井多少钱？",
        "How do I clean my clay teapot?",
        "Do you sell bicycles?",
    ]
    asked = [part for question in questions for part in ("--ask", question)]
    # Words find all of it; embedding every text of the shop first would only take its time.
    teahouse = Path(shutil.copytree(ROOT / "bots" / "teahouse", tmp_path / "teahouse"))
    edit(teahouse / "bot.yaml", "\nembedder: bundled", "\nembedder: none")
    code, out, err = await command(tmp_path, "chat", "teahouse", *asked, "--json")
    assert code == 0, err
    norway, longjing, teapot, bicycles = (json.loads(line) for line in out.splitlines())
    assert "14.90" in norway["text"]
    assert (norway["rung"], norway["persona"], norway["language"]) == ("approved", "lin", "en")
    assert "24.00 EUR" in longjing["text"]
    assert (longjing["rung"], longjing["language"]) == ("quoted", "zh")
    assert "hot water" in teapot["text"]
    assert teapot["rung"] in ("grounded", "quoted")
    assert teapot["tokens"]["prompt"] > 0
    assert teapot["timings"]["first_token"] > 0
    assert (bicycles["rung"], "hello@cloudmountain.example" in bicycles["text"]) == ("unknown", True)
    assert len({answer["trace"] for answer in (norway, longjing, teapot, bicycles)}) == 4


async def test_a_session_is_remembered(tmp_path: Path) -> None:
    folder = str(shop(tmp_path))
    await command(tmp_path, "chat", folder, "--session", "s", "--ask", "/language zh", "--json")
    _, out, _ = await command(tmp_path, "chat", folder, "--session", "s", "--ask", "hello", "--json")
    assert json.loads(out)["language"] == "zh"
    _, out, _ = await command(tmp_path, "chat", folder, "--ask", "hello", "--json")
    assert json.loads(out)["language"] == "en"


async def test_json_needs_a_question(tmp_path: Path) -> None:
    code, _, err = await command(tmp_path, "chat", str(shop(tmp_path)), "--json")
    assert code == 2
    assert "--ask" in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b"", "empty"),
        (b"this is no model at all, only some words", "GGUF"),
    ],
)
async def test_a_wrong_model_file_is_one_sentence(tmp_path: Path, content: bytes | None, says: str) -> None:
    folder = shop(tmp_path)
    edit(folder / "bot.yaml", "model: bundled", "model: broken.gguf")
    if content is not None:
        (folder / "broken.gguf").write_bytes(content)
    code, out, err = await command(tmp_path, "chat", "shop", "--ask", "hello")
    assert code == 1
    assert says.lower() in err.lower()
    assert "Traceback" not in out + err


async def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, err = await command(tmp_path, "run", str(shop(tmp_path)), "--port", port)
    assert code == 1
    assert f"127.0.0.1:{port}" in err
    assert "--port 8081" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "http://nonsense"])
async def test_a_store_that_is_not_there_is_one_sentence(tmp_path: Path, url: str) -> None:
    code, out, err = await command(tmp_path, "chat", str(shop(tmp_path)), "--ask", "hello", "--redis-url", url)
    assert code == 1
    assert "Redis" in err
    assert "Traceback" not in out + err


async def test_a_wrong_setting_names_its_variable(tmp_path: Path) -> None:
    code, _, err = await command(tmp_path, "run", str(shop(tmp_path)), KEFU_PORT="many")
    assert code == 1
    assert "KEFU_PORT" in err
