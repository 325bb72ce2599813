"""An evaluation to read: tables in the terminal, pictures and files in a folder. matplotlib is imported late."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from core.understanding.evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More columns than this fit no terminal; then the most frequent confusions are listed instead.
WIDEST = 12
LISTED = 15
# More cells than this are too small for figures in them.
NUMBERED = 20


def print_evaluation(out: Console, found: Evaluation) -> None:
    table = Table("label", *("examples", "precision", "recall", "F1", "acted on", "its precision"), box=None)
    for one in found.per_label:
        figures = (one.precision, one.recall, one.f1, one.sure, one.sure_precision)
        table.add_row(one.label, str(one.examples), *map(_share, figures))
    out.print(table)
    spoken = ", ".join(f"{language} {share:.3f}" for language, share in found.by_language.items())
    recall = f" · out-of-scope recall {found.out_of_scope_recall:.3f}" if found.out_of_scope_recall is not None else ""
    out.print(
        f"\naccuracy {found.accuracy:.4f}"
        + (f" ({spoken})" if spoken else "")
        + f" · macro F1 {found.macro_f1:.4f}{recall}\n"
        f"acted on {found.sure:.1%} of the examples, {_share(found.sure_accuracy)} of those rightly",
        highlight=False,
    )
    out.print()
    out.print(_matrix(found) if len(found.labels) <= WIDEST else _confusions(found))


def _matrix(found: Evaluation) -> Table:
    table = Table("is \\ said", *found.labels, title="Confusion matrix", title_justify="left", box=None)
    for label, row in zip(found.labels, found.confusion, strict=True):
        table.add_row(label, *(str(count) if count else "·" for count in row))
    return table


def _confusions(found: Evaluation) -> Table:
    table = Table("is", "said", "times", title="Most often confused", title_justify="left", box=None)
    wrong = [
        (count, found.labels[row], found.labels[column])
        for row, counts in enumerate(found.confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    for count, label, said in sorted(wrong, key=lambda one: (-one[0], one[1:]))[:LISTED]:
        table.add_row(label, said, str(count))
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def write_report(folder: Path, found: Evaluation, figures: str) -> list[Path]:
    """``intents.json`` (``figures``), ``confusion.csv``, ``.png`` and ``.svg``. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / name for name in ("intents.json", "confusion.csv", "confusion.png", "confusion.svg")]
    written[0].write_text(figures, encoding="utf-8")
    with written[1].open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["is \\ said", *found.labels])
        rows.writerows([label, *row] for label, row in zip(found.labels, found.confusion, strict=True))
    picture = _picture(found)
    for file_of_picture in written[2:]:
        picture.savefig(file_of_picture, dpi=150)
    return written


def _picture(found: Evaluation) -> Figure:
    """The confusion matrix, each row as shares of what it is."""
    from matplotlib.figure import Figure

    size = max(5.0, 0.28 * len(found.labels) + 3)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot()
    shares = [[count / max(1, sum(row)) for count in row] for row in found.confusion]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(found.labels))
    small = 9 if len(found.labels) <= NUMBERED else 5
    axes.set_xticks(
        places, found.labels, rotation=90 if len(found.labels) > NUMBERED else 40, ha="right", fontsize=small
    )
    axes.set_yticks(places, found.labels, fontsize=small)
    axes.set_xlabel("said")
    axes.set_ylabel("is")
    axes.set_title(f"{found.examples} examples, accuracy {found.accuracy:.3f}")
    if len(found.labels) <= NUMBERED:
        for row, counts in enumerate(found.confusion):
            for column, count in enumerate(counts):
                if count:
                    colour = "white" if shares[row][column] > 0.5 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=9)
    figure.colorbar(image, ax=axes, label="share of the row", shrink=0.8)
    return figure
