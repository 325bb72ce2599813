"""The retail benchmark judges right, and asks of the data what the data says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ConfigError
from tests.bench.retail import Kind, Product, Question, Variant, judge, questions, read, write_bot

SHIRT = Product(
    "T-Shirt",
    (
        Variant("1000000001", {"color": "blue", "size": "M"}, "50.88", True),
        Variant("1000000002", {"color": "blue", "size": "L"}, "46.00", False),
        Variant("1000000003", {"color": "red", "size": "L"}, "1046.00", True),
    ),
)
VALUES = {"color": {"blue", "red", "green"}, "size": {"M", "L", "XL"}}
BLUE_M = "T-Shirt, color blue, size M (1000000001): 50.88 USD, in stock."
BLUE_L = "T-Shirt, color blue, size L (1000000002): 46.00 USD, out of stock at the moment."


@pytest.mark.parametrize(
    ("kind", "reply", "verdict"),
    [
        ("price", BLUE_M, "right"),
        ("price", "It costs 50.88 USD.", "right"),
        ("price", f"- {BLUE_M}\n- {BLUE_L}", "right"),
        ("price", BLUE_L, "incomplete"),
        ("price", BLUE_M.replace("50.88", "46.00"), "wrong"),
        ("price", BLUE_L.replace("46.00", "50.88"), "wrong"),
        ("price", "It costs 46.00 USD.", "wrong"),
        ("price", "It costs 9.99 USD.", "wrong"),
        ("price", "It is in stock.", "incomplete"),
        ("stock", BLUE_M, "right"),
        ("stock", "Yes, we have it in stock.", "right"),
        ("stock", "Sorry, it is out of stock.", "wrong"),
        ("stock", "It is not available.", "wrong"),
        ("stock", BLUE_L, "incomplete"),
        ("stock", BLUE_L.replace("out of stock", "in stock"), "wrong"),
        ("variants", "T-Shirt: color: blue, red.", "right"),
        ("variants", "In blue and red.", "right"),
        ("variants", "T-Shirt: color: blue, red, green.", "wrong"),
        ("variants", "T-Shirt: color: blue.", "incomplete"),
    ],
)
def test_the_judge(kind: Kind, reply: str, verdict: str) -> None:
    question = Question(kind, "?", SHIRT, None if kind == "variants" else SHIRT.variants[0], "color")
    assert judge(question, "quoted", reply, VALUES) == verdict
    assert judge(question, "unknown", reply, VALUES) == "handed over"


def test_thousands_are_read() -> None:
    question = Question("price", "?", SHIRT, SHIRT.variants[2])
    assert judge(question, "quoted", "It costs 1,046.00 USD.", VALUES) == "right"


def test_the_same_seed_asks_the_same_and_each_variant_is_told_from_the_others() -> None:
    asked = questions([SHIRT], 100, 1)
    assert asked == questions([SHIRT], 100, 1) != questions([SHIRT], 100, 2)
    assert {kind: sum(one.kind == kind for one in asked) for kind in ("price", "stock", "variants")} == {
        "price": 40,
        "stock": 30,
        "variants": 30,
    }
    for one in asked:
        if one.variant is SHIRT.variants[0]:  # only its size tells it
            assert "size M" in one.text


def test_data_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    for text in ("{", "[]", '{"products": {"1": {"name": "x", "variants": {"2": {}}}}}'):
        file.write_text(text)
        with pytest.raises(ConfigError, match=r"shop\.json.*--data"):
            read(file)


def test_a_bot_is_made_of_the_data(tmp_path: Path) -> None:
    from core.botfile import load_bot

    data = {
        "products": {
            "9": {
                "name": "T-Shirt",
                "product_id": "9000000000",
                "variants": {
                    one.sku: {
                        "item_id": one.sku,
                        "options": dict(one.options),
                        "available": one.in_stock,
                        "price": float(one.price),
                    }
                    for one in SHIRT.variants
                },
            }
        }
    }
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(data))
    rows, products = read(file)
    assert products == [SHIRT]
    (product,) = load_bot(write_bot(tmp_path / "corner", rows)).catalogue
    assert [(one.sku, one.price, one.in_stock) for one in product.variants] == [
        (one.sku, one.price, one.in_stock) for one in SHIRT.variants
    ]
