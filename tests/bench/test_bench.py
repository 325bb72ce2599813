"""The benchmarks themselves: they run, nothing fails, and the figures have their names."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from rich.console import Console

from models.source import bundled_file
from tests.bench import command, turns
from tests.bench.bound import Work, work_of
from tests.bench.child import Child, ChildFailed
from tests.bench.engine import Grid, candidates
from tests.bench.kefu import Tuned
from tests.bench.markdown import markdown, read_report
from tests.bench.report import Cell, Measured, Result
from tests.bench.run import Wanted, run
from tests.bench.systems import DEFAULT, KEFU, KNOWN, TUNED, XLLAMACPP, missing
from tests.bench.work import Asked, Said, first_turns, make_texts, next_turns, with_personas
from tests.models.asking import until

ROOT = Path(__file__).resolve().parents[2]
RESULT = {
    *("system", "shoppers", "turn", "start", "personas", "replies_per_s", "tokens_per_s"),
    *("ttft_p50_s", "ttft_p95_s", "peak_rss_mb", "failed"),
}


def count_words(text: str) -> int:
    return len(text.split())


def asked(seconds: float, *said: Said) -> Asked:
    return Asked(seconds, said, 100.0)


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wanted", [40, 500, 900])
def test_texts_have_the_wanted_length(wanted: int) -> None:
    texts = make_texts(count_words, wanted, 3 * wanted)
    assert (texts.persona_tokens, texts.long_tokens) == (wanted, 3 * wanted)
    assert count_words(texts.numbered_persona(7)) == wanted
    assert texts.numbered_persona(7) != texts.numbered_persona(8)


def test_a_third_turn_goes_on_with_what_was_said() -> None:
    opened = first_turns(3, ["one", "two"], 0, 16)
    assert [prompt.messages[0][1] for prompt in opened] == ["one", "two", "one"]
    second = next_turns(opened, [Said(text="yes"), Said(text="no"), Said(failed="cut off")], 2)
    assert [prompt.messages[2] for prompt in second][:2] == [("assistant", "yes"), ("assistant", "no")]
    assert second[2].messages[2][1]
    assert [role for role, _ in second[0].messages] == ["system", "user", "assistant", "user"]
    unseen = with_personas(second, ["three"])
    assert [prompt.messages[0][1] for prompt in unseen] == ["three"] * 3
    assert [prompt.messages[1:] for prompt in unseen] == [prompt.messages[1:] for prompt in second]


def test_the_bound_does_the_work_that_was_done() -> None:
    said = (Said(prompt=530, cached=0, tokens=48), Said(prompt=528, cached=500, tokens=20))
    assert work_of(said, shared_is_there=False) == Work(500, False, (500, 500), (30, 28), (48, 20))
    assert work_of(said[:1], shared_is_there=False) == Work(0, False, (0,), (530,), (48,))
    warm = (*(Said(prompt=530, cached=500, tokens=9) for _ in range(2)), Said(prompt=530, cached=520, tokens=9))
    assert work_of(warm, shared_is_there=True) == Work(520, True, (500, 500, 520), (30, 30, 10), (9, 9, 9))


def test_what_does_not_fit_the_time_is_the_least_telling() -> None:
    grid = Grid(systems=KNOWN)
    assert grid.in_order() == [8, 4, 1, 16, 32]
    assert [grid.personas_of(shoppers) for shoppers in (1, 4)] == [[1], [1, 4]]
    assert Grid(systems=KNOWN, personas=(4,)).personas_of(1) == [4]
    assert (grid.replies(8), Grid(systems=KNOWN, turns=(1,)).replies(1)) == (80, 2)


@pytest.mark.parametrize(
    ("shoppers", "tried"), [(1, (1,)), (4, (4,)), (8, (4, 8)), (16, (4, 8, 16)), (32, (8, 16, 32))]
)
def test_places_that_are_tried(shoppers: int, tried: tuple[int, ...]) -> None:
    assert candidates(shoppers) == tried


# ── what is reported ─────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_medians_and_ratios_of_the_same_round() -> None:
    measured, cell = Measured(), Cell(2, 1, 1, "warm")
    for number, (ours, theirs) in enumerate([(1.0, 3.0), (2.0, 2.0), (1.0, 4.0)]):
        two = Said(tokens=10, first_s=0.1), Said(tokens=10, first_s=0.3)
        measured.add(cell, KEFU, number, asked(ours, *two))
        measured.add(cell, DEFAULT, number, asked(theirs, *two))
    measured.add(cell, DEFAULT, 3, asked(5.0, Said(failed="x"), Said(failed="x")))
    ours_row, theirs_row = measured.results()
    assert (ours_row.system, ours_row.replies_per_s, ours_row.tokens_per_s) == (KEFU, 2.0, 20.0)
    assert (ours_row.ttft_p50_s, ours_row.ttft_p95_s, ours_row.failed) == (0.2, 0.3, 0)
    assert (theirs_row.failed, theirs_row.rounds) == (2, 4)
    (ratio,) = measured.ratios()
    assert (ratio.to, ratio.ratio, ratio.least, ratio.rounds) == (DEFAULT, 3.0, 1.0, 3)


def test_a_system_that_never_answers_has_a_row_without_times() -> None:
    measured = Measured()
    measured.add(Cell(1, 1, 1, "cold"), XLLAMACPP, 0, asked(2.0, Said(failed="cut off")))
    (row,) = measured.results()
    assert (row.replies_per_s, row.ttft_p50_s, row.ttft_p95_s, row.failed) == (0.0, None, None, 1)
    assert measured.ratios() == []


def test_one_share_for_each_number_of_shoppers() -> None:
    measured = Measured()
    for share in (0.8, 0.9, 1.0):
        measured.add_bound(8, "cold", 5.0, share)
    measured.add_bound(8, "warm", 6.0, 0.9)
    (row,) = measured.shares()
    assert (row.shoppers, row.share, row.cold, row.warm, row.rounds) == (8, 0.9, 0.9, 0.9, 3)


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────


def _dies(pipe: object) -> None:
    raise RuntimeError("no such model")


def test_a_process_that_ends_says_why() -> None:
    with pytest.raises(ChildFailed, match=r"(?s)a system was to start and ended with exit code 1.*no such model"):
        Child("a system", _dies)


def test_the_library_is_never_loaded_beside_the_servers() -> None:
    """It would set how OpenMP's threads wait, and every server that is started would inherit that."""
    code = "import sys, tests.bench.command, tests.bench.run; sys.exit('llama_cpp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_engine(tmp_path: Path) -> None:
    grid = Grid(systems=(KEFU,), shoppers=(2,), personas=(1,), rounds=1, tokens=2, patience_s=600)
    one_thread = Tuned(1, "off", "f16", 512, measured=False)
    wanted = Wanted(bundled_file(), grid, tuned=one_thread, long_tokens=60, persona_tokens=40)
    file, shown = tmp_path / "engine.json", io.StringIO()
    report = run(wanted, Console(file=shown, width=200), file)
    assert [(row.system, row.turn, row.start, row.failed) for row in report.results] == [
        *((KEFU, 1, "cold", 0), (KEFU, 1, "warm", 0), (KEFU, 3, "cold", 0), (KEFU, 3, "warm", 0)),
    ]
    assert all(row.replies_per_s > 0 and row.tokens_per_s > 0 for row in report.results)
    assert {field.name for field in fields(Result)} >= RESULT
    assert [(row.shoppers, row.share > 0, row.cold is None, row.warm is None) for row in report.bound] == [
        (2, True, False, False)
    ]
    assert [(row.prompt_tokens > 60, row.failed) for row in report.long_prompt] == [(True, 0)]
    written = json.loads(file.read_text())
    assert written["model"] == bundled_file().name
    assert 35 < written["persona_tokens"] <= 40
    assert written.keys() >= {"machine", "model", "results", "bound", "long_prompt", "speculation", "neighbour"}
    assert written["results"][0].keys() >= RESULT
    assert written["bound"][0].keys() >= {"shoppers", "share"}
    assert read_report(file) == report
    assert "| 2 | kefu |" in markdown(report)
    assert "first token p50 s" in shown.getvalue()


