"""PDF: text with its pages; headings by the outline, or by letters larger than the rest."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.knowledge.sources.cut import width
from core.knowledge.sources.document import Block, Document, Heading, Unreadable, sections_of

if TYPE_CHECKING:  # pypdf is loaded when a PDF is read, not when a bot starts
    from pypdf import PageObject, PdfReader

MOST_PAGES = 3000
# Letters so much larger than those of the text are a heading's; and a heading is no longer than this.
LARGER = 1.12
LONGEST_HEADING = 120
MOST_LEVELS = 4
# A page with fewer letters is a picture, a cover or empty.
FEWEST_LETTERS = 8
# What stands first or last on so many of the pages is printed on each of them.
REPEATED = 0.5
BULLET = re.compile(r"[•●▪◦‣·∙–-]\s+|\d{1,2}[.)]\s+|[（(]?[一二三四五六七八九十\d]{1,2}[)）、]\s*")
SENTENCE_END = ("。", "！", "？", ".", "!", "?", ":", "：", "；")
PAGE_NUMBER = re.compile(
    r"(?:page|seite|第)?\s*[-–]?\s*\d{1,4}\s*[-–]?\s*(?:(?:/|of|von|页,?共?)\s*\d{0,4}\s*页?)?", re.IGNORECASE
)
# A line of a table of contents: dots up to a page number.
LEADERS = re.compile(r"(?:\s?[.·…]){5,}\s*\d*\s*$|(?:\.\s){5,}")
HAN_END = re.compile(r"[㐀-鿿，。、；：！？）】」』”]$")
HAN_START = re.compile(r"[㐀-鿿，。、；：！？（【「『“]")


@dataclass(frozen=True, slots=True)
class _Line:
    """``size``: of its largest letters, in points."""

    text: str
    size: float
    page: int


def read_pdf(data: bytes, title: str) -> Document:
    """Raises Unreadable: it is encrypted, damaged, or has no text."""
    from pypdf.errors import PyPdfError

    with _silent():
        try:
            reader = _opened(data)
            pages = [_lines(page, number) for number, page in enumerate(reader.pages, 1)]
            outline = dict(_outline(reader))
            own = str((reader.metadata.title if reader.metadata else "") or "").strip()
        except PyPdfError as error:
            raise Unreadable(f"is damaged, or no PDF ({error})", "Open it and save it again as PDF") from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError) as error:
            # A damaged file surfaces as whatever its broken part was used for.
            raise Unreadable(f"is damaged ({type(error).__name__})", "Open it and save it again as PDF") from error
    bare = [number for number, lines in enumerate(pages, 1) if _letters(lines) < FEWEST_LETTERS]
    if len(bare) == len(pages):
        raise Unreadable("has no text, only pictures", "It is a scan: run text recognition (OCR) over it first")
    sections = sections_of(_blocks(_without_repeated(pages), outline), title)
    pictures = [number for number in bare if _has_picture(reader, number)]
    problems = (f"has pictures without text on page {', '.join(map(str, pictures))}",) if pictures else ()
    return Document(sections, title=own or title, problems=problems)


def _opened(data: bytes) -> PdfReader:
    from pypdf import PasswordType, PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    reader = PdfReader(io.BytesIO(data))
    try:
        if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
            raise Unreadable("is encrypted", "Save it without a password")
    except (DependencyError, FileNotDecryptedError):
        raise Unreadable("is encrypted", "Save it without a password") from None
    if len(reader.pages) > MOST_PAGES:
        raise Unreadable(f"has {len(reader.pages)} pages", f"At most {MOST_PAGES} are read; cut it in parts")
    return reader


@contextmanager
def _silent() -> Iterator[None]:
    """What pypdf remarks on a file's oddities helps nobody here."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _letters(lines: Sequence[_Line]) -> int:
    return sum(character.isalnum() for line in lines for character in line.text)


def _has_picture(reader: PdfReader, number: int) -> bool:
    resources = reader.pages[number - 1].get("/Resources")
    found = resources.get_object() if resources is not None else None
    return isinstance(found, dict) and "/XObject" in found


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────


def _lines(page: PageObject, number: int) -> list[_Line]:
    """The lines of a page, in order, each with the size of its letters."""
    sizes: list[tuple[str, float]] = []

    def seen(text: str, cm: Sequence[float], tm: Sequence[float], _font: Any, size: float) -> None:
        if text.strip():
            scale = abs(tm[3] * cm[3]) or abs(tm[1] * cm[2]) or 1.0
            sizes.append((text, round(abs(size) * scale, 1)))

    text = page.extract_text(visitor_text=seen)
    held = "".join(part for part, _ in sizes)
    # The size of each letter, so that a line of the text finds the sizes of its own letters.
    letters = [(character, size) for part, size in sizes for character in part if not character.isspace()]
    found: list[_Line] = []
    at = 0
    for line in text.splitlines():
        own = [character for character in line if not character.isspace()]
        measured = Counter[float]()
        for character in own:
            if at < len(letters) and letters[at][0] == character:
                measured[letters[at][1]] += 1
                at += 1
        size = measured.most_common(1)[0][0] if measured else 0.0
        found.append(_Line(" ".join(line.split()), size, number))
    return found if held or text.strip() else []


