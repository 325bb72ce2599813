"""Bytes to text, whichever way a shop's computer wrote them: UTF-8, UTF-16, UTF-32, GB18030, Windows-1252."""

from __future__ import annotations

import codecs
import re

from core.knowledge.sources.document import Unreadable

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What a page says of itself, and what is meant by it: GB18030 holds all of GB2312, browsers read Latin-1 as Windows-1252.
MEANT = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "utf-8"}
# Two bytes of GB 2312: punctuation, and the 3,755 characters of its first level, of which nearly all text is made.
COMMON_PAIR = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]|[\x80-\xff]")
BESIDE_LETTERS = re.compile(rb"[A-Za-z][\x80-\xff]{1,2}[a-z]")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def decode(data: bytes, declared: str = "") -> str:
    """``declared``: what the file says of itself, if it does. Raises Unreadable if the bytes are no text."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return _text(data, name)
    declared = MEANT.get(declared.strip().lower(), declared.strip().lower())
    for name in filter(None, (declared, "utf-8")):
        try:
            return _clean(data.decode(name))
        except (UnicodeDecodeError, LookupError):
            continue
    return _text(data, _guessed(data))


def _text(data: bytes, name: str) -> str:
    try:
        return _clean(data.decode(name))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(f"is no text that can be read (line {line})", "Save it with the encoding UTF-8") from None


def _clean(text: str) -> str:
    """Line ends as Unix has them. Raises Unreadable: a picture or a program is no text."""
    if len(CONTROL.findall(text[:10_000])) > len(text[:10_000]) // 100:
        raise Unreadable("is no text", "Save it as text with the encoding UTF-8")
    return CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def _guessed(data: bytes) -> str:
    wide = _wide(data)
    if wide:
        return wide
    return "gb18030" if _is_chinese(data) else "cp1252"


def _wide(data: bytes) -> str:
    """UTF-16 without its mark: every second byte of spaces, digits and line ends is zero."""
    if len(data) % 2 or b"\0" not in data:
        return ""
    low, high = data[1::2].count(0), data[0::2].count(0)
    return "utf-16-le" if low > high else "utf-16-be"


def _is_chinese(data: bytes) -> bool:
    """Most bytes that are not ASCII are pairs of common characters, and do not stand within words of Latin letters."""
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    pairs = PAIR.findall(data)
    common = sum(COMMON_PAIR.fullmatch(pair) is not None for pair in pairs)
    return common >= 0.8 * len(pairs) and len(BESIDE_LETTERS.findall(data)) <= len(pairs) // 4
