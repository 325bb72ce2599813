"""What is found, and what is not: on the sample shop's own answers, notes and catalogue, and on small ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.botfile import Bot, load_bot
from core.config import ApprovedAnswerConfig, ProductConfig
from core.knowledge.base import Knowledge
from core.knowledge.passages import Passage, of_product
from core.knowledge.words import content, meaning, terms, whole
from tests.core.helpers import of_note
from tests.core.questions import DIFFERENT, FINDS, MATCHES, OUTSIDE, lines, pairs

TEAHOUSE = Path(__file__).parents[2] / "bots" / "teahouse"


@pytest.fixture(scope="module")
def bot() -> Bot:
    return load_bot(TEAHOUSE)


def both(table: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(language, *pair) for language, block in table.items() for pair in pairs(block)]


def alone(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(language, line) for language, block in table.items() for line in lines(block)]


@pytest.mark.parametrize(("language", "question", "wanted"), both(MATCHES))
def test_a_question_in_other_words_gets_its_approved_answer(
    bot: Bot, language: str, question: str, wanted: str
) -> None:
    found = bot.knowledge.approved(question, language)
    assert found is not None, "nothing matched"
    assert found.id == wanted, f"matched '{found.question}' at {found.score}"


@pytest.mark.parametrize(("language", "question"), alone(DIFFERENT))
def test_a_near_question_gets_no_approved_answer(bot: Bot, language: str, question: str) -> None:
    found = bot.knowledge.approved(question, language)
    assert found is None, found


@pytest.mark.parametrize(("language", "question", "wanted"), both(FINDS))
def test_a_question_that_nobody_foresaw_finds_its_passage(bot: Bot, language: str, question: str, wanted: str) -> None:
    found = bot.knowledge.search(question, language)
    assert found, "no evidence"
    assert found[0].passage.id.startswith(tuple(wanted.split())), [one.passage.id for one in found]


@pytest.mark.parametrize(("language", "question"), alone(OUTSIDE))
def test_what_the_shop_knows_nothing_of_finds_nothing(bot: Bot, language: str, question: str) -> None:
    assert bot.knowledge.approved(question, language) is None
    assert bot.knowledge.search(question, language) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_written_question_gets_its_own_answer(bot: Bot, language: str) -> None:
    """A person wrote it for this answer; another answer must not be nearer."""
    wrong = [
        (passage.id, question, found and found.id)
        for passage in bot.knowledge.passages
        if passage.kind == "answer" and passage.language == language
        for question in passage.words.splitlines()
        if (found := bot.knowledge.approved(question, language)) is None or f"answers/{found.id}" != passage.id
    ]
    assert wrong == []


def test_evidence_is_ordered_and_limited(bot: Bot) -> None:
    found = bot.knowledge.search("oolong tea", "en", 3)
    assert 1 <= len(found) <= 3
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_region_is_its_language(bot: Bot) -> None:
    assert bot.knowledge.approved("绿茶怎么泡", "zh-Hant-TW") == bot.knowledge.approved("绿茶怎么泡", "zh")
    assert bot.knowledge.approved("hello", "fr") is None
    assert bot.knowledge.search("hello", "fr") == []


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_text_may_be_asked(text: str) -> None:
    knowledge = small(answer("hours", "When are you open?", "From nine."))
    knowledge.approved(text, "en")
    for found in knowledge.search(text, "en"):
        assert found.score > 0


# ── a small shop ─────────────────────────────────────────────────────────────────────────────────────────


def answer(name: str, question: str, text: str, **fields: object) -> ApprovedAnswerConfig:
    given: dict[str, object] = {"id": name, "questions": {"en": [question]}, "answer": {"en": text}, **fields}
    return ApprovedAnswerConfig.model_validate(given)


def small(*answers: ApprovedAnswerConfig, notes: str = "") -> Knowledge:
    return Knowledge(["en", "zh"], answers, of_note("note", "en", notes))


def test_nothing_known_finds_nothing() -> None:
    knowledge = small()
    assert knowledge.approved("hello", "en") is None
    assert knowledge.search("hello", "en") == []


@pytest.mark.parametrize(
    ("today", "valid"),
    [("2026-11-30", False), ("2026-12-01", True), ("2026-12-24", True), ("2026-12-26", True), ("2026-12-27", False)],
)
def test_an_answer_is_used_only_while_it_is_valid(today: str, valid: bool) -> None:
    christmas = answer(
        "christmas", "Are you open at Christmas?", "Until noon.", valid_from="2026-12-01", valid_until="2026-12-26"
    )
    knowledge = small(christmas)
    day = date.fromisoformat(today)
    assert (knowledge.approved("are you open at christmas", "en", day) is not None) is valid
    assert bool(knowledge.search("christmas hours, are you open", "en", today=day)) is valid


def test_of_two_valid_answers_the_nearer_one_is_given() -> None:
    knowledge = small(
        answer("a", "Do you repair bicycles?", "Yes."), answer("b", "Do you repair bicycle bells?", "No.")
    )
    found = knowledge.approved("do you repair bicycle bells", "en")
    assert found is not None
    assert found.text == "No."


def test_who_denies_asks_something_else() -> None:
    knowledge = small(answer("cancel", "Cancel my order", "It is cancelled."))
    assert knowledge.approved("please cancel my order", "en") is not None
    for denied in ("please do not cancel my order", "don't cancel my order!", "never cancel my order"):
        assert knowledge.approved(denied, "en") is None


def test_an_order_number_does_not_stand_in_the_way() -> None:
    knowledge = small(answer("status", "Where is my order?", "On its way."))
    assert knowledge.approved("where is my order 20260117", "en") is not None


def test_a_typing_mistake_is_understood_but_another_country_is_not() -> None:
    knowledge = small(answer("ireland", "How much is delivery to Ireland?", "Seven euros."))
    assert knowledge.approved("how much is delivry to ireland", "en") is not None
    assert knowledge.approved("how much is delivery to iceland", "en") is None


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────


def test_terms_of_two_languages() -> None:
    assert terms("Deliveries to NORWAY: €14.90!") == ["deliveri", "to", "norway", "14.90"]
    assert terms("ＡＢＣ") == ["abc"]
    assert "咖啡" in terms("咖啡因")
    assert whole("咖啡因") == ["咖啡因"]
    assert terms("") == []
    assert terms("👍 \u200b \x00") == []


def test_the_telling_terms_are_never_none() -> None:
    assert content(terms("what is the price")) == ["price"]
    assert content(terms("who are you")) == ["who", "are", "you"]
    assert content(terms("您好呀")) == ["您好"]


def test_words_for_one_another_are_one() -> None:
    assert meaning(terms("shipping")) == meaning(terms("delivery")) == meaning(terms("postage"))
    assert meaning(whole("邮费")) == meaning(whole("运费"))
    assert meaning(terms("refund")) != meaning(terms("return"))


# ── passages ─────────────────────────────────────────────────────────────────────────────────────────────


def note(markdown: str) -> list[tuple[str, str]]:
    return [(passage.title, passage.text) for passage in of_note("name", "en", markdown)]


def test_each_section_is_a_passage_with_its_headings() -> None:
    assert note(
        "# Delivery\n\nWe deliver.\n\n## To Norway\n\nIn 5 days.\n\n## To Spain\n\nIn 3.\n\n# Returns\n\nYes."
    ) == [
        ("Delivery", "We deliver."),
        ("Delivery › To Norway", "In 5 days."),
        ("Delivery › To Spain", "In 3."),
        ("Returns", "Yes."),
    ]


def test_a_note_without_heading_is_one_passage() -> None:
    assert note("We deliver.\n\nEverywhere.") == [("name", "We deliver.\n\nEverywhere.")]


def test_empty_sections_and_empty_notes_give_nothing() -> None:
    assert note("# Delivery\n\n## To Norway\n\n   \n\n## To Spain\n\nIn 3.") == [("Delivery › To Spain", "In 3.")]
    assert note("") == []
    assert note("# Only a heading") == []


def test_a_heading_in_a_code_fence_is_no_heading() -> None:
    assert note("# Care\n\n```\n# not a heading\n```\n\nDone.") == [("Care", "```\n# not a heading\n```\n\nDone.")]


def test_underlined_headings_and_skipped_levels() -> None:
    assert note("Care\n====\n\nWash.\n\n#### Deep\n\nDry.\n\nNext\n----\n\nStore.") == [
        ("Care", "Wash."),
        ("Care › Deep", "Dry."),
        ("Care › Next", "Store."),
    ]


def test_front_matter_is_not_quoted() -> None:
    assert note("---\ntitle: Delivery\ndraft: no\n---\n\n# Delivery\n\nWe deliver.") == [("Delivery", "We deliver.")]
    assert note("---\nA rule first.\n\nThen text.") == [("name", "---\nA rule first.\n\nThen text.")]


def test_comments_for_colleagues_are_not_quoted() -> None:
    assert note("# Delivery\n\n<!-- TODO: ask Ana about the margin -->\n\nWe deliver.") == [("Delivery", "We deliver.")]


@pytest.mark.parametrize("markdown", ["#" * 50_000, "> " * 20_000, "[" * 20_000, "- " * 10_000, "`" * 30_001])
def test_hostile_markdown_ends(markdown: str) -> None:
    note(markdown)


@given(st.text(alphabet="# \n-=`>ab<!", max_size=200))
@settings(max_examples=200, deadline=None)
def test_passages_have_text_and_names_of_their_own(markdown: str) -> None:
    passages = of_note("n", "en", markdown)
    assert all(passage.text.strip() and passage.title for passage in passages)
    assert len({passage.id for passage in passages}) == len(passages)


def product(language: str = "en", **fields: object) -> Passage:
    given = {
        "sku": "M-1",
        "names": {"en": "Blue Mug"},
        "category": "mugs",
        "price": "12.50",
        "currency": "EUR",
        "stock": 3,
        **fields,
    }
    (passage,) = of_product(ProductConfig.model_validate(given), [language])
    return passage


def test_a_product_says_its_price_and_whether_it_is_there() -> None:
    assert product().text == "**Blue Mug** (M-1): 12.50 EUR, in stock."
    assert product(stock=0, unit="1 piece", descriptions={"en": "Stoneware."}).text == (
        "**Blue Mug** (M-1): 12.50 EUR for 1 piece, out of stock at the moment. Stoneware."
    )
    assert product("zh", names={"zh": "蓝杯"}).text == "**蓝杯**（M-1）：12.50 EUR，有货。"
