"""The report as tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from tests.bench.report import EngineReport, Result

_WORDS = ("system", "start", "turn", "compared with", "fixed threads: replies/s")


def tables(report: EngineReport) -> Iterator[Table]:
    if report.results:
        yield _results(report)
    if report.ratios:
        yield _ratios(report)
    if report.bound:
        yield _bound(report)
    if report.long_prompt:
        yield _long(report)
    if report.speculation:
        yield _speculation(report)
    if report.neighbour:
        yield _neighbour(report)


def _results(report: EngineReport) -> Table:
    title = f"{report.model}, personas of {report.persona_tokens} tokens, medians of the rounds"
    columns = ("shoppers", "personas", "turn", "start", "system", "replies/s", "tokens/s", "first token p50 s", "p95 s")
    table = _table(title, (*columns, "peak MB", "failed", "rounds"))
    last = None
    for row in report.results:
        if last and last != place(row):
            table.add_section()
        last = place(row)
        table.add_row(
            *(str(row.shoppers), str(row.personas), str(row.turn), row.start, row.system),
            *(f"{row.replies_per_s:.2f}", f"{row.tokens_per_s:.0f}", seconds(row.ttft_p50_s), seconds(row.ttft_p95_s)),
            *(f"{row.peak_rss_mb:.0f}", str(row.failed), str(row.rounds)),
        )
    return table


def place(row: Result) -> tuple[int, int, int, str]:
    return row.shoppers, row.personas, row.turn, row.start


def seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _ratios(report: EngineReport) -> Table:
    columns = ("shoppers", "personas", "turn", "start", "compared with", "kefu", "least", "rounds")
    table = _table("Our replies per second as a multiple of the others', in the same round", columns)
    for row in report.ratios:
        table.add_row(
            *(str(row.shoppers), str(row.personas), str(row.turn), row.start, row.to),
            *(f"{row.ratio:.2f}×", f"{row.least:.2f}×", str(row.rounds)),
        )
    return table


def _bound(report: EngineReport) -> Table:
    columns = ("shoppers", "bare loop replies/s", "our share", "cold", "warm", "rounds")
    table = _table("The bound: the library's bare loop on the same work", columns)
    for row in report.bound:
        table.add_row(
            *(str(row.shoppers), f"{row.bound_replies_per_s:.2f}", f"{row.share:.2f}"),
            *(seconds(row.cold), seconds(row.warm), str(row.rounds)),
        )
    return table


def _long(report: EngineReport) -> Table:
    columns = ("system", "writers", "prompt tokens", "longest gap s", "without it s", "its first token s", "failed")
    table = _table("A long prompt arrives while others write", columns)
    for row in report.long_prompt:
        table.add_row(
            *(row.system, str(row.writers), str(row.prompt_tokens), f"{row.longest_gap_s:.2f}"),
            *(f"{row.usual_longest_gap_s:.2f}", seconds(row.first_token_s), str(row.failed)),
        )
    return table


def _speculation(report: EngineReport) -> Table:
    columns = ("shoppers", "without: replies/s", "with: replies/s", "gain", "same text", "twice without", "rounds")
    table = _table("Speculation: replies grounded on the shop's notes, with drafts and without", columns)
    for row in report.speculation:
        table.add_row(
            *(str(row.shoppers), f"{row.off_replies_per_s:.2f}", f"{row.on_replies_per_s:.2f}"),
            *(f"{row.gain:.2f}×", f"{row.same_text} of {row.replies}", str(row.same_without), str(row.rounds)),
        )
    return table


def _neighbour(report: EngineReport) -> Table:
    columns = ("busy programs", "shoppers", "kefu replies/s", "fixed threads: replies/s", "of the best fixed", "rounds")
    table = _table("A busy neighbour on the same cores", columns)
    for row in report.neighbour:
        fixed = ", ".join(f"{threads}: {speed:.2f}" for threads, speed in row.fixed_replies_per_s.items())
        table.add_row(
            *(str(row.busy), str(row.shoppers), f"{row.governed_replies_per_s:.2f}"),
            *(fixed, f"{row.share:.2f}", str(row.rounds)),
        )
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, justify="left" if name in _WORDS else "right")
    return table
