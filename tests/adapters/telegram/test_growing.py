"""Half-written Markdown must not look broken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from adapters.telegram.growing import open_marks, settle
from adapters.telegram.rendering import render
from tests.adapters.telegram.test_rendering import MARKDOWN

ANSWER = """Our **best tea** is [Long Jing](https://shop.example/lj?x=1) at `12 EUR`, ~~15~~, _really_ **very *good*** tea.

## Prices

| tea | price |
|---|---|
| Long Jing | 12 |

1. *first*
2. **second __third__**

> quoted **words**

```py
price = 2 * 3
```

价格：**十二元**，***很好***。
"""


def test_no_mark_shows_while_an_answer_grows() -> None:
    code = ANSWER.index("```py"), ANSWER.index("价格")
    for end in range(len(ANSWER) + 1):
        settled = settle(ANSWER[:end])
        shown = render(settled).text if settled.strip() else ""
        if not code[0] < end <= code[1] + 1:
            shown = shown.replace("price = 2 * 3", "")
            assert not set(shown) & set("*_`~[]|#"), (end, shown)


@pytest.mark.parametrize(
    ("half", "shown"),
    [
        ("**bold", "bold"),
        ("**bold*", "bold"),
        ("**", ""),
        ("price **", "price"),
        ("see [the pa", "see the pa"),
        ("see [the page](https://sh", "see the page"),
        ("use `cod", "use cod"),
        ("2*3 is", "2*3 is"),
        ("one\n-", "one"),
        ("one\n\n| a | b |\n", "one"),
        ("```py\nx = [1,", "x = [1,"),
        ("```py\nx\n``", "x"),
        ("a * b", "a * b"),
        ("snake_case", "snake_case"),
        ("\\*not bold", "*not bold"),
        ("`a*b` and", "a*b and"),
    ],
)
def test_halves(half: str, shown: str) -> None:
    settled = settle(half)
    assert (render(settled).text if settled.strip() else "") == shown


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("**a *b", ["**", "*"]),
        ("**a**", []),
        ("***a", ["**", "*"]),
        ("``a ` b", ["``"]),
        ("~~a", ["~~"]),
        ("[a*](https://x.y/*) *", []),
    ],
)
def test_open_marks(text: str, marks: list[str]) -> None:
    assert open_marks(text) == marks


@settings(max_examples=100, deadline=None, derandomize=True)
@given(MARKDOWN)
def test_any_text_can_be_settled(markdown: str) -> None:
    settle(markdown)
