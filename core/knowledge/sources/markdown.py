"""Markdown: a section for each heading, as it is written. Front matter and comments are for colleagues and stay out."""

from __future__ import annotations

import re
from datetime import date, datetime

from markdown_it import MarkdownIt
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from core.knowledge.sources.document import Document, Section, Unreadable
from core.sections import LANGUAGE_TAG

FRONT_MATTER = re.compile(r"\A---[ \t]*\n((?:[^\n]*\n)*?)---[ \t]*(?:\n|\Z)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
DAYS = ("valid_from", "valid_until")


def read_markdown(text: str) -> Document:
    """Raises Unreadable: a day or a language in the front matter is none."""
    matter = FRONT_MATTER.match(text)
    known = _front_matter(matter[1]) if matter else {}
    body = COMMENT.sub("", text[matter.end() :] if matter else text)
    start, end = (_day(known, key) for key in DAYS)
    if start and end and end < start:
        raise Unreadable("its valid_until lies before its valid_from")
    language = _language(known)
    return Document(_sections(body), language=language, certain=bool(language), valid_from=start, valid_until=end)


def _sections(markdown: str) -> tuple[Section, ...]:
    lines = markdown.splitlines()
    headings: list[tuple[int, int, int, str]] = [(0, 0, 0, "")]
    tokens = MarkdownIt("commonmark").parse(markdown)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.map:
            headings.append((token.map[0], token.map[1], int(token.tag[1]), tokens[index + 1].content))
    path: list[tuple[int, str]] = []
    found: list[Section] = []
    for number, (_, start, level, title) in enumerate(headings):
        if title:
            path = [*[entry for entry in path if entry[0] < level], (level, title)]
        end = headings[number + 1][0] if number + 1 < len(headings) else len(lines)
        text = "\n".join(lines[start:end]).strip()
        if text:
            found.append(Section(number, tuple(title for _, title in path), text))
    return tuple(found)


def _front_matter(text: str) -> dict[str, object]:
    """What is no YAML is a colleague's remark."""
    try:
        data = YAML(typ="safe").load(text)
    except (YAMLError, ValueError, RecursionError):
        if re.search(r"^(valid_from|valid_until|language)\s*:", text, re.MULTILINE):
            raise Unreadable(
                "its front matter is no proper YAML", "Write for example valid_until: 2026-12-31"
            ) from None
        return {}
    return data if isinstance(data, dict) else {}


def _day(known: dict[str, object], key: str) -> date | None:
    value = known.get(key)
    if value is None:
        return None
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    raise Unreadable(f"its {key} {str(value)[:40]!r} is no day", f"Write for example {key}: 2026-12-31")


def _language(known: dict[str, object]) -> str:
    value = known.get("language", known.get("lang"))
    if value is None:
        return ""
    if not isinstance(value, str) or not LANGUAGE_TAG.fullmatch(value):
        raise Unreadable(f"its language {str(value)[:40]!r} is no language tag", "Write for example language: zh")
    return value
