"""What ``python -m bots bench crowd`` does, once the command line is read."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict
from pathlib import Path

import structlog
from rich.console import Console

from tests.bench.crowd import Crowd, run, table
from tests.bench.machine import this_machine

_STOPPED = 130


def crowd(wanted: Crowd, file: Path | None) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console, machine = Console(), this_machine()
    console.print(str(machine), style="dim", highlight=False)
    try:
        with console.status("crowd") as status:
            result = asyncio.run(run(wanted, status.update))
    except KeyboardInterrupt:
        return _STOPPED
    console.print(table(result))
    problems = result.problems()
    if file:
        report = {"machine": machine.as_json(), "crowd": asdict(result), "problems": problems}
        file.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        console.print(f"written to {file}", style="dim", highlight=False)
    for problem in problems:
        Console(stderr=True).print(f"[red]✗[/] {problem}", highlight=False)
    if not problems:
        console.print("[green]✓[/] all answered; all who waited were told so, once")
    return 1 if problems else 0
