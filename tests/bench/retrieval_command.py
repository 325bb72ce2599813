"""What ``python -m bots bench retrieval`` does, once the command line is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from core.errors import KefuError
from models.sentences import open_sentences
from tests.bench.machine import this_machine
from tests.bench.retrieval import DataUnusable, Row, generated, matched, tables

_STOPPED = 130


@dataclass(frozen=True, slots=True)
class Arguments:
    """``sizes``: empty: the generated data are left out."""

    sizes: Sequence[int]
    data: Path | None = None
    json: Path | None = None
    size: Literal["small", "large"] = "small"


def retrieval(given: Arguments) -> int:
    console, err, machine = Console(), Console(stderr=True), this_machine()
    console.print(str(machine), style="dim", highlight=False)
    try:
        with err.status("loading") as status:
            embedder, rows = asyncio.run(_measured(given, status.update))
    except KeyboardInterrupt:
        return _STOPPED
    except (KefuError, DataUnusable) as error:
        err.print(f"[red]✗[/] {error}", highlight=False)
        return 1
    for table in tables(rows):
        console.print(table)
    if given.json:
        report = {"machine": machine.as_json(), "embedder": embedder, "rows": [asdict(row) for row in rows]}
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        console.print(f"written to {given.json}", style="dim", highlight=False)
    return 0


async def _measured(given: Arguments, told: Callable[[str], None]) -> tuple[str, list[Row]]:
    async with await open_sentences(given.size) as embedder:
        rows = await matched(given.data, embedder, told) if given.data else []
        if given.sizes:
            rows += await generated(embedder, given.sizes, told)
        return embedder.info.name, rows
