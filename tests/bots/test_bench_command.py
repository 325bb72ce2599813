"""``python -m bots bench`` as its user meets it, in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bots.running import ROOT, command

REPORT = {
    "machine": {"processor": "a processor", "threads": 2, "system": "Linux", "python": "3.11.7", "load": 0.1},
    "model": "a.gguf",
    "persona_tokens": 500,
    "results": [
        {
            **{"system": system, "shoppers": 8, "turn": 1, "start": "warm", "personas": 1, "replies_per_s": speed},
            **{"tokens_per_s": 48 * speed, "ttft_p50_s": 0.5, "ttft_p95_s": None, "peak_rss_mb": 300.0, "failed": 0},
            "rounds": 3,
        }
        for system, speed in (("kefu", 4.0), ("llama-server default", 1.25))
    ],
    "ratios": [
        {
            **{"to": "llama-server default", "shoppers": 8, "turn": 1, "start": "warm", "personas": 1},
            **{"ratio": 3.2, "least": 3.0, "rounds": 3},
        }
    ],
    "bound": [{"shoppers": 8, "share": 0.93, "cold": 0.92, "warm": 0.94, "bound_replies_per_s": 4.3, "rounds": 3}],
}


async def test_help_says_what_is_measured_and_how_to_get_the_others(tmp_path: Path) -> None:
    code, out, err = await command(tmp_path, "bench", "--help")
    assert code == 0, err
    assert all(name in out for name in ("engine", "turns", "chaos", "crowd", "soak"))
    code, out, err = await command(tmp_path, "bench", "engine", "--help")
    assert code == 0, err
    text = " ".join(out.split())
    for part in ("pip install xllamacpp", "llama-cpp-python[server]", "--llama-server", "Cold:", "Warm:", "third turn"):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--shoppers", "8,x"), "is no list of numbers from 1 to 64"),
        (("--shoppers", "0"), "is no list of numbers from 1 to 64"),
        (("--turns", "2"), "only turns 1 and 3 are measured"),
        (("--systems", "kefu,ollama"), "ollama: no such system; there are kefu"),
        (("--llama-server", "/nowhere/llama-server"), "does not exist"),
    ],
)
async def test_what_cannot_be_measured_is_refused_at_once(
    tmp_path: Path, arguments: tuple[str, str], said: str
) -> None:
    code, _, err = await command(tmp_path, "bench", "engine", *arguments)
    assert code == 2
    assert said in " ".join(err.split())


async def test_a_model_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"GGUF but nothing else")
    code, _, err = await command(tmp_path, "bench", "engine", "--model", "no.gguf", "--json", "out.json")
    assert code == 1
    assert "no.gguf is no model that llama.cpp can load" in " ".join(err.split())


async def test_a_run_becomes_markdown(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(REPORT))
    code, out, err = await command(tmp_path, "bench", "engine", "--markdown", "run.json")
    assert code == 0, err
    assert "| 8 | kefu | 4.00 |  | 192 | 0.50 / – s | 300 | 0 |" in out
    assert "| 8 | llama-server default | 1.25 | 3.2 | 60 | 0.50 / – s | 300 | 0 |" in out
    assert "| 8 | 4.30 | 0.93 | 0.92 | 0.94 |" in out


async def test_without_a_checkout_it_says_where_the_benchmarks_are(tmp_path: Path) -> None:
    """As in a container image that leaves tests/ out."""
    for name in ("bots", "core", "adapters", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    code, _, err = await command(tmp_path, "bench", "soak", PYTHONPATH=str(tmp_path))
    assert code == 1
    assert "the benchmarks lie in the folder tests/ of a checkout" in err
