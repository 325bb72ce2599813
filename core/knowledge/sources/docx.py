"""Word documents (DOCX): headings by their style, lists, tables. What was deleted with changes tracked stays out."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from core.knowledge.sources.document import Block, Document, Heading, Unreadable, sections_of, table_lines

if TYPE_CHECKING:  # python-docx is loaded when a document is read, not when a bot starts
    from docx.oxml.xmlchemy import BaseOxmlElement
    from docx.table import _Cell
    from docx.text.paragraph import Paragraph

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
HEADING_STYLE = re.compile(r"(?:heading|标题|titre|überschrift|título|titolo)\s*(\d)", re.IGNORECASE)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an old .doc, or a .docx under a password
LARGEST_XML = 100 * 1024 * 1024


def read_docx(data: bytes, title: str) -> Document:
    """Raises Unreadable."""
    from docx import Document as open_docx
    from docx.opc.exceptions import OpcError
    from docx.text.paragraph import Paragraph

    if data.startswith(OLE):
        raise Unreadable(
            "is under a password, or a document of an old Word (.doc)", "Save it as .docx, without a password"
        )
    _check_size(data)
    try:
        document = open_docx(io.BytesIO(data))
        blocks: list[Heading | Block] = []
        for item in document.iter_inner_content():
            if isinstance(item, Paragraph):
                blocks += _paragraph(item)
            else:
                rows = [[_text(cell._tc) for cell in _distinct(row.cells)] for row in item.rows]
                blocks.append(Block(table_lines(rows, header=len(rows) > 1)))
    except (
        OpcError,
        KeyError,
        ValueError,
        AttributeError,
        SyntaxError,
        zipfile.BadZipFile,
        NotImplementedError,
    ) as error:
        raise Unreadable(f"is damaged, or no DOCX ({error})", "Open it in Word and save it again") from error
    own = (document.core_properties.title or "").strip()
    sections = sections_of(blocks, title)
    if not sections:
        raise Unreadable("has no text", "Are its pages pictures? Run text recognition (OCR) over it first")
    return Document(sections, title=own or title)


def _check_size(data: bytes) -> None:
    """Raises Unreadable before anything large is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            size = sum(part.file_size for part in package.infolist() if part.filename.endswith((".xml", ".rels")))
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise Unreadable(f"is damaged, or no DOCX ({error})", "Open it in Word and save it again") from None
    if size > LARGEST_XML:
        raise Unreadable(f"would unpack to {size} bytes", f"At most {LARGEST_XML} are read")


def _paragraph(paragraph: Paragraph) -> Iterator[Heading | Block]:
    text = _text(paragraph._p).strip()
    if not text:
        return
    level = _level(paragraph)
    if level is not None:
        yield Heading(level, text)
    elif _is_listed(paragraph):
        yield Block(f"- {text}")
    else:
        yield Block(text)


def _level(paragraph: Paragraph) -> int | None:
    """The level of a heading: its style's name, or that of a style it is made from, or its outline level."""
    outline = paragraph._p.find(f"{W}pPr/{W}outlineLvl")
    if outline is not None and (value := outline.get(f"{W}val", "")).isdigit() and int(value) < 9:
        return int(value) + 1
    style = paragraph.style
    for _ in range(10):
        if style is None:
            return None
        name = style.name or ""
        if name in ("Title", "标题"):
            return 1
        if found := HEADING_STYLE.match(name):
            return int(found[1])
        style = style.base_style if hasattr(style, "base_style") else None
    return None


def _is_listed(paragraph: Paragraph) -> bool:
    name = (paragraph.style.name or "") if paragraph.style is not None else ""
    return paragraph._p.find(f"{W}pPr/{W}numPr") is not None or name.startswith("List")


def _text(element: BaseOxmlElement) -> str:
    """All text of an element in order, inserted text and links included."""
    found: list[str] = []
    for node in element.iter(f"{W}t", f"{W}tab", f"{W}br", f"{W}p", f"{W}noBreakHyphen"):
        kind = node.tag.removeprefix(W)
        if kind == "t":
            found.append(node.text or "")
        elif kind == "p":
            found.append("\n" if found else "")
        else:
            found.append({"tab": " ", "noBreakHyphen": "-"}.get(kind, "\n"))
    return "".join(found)


def _distinct(cells: Iterable[_Cell]) -> Iterator[_Cell]:
    """A merged cell stands in its row once for each column."""
    seen: set[int] = set()
    for cell in cells:
        if id(cell._tc) not in seen:
            seen.add(id(cell._tc))
            yield cell
