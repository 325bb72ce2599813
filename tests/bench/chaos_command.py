"""What ``python -m bots bench chaos`` does, once the command line is read."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
from pathlib import Path

import structlog
from rich.console import Console

from core.errors import KefuError
from tests.bench.chaos import ChaosResult, run
from tests.bench.chaos_plan import Chaos
from tests.bench.machine import this_machine

console = Console()
err = Console(stderr=True)

_STOPPED = 130
_SHOWN = 40


def chaos(wanted: Chaos, file: Path | None) -> int:
    """The exit code."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    machine = this_machine()
    console.print(str(machine), style="dim", highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="kefu-chaos-"))
    kept = False
    try:
        with console.status("chaos") as status:
            result = asyncio.run(run(wanted, folder, status.update))
        kept = result.failed
    except KeyboardInterrupt:
        return _STOPPED
    except (KefuError, OSError, TimeoutError) as error:
        kept = True
        err.print(f"[red]✗[/] it could not be run: {error or 'a process did not come up'}", highlight=False)
        return 1
    finally:
        if kept:
            err.print(f"the store and the logs of the processes are kept in {folder}", highlight=False, soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    _show(result)
    if file:
        report = {**result.as_json(), "machine": machine.as_json()}
        file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
        console.print(f"written to {file}", style="dim", highlight=False)
    return 1 if result.failed else 0


def _show(result: ChaosResult) -> None:
    killed = ", ".join(f"{name} {times}" for name, times in result.killed.items())
    faults = sum(result.faults.values())
    console.print(
        f"messages {result.messages} in {result.conversations} conversations (seed {result.seed}), "
        f"{result.seconds:.0f} s, {faults} faults of the platforms\n"
        f"kills {result.kills} ({killed})\n"
        f"lost {result.lost}\nduplicated {result.duplicated}\nreordered {result.reordered}\n"
        f"ambiguous {result.ambiguous}\nlongest silence {result.longest_silence_s:.1f} s",
        highlight=False,
    )
    troubles = [*result.problems, *result.violations]
    for trouble in troubles[:_SHOWN]:
        err.print(f"[red]✗[/] {trouble}", highlight=False, soft_wrap=True)
    if len(troubles) > _SHOWN:
        err.print(f"… and {len(troubles) - _SHOWN} more; --json has all of them")
    if not result.failed:
        console.print("[green]✓[/] nothing lost, nothing twice, nothing out of order")