def _without_repeated(pages: Sequence[Sequence[_Line]]) -> list[_Line]:
    """Without page numbers, what is printed above or below each page, and tables of contents."""
    edges = Counter(_form(line) for lines in pages for line in _edge_lines(lines))
    often = {form for form, times in edges.items() if form and times >= 3 and times >= REPEATED * len(pages)}
    kept: list[_Line] = []
    for lines in pages:
        edge = {id(line) for line in _edge_lines(lines)}
        for line in lines:
            printed = id(line) in edge and (_form(line) in often or PAGE_NUMBER.fullmatch(line.text))
            if not line.text or not (printed or LEADERS.search(line.text)):
                kept.append(line)
        kept.append(_Line("", 0.0, lines[-1].page if lines else 0))
    return kept


def _edge_lines(lines: Sequence[_Line]) -> list[_Line]:
    told = [line for line in lines if line.text]
    return [*told[:2], *told[-2:]] if len(told) > 4 else [*told[:1], *told[-1:]]


def _form(line: _Line) -> str:
    """A line but for its numbers: "Page 3 of 9" stands on each page."""
    return re.sub(r"\d+", "#", line.text)


# ── headings ─────────────────────────────────────────────────────────────────────────────────────────────


def _outline(reader: PdfReader) -> Iterator[tuple[str, int]]:
    """The titles of the outline, letters only, and their level."""

    def walk(entries: Sequence[Any], level: int) -> Iterator[tuple[str, int]]:
        for entry in entries:
            if isinstance(entry, list):
                if level < 6:
                    yield from walk(entry, level + 1)
            else:
                yield _key(str(entry.title or "")), level

    yield from ((title, level) for title, level in walk(reader.outline, 1) if title)


def _key(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _levels(lines: Sequence[_Line]) -> dict[float, int]:
    """The sizes of headings → their level, the largest first."""
    letters = Counter[float]()
    for line in lines:
        letters[line.size] += len(line.text)
    if not letters:
        return {}
    body = letters.most_common(1)[0][0]
    larger = sorted({line.size for line in lines if line.size >= LARGER * body and line.text}, reverse=True)
    return {size: min(level, MOST_LEVELS) for level, size in enumerate(larger, 1)} if body else {}


def _blocks(lines: Sequence[_Line], outline: dict[str, int]) -> Iterator[Heading | Block]:
    sizes = _levels(lines)
    held: list[_Line] = []
    heading: Heading | None = None
    for line in lines:
        level = outline.get(_key(line.text)) if line.text else None
        if level is None and line.text and len(line.text) <= LONGEST_HEADING:
            level = sizes.get(line.size)
        if level is None:
            if heading is not None and line.text:
                yield heading
                heading = None
            held.append(line)
            continue
        if any(one.text for one in held):
            yield from _paragraphs(held)
        held = []
        if heading is not None and heading.level == level and heading.page == line.page:  # a heading of two lines
            line = _Line(_joined(heading.text, line.text), line.size, line.page)
        elif heading is not None:
            yield heading
        heading = Heading(level, line.text, line.page)
    if heading is not None:
        yield heading
    yield from _paragraphs(held)


# ── paragraphs ───────────────────────────────────────────────────────────────────────────────────────────


def _paragraphs(lines: Sequence[_Line]) -> Iterator[Block]:
    """Lines put together again as they were before they were broken at the margin."""
    widths = sorted(width(line.text) for line in lines if line.text)
    full = widths[int(0.8 * (len(widths) - 1))] if widths else 0
    text, page, last = "", 0, 0
    for line in lines:
        ends = bool(text) and (
            not line.text
            or BULLET.match(line.text) is not None
            or (last < 0.75 * full and text.endswith(SENTENCE_END))
            or (last < 0.5 * full and text.lstrip("- ")[:1] != "")
        )
        if text.endswith("-") and line.text:  # a word goes on
            ends = False
        if ends and not (not line.text and last >= 0.9 * full and not text.endswith(SENTENCE_END)):
            yield Block(text, page)
            text = ""
        if line.text:
            text, page = (_joined(text, line.text), page) if text else (_bulleted(line.text), line.page)
            last = width(line.text)
    if text:
        yield Block(text, page)


def _bulleted(text: str) -> str:
    return re.sub(r"^[•●▪◦‣·∙–]\s+", "- ", text)


def _joined(text: str, line: str) -> str:
    if text.endswith("-") and len(text) > 1 and text[-2].isalpha() and line[:1].islower():
        return text[:-1] + line
    return f"{text}{line}" if HAN_END.search(text) and HAN_START.match(line) else f"{text} {line}"