def test_what_is_not_installed_is_named() -> None:
    for name in (XLLAMACPP, DEFAULT, TUNED):
        assert ("xllamacpp" in missing(name, None)) == bool(missing(name, None))
    assert missing(DEFAULT, Path("/bin/llama-server")) == ""
    assert missing(KEFU, None) == ""


def test_a_json_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"machine": 1}')
    assert command.print_markdown(other) == 1
    assert "is not what bench engine --json writes" in capsys.readouterr().err


def _round(*stolen: float | None) -> list[turns.TurnsResult]:
    figures = (10, 64, 5000, 1000.0, 50.0, 70.0, 50.0, 0.4, 5300, 5800, 0.7, 0.4, 0.3)
    return [turns.TurnsResult("a mix", *figures, stolen=one, failed=0) for one in stolen]


@pytest.mark.parametrize(
    ("rounds", "measured", "kept"),
    [
        ([[0.0, 0.01], [0.02, 0.0]], 2, [0.0, 0.01, 0.02, 0.0]),  # quiet at once
        ([[0.0, 0.3], [0.0, 0.0], [0.2, 0.0], [0.01, 0.0]], 4, [0.0, 0.0, 0.01, 0.0]),  # until two were quiet
        ([[0.5], [0.4], [0.3], [0.2], [0.1], [0.6]], 6, [0.1, 0.2]),  # never: the best there were
        ([[None], [None]], 2, [None, None]),  # the system does not say
    ],
)
async def test_quietest(rounds: list[list[float | None]], measured: int, kept: list[float | None]) -> None:
    left = [_round(*one) for one in rounds]

    async def next_round() -> list[turns.TurnsResult]:
        return left.pop(0)

    found = await turns.quietest(2, next_round)
    assert (len(rounds) - len(left), [row.stolen for one in found for row in one]) == (measured, kept)


