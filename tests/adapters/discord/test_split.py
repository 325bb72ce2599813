"""Cutting answers, and Markdown as Discord shows it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.markdown import render
from adapters.discord.split import NOTHING, clip, size, split

SENTENCE = "Tea is kept dry and dark. "
CODE = "```python\n{}\n```"


def _squeezed(text: str) -> str:
    return "".join(text.split())


def test_a_short_text_is_one_part() -> None:
    assert split("Hello\n\n- a\n- b") == ["Hello\n\n- a\n- b"]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u3000\t"])
def test_nothing_is_still_something(text: str) -> None:
    assert split(text) == [NOTHING]


@pytest.mark.parametrize("length", [1999, 2000, 2001, 4000, 4001])
def test_around_the_limit(length: int) -> None:
    parts = split("x" * length)
    assert "".join(parts) == "x" * length
    assert len(parts) == -(-length // 2000)


def test_paragraphs_first() -> None:
    first, second = (SENTENCE * 40).strip(), (SENTENCE * 50).strip()
    assert split(f"{first}\n\n{second}") == [first, second]


def test_then_lines() -> None:
    lines = [f"{number}. {SENTENCE * 4}".strip() for number in range(40)]
    parts = split("\n".join(lines))
    assert len(parts) > 2
    assert [line for part in parts for line in part.split("\n")] == lines


@pytest.mark.parametrize("sentence", ["Tea is kept dry. ", "茶叶要干燥。", "真的吗？", "太好了！”"])
def test_then_sentences(sentence: str) -> None:
    parts = split(sentence * 700)
    assert len(parts) > 1
    assert all(part.endswith(sentence.strip()) for part in parts)
    assert all(part.startswith(sentence[:2]) for part in parts)


def test_then_words() -> None:
    parts = split("oolong " * 700)
    assert set(" ".join(parts).split(" ")) == {"oolong"}


def test_links_and_inline_code_are_one_word() -> None:
    atom = "[our delivery page](https://shop.example/delivery) `tea --hot --now` "
    parts = split(atom * 60)
    assert len(parts) > 1
    assert all(part.count("[") == part.count(")") and part.count("`") % 2 == 0 for part in parts)


def test_emoji_and_accents_are_not_torn() -> None:
    for drawn in ("👩‍👩‍👧‍👦", "🇨🇳", "👍🏽", "e\u0301", "☕️"):
        parts = split("x" + drawn * 1500)
        assert "".join(parts) == "x" + drawn * 1500
        assert all(set(part.removeprefix("x").split(drawn)) == {""} for part in parts)


def test_length_is_counted_as_discords_clients_do() -> None:
    parts = split("🍵" * 1500)
    assert [size(part) for part in parts] == [2000, 1000]


def test_a_code_block_stays_whole() -> None:
    code = CODE.format("\n".join(f"brew({number})" for number in range(80)))
    parts = split(f"{SENTENCE * 50}\n{code}\nafter")
    assert len(parts) == 2
    assert parts[1] == f"{code}\nafter"


def test_a_long_code_block_is_closed_and_reopened() -> None:
    lines = [f"brew(number={number})  # {'x' * 40}" for number in range(120)]
    parts = split("Before:\n" + CODE.format("\n".join(lines)) + "\nafter")
    assert len(parts) > 3
    found = re.findall(r"```python\n(.*?)\n```", "\n".join(parts), re.DOTALL)
    assert "\n".join(found).split("\n") == lines
    assert parts[0] == "Before:"
    assert parts[-1].endswith("```\nafter")
    assert all(part.count("```") % 2 == 0 for part in parts)


def test_one_long_line_of_code() -> None:
    parts = split(CODE.format("x" * 5000))
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts)
    assert "".join(part.removeprefix("```python\n").removesuffix("\n```") for part in parts) == "x" * 5000


def test_a_fence_that_is_never_closed() -> None:
    assert split("```\nbrew()") == ["```\nbrew()\n```"]


def test_a_fence_inside_a_longer_fence() -> None:
    text = "````md\n```\ncode\n```\n````"
    assert split(text) == [text]


@pytest.mark.parametrize("info", ["x" * 3000, "`" * 10])
def test_an_absurd_fence(info: str) -> None:
    assert all(0 < size(part) <= 2000 for part in split(f"```{info}\n" + "code\n" * 1000 + "```"))


def test_a_big_text_is_cut() -> None:
    parts = split("word. " * 40_000 + "[" * 20_000 + "." * 20_000)
    assert all(size(part) <= 2000 for part in parts)


@given(st.text(alphabet=st.sampled_from("ab 茶。.!\n🍵[]()*_#|"), max_size=400), st.integers(30, 90))
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(part.strip() and size(part) <= limit for part in parts)
    if "|" not in text and "####" not in text and "![" not in text:
        assert _squeezed("".join(parts)) == (_squeezed(text) or NOTHING)


@given(st.text(alphabet=st.sampled_from("ab `~\n|-:#!"), max_size=300), st.integers(40, 90))
@settings(max_examples=150, deadline=None)
def test_every_part_fits_and_the_cut_is_always_the_same(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert parts == split(text, limit)
    assert all(part.strip() and size(part) <= limit for part in parts)


@given(st.text(alphabet=st.sampled_from("ab `~\n|-:#![]()"), max_size=300))
@settings(max_examples=150, deadline=None)
def test_rendering_twice_changes_nothing(text: str) -> None:
    assert render(render(text)) == render(text)


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("# Big\n### Small", "# Big\n### Small"),
        ("#### Deep **one** ##", "**Deep one**"),
        ("![cup](https://shop.example/cup.png)", "[cup](https://shop.example/cup.png)"),
        ("a | b", "a | b"),
        ("```\n| a | b |\n|---|---|\n#### x\n```", "```\n| a | b |\n|---|---|\n#### x\n```"),
        ("a\r\nb", "a\nb"),
        (
            "Prices:\n| Tea | **Price** |\n|:--|--:|\n| Long Jing | `12 €` |\n| 龙井 | 3\\|4 |\n\nBye",
            "Prices:\n```\nTea        Price\n---------  -----\nLong Jing  12 €\n龙井       3|4\n```\n\nBye",
        ),
        (
            "| Tea | Page |\n|---|---|\n| Assam | [page](https://shop.example/1) |\n| Green | |",
            "- **Assam** · Page: [page](https://shop.example/1)\n- **Green**",
        ),
    ],
)
def test_what_discord_shows(markdown: str, shown: str) -> None:
    assert render(markdown) == shown


def test_a_wide_table_becomes_lines() -> None:
    long = "a very long description of a very good cup of tea"
    table = f"| Tea | About | Price |\n|---|---|---|\n| Assam | {long} | 8 € |"
    assert render(table) == f"- **Assam** · About: {long} · Price: 8 €"


def test_clipping() -> None:
    assert clip("short") == "short"
    assert clip("one two three", 10) == "one two…"
