"""The JSON of a run as the Markdown that stands in the README."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.bench.report import EngineReport, Result
from tests.bench.tables import seconds


class NoReport(Exception):
    """The file is not what a run writes."""


class _Machine(BaseModel):
    processor: str
    threads: int
    system: str
    python: str


def read_report(path: Path) -> EngineReport:
    """Raises NoReport."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        return TypeAdapter(EngineReport).validate_python(raw)
    except (OSError, ValueError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise NoReport(f"{path} is not what bench engine --json writes ({first})") from None


def markdown(report: EngineReport) -> str:
    machine = _Machine.model_validate(report.machine)
    parts = [
        f"{report.model}, personas of {report.persona_tokens} tokens, {machine.processor}, {machine.threads} "
        f"thread{'s' * (machine.threads != 1)}, {machine.system}. Medians of the rounds; ×: our replies per second as a "
        "multiple of theirs in the same round.",
        *(f"- **{name}**: {how}." for name, how in report.systems.items()),
        *_grid(report),
        *_others(report),
    ]
    return "\n".join(parts) + "\n"


def _grid(report: EngineReport) -> Iterator[str]:
    ratios = {(row.to, row.shoppers, row.personas, row.turn, row.start): row.ratio for row in report.ratios}
    head = ("shoppers", "system", "replies/s", "×", "tokens/s", "first token p50 / p95", "peak MB", "failed")
    for title, rows in _parts(report.results):
        yield f"\n**{title}**\n"
        yield from _head(head, words=1)
        for row in rows:
            ratio = ratios.get((row.system, row.shoppers, row.personas, row.turn, row.start))
            yield _row(
                *(str(row.shoppers), row.system, f"{row.replies_per_s:.2f}", f"{ratio:.1f}" if ratio else ""),
                *(f"{row.tokens_per_s:.0f}", f"{seconds(row.ttft_p50_s)} / {seconds(row.ttft_p95_s)} s"),
                *(f"{row.peak_rss_mb:.0f}", str(row.failed)),
            )


def _parts(results: Sequence[Result]) -> Iterator[tuple[str, list[Result]]]:
    """A table for each kind of start, turn and number of personas."""
    kinds = sorted({(row.personas, row.turn, row.start) for row in results}, key=lambda kind: (kind[0], kind[1]))
    for personas, turn, start in kinds:
        title = f"{personas} persona{'s' * (personas != 1)}, {'first' if turn == 1 else 'third'} turns, {start}"
        rows = [row for row in results if (row.personas, row.turn, row.start) == (personas, turn, start)]
        yield title[0].upper() + title[1:], rows


def _others(report: EngineReport) -> Iterator[str]:
    if report.bound:
        yield "\n**The bound: the library's bare loop on the same work**\n"
        yield from _head(("shoppers", "bare loop replies/s", "our share", "cold", "warm"), words=0)
        for row in report.bound:
            shares = f"{row.share:.2f}", seconds(row.cold), seconds(row.warm)
            yield _row(str(row.shoppers), f"{row.bound_replies_per_s:.2f}", *shares)
    if report.long_prompt:
        yield "\n**A long prompt arrives while others write**\n"
        yield from _head(
            ("system", "writers", "prompt tokens", "longest gap", "without it", "its first token"), words=0
        )
        for long in report.long_prompt:
            gaps = (
                f"{long.longest_gap_s:.2f} s",
                f"{long.usual_longest_gap_s:.2f} s",
                f"{seconds(long.first_token_s)} s",
            )
            yield _row(long.system, str(long.writers), str(long.prompt_tokens), *gaps)
    if report.speculation:
        yield "\n**Speculation on replies grounded on the shop's notes**\n"
        yield from _head(
            ("shoppers", "without: replies/s", "with: replies/s", "gain", "same text", "twice without"), words=4
        )
        for one in report.speculation:
            speeds = f"{one.off_replies_per_s:.2f}", f"{one.on_replies_per_s:.2f}", f"{one.gain:.2f}×"
            yield _row(str(one.shoppers), *speeds, f"{one.same_text} of {one.replies}", str(one.same_without))
    if report.neighbour:
        yield "\n**A busy neighbour on the same cores**\n"
        yield from _head(("busy programs", "shoppers", "kefu replies/s", "of the best fixed", "fixed threads"), words=4)
        for beside in report.neighbour:
            fixed = ", ".join(f"{threads}: {speed:.2f}" for threads, speed in beside.fixed_replies_per_s.items())
            speed = f"{beside.governed_replies_per_s:.2f}"
            yield _row(str(beside.busy), str(beside.shoppers), speed, f"{beside.share:.2f}", fixed)


def _head(names: Sequence[str], *, words: int) -> Iterator[str]:
    """``words``: the column that is aligned to the left."""
    yield _row(*names)
    yield "|" + "|".join("---" if at == words else "---:" for at in range(len(names))) + "|"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
