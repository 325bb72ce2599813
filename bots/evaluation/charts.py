"""The pictures of the report as SVG: no script, no foreign asset; their colours are those of the page (report.css)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

from core.testbench.results import Curve, Group

LABEL, WIDTH, ROW = 150, 560, 26
LEGEND_LEFT, LEGEND_ROW = 16, 18
# The order of the ladder; what is not in it comes behind.
LADDER = ("person", "looked_up", "approved", "recommended", "grounded", "quoted", "unknown", "command", "notice")


def shares(groups: Sequence[Group]) -> Markup:
    """The share of passed conversations of each group, with its interval."""
    plot, height = WIDTH - LABEL - 60, ROW * len(groups) + 28
    drawn = [_ticks(height - 22, plot)]
    for number, group in enumerate(groups):
        y, passed = 14 + ROW * number, group.passed
        left, right, at = (LABEL + plot * value for value in (passed.low, passed.high, passed.value))
        title = f"{group.name}: {passed.yes:.0f} of {passed.of} passed, 95 %: {passed.low:.0%}–{passed.high:.0%}"
        drawn.append(
            Markup(
                '<g><title>{title}</title><text class="label" x="{x}" y="{ty}">{name}</text>'
                '<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
                '<circle class="{kind}" cx="{at:.1f}" cy="{y}" r="5"/>'
                '<text class="value" x="{vx}" y="{ty}">{yes:.0f}/{of}</text></g>'
            ).format(
                title=title,
                x=LABEL - 12,
                ty=y + 4,
                name=group.name if len(group.name) < 20 else f"{group.name[:18]}…",
                left=left,
                right=right,
                y=y,
                kind="dot wrong" if group.wrong_facts else "dot",
                at=at,
                vx=WIDTH - 44,
                yes=passed.yes,
                of=passed.of,
            )
        )
    return _svg(WIDTH, height, "Passed conversations of each group", drawn)


def _ticks(bottom: int, plot: int) -> Markup:
    lines = (
        Markup(
            '<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>'
            '<text class="tick" x="{x:.1f}" y="{ty}">{value} %</text>'
        ).format(x=LABEL + plot * value / 100, bottom=bottom, ty=bottom + 16, value=value)
        for value in (0, 25, 50, 75, 100)
    )
    return Markup("").join(lines)


def rungs(counted: Mapping[str, Mapping[str, int]]) -> Markup:
    """From which rung the answers came, a bar for each language."""
    names = sorted({name for counts in counted.values() for name in counts}, key=_place)
    rows = max((row for _, row in _legend_places(names)), default=0)
    plot, height = WIDTH - LABEL - 60, 34 * len(counted) + 34 + LEGEND_ROW * rows
    drawn: list[Markup] = []
    for number, (language, counts) in enumerate(counted.items()):
        y, x, total = 8 + 34 * number, float(LABEL), sum(counts.values())
        drawn.append(_text("label", LABEL - 12, y + 15, language))
        for name in names:
            wide = plot * counts.get(name, 0) / total
            if not wide:
                continue
            drawn.append(
                Markup(
                    '<g><title>{name}: {count} of {total}</title><rect class="rung-{css}" x="{x:.1f}" y="{y}" '
                    'width="{wide:.1f}" height="22" rx="3"/>{inside}</g>'
                ).format(
                    name=name,
                    css=name.replace("_", "-"),
                    count=counts[name],
                    total=total,
                    x=x,
                    y=y,
                    wide=max(1.0, wide - 2),
                    inside=_text("inside", x + wide / 2 - 1, y + 15, str(counts[name])) if wide > 24 else "",
                )
            )
            x += wide
        drawn.append(_text("value", WIDTH - 44, y + 15, str(total)))
    drawn += _legend(names, height - 10 - LEGEND_ROW * rows)
    return _svg(WIDTH, height, "Answers by rung", drawn)


def _place(name: str) -> int:
    return LADDER.index(name) if name in LADDER else len(LADDER)


def _legend(names: Sequence[str], y: int) -> Iterator[Markup]:
    for (x, row), name in zip(_legend_places(names), names, strict=True):
        below = y + LEGEND_ROW * row
        yield Markup('<rect class="rung-{css}" x="{x}" y="{y}" width="10" height="10" rx="2"/>').format(
            css=name.replace("_", "-"), x=x, y=below - 9
        )
        yield _text("legend", x + 15, below, name)


def _legend_places(names: Sequence[str]) -> list[tuple[int, int]]:
    """Where each name stands and in which row: what is too long for one goes on in the next."""
    places: list[tuple[int, int]] = []
    x, row = LEGEND_LEFT, 0
    for name in names:
        wide = 30 + 7 * len(name)
        if x + wide > WIDTH and x > LEGEND_LEFT:
            x, row = LEGEND_LEFT, row + 1
        places.append((x, row))
        x += wide
    return places


def histogram(seconds: Sequence[float]) -> Markup:
    """How long the answers took, on a logarithmic scale: approved ones take milliseconds, written ones seconds."""
    height, bottom = 210, 170
    found = np.maximum(np.asarray(seconds, dtype=float), 0.001)
    if not found.size:
        return Markup("")
    low, high = (
        np.floor(np.log10(found.min())),
        max(np.ceil(np.log10(found.max())), np.floor(np.log10(found.min())) + 1),
    )
    edges = np.logspace(low, high, int(high - low) * 6 + 1)
    counts, _ = np.histogram(found, edges)
    wide, top = (WIDTH - 60) / len(counts), max(1, int(counts.max()))
    drawn = [
        Markup(
            '<g><title>{a}–{b}: {n}</title><rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="2"/></g>'
        ).format(
            a=duration(edges[place]),
            b=duration(edges[place + 1]),
            n=int(count),
            x=40 + wide * place,
            y=bottom - 140 * count / top,
            w=wide - 2,
            h=140 * count / top,
        )
        for place, count in enumerate(counts)
        if count
    ]
    drawn.append(Markup('<line class="axis" x1="40" x2="{x}" y1="{y}" y2="{y}"/>').format(x=WIDTH - 20, y=bottom))
    for power in range(int(low), int(high) + 1):
        x = 40 + (WIDTH - 60) * (power - low) / (high - low)
        drawn.append(_text("tick", x, bottom + 18, duration(10.0**power)))
    drawn.append(_text("value", 34, bottom - 134, str(top), "end"))
    for share, name in ((50, "p50"), (95, "p95")):
        at = float(np.percentile(found, share))
        x = 40 + (WIDTH - 60) * float(np.log10(at) - low) / (high - low)
        drawn.append(
            Markup('<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{y}"/>').format(
                x=x, y=bottom, top=20 if share == 50 else 36
            )
        )
        drawn.append(_text("marked", x, 14 if share == 50 else 30, f"{name} {duration(at)}"))
    return _svg(WIDTH, height, "How long the answers took", drawn)


def duration(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def curve(of: Curve) -> Markup:
    """Precision and recall of a rung at each threshold."""
    left, bottom, plot_w, plot_h = 44, 170, 230, 150
    marks = [point.threshold for point in of.points]
    low, high = min(marks, default=0.0), max(marks, default=1.0)
    span = (high - low) or 1.0

    def x(threshold: float) -> float:
        return left + plot_w * (threshold - low) / span

    def line(kind: str, values: Sequence[float]) -> Markup:
        points = " ".join(
            f"{x(mark):.1f},{bottom - plot_h * value:.1f}" for mark, value in zip(marks, values, strict=True)
        )
        return Markup('<polyline class="{kind}" points="{points}"/>').format(kind=kind, points=points)

    drawn = []
    for value in (0, 50, 100):
        y = bottom - plot_h * value / 100
        drawn.append(
            Markup('<line class="grid" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(a=left, b=left + plot_w, y=y)
        )
        drawn.append(_text("value", left - 6, y + 4, f"{value} %", "end"))
    target = bottom - plot_h * of.target
    drawn += [
        Markup('<line class="target" x1="{a}" x2="{b}" y1="{y:.1f}" y2="{y:.1f}"/>').format(
            a=left, b=left + plot_w, y=target
        ),
        line("precision", [point.precision for point in of.points]),
        line("recall", [point.recall for point in of.points]),
    ]
    if of.chosen is not None:
        at = x(min(max(of.chosen, low), high))
        drawn.append(Markup('<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="20" y2="{y}"/>').format(x=at, y=bottom))
        drawn.append(_text("tick", at, bottom + 18, f"{of.chosen:.2f}"))
    return _svg(290, 200, f"{of.rung}, {of.language}", drawn)


def _text(kind: str, x: float, y: float, text: str, anchor: str = "") -> Markup:
    aligned = Markup(' text-anchor="{}"').format(anchor) if anchor else ""
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}"{}>{}</text>').format(kind, x, y, aligned, text)


def _svg(width: int, height: int, label: str, drawn: Sequence[Markup]) -> Markup:
    inside = Markup("").join(drawn)
    return Markup('<svg viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{inside}</svg>').format(
        w=width, h=height, label=escape(label), inside=inside
    )
