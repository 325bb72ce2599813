"""Long sections cut into pieces of readable length, at the end of a paragraph, a line or a sentence.

The pieces do not overlap: each carries the headings of its section, and a shopper who is quoted one should not read
a half sentence of the one before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

PARAGRAPHS = re.compile(r"(?<=\n)(?:[ \t]*\n)+")
LINES = re.compile(r"(?<=\n)")
SENTENCES = re.compile(r"(?<=[。！？；…])(?=[^。！？；…”’」』）\s])|(?<=[.!?])(?:[\"'”’)\]]*)\s+(?=[^\s])")
CLAUSES = re.compile(r"(?<=[，、：])|(?<=[,;:])\s+")
WORDS = re.compile(r"(?<=\s)")
# From the largest unit to the smallest.
UNITS = (PARAGRAPHS, LINES, SENTENCES, CLAUSES, WORDS)
TABLE_HEAD = re.compile(r"(?:^|\n)([ \t]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-{2,}[^\n]*\n)")


def width(text: str) -> int:
    """The length of a text as it is read: a Han character counts two, about what a reader takes in at once."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def cut(text: str, longest: int) -> list[str]:
    """``text`` in pieces of at most ``longest``, counted by ``width``. A table's head stands above each of its pieces."""
    text = text.strip()
    if width(text) <= longest:
        return [text] if text else []
    head = _table_head(text)
    pieces = [piece.strip("\n").rstrip() for piece in _pieces(text, max(longest - width(head), longest // 2), 0)]
    pieces = [piece for piece in pieces if piece.strip()]
    return [f"{head}{piece}" if _is_beheaded(piece, head) else piece for piece in pieces]


def _table_head(text: str) -> str:
    """The first two lines of the only table in a text."""
    heads = TABLE_HEAD.findall(text)
    return str(heads[0]) if len(heads) == 1 else ""


def _is_beheaded(piece: str, head: str) -> bool:
    return bool(head) and piece.lstrip().startswith("|") and head.strip() not in piece


def _pieces(text: str, longest: int, unit: int) -> Iterator[str]:
    """Whole units put together as long as they fit; of about equal length, so that the last is no rest of two words."""
    if width(text) <= longest:
        yield text
        return
    if unit == len(UNITS):  # one word, longer than a page
        yield from _hard(text, longest)
        return
    parts = _split(UNITS[unit], text)
    if len(parts) == 1:
        yield from _pieces(text, longest, unit + 1)
        return
    count = -(-width(text) // longest)
    aim = min(longest, width(text) // count + longest // 8)
    held = ""
    for part in parts:
        if held and width(held + part) > aim:
            yield from _pieces(held, longest, unit + 1)
            held = ""
        held += part
    if held:
        yield from _pieces(held, longest, unit + 1)


def _split(unit: re.Pattern[str], text: str) -> Sequence[str]:
    """The parts with what stands between them, so that together they are the text."""
    ends = [match.end() for match in unit.finditer(text) if 0 < match.end() < len(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _hard(text: str, longest: int) -> Iterator[str]:
    size = max(1, longest // 2)
    yield from (text[start : start + size] for start in range(0, len(text), size))
