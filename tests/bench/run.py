"""One run: what is asked for is measured, part by part; after each part the tables and the JSON hold what there is."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from tests.bench.child import ChildFailed
from tests.bench.engine import Grid, GridRun
from tests.bench.kefu import Tuned, tune
from tests.bench.machine import this_machine
from tests.bench.parts import ONE_AT_A_TIME, Parts
from tests.bench.progress import Progress
from tests.bench.report import EngineReport
from tests.bench.servers import ServerFailed
from tests.bench.systems import Setup, how_started, missing
from tests.bench.tables import tables
from tests.bench.tokens import texts_for
from tests.bench.work import LONG_TOKENS, PERSONA_TOKENS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is measured. ``with_grid`` False leaves only the parts; ``speculation`` and ``neighbour``: shoppers, or none.

    ``tuned`` None: the engine measures this machine first.
    """

    model: Path
    grid: Grid
    llama_server: Path | None = None
    tuned: Tuned | None = None
    with_grid: bool = True
    long_prompt: bool = True
    long_tokens: int = LONG_TOKENS
    persona_tokens: int = PERSONA_TOKENS
    speculation: tuple[int, ...] = ()
    neighbour: tuple[int, ...] = ()


def run(wanted: Wanted, console: Console, file: Path | None) -> EngineReport:
    """Ctrl-C ends it early: raises KeyboardInterrupt when all is shown and written. Raises ChildFailed: no such model."""
    machine = this_machine()
    console.print(str(machine), style="dim", highlight=False)
    report = EngineReport(machine.as_json(), wanted.model.name)

    def saved() -> None:
        if file:
            _write(file, report)

    try:
        with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder, Progress(console) as progress:
            _measure(wanted, Path(folder), report, progress, saved)
    finally:
        saved()
        show(report, console)
        if file:
            console.print(f"written to {file}", style="dim", highlight=False)
    return report


def _measure(
    wanted: Wanted, data_dir: Path, report: EngineReport, progress: Progress, saved: Callable[[], None]
) -> None:
    progress.say("cutting the persona to its length")
    texts = texts_for(wanted.model, wanted.persona_tokens, wanted.long_tokens)
    report.persona_tokens = texts.persona_tokens
    report.absent = {name: how for name in wanted.grid.systems if (how := missing(name, wanted.llama_server))}
    present = [name for name in wanted.grid.systems if name not in report.absent]
    report.systems = {name: how_started(name, wanted.llama_server) for name in present}
    progress.say("the engine measures this machine")
    tuned = wanted.tuned or tune(wanted.model, data_dir)
    report.options = asdict(tuned)
    setup = Setup(wanted.model, data_dir, tuned, wanted.llama_server)
    if wanted.with_grid:
        GridRun(setup, wanted.grid, texts, report, progress, saved).run()
    grid = wanted.grid
    parts = Parts(setup, texts, progress, grid.rounds, grid.tokens, grid.patience_s)
    if wanted.long_prompt:
        _long_prompts(parts, [name for name in present if name not in (*ONE_AT_A_TIME, *report.absent)], report, wanted)
        saved()
    if wanted.speculation:
        for row in parts.speculation(wanted.speculation):
            report.speculation.append(row)
            saved()
    for shoppers in wanted.neighbour:
        report.neighbour.append(parts.neighbour(shoppers))
        saved()


def _long_prompts(parts: Parts, names: list[str], report: EngineReport, wanted: Wanted) -> None:
    writers = min(7, max(1, max(wanted.grid.shoppers) - 1))
    for name in names:
        try:
            report.long_prompt.append(parts.long_prompt(name, writers))
        except (ServerFailed, ChildFailed) as error:
            report.left_out.append(f"a long prompt to {name}: {error}")


def show(report: EngineReport, console: Console) -> None:
    for table in tables(report):
        console.print(table)
    for name, how in report.systems.items():
        console.print(f"[bold]{name}[/]: {how}", highlight=False)
    for name, why in report.absent.items():
        console.print(f"[yellow]{name} was not measured:[/] {why}", highlight=False)
    if report.options.get("measured") is False:
        console.print(
            "[yellow]other programs were busy:[/] the engine could not measure the machine, it had its defaults"
        )
    for what in report.left_out:
        console.print(f"[yellow]left out:[/] {what}", highlight=False)


def _write(file: Path, report: EngineReport) -> None:
    """Whole or not at all."""
    written = file.with_name(f"{file.name}.{os.getpid()}.part")
    written.write_text(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    written.replace(file)
