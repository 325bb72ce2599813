"""Markdown to HTML that is safe to insert: no raw HTML, no images, only links that open a page, a mail or a call."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

_ALLOWED_LINK = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)
# Only characters that may stand in an address: in Chinese, text follows it without a space.
_BARE = re.compile(
    r"(?P<url>https?://[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%\[\]]+)"
    r"|(?P<mail>(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}(?![\w-]))"
)


class _Renderer(RendererHTML):
    """Alignment of table cells becomes a class: the page's CSP forbids style attributes."""

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        return self._cell(tokens, idx, options, env)

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        return self._cell(tokens, idx, options, env)

    def _cell(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        align = str(tokens[idx].attrs.pop("style", "")).removeprefix("text-align:")
        if align in ("left", "center", "right"):
            tokens[idx].attrSet("class", align)
        return self.renderToken(tokens, idx, options, env)

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        tokens[idx].attrSet("target", "_blank")
        tokens[idx].attrSet("rel", "noopener nofollow")
        return self.renderToken(tokens, idx, options, env)


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return bool(_ALLOWED_LINK.match(url.strip()))


def _link_bare_addresses(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = _linked(token.children)


def _lower_headings(state: StateCore) -> None:
    """The page's own heading is the shop's name; those inside an answer stand below it."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"


def _linked(children: Sequence[Token]) -> list[Token]:
    linked: list[Token] = []
    inside = 0
    for child in children:
        inside += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type == "text" and not inside:
            linked.extend(_split_text(child))
        else:
            linked.append(child)
    return linked


def _split_text(token: Token) -> list[Token]:
    parts: list[Token] = []
    end = 0
    for match in _BARE.finditer(token.content):
        shown = _without_trailing_punctuation(match[0])
        if match.start() > end:
            parts.append(_text(token.content[end : match.start()], token.level))
        href = f"mailto:{shown}" if match["mail"] else shown
        parts.append(Token("link_open", "a", 1, attrs={"href": href}, level=token.level))
        parts.append(_text(shown, token.level + 1))
        parts.append(Token("link_close", "a", -1, level=token.level))
        end = match.start() + len(shown)
    if not parts:
        return [token]
    if end < len(token.content):
        parts.append(_text(token.content[end:], token.level))
    return parts


def _without_trailing_punctuation(address: str) -> str:
    shown = address.rstrip(".,;:!?'*_")
    while shown.endswith(")") and shown.count(")") > shown.count("("):
        shown = shown[:-1].rstrip(".,;:!?'*_")
    return shown


def _text(content: str, level: int) -> Token:
    return Token("text", "", 0, content=content, level=level)


def _build() -> MarkdownIt:
    markdown = _Markdown("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    # An image would be a request to somebody else's host; ![text](address) becomes "!" and a link.
    markdown.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    markdown.core.ruler.push("link_bare_addresses", _link_bare_addresses)
    markdown.core.ruler.push("lower_headings", _lower_headings)
    return markdown


_MARKDOWN = _build()


def to_html(text: str) -> str:
    """Blocks: paragraphs, lists, tables, code."""
    return str(_MARKDOWN.render(text)).strip()


def draft_to_html(text: str) -> str:
    """Of a text that is still being written: what is opened at its end counts as closed, so that no signs flicker."""
    return to_html(_closed(text))


def _closed(text: str) -> str:
    before, separator, last = text.rpartition("\n")
    if text.count("```") % 2:
        return text
    last = re.sub(r"\[([^\]\n]*)(\](\([^)\s]*)?)?$", r"\1", last)
    if last.count("`") % 2:
        last = last[:-1] if last.endswith("`") else f"{last}`"
    elif last.count("**") % 2:
        last = re.sub(r"\s*\*\*$", "", last) if re.search(r"\*\*$", last) else f"{last.rstrip('*').rstrip()}**"
    return before + separator + last


def to_inline_html(text: str) -> str:
    """One line, for greetings and the like."""
    return str(_MARKDOWN.renderInline(text)).strip()
