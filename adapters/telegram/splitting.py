"""Cut Markdown into parts that fit one Telegram message each, measured after rendering.

Cut at a paragraph, else at a line, else after a sentence, else between words, else anywhere between two characters.
A code block that does not fit is closed and opened again, a table gets its header again, and bold stays bold.
The cut depends on the text alone: the same text gives the same parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from adapters.telegram.dialect import parser
from adapters.telegram.growing import LINE_START, Fence, inline_start, open_fence, open_marks
from adapters.telegram.rendering import MAX_UNITS, render, units

SLACK = 24
"""Room for the marks that are closed at the end of a part and opened at the start of the next."""

SENTENCE = re.compile(r"[。！？；…]+[”’」』）)]*|[.!?]+[\"'”’)]*(?=\s)")
WORD = re.compile(r"\s+|[，、：,;]")
WHOLE = re.compile(
    r"!?\[[^\[\]\n]*\]\([^()\n]*\)|(`+)[^`](?:.*?[^`])?\1(?!`)|<[a-z][a-z0-9+.-]*:[^<>\s]*>|https?://\S+", re.IGNORECASE
)
"""Links and code, within which nothing is cut as long as they fit."""

GLUED = re.compile("[\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
"""Characters that belong to the one before them."""

PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")

FAR = 8
"""A block this many times too long in its source is cut without rendering it first."""

BLOCKS = parser().disable("inline")


def split(text: str, limit: int = MAX_UNITS) -> list[str]:
    """Never empty; a short text is its only part, unchanged."""
    if units(text) <= limit and render(text).units <= limit:
        return [text]
    parts = [
        piece
        for part in _join(_blocks(text), limit)
        for piece in ([part] if render(part).units <= limit else _literal(part, limit))
    ]
    return parts or [text]


def _join(blocks: Iterator[str], limit: int) -> Iterator[str]:
    """Fill the parts with whole blocks. A blank line between two blocks costs two units."""
    part, size = "", 0
    for block in blocks:
        fits = units(block) <= FAR * limit and render(block).units <= limit
        for piece in [block] if fits else _fitting(block, limit):
            cost = render(piece).units
            if part and size + 2 + cost > limit:
                yield part
                part, size = "", 0
            part, size = (f"{part}\n\n{piece}", size + 2 + cost) if part else (piece, cost)
    if part:
        yield part


def _blocks(text: str) -> Iterator[str]:
    """The outermost paragraphs, lists, tables, code blocks … as they were written."""
    lines = text.replace("\r\n", "\n").split("\n")
    starts = [
        token.map[0]
        for token in BLOCKS.parse("\n".join(lines))
        if token.level == 0 and token.map and token.nesting >= 0
    ]
    borders = [*sorted({0, *starts}), len(lines)]
    for start, end in pairwise(borders):
        block = "\n".join(lines[start:end]).strip("\n").rstrip()
        if block.strip():
            yield block


def _fitting(block: str, limit: int) -> list[str]:
    """One block in pieces, each of which fits."""
    pieces = list(_cut_block(block, limit))
    room = limit
    while any(render(piece).units > limit for piece in pieces) and room > 64:
        room //= 2
        pieces = list(_cut_block(block, room))
    return pieces


def _cut_block(block: str, limit: int) -> Iterator[str]:
    lines = block.split("\n")
    fence = open_fence(lines[0])
    if fence and units(fence.opening) < limit // 8:
        yield from _cut_fence(lines, fence, limit)
    elif len(lines) > 2 and "|" in lines[0] and re.fullmatch(r"[ \t|:-]+", lines[1]) and "-" in lines[1]:
        yield from _cut_table(lines, limit)
    else:
        yield from _cut_lines(lines, limit)


def _cut_fence(lines: list[str], fence: Fence, limit: int) -> Iterator[str]:
    closing = lines[-1].strip() if len(lines) > 1 else ""
    body = lines[1:-1] if closing and not closing.strip(fence.marker[0]) else lines[1:]
    room = limit - 2 * units(fence.opening) - 2
    short = [piece for line in body for piece in (_cut_hard(line, room) if units(line) > room else [line])]
    for chunk in _fill(short, room, "\n"):
        yield f"{fence.opening}\n{chunk}\n{fence.marker}"


def _cut_table(lines: list[str], limit: int) -> Iterator[str]:
    """Halves until they fit. A row that does not fit alone becomes plain lines."""
    header, rows = lines[:2], lines[2:]
    if render("\n".join(lines)).units <= limit:
        yield "\n".join(lines)
    elif len(rows) > 1:
        half = len(rows) // 2
        yield from _cut_table([*header, *rows[:half]], limit)
        yield from _cut_table([*header, *rows[half:]], limit)
    else:
        yield from _cut_lines([row.strip().strip("|") for row in rows or header], limit)


def _cut_lines(lines: list[str], limit: int) -> Iterator[str]:
    """Lines of a paragraph, list or quote. A line in the source is never longer when it is rendered."""
    room = limit - SLACK
    short = [piece for line in lines for piece in (_cut_line(line, room) if units(line) > room else [line])]
    yield from _carry_marks(_fill(short, room, "\n"))


def _cut_line(line: str, limit: int) -> list[str]:
    """A line that is too long, at sentences, else words, else characters. A quote's mark is set again."""
    match = LINE_START.match(line)
    again = match[0] if match and ">" in match[0] and len(match[0]) < SLACK else ""
    room = limit - units(again)
    sentences = _atoms(line, SENTENCE)
    words = [piece for atom in sentences for piece in (_atoms(atom, WORD) if units(atom) > room else [atom])]
    atoms = [piece for atom in words for piece in (_cut_hard(atom, room) if units(atom) > room else [atom])]
    pieces = [piece.strip() for piece in _fill(atoms, room, "")]
    return [piece if not index else again + piece for index, piece in enumerate(piece for piece in pieces if piece)]


