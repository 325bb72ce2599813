"""HTML and saved web pages: what the page is about, without its menus, banners and scripts."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage

from selectolax.lexbor import LexborHTMLParser, LexborNode

from core.knowledge.sources.document import Block, Document, Heading, Unreadable, sections_of, table_lines
from core.knowledge.sources.encoding import decode
from core.sections import LANGUAGE_TAG

CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]+)|^<\?xml[^>]{0,100}encoding=[\"']([\w-]+)", re.I)
# What no reader of the page would call its text.
LEFT_OUT = (
    "script, style, noscript, template, svg, canvas, iframe, object, form, button, input, select, textarea, dialog,"
    "nav, footer, aside, [hidden], [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo],"
    "[role=search], [role=dialog], [role=menu], body > header"
)
# Parts of a page that are named like this are no text either: cookie banners, menus, what is shared and advertised.
CHROME = re.compile(
    r"(?:^|[\s_-])(?:cookies?|consent|breadcrumbs?|menu|navbar|nav|sidebar|newsletter|share|social|popup|modal|related|"
    r"skip-link|pagination|advert(?:isement)?|ads?)(?:$|[\s_-])",
    re.IGNORECASE,
)
MAIN = "main, [role=main], article, #content, #main, .entry-content"
# The main part is believed to be it if it has so much of the text.
MAIN_SHARE = 0.3
HEADINGS = {f"h{level}": level for level in range(1, 7)}
INLINE = frozenset(
    "a abbr b bdi bdo big cite code data dfn em font i img kbd label mark q s samp small span strike strong sub sup time "
    "tt u var wbr ins del ruby rb br -text".split()
)
LISTS = frozenset({"ul", "ol", "menu"})
DEEPEST = 150  # deeper than any page is meant; below it the text is taken as it comes


def read_html(data: bytes, title: str) -> Document:
    """``title``: where the page has none of its own. Raises Unreadable: there is no text in it."""
    declared = CHARSET.search(data[:4096])
    tree = LexborHTMLParser(decode(data, (declared[1] or declared[2]).decode() if declared else ""))
    body = tree.body
    if body is None:
        raise Unreadable("has no text")
    named = tree.css_first("title")
    name = _words(named) if named is not None else ""
    root = tree.css_first("html")
    language = (root.attributes.get("lang") or "") if root is not None else ""
    sections = sections_of(_Walk().blocks(_main(body)), name or title)
    if not sections:
        raise Unreadable("has no text", "A page that a script fills must be saved from the browser, after it was shown")
    language = language.strip().replace("_", "-")
    return Document(sections, title=name or title, language=language if LANGUAGE_TAG.fullmatch(language) else "")


def read_mhtml(data: bytes, title: str) -> Document:
    """A page saved into one file (.mhtml): a letter whose first HTML part is the page. Raises Unreadable."""
    letter = email.message_from_bytes(data, policy=email.policy.default)
    for part in letter.walk():
        if isinstance(part, EmailMessage) and part.get_content_type() == "text/html":
            page = part.get_payload(decode=True)
            if isinstance(page, bytes):
                declared = part.get_content_charset() or ""
                return read_html(decode(page, declared).encode("utf-8-sig"), title)
    raise Unreadable("has no page in it", "Save it again as one file, or as HTML")


def text_of_html(fragment: str) -> str:
    """A fragment, such as a product's description, as Markdown without headings."""
    if "<" not in fragment and "&" not in fragment:
        return fragment.strip()
    body = LexborHTMLParser(fragment).body
    if body is None:
        return ""
    _strip(body)
    return "\n\n".join(block.text for block in _Walk().blocks(body) if block.text)


def _main(body: LexborNode) -> LexborNode:
    _strip(body)
    whole = len(body.text())
    best = max(body.css(MAIN), key=lambda node: len(node.text()), default=None)
    return best if best is not None and len(best.text()) >= MAIN_SHARE * whole else body


def _strip(body: LexborNode) -> None:
    for node in body.css(LEFT_OUT):
        if node.parent is not None and node.tag not in HEADINGS:
            node.decompose()
    for node in body.css("[class], [id]"):
        names = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
        if node.tag in ("div", "section", "ul", "p", "header") and CHROME.search(names) and not node.css("h1, main"):
            node.decompose()


