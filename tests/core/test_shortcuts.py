"""What is told faster is told the same: the short ways of the guard and of the search beside the long ones."""

from __future__ import annotations

import bm25s
from hypothesis import assume, given
from hypothesis import strategies as st

from core.knowledge.ranking import Ranking
from core.trust.figures import figures, is_quiet, may_have_figures, plain
from core.trust.sentences import LINK, links, read

PARTS = [
    *("5", "14.90", "1,000", "1 234", "10:00", "€", "$5", "%", "percent", "eur", "①", "-", ".", ",", " ", "\n", "  "),
    *("one", "two", "twenty", "hundred", "and", "dozen", "tea", "sand", "often", "seventeen-", "can't", "cannot", "’"),
    *(
        "十",
        "五",
        "天",
        "个",
        "分钟",
        "茶",
        "欧元",
        "一",
        "万",
        "的",
        "，",
        "。",
        "evil.com",
        "www.",
        "http://",
        "a@b.de",
    ),
]
texts = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
spaced = st.lists(st.sampled_from(PARTS), max_size=12).map(" ".join)


@given(texts | spaced, texts | spaced)
def test_quiet_words_add_no_figure_and_no_link(before: str, new: str) -> None:
    before += " "
    assume(is_quiet(new) and not figures(plain(before)))
    assert figures(plain(before + new)) == figures(plain(before))
    assert links(plain(before + new)) == links(plain(before))


@given(texts | spaced)
def test_where_no_figure_may_be_there_is_none(text: str) -> None:
    assert may_have_figures(text) or not figures(plain(text))


@given(texts | spaced)
def test_no_link_is_overlooked(text: str) -> None:
    assert bool(links(text)) == bool(LINK.findall(text))


@given(
    st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), min_size=1, max_size=8),
    st.lists(st.sampled_from("abcdefgx"), min_size=1, max_size=5, unique=True),
)
def test_the_postings_score_as_the_library_does(documents: list[list[str]], asked: list[str]) -> None:
    assume(any(documents))
    library = bm25s.BM25()
    library.index([list(document) for document in documents], show_progress=False)
    wanted = library.get_scores(asked)
    found = Ranking(documents).covering(dict.fromkeys(asked, 1.0), 0.01)
    assert [index for index, _, _ in found] == [i for i, words in enumerate(documents) if set(words) & set(asked)]
    assert all(score == wanted[index] for index, score, _ in found)
    assert all(abs(share - len(set(documents[i]) & set(asked)) / len(asked)) < 1e-9 for i, _, share in found)


def test_a_long_row_of_digits_is_no_burden() -> None:
    """It would not end if each digit were tried as a figure of its own."""
    text = f"{'1' * 400}kg and {'1,' * 200} {'12 ' * 200}{'一' * 200}天"
    assert plain(text)
    assert read(text).values
