"""`tune` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.gguf import check_gguf
from tests.bots.running import command, edit, shop


def quick_shop(folder: Path) -> Path:
    """A shop whose model leaves next to nothing to measure."""
    made = shop(folder)
    model = "{bundled: true, threads: 1, flash_attention: off, kv_type: f16, batch: 64}"
    edit(made / "bot.yaml", "model: bundled", f"model: {model}".replace("off", '"off"'))
    return made


async def test_it_shows_what_was_measured_and_repacks(tmp_path: Path) -> None:
    folder = quick_shop(tmp_path)
    code, out, err = await command(tmp_path, "tune", "shop", "--json", "--repack", "q4_0")
    assert code == 0, err
    told = json.loads(out)
    assert told["tuning"]["choices"] == {"threads": 1, "flash_attention": "off", "kv_type": "f16", "batch": 64}
    (measured,) = told["tuning"]["measured"]
    assert measured["prompt_rate"] > 0
    assert "quantised already" in told["repacked_loss"]
    (repacked,) = told["tuning"]["repacked"]
    assert (repacked["type"], repacked["measured"]["failed"]) == ("q4_0", "")
    made = Path(told["model_line"].removeprefix("model: "))
    assert made.name.endswith("-q4_0.gguf")
    assert check_gguf(made).numbers["general.file_type"] == 2

    edit(folder / "bot.yaml", "bundled: true", f"path: {made}")
    code, out, err = await command(tmp_path, "tune", "shop", "--repack", "q4_0")
    assert code == 1
    assert "of type q4_0 already" in err
    code, out, err = await command(tmp_path, "tune", "shop")
    assert code == 0, err
    assert "Flash" in out
    assert "Step of 8" in out
    assert "Repacked" not in out, "it has that type"


@pytest.mark.parametrize(
    ("model", "arguments", "exit_code", "says"),
    [
        ("none.gguf", (), 1, "does not exist"),
        ("{server: {urls: http://127.0.0.1:1/v1}}", (), 1, "tuned where it runs"),
        ("bundled", ("--repack", "q9"), 2, "q4_0, q8_0"),
    ],
)
async def test_what_cannot_be_tuned_is_a_sentence(
    tmp_path: Path, model: str, arguments: tuple[str, ...], exit_code: int, says: str
) -> None:
    edit(shop(tmp_path) / "bot.yaml", "model: bundled", f"model: {model}")
    code, out, err = await command(tmp_path, "tune", "shop", *arguments)
    assert code == exit_code
    assert says in err
    assert "Traceback" not in out + err
