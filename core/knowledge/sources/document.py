"""What a reader makes of a file: its sections in order, each under its headings. Every format ends here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

ITEM = "- "


class Unreadable(Exception):
    """A file, or a part of it, could not be read. ``why`` and ``right`` are sentences for the shop."""

    def __init__(self, why: str, right: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.right = right


@dataclass(frozen=True, slots=True)
class Heading:
    """``level``: 1 is the outermost."""

    level: int
    text: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list or a table, as Markdown. ``page`` from 1; 0: the format has none."""

    text: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """Text under the headings of ``path``, the outermost first. ``number``: of the section in its file, from 0."""

    number: int
    path: tuple[str, ...]
    text: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """``language``: an IETF tag, empty if the file names none; ``certain``: a person wrote it down for this note.
    ``problems``: what of it could not be read, and why.
    """

    sections: tuple[Section, ...]
    title: str = ""
    language: str = ""
    certain: bool = False
    valid_from: date | None = None
    valid_until: date | None = None
    problems: tuple[str, ...] = ()


def sections_of(blocks: Iterable[Heading | Block], title: str = "") -> tuple[Section, ...]:
    """Blocks gathered under their headings. ``title`` stands above a text that begins without a heading of its own."""
    found = list(_gathered(blocks))
    if title and not any(path for path, _, _ in found):
        found = [((title,), text, page) for _, text, page in found]
    return tuple(Section(number, path, text, page) for number, (path, text, page) in enumerate(found))


def _gathered(blocks: Iterable[Heading | Block]) -> Iterator[tuple[tuple[str, ...], str, int]]:
    path: list[tuple[int, str]] = []
    texts: list[Block] = []
    for block in blocks:
        if isinstance(block, Block):
            if block.text.strip():
                texts.append(block)
            continue
        if texts:
            yield _section(path, texts)
            texts = []
        if block.text.strip():
            path = [*(above for above in path if above[0] < block.level), (block.level, " ".join(block.text.split()))]
    if texts:
        yield _section(path, texts)


def _section(path: Sequence[tuple[int, str]], texts: Sequence[Block]) -> tuple[tuple[str, ...], str, int]:
    """The items of a list stand together, other blocks apart."""
    text = texts[0].text.strip("\n")
    for before, block in pairwise(texts):
        together = before.text.startswith(ITEM) and block.text.startswith(ITEM)
        text += ("\n" if together else "\n\n") + block.text.strip("\n")
    return tuple(name for _, name in path), text, texts[0].page


def table_lines(rows: Sequence[Sequence[str]], header: bool) -> str:
    """A table as a list that can be read aloud: ``- Germany: Standard 4.90 €; Express 9.90 €``.

    ``header``: the first row names the columns. A table of two columns needs no names.
    """
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    rows = [row for row in rows if any(row)]
    if not rows:
        return ""
    names = rows[0] if header and len(rows) > 1 else []
    return "\n".join(f"- {_row(names, row)}" for row in (rows[1:] if names else rows))


def _row(names: Sequence[str], row: Sequence[str]) -> str:
    first, rest = row[0], row[1:]
    if len(row) == 2 and first:
        return f"{first}: {rest[0]}" if rest[0] else first
    titles = [*names[1:], *[""] * len(row)]
    said = "; ".join(f"{title}: {cell}" if title else cell for title, cell in zip(titles, rest, strict=False) if cell)
    return f"{first}: {said}" if first and said else first or said
