"""What ``python -m bots bench retail`` does, once the command line is read."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from pathlib import Path

import structlog
from rich.console import Console
from rich.markup import escape

from bots.progress import opening
from core.errors import KefuError
from tests.bench.machine import this_machine
from tests.bench.retail import Retail, as_json, run, show

ANSWERED = 0.9
_STOPPED = 130


def retail(wanted: Retail, file: Path | None) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console, machine = Console(), this_machine()
    console.print(str(machine), style="dim", highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="kefu-retail-") as folder, opening(Console(stderr=True)) as progress:
            answered = asyncio.run(run(wanted, Path(folder), progress))
    except KeyboardInterrupt:
        return _STOPPED
    except KefuError as error:
        Console(stderr=True).print(f"[red]✗[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1
    show(answered, console)
    report = as_json(answered)
    if file:
        file.write_text(
            json.dumps({"machine": machine.as_json(), **report}, indent=2, ensure_ascii=False) + "\n", "utf-8"
        )
        console.print(f"written to {file}", style="dim", highlight=False)
    problems = []
    if report["wrong_facts"]:
        problems.append(f"{report['wrong_facts']} answers say something that the data does not")
    if float(str(report["answered"])) < ANSWERED:
        problems.append(f"only {float(str(report['answered'])):.0%} were answered, wanted are {ANSWERED:.0%}")
    for problem in problems:
        Console(stderr=True).print(f"[red]✗[/] {problem}", highlight=False)
    return 1 if problems else 0
