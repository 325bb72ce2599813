"""Price ranges and stock asked for in a question, on a small catalogue; and the words for an embedder in bot.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.botfile import load_bot
from core.config import ProductConfig
from core.errors import ConfigError
from core.knowledge.base import Knowledge
from core.knowledge.passages import of_product
from tests.core.helpers import of_note
from tests.core.shop import FILES, make_shop

MUGS = (
    ("A", "Blue Mug", "蓝色杯子", "9.50", 3),
    ("B", "Green Mug", "绿色杯子", "20.00", 3),
    ("C", "Golden Mug", "金色杯子", "45.00", 1),
    ("D", "Red Mug", "红色杯子", "12.00", 0),
)


def mugs(currency: str = "EUR") -> list[ProductConfig]:
    return [
        ProductConfig.model_validate(
            {
                "sku": sku,
                "names": {"en": en, "zh": zh},
                "category": "mug",
                "price": price,
                "currency": currency,
                "stock": stock,
            }
        )
        for sku, en, zh, price, stock in MUGS
    ]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return knowing(mugs())


def knowing(products: list[ProductConfig]) -> Knowledge:
    notes = of_note("delivery", "en", "# Delivery\n\nDelivery is free above 30.00 EUR.")
    passages = [passage for product in products for passage in of_product(product, ["en", "zh"])]
    return Knowledge(["en", "zh"], (), [*notes, *passages], products)


def found(knowledge: Knowledge, question: str, language: str = "en") -> set[str]:
    return {one.passage.sku or one.passage.id for one in knowledge.search(question, language, 10)}


@pytest.mark.parametrize(
    ("question", "language", "wanted"),
    [
        ("mugs under 20 euros", "en", "A D"),
        ("mugs up to 20 euros", "en", "A B D"),
        ("do you have mugs between 10 and 30 euros?", "en", "B D"),
        ("a mug for more than €30", "en", "C"),
        ("which mugs are in stock", "en", "A B C"),
        ("which mugs under 20 euros are in stock", "en", "A"),
        ("20欧以下的杯子", "zh", "A B D"),
        ("有什么杯子，十五欧以内", "zh", "A D"),
        ("哪些杯子有货", "zh", "A B C"),
    ],
)
def test_only_what_fits_is_found(knowledge: Knowledge, question: str, language: str, wanted: str) -> None:
    assert found(knowledge, question, language) == set(wanted.split())


def test_whether_one_is_in_stock_is_told_though_it_is_not(knowledge: Knowledge) -> None:
    assert "D" in found(knowledge, "is the red mug in stock")


def test_an_amount_that_is_no_price_range_of_a_product_takes_nothing_away(knowledge: Knowledge) -> None:
    assert found(knowledge, "is delivery free above 50 euros") == {"notes/delivery#1"}


def test_another_currency_is_no_range(knowledge: Knowledge) -> None:
    assert "C" not in found(knowledge, "golden mugs under 20 euros")
    assert found(knowledge, "golden mugs under 20 dollars") == found(knowing([]), "golden mugs under 20 dollars")
    assert found(knowing(mugs("USD")), "mugs under 20 dollars") == {"A", "D"}


def test_nothing_fits_and_nothing_is_lost(knowledge: Knowledge) -> None:
    assert found(knowledge, "mug under 2 euros") == found(knowing([]), "mug under 2 euros")


# ── bot.yaml ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "bundled", "path"),
    [
        ("bundled", "small", ""),
        ("bundled-large", "large", ""),
        ("e5.gguf", "", "e5.gguf"),
        ("{bundled: large}", "large", ""),
    ],
)
def test_an_embedder_is_a_word_a_path_or_a_mapping(tmp_path: Path, written: str, bundled: str, path: str) -> None:
    config = load_bot(make_shop(tmp_path, bot_yaml=f"{FILES['bot.yaml']}\nembedder: {written}\n")).config.embedder
    assert config is not None
    assert (config.bundled, config.path) == (bundled, path)


@pytest.mark.parametrize("written", ["", "embedder: none", "embedder:"])
def test_without_one_words_alone_find(tmp_path: Path, written: str) -> None:
    bot = load_bot(make_shop(tmp_path, bot_yaml=f"{FILES['bot.yaml']}\n{written}\n"))
    assert bot.config.embedder is None
    assert bot.knowledge.vectors is None
    assert bot.knowledge.curves == ()


@pytest.mark.parametrize(
    ("written", "key", "right"),
    [
        ("embedder: {bundled: small, path: x.gguf}", "embedder", "exactly one of: bundled, path, repo"),
        ("embedder: {bundled: huge}", "embedder.bundled", "small"),
        ("ladder: {precision: 1.5}", "ladder.precision", "less than 1"),
        ("ladder: {precison: 0.9}", "ladder.precison", "precision"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, written: str, key: str, right: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_bot(make_shop(tmp_path, bot_yaml=f"{FILES['bot.yaml']}\n{written}\n"))
    (problem,) = raised.value.problems
    assert problem.key == key
    assert problem.line >= 10
    assert right in str(problem)
