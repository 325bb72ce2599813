"""Plain text: headings as people mark them in a text without formatting, paragraphs as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.knowledge.sources.document import Block, Document, Heading, sections_of

UNDERLINE = re.compile(r"[ \t]*(={3,}|-{3,}|\*{3,}|~{3,}|_{3,})[ \t]*")
BRACKETS = re.compile(r"[ \t]*(?:【(.+)】|〖(.+)〗|={2,}\s*(.+?)\s*={2,})[ \t]*")
LONGEST_HEADING = 60
SENTENCE_END = ("。", "！", "？", "；", ".", "!", "?", ";", "，", ",", ":", "：")


def read_plain(text: str, title: str) -> Document:
    return Document(sections_of(_blocks(text), title), title=title)


def _blocks(text: str) -> Iterator[Heading | Block]:
    paragraphs = [part for part in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.strip("\n")) if part.strip()]
    for number, paragraph in enumerate(paragraphs):
        yield from _paragraph(paragraph.split("\n"), is_last=number + 1 == len(paragraphs))


def _paragraph(lines: list[str], is_last: bool) -> Iterator[Heading | Block]:
    held: list[str] = []
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if UNDERLINE.fullmatch(line):
            continue
        heading = _marked(line, below) or (_alone(line, is_last) if len(lines) == 1 else "")
        if heading:
            if held:
                yield Block("\n".join(held))
                held = []
            yield Heading(2, heading)
        else:
            held.append(line.rstrip())
    if held:
        yield Block("\n".join(held))


def _marked(line: str, below: str) -> str:
    """A heading that is marked as one: underlined, or in 【brackets】."""
    if found := BRACKETS.fullmatch(line):
        return next(filter(None, found.groups()), "").strip()
    return line.strip() if line.strip() and UNDERLINE.fullmatch(below) and len(line) <= LONGEST_HEADING else ""


def _alone(line: str, is_last: bool) -> str:
    """A short line by itself that ends no sentence, and is not the end of the text."""
    text = line.strip()
    if is_last or len(text) > LONGEST_HEADING or text.endswith(SENTENCE_END) or text.startswith(("-", "*", "•", "·")):
        return ""
    return text
