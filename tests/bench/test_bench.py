"""The benchmarks themselves, at the smallest size: they run, nothing fails, and the figures have their names."""

from __future__ import annotations

import json
from dataclasses import fields

from models.source import bundled_file
from tests.bench import engine, turns
from tests.bench.systems import KEFU, LLAMA_SERVER, missing

RESULT = {
    *("system", "shoppers", "turn", "start", "personas", "replies_per_s", "tokens_per_s"),
    *("ttft_p50_s", "ttft_p95_s", "peak_rss_mb", "failed"),
}


def test_engine() -> None:
    bench = engine.EngineBench(
        shoppers=(2,), rounds=1, tokens=2, persona_rules=1, long_characters=200, systems=(KEFU, LLAMA_SERVER)
    )
    report = engine.run(bundled_file(), bench, lambda _: None)
    rows = [row for row in report.results if row.system == KEFU]
    assert [(row.shoppers, row.start, row.failed) for row in rows] == [(2, "cold", 0), (2, "warm", 0)]
    assert all(row.replies_per_s > 0 and row.tokens_per_s > 0 and row.peak_rss_mb > 0 for row in rows)
    assert {field.name for field in fields(engine.Result)} == RESULT
    assert [(row.shoppers, row.start) for row in report.bound] == [(2, "cold"), (2, "warm")]
    assert all(row.share > 0 for row in report.bound)
    assert [row.failed for row in report.long_prompt if row.system == KEFU] == [0]
    assert json.loads(json.dumps(report.as_json())).keys() == {
        *("model", "results", "bound", "long_prompt", "absent"),
    }
    assert (LLAMA_SERVER in report.absent) == missing(LLAMA_SERVER)
    assert all(engine.tables(report))


async def test_turns() -> None:
    results = await turns.run(turns.TurnsBench(turns=4, shoppers=(2,)), lambda _: None)
    assert [(row.shoppers, row.turns, row.failed) for row in results] == [(2, 4, 0)]
    assert 4 <= results[0].round_trips_per_turn < results[0].commands_per_turn
    assert turns.table(results).row_count == 1
