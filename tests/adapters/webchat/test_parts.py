"""The parts that need no server: Markdown, colours, languages, limits, cutting."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from adapters.webchat import Allowance, ChatPage, WebChannel
from adapters.webchat.chatpage import accepted_languages, best_language
from adapters.webchat.markdown import draft_to_html, to_html
from adapters.webchat.ratelimit import RateLimit
from adapters.webchat.theme import AA, DARK_SURFACE, LIGHT_SURFACE, Rgb, contrast, theme
from tests.adapters.webchat.shop import PAGE, Store


@pytest.mark.parametrize(
    "markdown",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "</script><svg onload=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        "[x](//evil.example)",
        "<javascript:alert(1)>",
        "![x](https://evil.example/x.png)",
        '[x](https://a.example "onmouseover=alert(1)\\" x=\\"")',
        "`</code><script>`",
        "```html\n<script>alert(1)</script>\n```",
        "https://a.example/\"onmouseover='alert(1)'",
        "| <b>a</b> |\n|---|\n| <img src=x onerror=alert(1)> |",
    ],
)
def test_markdown_brings_no_script_no_picture_and_no_odd_link(markdown: str) -> None:
    for html in (to_html(markdown), draft_to_html(markdown)):
        tags = [part.split(">")[0].lower() for part in html.split("<")[1:]]
        names = {tag.strip("/").split()[0] for tag in tags}
        assert names <= {"p", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "br", "strong", "em"}
        for tag in tags:
            attributes = {part.split("=")[0] for part in tag.split('"')[0:-1:2]}
            assert not any(name.split()[-1].startswith("on") for name in attributes if name.split())
            if tag.startswith("a "):
                assert tag.startswith(('a href="https://', 'a href="http://'))
                assert 'rel="noopener nofollow"' in tag


@pytest.mark.parametrize(
    ("markdown", "part"),
    [
        ("a\nb", "a<br />\nb"),
        ("见https://b.example/c。好", '<a href="https://b.example/c" target="_blank" rel="noopener nofollow">'),
        ("(see https://b.example/a_(b)).", "https://b.example/a_(b)</a>)."),
        ("write hello@shop.example.", '<a href="mailto:hello@shop.example"'),
        ("[call](tel:+4930123)", '<a href="tel:+4930123"'),
        ("`https://b.example`", "<code>https://b.example</code>"),
        ("|a|\n|--:|\n|1|", '<td class="right">1</td>'),
        ("# Tea", "<h3>Tea</h3>"),
        ("~~old~~", "<s>old</s>"),
    ],
)
def test_what_markdown_becomes(markdown: str, part: str) -> None:
    assert part in to_html(markdown)


@pytest.mark.parametrize(
    ("so_far", "html"),
    [
        ("the **bam", "<p>the <strong>bam</strong></p>"),
        ("the **bam*", "<p>the <strong>bam</strong></p>"),
        ("the **", "<p>the</p>"),
        ("see [the pa", "<p>see the pa</p>"),
        ("see [the page](https://a.exam", "<p>see the page</p>"),
        ("run `ma", "<p>run <code>ma</code></p>"),
        ("```\nx **y", "<pre><code>x **y\n</code></pre>"),
        ("", ""),
    ],
)
def test_a_draft_shows_no_unfinished_signs(so_far: str, html: str) -> None:
    assert draft_to_html(so_far).replace("\n</code>", "</code>") == html.replace("\n</code>", "</code>")


def rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@pytest.mark.parametrize(
    "accent", ["#0f766e", "#ffffff", "#000000", "#ffeb3b", "#777777", "#ff0000", "#00ff00", "#0000ff", "#e0a0c0"]
)
def test_text_can_be_read_with_any_accent(accent: str) -> None:
    colours = theme(accent)
    assert contrast(rgb(colours.fill), rgb(colours.on_fill)) >= AA
    assert contrast(rgb(colours.text_on_light), LIGHT_SURFACE) >= AA
    assert contrast(rgb(colours.text_on_dark), DARK_SURFACE) >= AA


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("de, en;q=0.5, zh;q=0.7", "zh"),
        ("fr", "en"),
        ("", "en"),
        ("*;q=0.1, \x00, ;;;, zh;q=x", "zh"),
        ("zh;q=0, en", "en"),
    ],
)
def test_the_language_of_a_browser(header: str, language: str) -> None:
    assert best_language(("en", "zh"), accepted_languages(header)) == language


def test_a_rate_limit_gives_back_with_time_and_forgets_the_oldest() -> None:
    seconds = [0.0]
    limit = RateLimit(Allowance(burst=2, every_s=10), keys=2, clock=lambda: seconds[0])
    assert [limit.take("a") for _ in range(3)] == [0.0, 0.0, 10.0]
    seconds[0] = 10.0
    assert [limit.take("a") for _ in range(2)] == [0.0, 10.0]
    assert limit.take("b") == limit.take("c") == 0.0
    assert limit.take("a") == 0.0


def test_long_texts_are_cut_the_same_way_each_time_and_nothing_is_lost() -> None:
    channel = WebChannel("teahouse", Store(), lambda: PAGE)
    assert channel.split("") == [""]
    text = ("word " * 1000 + "\n\n") * 50 + "x" * 250_000
    parts = channel.split(text)
    assert "".join(parts) == text
    assert all(0 < len(part) <= channel.traits.max_chars for part in parts)
    assert channel.split(text) == parts


@pytest.mark.parametrize("source", ["https://a.example; script-src *", "a b", "a,b", "\n", ""])
def test_a_frame_ancestor_cannot_bring_another_directive(source: str) -> None:
    with pytest.raises(ValidationError):
        ChatPage(**(PAGE.model_dump() | {"frame_ancestors": (source,)}))