def _atoms(text: str, border: re.Pattern[str]) -> list[str]:
    """The text cut after each border that does not lie in a link or code."""
    whole = [match.span() for match in WHOLE.finditer(text)]
    found, start = [], 0
    for match in border.finditer(text):
        end = match.end()
        while whole and whole[0][1] <= match.start():
            whole.pop(0)
        if not (whole and whole[0][0] < end < whole[0][1]):
            found.append(text[start:end])
            start = end
    return [*found, text[start:]]


def _cut_hard(text: str, limit: int) -> list[str]:
    pieces, start, size = [], 0, 0
    for at, character in enumerate(text):
        size += units(character)
        glued = GLUED.match(character) or text[at - 1] == "\u200d"
        if size > limit + (SLACK // 2 if glued else 0):
            pieces.append(text[start:at])
            start, size = at, units(character)
    return [*pieces, text[start:]]


def _fill(atoms: list[str], limit: int, glue: str) -> Iterator[str]:
    """As many atoms as fit, joined by ``glue``."""
    part: list[str] = []
    size = 0
    for atom in atoms:
        cost = units(atom) + (len(glue) if part else 0)
        if part and size + cost > limit:
            yield glue.join(part)
            part, size, cost = [], 0, units(atom)
        part.append(atom)
        size += cost
    if part:
        yield glue.join(part)


def _carry_marks(pieces: Iterator[str]) -> Iterator[str]:
    """Close at the end of each piece what it opened (a code block in a list, bold), and open it again in the next."""
    carried: list[str] = []
    opening = ""
    for piece in pieces:
        lead = LINE_START.match(piece)
        at = lead.end() if lead and not opening else 0
        text = opening + piece[:at] + "".join(carried) + piece[at:]
        fence = open_fence(text)
        if fence and units(fence.opening) < SLACK // 2:
            carried, opening = [], fence.opening.strip() + "\n"
            yield f"{text}\n{fence.marker}"
            continue
        carried, opening = open_marks(text[inline_start(text) :]), ""
        if sum(map(len, carried)) > SLACK // 3:
            carried = []  # a row of stars, not emphasis
        yield text + "".join(reversed(carried))


def _literal(part: str, limit: int) -> Iterator[str]:
    """The last resort, for marks that make no sense when they are cut: the bare text, without any style."""
    for chunk in _cut_hard(render(part).text, limit - SLACK):
        lines = (PUNCTUATION.sub(r"\\\g<0>", line.strip()) for line in chunk.split("\n"))
        yield "\n".join(lines)
