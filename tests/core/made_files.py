"""Files as shops have them, made for a test: PDF, DOCX, zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from docx import Document
from pypdf import PdfReader, PdfWriter

# A line of a page: the size of its letters in points, and its text.
Line = tuple[float, str]


def make_pdf(
    pages: Sequence[Sequence[Line]],
    *,
    outline: Sequence[tuple[str, int]] = (),
    password: str = "",
    picture: bool = False,
) -> bytes:
    """A PDF of lines from the top of each page. ``outline``: titles and their pages from 0; ``picture``: on each page."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects += [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>", *_han_font(4)]
    shown = b""
    if picture:
        objects.append(_stream(b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray "
                               b"/BitsPerComponent 8 ", b"\x80"))  # fmt: skip
        shown = f"/XObject << /Im {len(objects)} 0 R >>".encode()
    kids = []
    for lines in pages:
        objects.append(_stream(b"<< ", _content(lines, picture)))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << "
            b"/Font << /F1 3 0 R /F2 4 0 R >> %b >> >>" % (len(objects), shown)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%b] >>" % (len(pages), b" ".join(kids))
    made = _file(objects)
    if not outline and not password:
        return made
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(made)))
    for title, page in outline:
        writer.add_outline_item(title=title, page_number=page)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _han_font(number: int) -> list[bytes]:
    """A font whose codes are those of Unicode."""
    unicode = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange "
        b"2 beginbfrange <0020> <30FF> <0020> <4E00> <FFEF> <4E00> endbfrange endcmap end"
    )
    return [
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>"
        % (number + 1, number + 2),
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Song /DW 1000 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        _stream(b"<< ", unicode),
    ]


def _content(lines: Sequence[Line], picture: bool) -> bytes:
    parts, y = [b"q 100 0 0 100 50 50 cm /Im Do Q"] if picture else [], 800.0
    for size, text in lines:
        y -= 1.4 * size
        if text.isascii():
            shown = b"/F1 %g Tf 1 0 0 1 50 %g Tm (%b) Tj" % (
                size,
                y,
                text.replace("(", r"\(").replace(")", r"\)").encode(),
            )
        else:
            shown = b"/F2 %g Tf 1 0 0 1 50 %g Tm <%b> Tj" % (size, y, text.encode("utf-16-be").hex().encode())
        parts.append(b"BT %b ET" % shown)
    return b"\n".join(parts)


def _stream(head: bytes, data: bytes) -> bytes:
    return b"%b/Length %d >>\nstream\n%b\nendstream" % (head, len(data), data)


def _file(objects: Sequence[bytes]) -> bytes:
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + head + table + tail


def make_docx(*items: tuple[str, object]) -> bytes:
    """``items``: a style's name and a text, or ``table`` and its rows."""
    document = Document()
    for style, content in items:
        if style == "table":
            assert isinstance(content, list)
            table = document.add_table(rows=0, cols=len(content[0]))
            for row in content:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        else:
            document.add_paragraph(str(content), style=style)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def make_zip(files: Mapping[str, bytes], *, level: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", level) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
