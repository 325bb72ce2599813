"""CommonMark as Discord shows it. Discord renders most of it itself; what it does not render is rewritten.

Tables become an aligned code block, or lines where that would be too wide for a phone or would kill links;
headings below the third level become bold; pictures become links. Text in code fences is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import zip_longest

WIDEST_TABLE = 56  # columns of a code block that a phone shows without wrapping, roughly

FENCE = re.compile(r"^ {0,3}(?P<marks>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_DEEP_HEADING = re.compile(r"^ {0,3}#{4,6}\s+(?P<text>.*?)\s*#*\s*$")
_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<url>[^()\s]+)(?:\s+\"[^\"]*\")?\)")
_LINK = re.compile(r"\[[^\]]+\]\([^)\s]+\)|https?://")
_CELL_MARKS = re.compile(r"\*\*|__|`")
_PIPE = re.compile(r"(?<!\\)\|")


def render(text: str) -> str:
    """Rewrite what Discord does not show. Rendering twice is the same as rendering once."""
    lines = text.replace("\r\n", "\n").split("\n")
    shown: list[str] = []
    fence = ""
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = _fence_after(line, fence)
        if fence or FENCE.match(line):
            shown.append(line)
        elif _table_starts(lines, at):
            end = _table_end(lines, at)
            shown.extend(_table(lines[at:end]))
            at = end - 1
        else:
            shown.append(_line(line))
        at += 1
    return "\n".join(shown)


def _fence_after(line: str, fence: str) -> str:
    """The marks of the fence that is open after ``line``; empty: none."""
    match = FENCE.match(line)
    if match is None:
        return fence
    marks = match["marks"]
    if not fence:
        return marks
    closes = marks[0] == fence[0] and len(marks) >= len(fence) and not match["info"].strip()
    return "" if closes else fence


def _line(line: str) -> str:
    heading = _DEEP_HEADING.match(line)
    if heading:
        return f"**{heading['text'].replace('**', '')}**"
    return _IMAGE.sub(lambda match: f"[{match['alt'] or match['url']}]({match['url']})", line)


def _table_starts(lines: list[str], at: int) -> bool:
    if at + 1 >= len(lines) or "|" not in lines[at] or "|" not in lines[at + 1]:
        return False
    return bool(_RULE.match(lines[at + 1])) and len(_cells(lines[at])) == len(_cells(lines[at + 1]))


def _table_end(lines: list[str], start: int) -> int:
    end = start + 2
    while end < len(lines) and "|" in lines[end] and not FENCE.match(lines[end]):
        end += 1
    return end


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|")
    if bare.endswith("|") and not bare.endswith("\\|"):
        bare = bare[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _PIPE.split(bare)]


def _table(lines: list[str]) -> list[str]:
    head, rows = _cells(lines[0]), [_cells(line) for line in lines[2:]]
    block = _code_block(head, rows)
    linked = any(_LINK.search(line) for line in lines)
    if linked or any(width(line) > WIDEST_TABLE for line in block):
        return [_row_as_line(head, row) for row in rows] or [" · ".join(head)]
    return block


def _code_block(head: list[str], rows: list[list[str]]) -> list[str]:
    plain = [[_CELL_MARKS.sub("", cell) for cell in row[: len(head)]] for row in [head, *rows]]
    widths = [max(width(cell) for cell in column) for column in zip_longest(*plain, fillvalue="")]
    lines = ["  ".join(_padded(cell, size) for cell, size in zip(row, widths, strict=False)).rstrip() for row in plain]
    return ["```", lines[0], "  ".join("-" * size for size in widths), *lines[1:], "```"]


def _row_as_line(head: list[str], row: list[str]) -> str:
    first, *others = row
    named = [f"{name}: {cell}" if name else cell for name, cell in zip(head[1:], others, strict=False) if cell]
    return "- " + " · ".join([f"**{_CELL_MARKS.sub('', first)}**" if first else "", *named]).removeprefix(" · ")


def width(text: str) -> int:
    """How many columns ``text`` takes in a fixed-width font: a Chinese character takes two."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200b\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _padded(cell: str, size: int) -> str:
    return cell + " " * (size - width(cell))
