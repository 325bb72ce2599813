"""The records of a file with products: rows of a CSV, objects of JSON or JSON Lines, with where each stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.knowledge.sources.document import Unreadable

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

Record = Mapping[str, object]
MOST_FIELD_CHARS = 10_000_000
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Row:
    """``line``: in the file, from 1; 0: the format has none. ``place``: where it stands in JSON, e.g. products.17."""

    record: Record
    line: int = 0
    place: str = ""


def csv_header(text: str) -> list[str]:
    """The names of the columns, as they stand in the first row."""
    try:
        return [cell.strip() for cell in next(_rows(text), [])]
    except csv.Error:
        return []


def csv_rows(text: str) -> Iterator[Row]:
    """Raises Unreadable with the line."""
    rows = _rows(text)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        if not header:
            raise Unreadable("is empty", "Its first row names the columns")
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                raise Unreadable(
                    f"has {len(cells)} cells in line {rows.line_num}, the header has {len(header)}",
                    'Is a cell with a comma missing its "quotation marks"?',
                )
            yield Row(dict(zip(header, cells, strict=False)), rows.line_num)
    except csv.Error as error:
        raise Unreadable(
            f"is no proper CSV in line {rows.line_num}: {error}",
            'A cell with a comma or a line break stands in "quotation marks"',
        ) from None


def _rows(text: str) -> CsvReader:
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    csv.field_size_limit(MOST_FIELD_CHARS)
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator if separator in first else ",", strict=True)


def json_rows(text: str, items: str) -> Iterator[Row]:
    """``items``: the path to the products, a list or a mapping by id. Raises Unreadable."""
    data = _parsed(text, "")
    found, missing = at(data, items), not items
    if found is None and not missing:
        there = f"There are: {', '.join(map(str, data))}" if isinstance(data, dict) else "At the top stands a list"
        raise Unreadable(f"has no {items!r} where the products should stand", there)
    yield from _listed(found, items)


def _listed(found: object, place: str) -> Iterator[Row]:
    prefix = f"{place}." if place else ""
    entries: Iterator[tuple[object, object]]
    if isinstance(found, list):
        entries = iter(enumerate(found))
    elif isinstance(found, dict):
        entries = iter(found.items())
    else:
        raise Unreadable(
            f"has {type(found).__name__} where the products should stand",
            "Products are a list, or a mapping by their id",
        )
    for key, record in entries:
        if not isinstance(record, dict):
            names = ", ".join(str(name) for name in found) if isinstance(found, dict) else ""
            right = f"Name where they stand in items: one of {names[:200]}" if names else "Each product is an object"
            raise Unreadable(f"has no product at {prefix}{key}", right)
        yield Row({"@key": str(key), **record}, 0, f"{prefix}{key}")


def jsonl_rows(text: str) -> Iterator[Row]:
    """Raises Unreadable with the line."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        record = _parsed(line, f" in line {number}")
        if not isinstance(record, dict):
            raise Unreadable(f"has no object in line {number}", "Each line of JSON Lines is one product")
        yield Row({"@key": str(number), **record}, number)


def _parsed(text: str, where: str) -> object:
    try:
        data: object = json.loads(text)
        return data
    except json.JSONDecodeError as error:
        line = where or f" in line {error.lineno}"
        raise Unreadable(f"is no proper JSON{line}: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"is no proper JSON: {error}") from None


def at(data: object, path: str) -> object:
    """What stands at the end of a path such as ``images.0.src``; None if nothing does. A name with dots wins whole."""
    if not path:
        return data
    if isinstance(data, Mapping) and path in data:
        return data[path]
    for part in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    return data
