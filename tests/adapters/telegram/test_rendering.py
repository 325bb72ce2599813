"""Markdown → text and entities; the judge of the entities is the test server's own check."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.rendering import Rendered, render
from tests.platforms.telegram_text import read_entities, units


def styled(rendered: Rendered) -> list[tuple[str, str]]:
    raw = rendered.text.encode("utf-16-le")
    return [
        (str(entity.type), raw[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le"))
        for entity in rendered.entities
    ]


@pytest.mark.parametrize(
    ("markdown", "text", "marks"),
    [
        ("plain", "plain", []),
        ("**b** *i* ~~s~~ `c`", "b i s c", [("bold", "b"), ("italic", "i"), ("strikethrough", "s"), ("code", "c")]),
        ("***both***", "both", [("bold", "both"), ("italic", "both")]),
        ("# Teas\ntext", "Teas\n\ntext", [("bold", "Teas")]),
        ("😀😀 **b** 😀 *i*", "😀😀 b 😀 i", [("bold", "b"), ("italic", "i")]),
        ("a\\*b\\* &amp; <b>", "a*b* & <b>", []),
        ("- one\n- two\n  - three\n", "• one\n• two\n  ◦ three", []),
        ("3. one\n4. two", "3. one\n4. two", []),
        ("- one\n\n- two", "• one\n\n• two", []),
        ("> one\n> two\n\nafter", "one\ntwo\n\nafter", [("blockquote", "one\ntwo")]),
        ("> a\n>> b", "a\n\nb", [("blockquote", "a\n\nb")]),
        ("```python\nx = 1\n```", "x = 1", [("pre", "x = 1")]),
        ("one\n\n---\n\ntwo", "one\n\n———\n\ntwo", []),
        ("one  \ntwo\nthree", "one\ntwo\nthree", []),
        ("**a `c` b**", "a c b", [("bold", "a "), ("code", "c"), ("bold", " b")]),
        ("[**tea**](https://shop.example)", "tea", [("bold", "tea"), ("text_link", "tea")]),
        ("<https://shop.example/a>", "https://shop.example/a", []),
        ("[us](mailto:hi@shop.example), [call](tel:+47123)", "us (hi@shop.example), call (+47123)", []),
        ("<hi@shop.example>", "hi@shop.example", []),
        ("[here](/teas) [x](tg://user?id=1)", "here x (tg://user?id=1)", []),
        ("[bad](javascript:alert(1))", "[bad](javascript:alert(1))", []),
        ("![a cup](https://shop.example/cup.png)", "a cup", [("text_link", "a cup")]),
        ("**价格：**12元，文字**“引用”**后", "价格：12元，文字“引用”后", [("bold", "价格："), ("bold", "“引用”")]),
        ("[x]: https://shop.example", "[x]: https://shop.example", []),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name", []),
    ],
)
def test_rendering(markdown: str, text: str, marks: list[tuple[str, str]]) -> None:
    rendered = render(markdown)
    assert (rendered.text, styled(rendered)) == (text, marks)


def test_a_narrow_table_keeps_its_columns() -> None:
    rendered = render("| Tea | 价格 |\n|---|---|\n| 绿茶 | 12 |\n| Oolong | 9 |")
    assert rendered.text == "Tea     价格\n绿茶    12\nOolong  9"
    assert [str(entity.type) for entity in rendered.entities] == ["pre"]


def test_a_wide_table_becomes_lines() -> None:
    rendered = render(
        "| Tea | Price | About |\n|---|---|---|\n| **Long Jing** | 12 EUR | pan-fired in spring, sweet and nutty |\n| Oolong | | roasted |"
    )
    assert (
        rendered.text
        == "• Long Jing — Price: 12 EUR; About: pan-fired in spring, sweet and nutty\n• Oolong — About: roasted"
    )
    assert styled(rendered) == [("bold", "Long Jing"), ("bold", "Oolong")]


def test_a_link_has_its_address() -> None:
    [entity] = render("[tea](https://shop.example/a?b=1&c=茶)").entities
    assert entity.url == "https://shop.example/a?b=1&c=%E8%8C%B6"


SNIPPETS = ["**", "*", "_", "~~", "`", "```\n", "\n", "\n\n", "> ", "- ", "1. ", "# ", "| a | b |\n|---|---|\n| c | d |\n", "[", "](", ")",
            "https://shop.example/x", "😀", "中文", "，", " ", "word", "\\", "<", ">", "&amp;", "\t", "    "]  # fmt: skip
MARKDOWN = st.lists(st.one_of(st.sampled_from(SNIPPETS), st.text(max_size=4)), max_size=25).map("".join)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(MARKDOWN)
def test_telegram_accepts_every_rendering(markdown: str) -> None:
    rendered = render(markdown)
    assert rendered.units == units(rendered.text)
    assert rendered.text == rendered.text.strip()
    read_entities(json.dumps([entity.to_dict() for entity in rendered.entities]), rendered.text)