async def test_a_round_with_a_wrong_answer_is_kept_however_noisy() -> None:
    (wrong,) = _round(0.5)
    left = [[replace(wrong, failed=1)], _round(0.0), _round(0.0)]

    async def next_round() -> list[turns.TurnsResult]:
        return left.pop(0)

    found = await turns.quietest(2, next_round)
    assert [(row.stolen, row.failed) for one in found for row in one] == [(0.5, 1), (0.0, 0)]


def test_median() -> None:
    """Of each figure by itself; no wrong answer is lost."""
    slow, usual, quick = _round(0.0, 0.0, 0.0)
    rows = [
        replace(slow, turns_per_s=900.0, p50_ms=70.0, failed=1),
        replace(usual, p50_ms=60.0, failed=2),
        replace(quick, turns_per_s=1100.0, p50_ms=65.0),
    ]
    assert turns.median_of(rows) == replace(usual, p50_ms=65.0, failed=3)
    assert turns.median_of(_round(None, None, None)) == _round(None)[0]


async def test_turns() -> None:
    results = await turns.run(
        turns.TurnsBench(turns=4, rounds=3, shoppers=2, stored=(2, 5), others=False), lambda _: None
    )
    assert [(row.stored, row.shoppers, row.turns, row.failed) for row in results] == [(2, 2, 4, 0), (5, 2, 4, 0)]
    assert 1 <= results[0].round_trips_per_turn < results[0].commands_per_turn
    # With few conversations as with many: what the server needs once is not theirs.
    few, more = (row.bytes_per_conversation for row in results)
    assert few == pytest.approx(more, rel=0.1)
    shown = turns.table(results)
    assert (len(shown.columns), shown.columns[1].header) == (3, results[0].asked)


async def test_stopped_turns_leave_nothing_behind(tmp_path: Path) -> None:
    """A service manager asks with SIGTERM: the store and the worker end, too."""
    command_line = [sys.executable, "-m", "bots", "bench", "turns", "--stored", "10"]
    place = {**os.environ, "TMPDIR": str(tmp_path)}
    bench = await asyncio.create_subprocess_exec(
        *command_line, cwd=ROOT, env=place, stdout=subprocess.DEVNULL, start_new_session=True
    )

    def running() -> dict[int, str]:
        shown = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,pgid=,args="], capture_output=True, text=True, check=True
        ).stdout
        every = [line.split(maxsplit=2) for line in shown.splitlines()]
        group = str(bench.pid)
        return {int(pid): args for pid, its, args in every if its == group or str(tmp_path) in args}

    try:
        await until(lambda: all(name in "".join(running().values()) for name in ("valkey-server", "spawn_main")))
        bench.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(bench.wait(), 30) == 130
        await until(lambda: not running())
        assert not list(tmp_path.iterdir())
    finally:
        for pid in running():
            os.kill(pid, signal.SIGKILL)
        await bench.wait()
