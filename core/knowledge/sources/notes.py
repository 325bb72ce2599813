"""Notes of every format, from a folder, a file or a zip archive, as passages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.knowledge.passages import Passage, of_section
from core.knowledge.sources.archive import files_of
from core.knowledge.sources.cut import cut
from core.knowledge.sources.document import Document, Unreadable
from core.knowledge.sources.docx import read_docx
from core.knowledge.sources.encoding import decode
from core.knowledge.sources.html import read_html, read_mhtml
from core.knowledge.sources.markdown import read_markdown
from core.knowledge.sources.pdf import read_pdf
from core.knowledge.sources.plain import read_plain
from core.language import NOT_LATIN, base, detect

READERS: Mapping[str, Callable[[bytes, str], Document]] = {
    ".md": lambda data, _: read_markdown(decode(data)),
    ".markdown": lambda data, _: read_markdown(decode(data)),
    ".txt": lambda data, title: read_plain(decode(data), title),
    ".text": lambda data, title: read_plain(decode(data), title),
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".mhtml": read_mhtml,
    ".mht": read_mhtml,
    ".pdf": read_pdf,
    ".docx": read_docx,
}
ARCHIVE = ".zip"
LARGEST_TEXT = 20 * 1024 * 1024
LARGEST = 100 * 1024 * 1024
BINARY = frozenset({".pdf", ".docx", ARCHIVE})
# Beside notes lie pictures, and what a browser saves with a page.
PASSED_OVER = frozenset(
    ".png .jpg .jpeg .gif .webp .svg .ico .bmp .css .js .mjs .map .woff .woff2 .ttf .otf .tmp .part .swp .swo .bak "
    ".crdownload .download .ini .db .gitkeep".split()
)
BETTER = {
    ".doc": "Save it as .docx",
    ".rtf": "Save it as .docx",
    ".odt": "Save it as .docx",
    ".pages": "Save it as .docx or PDF",
    ".ppt": "Save it as PDF",
    ".pptx": "Save it as PDF",
    ".odp": "Save it as PDF",
    ".xls": "Products belong into the catalogue, as CSV; a table of facts into a note",
    ".xlsx": "Products belong into the catalogue, as CSV; a table of facts into a note",
    ".csv": "Products belong into the catalogue; a table of facts into a note",
    ".rar": "Pack it as .zip",
    ".7z": "Pack it as .zip",
    ".gz": "Pack it as .zip",
    ".tar": "Pack it as .zip",
}
# Names begin with a capital; so many words that do not tell that a section in a Chinese note is English.
SMALL = re.compile(r"\b[a-z]{2,}\b")
TELLING_WORDS = 3


@dataclass(frozen=True, slots=True)
class NoteProblem:
    """What could not be read of a file; ``member``: which file of an archive."""

    member: str
    wrong: str
    right: str = ""


@dataclass(frozen=True, slots=True)
class Notes:
    """What one file gave."""

    passages: tuple[Passage, ...] = ()
    problems: tuple[NoteProblem, ...] = ()


def note_files(root: Path) -> Iterator[Path]:
    """Everything that may be a note below a folder, in order; a file is itself."""
    if not root.is_dir():
        yield root
        return
    for path in sorted(root.rglob("*")):
        within = path.relative_to(root)
        suffix = path.suffix.lower()
        if _is_passed_over(PurePosixPath(within.as_posix())) or (path.is_dir() and suffix not in READERS):
            continue
        if path.is_symlink() and path.is_dir():
            continue
        if _saved_with_a_page(path, root):
            continue
        yield path


def _is_passed_over(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "~$", "__MACOSX")) and part not in (".", "..") for part in path.parts)
    return hidden or path.suffix.lower() in PASSED_OVER or path.name in ("Thumbs.db", "LICENSE")


def _saved_with_a_page(path: Path, root: Path) -> bool:
    """A browser saves Returns.html and what it shows into Returns_files/."""
    for folder in path.relative_to(root).parents:
        name = folder.name
        stem = re.sub(r"(?:_files|\.files|-Dateien|_archivos|_fichiers)$", "", name)
        if stem != name and any((root / folder).with_name(stem + ending).is_file() for ending in (".html", ".htm")):
            return True
    return False


def read_notes(name: str, data: bytes, languages: Sequence[str], longest: int) -> Notes:
    """The passages of a file; ``name``: its path, which its passages are called by. What cannot be read is a problem.

    ``languages``: the bot's; ``longest``: of a passage, see core.knowledge.sources.cut.
    """
    passages: list[Passage] = []
    problems: list[NoteProblem] = []
    for member, found in _documents(PurePosixPath(name), data):
        if isinstance(found, Unreadable):
            problems.append(NoteProblem(member, found.why, found.right))
            continue
        problems += [NoteProblem(member, problem) for problem in found.problems]
        foreign = _foreign(found, languages)
        if foreign:
            problems.append(NoteProblem(member, f"is in {foreign}", f"The bot answers in {', '.join(languages)}"))
            continue
        whole = f"{name}/{member}" if member else name
        passages += _passages(whole, found, languages, longest)
    return Notes(tuple(passages), tuple(problems))


def _documents(name: PurePosixPath, data: bytes) -> Iterator[tuple[str, Document | Unreadable]]:
    if name.suffix.lower() != ARCHIVE:
        yield "", _document(name, data)
        return
    try:
        for member, content in files_of(data):
            path = PurePosixPath(member)
            if _is_passed_over(path):
                continue
            if isinstance(content, Unreadable):
                yield member, content
            elif path.suffix.lower() == ARCHIVE:
                yield member, Unreadable("is an archive within an archive", "Unpack it first")
            else:
                yield member, _document(path, content)
    except Unreadable as error:
        yield "", error


def _document(name: PurePosixPath, data: bytes) -> Document | Unreadable:
    suffix = name.suffix.lower()
    reader = READERS.get(suffix)
    limit = LARGEST if suffix in BINARY else LARGEST_TEXT
    if reader is None:
        known = ", ".join((*READERS, ARCHIVE))
        return Unreadable("is of a kind that is not read", BETTER.get(suffix, f"Notes are {known}"))
    if len(data) > limit:
        return Unreadable(f"has {len(data)} bytes", f"At most {limit} are read")
    if not data.strip():
        return Document(())
    try:
        return reader(data, _title(name))
    except Unreadable as error:
        return error
    except RecursionError:
        return Unreadable("is nested too deep")


def _title(name: PurePosixPath) -> str:
    return name.stem.replace("_", " ").strip()


def _foreign(document: Document, languages: Sequence[str]) -> str:
    """The language that a note says it is in, if the bot does not speak it."""
    named = document.language
    return "" if not named or base(named) in map(base, languages) or base(named) in NOT_LATIN else named


def _passages(name: str, document: Document, languages: Sequence[str], longest: int) -> Iterator[Passage]:
    """Named as the file, without .md, which most notes are written in."""
    path = PurePosixPath(name)
    id = name.removesuffix(".md")
    suffix = path.stem.rpartition(".")[2] if "." in path.stem else ""
    named = next((known for known in languages if document.language and base(known) == base(document.language)), "")
    whole = suffix if suffix in languages else named if document.certain else ""
    certain = bool(whole)
    if not whole:
        text = "\n".join(section.text for section in document.sections)
        whole = detect(text, languages, before=named)
    for section in document.sections:
        language = whole if certain else _of_section(section.text, whole, languages)
        for piece, text in enumerate(cut(section.text, longest)):
            yield of_section(id, name, language, document, section, piece, text)


def _of_section(text: str, whole: str, languages: Sequence[str]) -> str:
    """The language of a section: that of its note, unless it is plainly written in another one."""
    found = detect(text, languages, before=whole)
    if base(found) == base(whole) or base(found) in NOT_LATIN:
        return found
    return found if len(SMALL.findall(text)) >= TELLING_WORDS else whole
