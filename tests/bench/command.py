"""What ``python -m bots bench`` does, once the command line is read. Each function returns the exit code."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.config import ModelConfig
from core.errors import KefuError
from models.load import load_model
from models.source import bundled_file
from tests.bench import turns as turns_bench
from tests.bench.child import ChildFailed
from tests.bench.engine import Grid
from tests.bench.machine import this_machine
from tests.bench.markdown import NoReport, markdown, read_report
from tests.bench.progress import Lines
from tests.bench.run import Wanted, run
from tests.bench.soak import Soak, SoakResult
from tests.bench.soak import soak as run_soak
from tests.bench.systems import SYSTEMS

console = Console()
err = Console(stderr=True)

_STOPPED = 130


@dataclass(frozen=True, slots=True)
class EngineArguments:
    """None: not given."""

    json: Path | None = None
    quick: bool = False
    shoppers: Sequence[int] | None = None
    personas: Sequence[int] | None = None
    turns: Sequence[int] | None = None
    systems: Sequence[str] | None = None
    rounds: int | None = None
    minutes: float = 35.0
    llama_server: Path | None = None
    np: int = 0
    model: Path | None = None
    grid: bool = True
    long: bool | None = None
    speculation: bool = False
    neighbour: bool = False


def engine(given: EngineArguments) -> int:
    _quiet()
    try:
        run(_wanted(given), console, given.json)
    except KeyboardInterrupt:
        err.print("stopped: this is what was measured until then")
        return _STOPPED
    except (ChildFailed, KefuError, OSError) as error:
        err.print(f"[red]✗[/] {error}", highlight=False, soft_wrap=True)
        return 1
    return 0


def _wanted(given: EngineArguments) -> Wanted:
    quick = given.quick
    grid = Grid(
        systems=tuple(given.systems or SYSTEMS),
        shoppers=tuple(given.shoppers or ((8,) if quick else (1, 4, 8, 16, 32))),
        personas=tuple(given.personas or ((1,) if quick else (1, 4))),
        turns=tuple(sorted(given.turns or ((1,) if quick else (1, 3)))),
        rounds=given.rounds or (1 if quick else 3),
        minutes=given.minutes,
        np=given.np,
    )
    return Wanted(
        model=(given.model or bundled_file()).absolute(),
        grid=grid,
        llama_server=given.llama_server.absolute() if given.llama_server else None,
        with_grid=given.grid,
        long_prompt=not quick if given.long is None else given.long,
        speculation=(1, 4, 8) if given.speculation else (),
        neighbour=(8,) if given.neighbour else (),
    )


def print_markdown(file: Path) -> int:
    try:
        print(markdown(read_report(file)), end="")
    except NoReport as error:
        err.print(f"[red]✗[/] {error}", highlight=False, soft_wrap=True)
        return 1
    return 0


def turns(count: int, stored: Sequence[int] | None, file: Path | None) -> int:
    _quiet()
    machine = this_machine()
    console.print(str(machine), style="dim", highlight=False)
    try:
        with console.status("turns") as status:
            wanted = turns_bench.TurnsBench(turns=count)
            wanted = replace(wanted, stored=tuple(sorted(stored))) if stored else wanted
            results = asyncio.run(turns_bench.run(wanted, status.update))
    except KeyboardInterrupt:
        return _STOPPED
    console.print(turns_bench.table(results))
    _write(file, {"machine": machine.as_json(), "rows": turns_bench.as_json(results)})
    return 0


def soak(plan: Soak, allow_mb: float, file: Path | None, model: Path | None) -> int:
    _quiet()
    machine = this_machine()
    console.print(str(machine), style="dim", highlight=False)
    try:
        result = asyncio.run(_soak(plan, (model or bundled_file()).absolute()))
    except KeyboardInterrupt:
        return _STOPPED
    except KefuError as error:
        err.print(f"[red]✗[/] {error}", highlight=False, soft_wrap=True)
        return 1
    problems = list(result.problems(allow_mb))
    _write(file, {"machine": machine.as_json(), "soak": {**asdict(result), "problems": problems}})
    came = ", ".join(f"{count} {outcome}" for outcome, count in result.outcomes.items())
    console.print(f"{result.requests} requests (seed {result.seed}): {came}", highlight=False)
    console.print(
        f"memory {result.after_warm_up_mb} MB after the warm-up, {result.end_mb} MB at the end; "
        f"{result.running} running and {result.waiting} waiting at the end",
        highlight=False,
    )
    for problem in problems:
        err.print(f"[red]✗[/] {problem}", highlight=False)
    if not problems:
        console.print("[green]✓[/] nothing leaked")
    return 1 if problems else 0


async def _soak(plan: Soak, model: Path) -> SoakResult:
    columns = (TextColumn("soak"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with await load_model(ModelConfig(path=str(model), context=2048), Path()) as engine:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
            task = bars.add_task("", total=plan.requests)
            lines = Lines(console)

            def say(over: int) -> None:
                bars.update(task, completed=over)
                lines.say(f"soak · {over} of {plan.requests}")

            return await run_soak(engine, plan, say)


def _write(file: Path | None, report: dict[str, object]) -> None:
    if file:
        file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
        console.print(f"written to {file}", style="dim", highlight=False)


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
