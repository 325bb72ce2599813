"""What is told faster is told the same: the short ways of the guard and of the search beside the long ones."""

from __future__ import annotations

from pathlib import Path

import bm25s
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.botfile import load_bot
from core.config import ApprovedAnswerConfig
from core.knowledge.part import BUYING, COVERED, DENIAL, LanguagePart
from core.knowledge.ranking import Ranking
from core.products.base import ASKS_PRICE, ASKS_STOCK
from core.trust.figures import figures, is_quiet, may_have_figures, plain
from core.trust.sentences import LINK, links, read
from core.understanding.rules import CHINESE, ENGLISH, URGENT_RULE, URGENT_ZH_RULE

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


BOT = load_bot(Path(__file__).parents[2] / "bots" / "teahouse")
WORDS = [
    *"how much is a green tea pot price cost have you got where from not no 有 多少 钱 龙井 茶 的 吗 没 推荐".split(),
    "W\u017fK",
    "İ",
]
said = st.lists(st.sampled_from(WORDS), max_size=8).flatmap(
    lambda words: st.sampled_from([" ".join(words), " ".join(words).upper(), "".join(words)])
)


@given(said)
def test_a_pattern_with_signs_finds_what_it_finds_alone(text: str) -> None:
    for pattern in (BUYING, DENIAL, ASKS_PRICE, ASKS_STOCK):
        found, alone = pattern.search(text), pattern.says.search(text)
        assert (found and (found.span(), found.groups())) == (alone and (alone.span(), alone.groups()))


@given(st.lists(st.sampled_from([one.text for one in BOT.intents]), min_size=1, max_size=2).map(" ".join))
@settings(max_examples=300)
def test_small_letters_alone_tell_an_intent_as_all_do(text: str) -> None:
    for rule in (*ENGLISH.values(), *CHINESE.values(), URGENT_RULE, URGENT_ZH_RULE):
        if text.isascii():
            assert bool(rule.small.search(text.lower())) == bool(rule.says.search(text))


things = st.lists(st.sampled_from([f"thing{letter}" for letter in "abcdefghijk"]), min_size=1, max_size=9, unique=True)


@given(st.lists(things, min_size=1, max_size=8), things)
def test_the_variants_that_are_asked_for_are_those_that_are_covered(written: list[list[str]], asked: list[str]) -> None:
    questions = [" ".join(words) for words in written]
    given = {"id": "one", "questions": {"en": questions}, "answer": {"en": "Yes."}}
    part = LanguagePart("en", [ApprovedAnswerConfig.model_validate(given)], ())
    total = part.questions.total
    covered = [one for one in part.variants if total(filter(one.said.__contains__, asked)) >= COVERED * one.said_weight]
    assert part._asked_for(part.questions.weighed(asked)) == covered


@given(said)
def test_where_no_name_may_begin_no_product_is_named(text: str) -> None:
    goods = BOT.goods
    assert goods.may_be_named_in(text) or goods.named_in(text) is None


def test_a_name_is_found_in_its_own_text() -> None:
    goods = BOT.goods
    assert all(goods.may_be_named_in(name) for product in BOT.catalogue for name in product.names.values())
