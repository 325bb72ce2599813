from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.rendering import render
from adapters.telegram.splitting import split
from tests.adapters.telegram.test_rendering import MARKDOWN


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", render(text).text if text.strip() else "")


@pytest.mark.parametrize(
    "text", ["", "   ", "short", "# Head\n\ntext", "x" * 4096, "😀" * 2048, "**" + "y" * 4096 + "**"]
)
def test_what_fits_stays_whole(text: str) -> None:
    assert split(text) == [text]


def test_at_paragraphs() -> None:
    paragraphs = [f"Paragraph {number}. " + "word " * 150 for number in range(12)]
    parts = split("\n\n".join(paragraphs))
    assert len(parts) == 3
    assert all(part.startswith("Paragraph") for part in parts)
    assert letters("".join(parts)) == letters("".join(paragraphs))


def test_at_lines() -> None:
    parts = split("\n".join(f"{number} " + "x" * 90 for number in range(100)))
    assert all(re.match(r"\d+ x", part) for part in parts)


def test_at_list_items() -> None:
    parts = split("\n".join(f"- tea number {number} is good" for number in range(300)))
    assert all(part.startswith("- tea") and part.endswith("good") for part in parts)


@pytest.mark.parametrize(
    ("sentence", "ends"), [("Green tea is good! ", "!"), ("绿茶很好。真的吗？", "。？"), ("他说：“好。”", "”")]
)
def test_at_sentences(sentence: str, ends: str) -> None:
    parts = split(sentence * 700)
    assert len(parts) > 1
    assert all(part[-1] in ends for part in parts)
    assert letters("".join(parts)) == letters(sentence * 700)


def test_at_words() -> None:
    parts = split("oolong " * 1200)
    assert set(" ".join(parts).split()) == {"oolong"}
    assert len(" ".join(parts).split()) == 1200


def test_anywhere_but_not_in_a_character() -> None:
    family = "👩‍👩‍👧‍👦"
    parts = split(family * 1000)
    assert all(part == family * (len(part) // len(family)) for part in parts)


def test_links_stay_whole() -> None:
    parts = split("[the tea of the day](https://shop.example/teas/today?page=1) and " * 400)
    assert len(parts) > 1
    assert sum(len(render(part).entities) for part in parts) == 400


def test_a_code_block_is_closed_and_opened_again() -> None:
    code = "\n".join(f"print({number})" for number in range(800))
    parts = split(f"Look:\n\n```python\n{code}\n```\n\nDone.")
    blocks = [entity for part in parts for entity in render(part).entities]
    assert {(str(entity.type), entity.language) for entity in blocks} == {("pre", "python")}
    assert "".join(re.findall(r"print\(\d+\)", "".join(parts))) == code.replace("\n", "")
    assert parts[-1].endswith("Done.")


def test_a_code_block_that_fits_stays_whole() -> None:
    code = "```\n" + "x = 1\n" * 300 + "```"
    parts = split("word " * 700 + "\n\n" + code)
    assert parts[1] == code


def test_a_table_gets_its_header_again() -> None:
    rows = "\n".join(f"| tea {number} | {number} |" for number in range(600))
    parts = split(f"| Tea | Price |\n|---|---|\n{rows}")
    assert len(parts) > 1
    assert all(render(part).text.startswith("Tea") for part in parts)


def test_bold_goes_on() -> None:
    parts = split("**" + "All of this is bold. " * 400 + "really**")
    assert len(parts) > 1
    for part in parts:
        rendered = render(part)
        assert "*" not in rendered.text
        assert rendered.entities[0].length == rendered.units


def test_a_long_quote_stays_a_quote() -> None:
    parts = split("> " + "This is quoted. " * 500)
    assert {str(entity.type) for part in parts for entity in render(part).entities} == {"blockquote"}


@pytest.mark.parametrize(
    "text",
    [
        "`" * 9000,
        "*" * 9000,
        "> " * 5000,
        "[" * 5000,
        "-" * 9000,
        "\n" * 9000,
        "a" * 200_000,
        "| a " * 3000,
        "  " * 5000,
    ],
)
def test_odd_texts_fit(text: str) -> None:
    parts = split(text)
    assert parts
    assert all(render(part).units <= 4096 for part in parts)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(MARKDOWN, max_size=8).map("\n\n".join))
def test_any_parts_fit_and_are_the_same_each_time(markdown: str) -> None:
    parts = split(markdown, limit=120)
    assert parts == split(markdown, limit=120)
    assert parts
    assert all(render(part).units <= 120 for part in parts)
