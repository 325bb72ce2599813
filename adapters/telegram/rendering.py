"""Markdown (CommonMark, tables, ~~strike~~) → a plain text and Telegram's entities. Never fails: text is text.

Telegram counts in UTF-16 code units, lets styles nest but nothing stand inside ``code`` and ``pre``, and knows no
headings, lists or tables; those become bold lines, bullets, and monospaced columns (or lines, if they are wide).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace

from markdown_it.tree import SyntaxTreeNode
from telegram import MessageEntity

from adapters.telegram.dialect import parser

MAX_UNITS = 4096
"""The longest text of one message, after rendering, in UTF-16 code units."""

TABLE_COLUMNS = 36
"""A wider table would be folded on a phone's screen and is written as lines."""

BULLETS = ("•", "◦", "▪")
STYLES = {"strong": MessageEntity.BOLD, "em": MessageEntity.ITALIC, "s": MessageEntity.STRIKETHROUGH}
INSEPARABLE = frozenset({MessageEntity.CODE, MessageEntity.PRE})
PARSER = parser()


@dataclass(frozen=True, slots=True)
class Rendered:
    text: str
    entities: tuple[MessageEntity, ...] = ()

    @property
    def units(self) -> int:
        return units(self.text)


@dataclass(frozen=True, slots=True)
class _Mark:
    """An entity; ``start`` and ``end`` in UTF-16 code units."""

    kind: str
    start: int
    end: int
    url: str | None = None
    language: str | None = None


@dataclass(slots=True)
class _Canvas:
    """The text so far, with its marks."""

    parts: list[str] = field(default_factory=list)
    units: int = 0
    marks: list[_Mark] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.units += units(text)

    def mark(self, kind: str, start: int, *, url: str | None = None, language: str | None = None) -> None:
        if self.units > start:
            self.marks.append(_Mark(kind, start, self.units, url, language))


def units(text: str) -> int:
    """The length in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def clean(text: str) -> str:
    """Without what UTF-8 or Telegram cannot carry: half surrogates and control characters."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return "".join(c if c >= " " or c in "\n\t" else " " for c in whole.replace("\r\n", "\n")).replace("\x7f", " ")


def render(markdown: str) -> Rendered:
    """The whole text. What renders to nothing (a link's definition alone, say) is shown as it was written."""
    source = clean(markdown)
    canvas = _Canvas()
    _blocks(canvas, SyntaxTreeNode(PARSER.parse(source)).children, depth=0)
    rendered = _finish(canvas)
    return rendered if rendered.text else plain(source)


def plain(markdown: str) -> Rendered:
    return Rendered(clean(markdown).strip())


def below(above: Rendered, text: Rendered) -> Rendered:
    """Both, with an empty line between them."""
    by = above.units + 2
    moved = MessageEntity.shift_entities(by, text.entities) if text.entities else ()
    return Rendered(f"{above.text}\n\n{text.text}", (*above.entities, *moved))


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────


def _blocks(canvas: _Canvas, nodes: list[SyntaxTreeNode], *, depth: int, tight: bool = False) -> None:
    for index, node in enumerate(nodes):
        if index:
            canvas.write("\n" if tight else "\n\n")
        _block(canvas, node, depth)


def _block(canvas: _Canvas, node: SyntaxTreeNode, depth: int) -> None:
    start = canvas.units
    if node.type == "heading":
        _inline(canvas, node.children)
        canvas.mark(MessageEntity.BOLD, start)
    elif node.type in ("bullet_list", "ordered_list"):
        _list(canvas, node, depth)
    elif node.type == "blockquote":
        _blocks(canvas, node.children, depth=depth)
        canvas.mark(MessageEntity.BLOCKQUOTE, start)
    elif node.type in ("fence", "code_block"):
        canvas.write(node.content.rstrip("\n"))
        language = node.info.split()[0] if node.type == "fence" and node.info.strip() else None
        canvas.mark(MessageEntity.PRE, start, language=language)
    elif node.type == "hr":
        canvas.write("———")
    elif node.type == "table":
        _table(canvas, node)
    else:
        _inline(canvas, node.children)


def _list(canvas: _Canvas, node: SyntaxTreeNode, depth: int) -> None:
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    tight = all(child.hidden for item in node.children for child in item.children if child.type == "paragraph")
    for index, item in enumerate(node.children):
        if index:
            canvas.write("\n" if tight else "\n\n")
        bullet = BULLETS[min(depth, len(BULLETS) - 1)] if number is None else f"{number + index}."
        canvas.write("  " * depth + bullet + " ")
        _blocks(canvas, item.children, depth=depth + 1, tight=tight)


