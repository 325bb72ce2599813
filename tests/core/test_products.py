"""Who names one product and asks for its price, its stock or its options gets the catalogue's words, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.botfile import Bot, load_bot
from core.messages import Rung
from core.state import Outcome
from models.scripted import ScriptedModel
from tests.core.helpers import message, turn
from tests.core.shop import FILES, answer, make_shop

SHOES = [
    {
        "sku": "S1",
        "name": {"en": "Running Shoes", "zh": "跑鞋"},
        "variants": [
            {"sku": "S1-1", "price": "80.00", "stock": 3, "options": {"color": "white", "size": "9"}},
            {"sku": "S1-2", "price": "85.00", "stock": 0, "options": {"color": "white", "size": "10"}},
            {"sku": "S1-3", "price": "90.00", "stock": 1, "options": {"color": "black", "size": "10"}},
        ],
    },
    {
        "sku": "K1",
        "name": {"en": "Tea Kettle", "zh": "茶壶"},
        "variants": [
            {"sku": f"K1-{n}", "price": f"{20 + n}.00", "stock": n % 2, "options": {"capacity": f"{n} liters"}}
            for n in range(1, 7)
        ],
    },
    {"sku": "L1", "name": {"en": "Kettle", "zh": "水壶"}, "price": "15.00", "stock": 2},
]
CATALOGUE = """
catalogue:
  file: shoes.json
  currency: EUR
  columns: {sku: sku, name_en: name.en, name_zh: name.zh, price: price, stock: stock}
  variants: variants
  variant_columns: {sku: sku, price: price, stock: stock, options: options}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Bot:
    folder = make_shop(tmp_path, bot_yaml=FILES["bot.yaml"] + CATALOGUE)
    (folder / "shoes.json").write_text(json.dumps(SHOES), "utf-8")
    return load_bot(folder)


async def asked(shop: Bot, text: str) -> Outcome:
    return await answer(turn(message(text)), shop, ScriptedModel("Perhaps."))


@pytest.mark.parametrize(
    ("question", "passages", "says"),
    [
        ("How much are the white running shoes in size 9?", ["catalog/S1/S1-1.en"], ["80.00", "in stock"]),
        ("running shoes, size 10, black: how much?", ["catalog/S1/S1-3.en"], ["90.00"]),
        ("Are the Running Shoes in white, size 10 in stock?", ["catalog/S1/S1-2.en"], ["out of stock"]),
        ("How much are the white running shoes?", ["catalog/S1/S1-1.en", "catalog/S1/S1-2.en"], ["80.00", "85.00"]),
        ("how much is the tea kettle?", ["catalog/K1.en"], ["21.00–26.00", "6 variants"]),
        ("do you have the tea kettle with 2 liters?", ["catalog/K1/K1-2.en"], ["22.00"]),
        ("How much is the kettle?", ["catalog/L1.en"], ["15.00"]),
        ("跑鞋多少钱", ["catalog/S1/S1-1.zh", "catalog/S1/S1-2.zh", "catalog/S1/S1-3.zh"], ["80.00", "90.00"]),
        ("请问水壶有货吗？", ["catalog/L1.zh"], ["有货"]),
    ],
)
async def test_price_and_stock(shop: Bot, question: str, passages: list[str], says: list[str]) -> None:
    outcome = await asked(shop, question)
    assert outcome.reply is not None
    assert outcome.trace is not None
    assert (outcome.reply.rung, [one.id for one in outcome.trace.passages]) == (Rung.QUOTED, passages)
    assert all(text in outcome.reply.text for text in says), outcome.reply.text
    assert not outcome.trace.model  # no model was asked


async def test_options(shop: Bot) -> None:
    outcome = await asked(shop, "Which colors do the running shoes come in?")
    assert outcome.reply is not None
    assert outcome.reply.text.startswith("**Running Shoes**: color: white, black.")
    outcome = await asked(shop, "what size can I choose for the white running shoes")
    assert outcome.reply is not None
    assert outcome.reply.text.startswith(
        "**Running Shoes** with color white: size: 9, 10. Out of stock at the moment: 10."
    )


async def test_options_that_do_not_go_together_are_told_so(shop: Bot) -> None:
    outcome = await asked(shop, "How much are the black running shoes in size 9?")
    assert outcome.reply is not None
    assert outcome.reply.text.startswith("There is no **Running Shoes** with color black, size 9.")
    assert "80.00–90.00" in outcome.reply.text


@pytest.mark.parametrize(
    "question",
    [
        "How much is delivery of the running shoes?",
        "Can I wash the running shoes at 60 degrees, and how much are they?",
        "are the running shoes waterproof?",
        "Which is better to buy, the kettle or the tea kettle?",
        "How much are the green running shoes?",
        "跑鞋寄到北京多少钱",
        "How much is it?",
        "running shoes",
    ],
)
async def test_what_asks_for_anything_else_goes_on(shop: Bot, question: str) -> None:
    outcome = await asked(shop, question)
    assert outcome.trace is not None
    assert all(one.score != 1.0 for one in outcome.trace.passages if one.id.startswith("catalog/"))
