"""What `eval` prints."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.testbench.compare import reasons
from core.testbench.results import Comparison, Curve, CurvePoint, Group, Report, Share

MISSED = 20
COLOURS = {"broken": "red", "fixed": "green", "changed": "yellow"}


def percent(value: float) -> str:
    return f"{100 * value:.1f}\u00a0%"


def interval(share: Share) -> str:
    return f"{100 * share.low:.0f}–{100 * share.high:.0f}\u00a0%"


def show(report: Report, out: Console) -> None:
    _head(report, out)
    _groups("Language", report.languages, out)
    _groups("Tag", report.tags, out)
    _rungs(report, out)
    for curve in report.curves:
        _curve(curve, out)
    _missed(report, out)
    if report.against:
        _against(report.against, report, out)
    _thresholds(report, out)


def _head(report: Report, out: Console) -> None:
    out.print(
        f"\n[bold]{report.bot}[/] {report.version} · {escape(report.model)} · {report.cases} conversations, "
        f"{report.turns} answers in {report.seconds:.1f} s · p50 {report.latency_s['p50']:.2f} s, "
        f"p95 {report.latency_s['p95']:.2f} s",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("", "found", "share", "95 %"):
        table.add_column(column, justify="left" if not column else "right")
    counts = {
        "passed": (report.passed, report.cases),
        "correct_or_handed_over": (report.correct_or_handed_over, report.cases),
        "refused": (report.refused, report.unanswerable),
    }
    for key, (found, of) in counts.items():
        share = report.shares[key]
        table.add_row(key.replace("_", " "), f"{found} of {of}", percent(share.value), interval(share))
    table.add_row("wrong facts", str(report.wrong_facts), "", "")
    if report.repeat > 1:
        shown = ", ".join(f"^{k} {100 * value:.1f} %" for k, value in enumerate(report.pass_hat, 1))
        table.add_row("pass^k", "", shown, "")
    out.print(table)


def _groups(title: str, groups: Sequence[Group], out: Console) -> None:
    if not groups:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(title)
    for column in ("conversations", "passed", "95 %", "correct or handed over", "wrong facts"):
        table.add_column(column, justify="right")
    for group in groups:
        table.add_row(
            group.name,
            str(group.cases),
            percent(group.passed.value),
            interval(group.passed),
            percent(group.correct_or_handed_over.value),
            f"[red]{group.wrong_facts}[/]" if group.wrong_facts else "0",
        )
    out.print(table)
    out.print()


def _rungs(report: Report, out: Console) -> None:
    names = list(dict.fromkeys(rung for counted in report.rungs.values() for rung in counted))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Rung")
    for language in report.rungs:
        table.add_column(language, justify="right")
    for name in names:
        table.add_row(name, *(str(counted.get(name, 0)) for counted in report.rungs.values()))
    out.print(table)
    out.print()


def _curve(curve: Curve, out: Console) -> None:
    found_in = f" → {curve.found_in}" if curve.found_in not in ("", curve.language) else ""
    out.print(
        f"[dim]Calibration[/] {curve.rung} by meaning, {curve.language}{found_in}: target precision "
        f"{percent(curve.target)}, {_in_use(curve)} [dim]({curve.questions} questions)[/]",
        highlight=False,
    )
    if not curve.points:
        out.print()
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("threshold", "precision", "recall"):
        table.add_column(column, justify="right")
    for point in thinned(curve):
        mark = "bold" if point.threshold == curve.chosen else ""
        table.add_row(f"{point.threshold:.2f}", percent(point.precision), percent(point.recall), style=mark)
    out.print(table)
    out.print()


def _in_use(curve: Curve) -> str:
    if curve.chosen is None:
        return "no threshold is sure enough"
    reached = curve.precision > 0
    shown = f", precision {percent(curve.precision)}, recall {percent(curve.recall)}" if reached else ""
    return f"threshold {curve.chosen:.2f}{shown}"


def thinned(curve: Curve, most: int = 8) -> list[CurvePoint]:
    """About ``most`` points of a curve, the one in use among them."""
    step = ceil(len(curve.points) / most) or 1
    return [
        point
        for number, point in enumerate(curve.points)
        if number % step == 0 or point.threshold == curve.chosen or number == len(curve.points) - 1
    ]


def _missed(report: Report, out: Console) -> None:
    missed = [row for row in report.rows if not row.passed]
    for row in missed[:MISSED]:
        run = next(run for run in row.runs if not run.passed)
        out.print(f"[red]✗[/] [bold]{row.name}[/] [dim]{' '.join(row.tags)}[/]", highlight=False)
        for number, turn in enumerate(run.turns, 1):
            for reason in reasons(turn):
                out.print(f"    turn {number}: {escape(reason)}", highlight=False, soft_wrap=True)
    if len(missed) > MISSED:
        out.print(f"[dim]… and {len(missed) - MISSED} more; --json or --html has them all[/]")
    if missed:
        out.print()


def _against(comparison: Comparison, report: Report, out: Console) -> None:
    kinds = [change.kind for change in comparison.changes]
    counted = ", ".join(f"[{COLOURS[kind]}]{kinds.count(kind)} {kind}[/]" for kind in COLOURS)
    out.print(
        f"[bold]Against {escape(comparison.name)}[/] ({comparison.version}): {counted}, {comparison.same} the same; "
        f"passed {comparison.passed_before} → {report.passed}, "
        f"wrong facts {comparison.wrong_facts_before} → {report.wrong_facts}",
        highlight=False,
    )
    if not comparison.changes:
        return
    table = Table(show_lines=True, header_style="dim")
    for column in ("", "conversation", "before", "after"):
        table.add_column(column, overflow="fold")
    for change in comparison.changes:
        table.add_row(
            f"[{COLOURS[change.kind]}]{change.kind}[/]",
            f"{change.case}\n[dim]turn {change.turn}: {escape(' / '.join(change.said))}[/]",
            f"[dim]{change.rung_before}[/]\n{escape(change.before)}",
            f"[dim]{change.rung_after}[/]\n{escape(change.after)}",
        )
    out.print(table)
    out.print()


def _thresholds(report: Report, out: Console) -> None:
    for threshold in report.thresholds:
        sign, word = ("[green]✓[/]", "at most") if threshold.holds else ("[red]✗[/]", "at most")
        word = word if threshold.key.startswith("max_") else "at least"
        counts = threshold.key == "max_wrong_facts"
        found = f"{threshold.found:.0f}" if counts else percent(threshold.found)
        wanted = f"{threshold.wanted:.0f}" if counts else percent(threshold.wanted)
        what = threshold.key.partition("_")[2].replace("_", " ")
        out.print(f"{sign} {what}: {found}, wanted {word} {wanted}", highlight=False)
