"""``python -m tests.bench [engine|turns|all] [--json FILE]``: measure, print tables, write JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog
from rich.console import Console

from models.source import bundled_file
from tests.bench import engine, turns
from tests.bench.machine import this_machine

console = Console()


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    machine = this_machine()
    console.print(f"[dim]{machine}[/]")
    report: dict[str, object] = {"machine": machine.as_json()}
    if given.what in ("turns", "all"):
        report["turns"] = bench_turns(given.turns)
    if given.what in ("engine", "all"):
        report |= bench_engine(given.model or bundled_file(), _engine(given))
    if given.json:
        given.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        console.print(f"[dim]written to {given.json}[/]")


def bench_turns(count: int) -> list[dict[str, object]]:
    with console.status("turns") as status:
        results = asyncio.run(turns.run(turns.TurnsBench(turns=count), status.update))
    console.print(turns.table(results))
    return turns.as_json(results)


def bench_engine(model: Path, bench: engine.EngineBench) -> dict[str, object]:
    with console.status("engine") as status:
        report = engine.run(model, bench, status.update)
    for table in engine.tables(report):
        console.print(table)
    for name, how in report.absent.items():
        console.print(f"[yellow]{name} was not measured:[/] it is not installed; {how}")
    return report.as_json()


def _engine(given: argparse.Namespace) -> engine.EngineBench:
    bench = engine.EngineBench(rounds=given.rounds, personas=given.personas)
    return replace(bench, shoppers=tuple(given.shoppers), long_characters=0 if given.no_long else bench.long_characters)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures Kefu beside its alternatives.")
    parser.add_argument("what", nargs="?", choices=("all", "engine", "turns"), default="all", help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--model", type=Path, metavar="GGUF", help="another model than the bundled one")
    parser.add_argument("--shoppers", type=int, nargs="+", default=[1, 4, 8], help="at once (default: 1 4 8)")
    parser.add_argument("--rounds", type=int, default=3, help="how often the engines are measured (default: 3)")
    parser.add_argument("--personas", type=int, default=1, help="how many the shoppers talk to (default: 1)")
    parser.add_argument("--turns", type=int, default=2000, help="how many turns are measured (default: 2000)")
    parser.add_argument("--no-long", action="store_true", help="leave out the long prompt that arrives meanwhile")
    return parser


if __name__ == "__main__":
    main()