class _Walk:
    """Goes through a page in order and gives its headings and blocks."""

    def __init__(self) -> None:
        self._level = 0

    def blocks(self, node: LexborNode, depth: int = 0) -> Iterator[Heading | Block]:
        inline: list[str] = []
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if tag in INLINE and not (tag != "-text" and _has_blocks(child)):
                inline.append(_inline(child))
                continue
            if text := _paragraph(inline):
                yield Block(text)
            inline = []
            yield from self._block(child, tag, depth)
        if text := _paragraph(inline):
            yield Block(text)

    def _block(self, node: LexborNode, tag: str, depth: int) -> Iterator[Heading | Block]:
        if tag in HEADINGS:
            self._level = HEADINGS[tag]
            yield Heading(self._level, _words(node))
        elif tag == "summary":  # a question that opens, and its answer
            yield Heading(min(self._level + 1, 6), _words(node))
        elif tag in LISTS:
            yield from self._list(node, depth)
        elif tag == "table":
            yield from self._table(node, depth)
        elif tag == "dl":
            yield Block(_definitions(node))
        elif tag == "pre":
            yield Block(f"```\n{node.text().strip(chr(10))}\n```")
        elif tag.startswith("-") or tag.startswith("!"):
            return
        elif depth >= DEEPEST:
            yield Block(_words(node))
        else:
            yield from self.blocks(node, depth + 1)

    def _list(self, node: LexborNode, depth: int) -> Iterator[Heading | Block]:
        """A list stays together; one whose items have headings is but a layout."""
        if node.css(", ".join(HEADINGS)):
            yield from self.blocks(node, depth + 1)
            return
        yield Block("\n".join(_items(node, "")))

    def _table(self, node: LexborNode, depth: int) -> Iterator[Heading | Block]:
        rows = [[cell for cell in row.iter() if cell.tag in ("td", "th")] for row in node.css("tr")]
        rows = [row for row in rows if row]
        nested = any(table.mem_id != node.mem_id for table in node.css("table"))
        if nested or any(cell.css(", ".join(HEADINGS)) for row in rows for cell in row) or not rows:
            yield from self.blocks(node, depth + 1)  # a layout
            return
        header = len(rows) > 1 and (all(cell.tag == "th" for cell in rows[0]) or node.css_first("thead") is not None)
        caption = node.css_first("caption")
        lines = table_lines([[_words(cell) for cell in row] for row in rows], header)
        yield Block(f"{_words(caption)}\n\n{lines}" if caption is not None else lines)


def _items(node: LexborNode, indent: str, depth: int = 0) -> Iterator[str]:
    number = 0
    for item in node.iter():
        if item.tag != "li":
            continue
        number += 1
        mark = f"{number}." if node.tag == "ol" else "-"
        own = _paragraph([_inline(child) for child in item.iter(include_text=True) if child.tag not in LISTS])
        if own:
            yield f"{indent}{mark} {' '.join(own.split())}"
        if depth < 5:
            for within in item.iter():
                if within.tag in LISTS:
                    yield from _items(within, indent + "  ", depth + 1)


def _definitions(node: LexborNode) -> str:
    lines: list[str] = []
    for child in node.css("dt, dd"):
        words = _paragraph([_inline(child)]).replace("\n", " ")
        if child.tag == "dt" or not lines:
            lines.append(f"- {words}")
        elif words:
            lines[-1] += f" {words}" if lines[-1].endswith(":") else f": {words}"
    return "\n".join(lines)


def _has_blocks(node: LexborNode) -> bool:
    return any((within.tag or "") not in INLINE for within in node.traverse())


def _inline(node: LexborNode) -> str:
    """Text as Markdown: a link to another page is kept, as are line breaks."""
    tag = node.tag or ""
    if tag == "-text":
        return re.sub(r"\s+", " ", node.text_content or "")
    if tag == "br":
        return "\n"
    if tag == "img":
        return ""
    if tag == "a":
        words, address = _words(node), (node.attributes.get("href") or "").strip()
        kept = re.fullmatch(r"https?://[^\s()<>]+", address) and words and words != address
        return f"[{words}]({address})" if kept else words
    if tag in ("b", "strong") and (words := _words(node)):
        return f"**{words}**"
    if tag.startswith("-") or tag.startswith("!"):
        return ""
    inner = "".join(_inline(child) for child in node.iter(include_text=True)) if tag in INLINE else _words(node)
    return inner if tag in INLINE else f" {inner} "


def _paragraph(parts: list[str]) -> str:
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _words(node: LexborNode) -> str:
    return " ".join(node.text(separator=" ").split()) if _has_blocks(node) else " ".join(node.text().split())
