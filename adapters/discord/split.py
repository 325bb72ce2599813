"""Cut a long answer into Discord messages: paragraphs, lines, sentences, words; code blocks whole or reopened."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.discord.markdown import FENCE, render

LIMIT = 2000
NOTHING = "…"  # Discord refuses an empty message

# From the coarsest cut to the finest. Each pattern matches the text up to and including one cut.
# The bounds keep a text of brackets or dots alone from taking quadratic time.
_PARAGRAPH = re.compile(r".*?(?:\n[ \t]*\n\s*|\Z)", re.DOTALL)
_LINE = re.compile(r".*?(?:\n|\Z)", re.DOTALL)
_SENTENCE = re.compile(r".*?(?:[.!?…]{1,9}[\"')\]]{0,9}\s+|[。！？；]{1,9}[”’」』）]{0,9}\s*|\Z)", re.DOTALL)
# A link or a piece of inline code is one word, so that it is not torn apart.
_WORD = re.compile(r"(?:\[[^\]\n]{0,200}\]\([^)\s]{0,500}\)|`[^`\n]{1,200}`|\S)+?(?:\s+|\Z)|\s+", re.DOTALL)
_CUTS = (_PARAGRAPH, _LINE, _SENTENCE, _WORD)

_JOINERS = {"\u200d", "\ufe0e", "\ufe0f", "\u20e3"}


def size(text: str) -> int:
    """Length in UTF-16 units: Discord's clients count so, and its server never counts more."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = LIMIT) -> list[str]:
    """Parts of at most ``limit``, none of them blank; blank text gives one part with an ellipsis."""
    packer = _Packer(limit)
    for block in _blocks(render(text)):
        packer.add_code(block) if isinstance(block, _Code) else packer.add_text(block, 0)
    packer.flush()
    return packer.parts or [NOTHING]


def clip(text: str, limit: int = LIMIT) -> str:
    """``text``, shortened with an ellipsis where it does not fit one message."""
    return text if size(text) <= limit else split(text, limit - 2)[0] + NOTHING


@dataclass(frozen=True, slots=True)
class _Code:
    """A fenced block: its opening and closing lines, and the lines between them."""

    opening: str
    closing: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.opening, *self.lines, self.closing)) + "\n"


def _blocks(text: str) -> Iterator[str | _Code]:
    plain: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        opening = FENCE.match(line)
        if opening is None:
            plain.append(line)
            continue
        if plain:
            yield "\n".join(plain) + "\n"
            plain = []
        yield _Code(line, opening["marks"], tuple(_until_closed(lines, opening["marks"])))
    if plain:
        yield "\n".join(plain)


def _until_closed(lines: Iterator[str], marks: str) -> Iterator[str]:
    for line in lines:
        closing = FENCE.match(line)
        if closing and closing["marks"].startswith(marks) and not closing["info"].strip():
            return
        yield line


class _Packer:
    """Fills one part after the other; what is added stays in its order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._part = ""
        self._used = 0
        self.parts: list[str] = []

    def flush(self) -> None:
        if self._part.strip():
            self.parts.append(self._part.strip("\n").rstrip())
        self._part, self._used = "", 0

    def add_text(self, text: str, level: int) -> None:
        for piece in _pieces(text, level, self._limit):
            if not self._fits(piece) and self._fits_alone(piece):
                self.flush()
            if self._fits(piece):
                self._add(piece)
            else:
                self.add_text(piece, level + 1)

    def add_code(self, code: _Code) -> None:
        if not self._fits(str(code)):
            self.flush()
        if self._fits(str(code)):
            self._add(str(code))
            return
        for chunk in _chunks(code, self._limit):
            self.flush()
            self._add(str(chunk))

    def _add(self, piece: str) -> None:
        self._part += piece
        self._used += size(piece)

    def _fits(self, piece: str) -> bool:
        return self._used + size(piece.rstrip()) <= self._limit

    def _fits_alone(self, piece: str) -> bool:
        return size(piece.rstrip()) <= self._limit


def _pieces(text: str, level: int, limit: int) -> Iterator[str]:
    if level < len(_CUTS):
        yield from (match.group() for match in _CUTS[level].finditer(text) if match.group())
        return
    start = 0
    while start < len(text):
        end = _hard_cut(text, start, limit)
        yield text[start:end]
        start = end


def _hard_cut(text: str, start: int, limit: int) -> int:
    """The end of the longest piece from ``start`` that fits and does not tear a character apart."""
    end, room = start, limit
    while end < len(text) and (room := room - size(text[end])) >= 0:
        end += 1
    cut = end
    while start < cut < len(text) and _joined(text, cut):
        cut -= 1
    return cut if cut > start else max(end, start + 1)


def _joined(text: str, at: int) -> bool:
    """True: the characters before and after ``at`` are drawn as one (accents, emoji made of several)."""
    before, after = text[at - 1], text[at]
    joined = bool(unicodedata.combining(after)) or after in _JOINERS or before == "\u200d"
    return joined or "\U0001f3fb" <= after <= "\U0001f3ff" or _flag_half(before, after)


def _flag_half(before: str, after: str) -> bool:
    return all("\U0001f1e6" <= character <= "\U0001f1ff" for character in (before, after))


def _chunks(code: _Code, limit: int) -> Iterator[_Code]:
    """A block that is too long, as several blocks, each closed and opened again with the same language."""
    opening, marks = _fitting_opening(code, limit)
    room = limit - size(opening) - size(marks) - 2
    taken: list[str] = []
    for line in (piece for whole in code.lines for piece in (list(_pieces(whole, len(_CUTS), room)) or [""])):
        if taken and size("\n".join([*taken, line])) > room:
            yield _Code(opening, marks, tuple(taken))
            taken = []
        taken.append(line)
    if taken:
        yield _Code(opening, marks, tuple(taken))


def _fitting_opening(code: _Code, limit: int) -> tuple[str, str]:
    """The fence, or a plain one where a fence of absurd length would leave no room for the code."""
    if size(code.opening) + size(code.closing) + 2 <= limit // 2:
        return code.opening, code.closing
    return "```", "```"
