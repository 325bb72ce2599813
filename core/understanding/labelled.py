"""Labelled examples from a CSV file: columns text and category (or label, or intent), perhaps language."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.errors import ConfigError, Problem
from core.language import detect
from core.understanding.examples import Example

LABELS = ("category", "label", "intent")
MOST_PROBLEMS = 20


def read_labelled(file: Path, languages: Sequence[str]) -> list[Example]:
    """Without a column language each text is in that of ``languages`` which it looks like.

    Raises ConfigError with the mistakes, each with its line and column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.DictReader(opened, strict=True)
            try:
                return _examples(file, rows, languages)
            except csv.Error as error:
                right = 'A cell with a comma or a line break stands in "quotation marks"'
                raise _refused(file, rows.line_num, "", f"is no proper CSV: {error}", right) from error
    except OSError as error:
        raise _refused(file, 0, "", f"cannot be read: {error.strerror}", "Name a CSV file") from error
    except UnicodeDecodeError as error:
        raise _refused(file, 0, "", "is not UTF-8 text", "Save it with the encoding UTF-8") from error


def _examples(file: Path, rows: csv.DictReader[str], languages: Sequence[str]) -> list[Example]:
    header = list(rows.fieldnames or ())
    column = next((name for name in LABELS if name in header), "")
    if "text" not in header or not column:
        missing = "text" if "text" not in header else "category"
        right = f"The first line names the columns: text and one of {', '.join(LABELS)}"
        raise _refused(file, 1, missing, "this column is missing", right)
    problems: list[Problem] = []
    found = list(_rows(file, rows, column, languages, problems))
    if problems:
        raise ConfigError(tuple(problems[:MOST_PROBLEMS]))
    if not found:
        raise _refused(file, 1, "", "has no examples", "Write one a line below the header")
    return found


def _rows(
    file: Path, rows: csv.DictReader[str], column: str, languages: Sequence[str], problems: list[Problem]
) -> Iterator[Example]:
    for row in rows:
        text, label = (row["text"] or "").strip(), (row[column] or "").strip()
        if not text or not label:
            empty = "text" if not text else column
            problems.append(Problem(str(file), rows.line_num, empty, "is empty", "Fill it in, or take the line out"))
            continue
        yield Example(text, label, (row.get("language") or "").strip() or detect(text, languages))


def _refused(file: Path, line: int, key: str, wrong: str, right: str) -> ConfigError:
    return ConfigError((Problem(str(file), line, key, wrong, right),))