def _table(canvas: _Canvas, node: SyntaxTreeNode) -> None:
    rows = [[_cell(cell) for cell in row.children] for part in node.children for row in part.children]
    widths = [max(_width(row[column].text) for row in rows) for column in range(len(rows[0]))]
    start = canvas.units
    if sum(widths) + 2 * (len(widths) - 1) <= TABLE_COLUMNS:
        lines = [
            "  ".join(_pad(cell.text, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        canvas.write("\n".join(lines))
        canvas.mark(MessageEntity.PRE, start)
    else:
        _table_lines(canvas, rows)


def _table_lines(canvas: _Canvas, rows: list[list[Rendered]]) -> None:
    """Each row as a line: the first cell, then ``header: cell`` for the others."""
    header, *body = rows
    for index, row in enumerate(body or [header]):
        if index:
            canvas.write("\n")
        canvas.write("• ")
        start = canvas.units
        canvas.write(row[0].text)
        canvas.mark(MessageEntity.BOLD, start)
        named = [
            f"{name.text}: {cell.text}" if body and name.text else cell.text
            for name, cell in zip(header, row, strict=True)
        ]
        rest = "; ".join(text for text, cell in zip(named[1:], row[1:], strict=True) if cell.text)
        canvas.write((" — " if row[0].text and rest else "") + rest)


def _cell(node: SyntaxTreeNode) -> Rendered:
    canvas = _Canvas()
    _inline(canvas, node.children)
    return Rendered(" ".join("".join(canvas.parts).split()))


def _width(text: str) -> int:
    """Columns on a screen: Chinese characters and emoji take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


# ── inside a line ────────────────────────────────────────────────────────────────────────────────────────


def _inline(canvas: _Canvas, nodes: list[SyntaxTreeNode]) -> None:
    for node in nodes:
        start = canvas.units
        if node.type in STYLES:
            _inline(canvas, node.children)
            canvas.mark(STYLES[node.type], start)
        elif node.type == "code_inline":
            canvas.write(node.content)
            canvas.mark(MessageEntity.CODE, start)
        elif node.type == "link":
            _inline(canvas, node.children)
            _link(canvas, start, str(node.attrs.get("href", "")))
        elif node.type == "image":
            canvas.write(node.content or str(node.attrs.get("src", "")))
            _link(canvas, start, str(node.attrs.get("src", "")))
        elif node.type in ("softbreak", "hardbreak"):
            canvas.write("\n")
        elif node.children:
            _inline(canvas, node.children)
        else:
            canvas.write(node.content)


def _link(canvas: _Canvas, start: int, url: str) -> None:
    """Web addresses become links. Others (mail, phone) are written out, for Telegram would refuse or misread them."""
    shown = _since(canvas, start)
    if re.match(r"https?://[^/\s]+\.[^/\s]", url, re.IGNORECASE):
        if shown != url:
            canvas.mark(MessageEntity.TEXT_LINK, start, url=url)
        return
    address = re.sub(r"^(mailto|tel):", "", url)
    if ":" in url and address not in shown:
        canvas.write(f" ({address})")


def _since(canvas: _Canvas, start: int) -> str:
    text = "".join(canvas.parts)
    return text.encode("utf-16-le")[2 * start :].decode("utf-16-le")


# ── Telegram's rules of nesting ──────────────────────────────────────────────────────────────────────────


def _finish(canvas: _Canvas) -> Rendered:
    text = "".join(canvas.parts)
    lead = units(text) - units(text.lstrip())
    trimmed = text.strip()
    moved = (_shift(mark, lead, units(trimmed)) for mark in canvas.marks)
    marks = _nest([mark for mark in moved if mark.end > mark.start])
    entities = tuple(
        MessageEntity(mark.kind, mark.start, mark.end - mark.start, url=mark.url, language=mark.language)
        for mark in marks
    )
    return Rendered(trimmed, entities)


def _shift(mark: _Mark, by: int, length: int) -> _Mark:
    return replace(mark, start=max(0, mark.start - by), end=min(length, mark.end - by))


def _nest(marks: list[_Mark]) -> list[_Mark]:
    """No quote in a quote, no style twice, no link or style over code: there the code wins."""
    outermost = sorted(marks, key=lambda mark: (mark.start, -mark.end, mark.kind))
    kept: list[_Mark] = []
    for mark in outermost:
        if not any(other.kind == mark.kind and other.start <= mark.start and mark.end <= other.end for other in kept):
            kept.append(mark)
    code = [mark for mark in kept if mark.kind in INSEPARABLE]
    split = [
        piece for mark in kept for piece in (_without(mark, code) if mark.kind != MessageEntity.BLOCKQUOTE else [mark])
    ]
    return sorted(split, key=lambda mark: (mark.start, -mark.end, mark.kind))


def _without(mark: _Mark, code: list[_Mark]) -> list[_Mark]:
    """What is left of a style outside of the code that lies in it."""
    if mark.kind in INSEPARABLE:
        return [mark]
    pieces, start = [], mark.start
    for hole in code:
        if mark.start <= hole.start and hole.end <= mark.end:
            pieces.append(replace(mark, start=start, end=hole.start))
            start = hole.end
    pieces.append(replace(mark, start=start))
    return [piece for piece in pieces if piece.end > piece.start]
