"""The report as one HTML file: everything in it, nothing from elsewhere, and every text escaped."""

from __future__ import annotations

import base64
import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from bots.evaluation import charts
from bots.evaluation.table import interval, percent
from core.messages import now
from core.state import Trace
from core.testbench.results import CaseRun, Change, Curve, Report, Row
from core.testbench.wording import HAN

PAGE = Path(__file__).with_name("page")
TOKEN = re.compile(rf"[{HAN}]|[^\s{HAN}]+|\s+")
# Links of a reply are links; pictures of other hosts would be loaded when the report is read.
MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")


@dataclass(frozen=True, slots=True)
class Tile:
    title: str
    value: str
    note: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    picture: Markup


@dataclass(frozen=True, slots=True)
class Charts:
    tags: Markup
    languages: Markup
    rungs: Markup
    latency: Markup
    curves: tuple[Picture, ...]


def html_file(wanted: Path) -> Path:
    """``wanted`` is the file, or the directory that it is put into."""
    return wanted if wanted.suffix.lower() in (".html", ".htm") and not wanted.is_dir() else wanted / "index.html"


def render(report: Report) -> str:
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        markdown=_markdown,
        duration=charts.duration,
        facts=lambda trace: list(_facts(trace)),
        rungs_of=_rungs_of,
        verdicts=_verdicts,
        runs_of=lambda row: list(_runs_of(row)),
        removed=lambda change: _marked(change, "del"),
        added=lambda change: _marked(change, "ins"),
    )
    script = (PAGE / "report.js").read_text("utf-8")
    return environment.get_template("report.html.j2").render(
        report=report,
        # What needs looking at comes first.
        rows=sorted(report.rows, key=lambda row: (not row.wrong_facts, row.passed, row.name)),
        tiles=list(_tiles(report)),
        charts=_charts(report),
        rungs=list(dict.fromkeys(rung for counted in report.rungs.values() for rung in counted)),
        at=now().strftime("%Y-%m-%d %H:%M UTC"),
        style=Markup((PAGE / "report.css").read_text("utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _charts(report: Report) -> Charts:
    seconds = [turn.seconds for row in report.rows for run in row.runs for turn in run.turns if turn.text]
    return Charts(
        tags=charts.shares(report.tags),
        languages=charts.shares(report.languages),
        rungs=charts.rungs(report.rungs),
        latency=charts.histogram(seconds),
        curves=tuple(Picture(_titled(curve), charts.curve(curve)) for curve in report.curves if curve.points),
    )


def _titled(curve: Curve) -> str:
    found_in = f" → {curve.found_in}" if curve.found_in not in ("", curve.language) else ""
    return f"{curve.rung}, {curve.language}{found_in}"


def _tiles(report: Report) -> Iterator[Tile]:
    holds = {threshold.key: threshold.holds for threshold in report.thresholds}
    wanted = {threshold.key: threshold.wanted for threshold in report.thresholds}

    def tile(title: str, found: int, of: int, key: str, share: str) -> Tile:
        one = report.shares[share]
        note = (
            f"{found} of {of}, 95 %: {interval(one)}; wanted {100 * wanted[key]:.0f}\u00a0%"
            if of
            else "none in these tests"
        )
        return Tile(title, percent(one.value) if of else "–", note, "ok" if holds[key] else "no")

    yield tile("Passed", report.passed, report.cases, "min_passed", "passed")
    yield tile(
        "Correct or handed over",
        report.correct_or_handed_over,
        report.cases,
        "min_correct_or_handed_over",
        "correct_or_handed_over",
    )
    kind = "ok" if holds["max_wrong_facts"] else "no"
    yield Tile(
        "Wrong facts",
        str(report.wrong_facts),
        f"in {report.turns} answers; wanted at most {wanted['max_wrong_facts']:.0f}",
        kind,
    )
    yield tile("Unanswerable refused", report.refused, report.unanswerable, "min_refused", "refused")
    if report.repeat > 1:
        least = f"pass^1 {percent(report.pass_hat[0])}"
        yield Tile(f"pass^{report.repeat}", percent(report.pass_hat[-1]), f"all {report.repeat} runs pass; {least}")
    p50, p95 = report.latency_s["p50"], report.latency_s["p95"]
    yield Tile("An answer takes", charts.duration(p50), f"median; p95 {charts.duration(p95)}")


# ── the filters of the template ──────────────────────────────────────────────────────────────────────────


def _markdown(text: str) -> Markup:
    """A reply as a shopper sees it. HTML in it stays text, and script addresses are no links (markdown-it)."""
    return Markup(MARKDOWN.render(text))


def _facts(trace: Trace) -> Iterator[tuple[str, str]]:
    """What a trace says beside its passages, without what says nothing."""
    yield "persona", f"{trace.persona} {trace.persona_version}"
    if trace.model:
        yield "model", f"{trace.model} · {trace.model_digest[:12]}"
        yield "prompt", f"{trace.prompt_digest[:12]} · seed {trace.seed}"
        yield "tokens", f"{trace.prompt_tokens} read ({trace.cached_tokens} kept), {trace.completion_tokens} written"
        yield (
            "time",
            f"queued {trace.queued_s:.2f} s, first word {trace.first_token_s:.2f} s, all {trace.total_s:.2f} s",
        )
    known = {*_SHOWN, "passages"}
    for name, value in trace.to_builtins().items():
        if name not in known:
            yield name.replace("_", " "), _plainly(value)


_SHOWN = frozenset(
    "id reply persona persona_version rung question language model model_digest prompt_digest seed prompt_tokens "
    "cached_tokens completion_tokens queued_s first_token_s total_s".split()
)


def _plainly(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(_plainly, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plainly(one)}" for key, one in value.items())
    return str(value)


def _rungs_of(row: Row) -> list[str]:
    return list(dict.fromkeys(turn.rung for run in row.runs for turn in run.turns if turn.rung))


def _verdicts(row: Row) -> list[str]:
    handed = any(turn.handed_over for run in row.runs for turn in run.turns)
    found = {"passed": row.passed, "missed": not row.passed, "wrong": row.wrong_facts > 0, "handed": handed}
    return [name for name, so in found.items() if so]


def _runs_of(row: Row) -> Iterator[tuple[int, CaseRun, bool]]:
    """Each run, and whether it went in the same words as the first."""
    said = [tuple((turn.text, turn.holds) for turn in run.turns) for run in row.runs]
    for number, run in enumerate(row.runs):
        yield number + 1, run, number > 0 and said[number] == said[0]


def _marked(change: Change, tag: str) -> Markup:
    """One side of a change, with what the other side does not have."""
    before, after = TOKEN.findall(change.before), TOKEN.findall(change.after)
    shown: list[Markup] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        text = "".join(before[a:b] if tag == "del" else after[c:d])
        if kind == "equal" or not text.strip():
            shown.append(escape(text))
        else:
            shown.append(Markup("<{0}>{1}</{0}>").format(tag, text))
    return Markup("").join(shown)
