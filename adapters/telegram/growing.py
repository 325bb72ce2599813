"""Markdown that is still being written, or was cut: which marks are open, and how it is shown meanwhile."""

from __future__ import annotations

import re
from dataclasses import dataclass

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
LINE_START = re.compile(r"(?:[ \t]*(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)[ \t]+)+")
ONLY_MARKS = re.compile(r"[ \t]*(?:[-*+_=#>|~`]+|\d{1,9}[.)])[ \t]*")
LINK_END = re.compile(r"<[a-z][a-z0-9+.-]*:[^<>\s]*>|\]\([^()\n]*\)", re.IGNORECASE)
TAIL = re.compile(r"[*_~`]+$")


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code block: the marker that closes it, and the line that opened it."""

    marker: str
    opening: str


def open_fence(markdown: str) -> Fence | None:
    """The code block in whose middle the text ends."""
    fence: Fence | None = None
    for line in markdown.split("\n"):
        match = FENCE.match(line)
        if fence is None and match:
            fence = Fence(match[1], line)
        elif fence and match and match[1].startswith(fence.marker) and not match[2].strip():
            fence = None
    return fence


def settle(markdown: str) -> str:
    """What to show of a text that is still growing: marks half-written are left out, open ones are closed."""
    fence = open_fence(markdown)
    head, newline, last = markdown.rpartition("\n")
    if fence:
        return head if newline and last.strip() and not last.strip().strip(fence.marker[0]) else markdown
    text = markdown.rstrip()
    while text:
        head, _, last = text.rpartition("\n")
        if open_fence(head):
            return text
        if not ONLY_MARKS.fullmatch(last) and not (last.lstrip().startswith("|") and not _in_table(head)):
            break
        text = head.rstrip()
    start = inline_start(text)
    return text[:start] + _settle_inline(text[start:])


def _in_table(head: str) -> bool:
    """The line after ``head`` belongs to a table whose line of dashes is complete."""
    block = head.rpartition("\n\n")[2].split("\n")
    return any(
        re.fullmatch(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-*:?[ \t]*)*", line) and "|" in line for line in block
    )


def inline_start(markdown: str) -> int:
    """Where the last paragraph, heading or list item begins, after its bullet."""
    start = at = 0
    after_heading = False
    for line in markdown.splitlines(keepends=True):
        match = LINE_START.match(line)
        if match:
            start = at + match.end()
        elif not line.strip() or after_heading:
            start = at
        after_heading = line.lstrip().startswith("#")
        at += len(line)
    return start


def _settle_inline(text: str) -> str:
    tail = TAIL.search(text)
    bare = text[: tail.start()] if tail else text
    if tail and open_marks(bare) and not open_marks(text):
        bare = text  # the tail closes what is open
    bare = _settle_link(bare)
    marks = open_marks(bare)
    stripped = bare.rstrip()
    if marks and stripped.endswith(marks[-1]):
        stripped = stripped[: -len(marks[-1])].rstrip()
        marks = marks[:-1]
    return stripped + "".join(reversed(marks)) if marks else bare


def _settle_link(text: str) -> str:
    """A link that is not complete shows its words only."""
    match = re.search(r"(?<!\\)!?\[([^\[\]\n]*)(\](\([^()\s]*)?)?$", text)
    if not match or "`" in match[1] or any(mark.startswith("`") for mark in open_marks(text[: match.start()])):
        return text
    return text[: match.start()] + match[1]


def open_marks(text: str) -> list[str]:
    """The marks (``**``, ``*``, ``_``, ``~~``, back-ticks) that one paragraph opens and does not close, outermost first."""
    stack: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 2
        elif character == "`":
            run = _run(text, at)
            close = re.compile(rf"(?<!`)`{{{run}}}(?!`)").search(text, at + run)
            if close is None:
                return [*stack, "`" * run]
            at = close.end()
        elif character in "*_~":
            run = _run(text, at)
            _emphasis(stack, character, run, text[at - 1 : at] or " ", text[at + run : at + run + 1] or " ")
            at += run
        elif link := LINK_END.match(text, at):
            at = link.end()
        else:
            at += 1
    return stack


def _run(text: str, at: int) -> int:
    return len(text) - at - len(text[at:].lstrip(text[at]))


def _emphasis(stack: list[str], character: str, run: int, before: str, after: str) -> None:
    if character == "~" and run != 2:
        return
    word_before = before.isascii() and before.isalnum()
    word_after = after.isascii() and after.isalnum()
    left = run
    if not before.isspace() and not (character == "_" and word_after):
        while (
            left and stack and (mark := next((m for m in reversed(stack) if m[0] == character and len(m) <= left), ""))
        ):
            while stack.pop() != mark:
                pass
            left -= len(mark)
    if left and not after.isspace() and not word_before:
        stack.extend([character * 2] * (left // 2) + [character] * (left % 2))
