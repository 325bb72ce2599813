"""The Markdown that is understood: CommonMark with tables and ~~strike~~, and with emphasis that works in Chinese.

CommonMark decides by spaces and punctuation whether ``*`` opens or closes. Chinese has no spaces, so that the common
``**价格：**12元`` would stay as it is. Next to a Chinese character only spaces count, as in the "CJK-friendly" amendment.
"""

from __future__ import annotations

import unicodedata

from markdown_it import MarkdownIt
from markdown_it.rules_inline.state_inline import Delimiter, StateInline


def parser() -> MarkdownIt:
    found = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    found.inline.ruler.before("emphasis", "wide_emphasis", _wide_emphasis)
    return found


def is_wide(character: str) -> bool:
    """A Chinese, Japanese or Korean character or punctuation mark, or an emoji."""
    return unicodedata.east_asian_width(character) in "WF" or character in "“”‘’…—"


def _wide_emphasis(state: StateInline, silent: bool) -> bool:
    """A run of ``*`` next to a wide character; any other is left to the rule of CommonMark."""
    if silent or state.src[state.pos] != "*":
        return False
    scanned = state.scanDelims(state.pos, True)
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[state.pos + scanned.length] if state.pos + scanned.length < state.posMax else " "
    if not (is_wide(before) or is_wide(after)):
        return False
    for _ in range(scanned.length):
        state.push("text", "", 0).content = "*"
        state.delimiters.append(
            Delimiter(
                marker=ord("*"),
                length=scanned.length,
                token=len(state.tokens) - 1,
                end=-1,
                open=not after.isspace(),
                close=not before.isspace(),
            )
        )
    state.pos += scanned.length
    return True
