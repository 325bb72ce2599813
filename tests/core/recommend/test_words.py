"""What is understood of single sentences: amounts of money, needs, and what is not wanted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recommend.assortment import Assortment
from core.recommend.choose import Chooser
from core.recommend.listen import listen
from core.recommend.money import budgets, number
from core.recommend.moves import read_move
from core.recommend.wishes import Wishes
from tests.core.recommend.shops import SHOES, open_shop


@pytest.fixture(scope="module")
def shoes(tmp_path_factory: pytest.TempPathFactory) -> Assortment:
    return open_shop(tmp_path_factory.mktemp("words"), SHOES).assortment


@pytest.mark.parametrize(
    ("said", "low", "high", "strict"),
    [
        ("under 20 euros", None, "20", True),
        ("cheaper than €12.50", None, "12.50", True),
        ("up to €20", None, "20", False),
        ("20 euros max", None, "20", False),
        ("EUR 1,200.50", None, "1200.50", False),
        ("12,50 €", None, "12.50", False),
        ("between 10 and 20 euros", "10", "20", False),
        ("from 20 to 10 euros", "10", "20", False),
        ("20-30 €", "20", "30", False),
        ("at least ten euros", "10", None, False),
        ("twenty-five euros or so", "15", "31.25", False),
        ("around 20", "12", "25", False),
        ("my budget is a hundred euros", None, "100", False),
        ("三十欧以内", None, "30", False),
        ("不到十五欧", None, "15", True),
        ("20欧以下的", None, "20", False),
        ("预算20", None, "20", False),
        ("一百五十块左右", "90", "187.5", False),
        ("10到20欧", "10", "20", False),
        ("两百欧以上", "200", None, False),
    ],
)
def test_amounts(said: str, low: str | None, high: str | None, strict: bool) -> None:
    (found,) = budgets(said, "EUR")
    assert found.low == (Decimal(low) if low else None)
    assert found.high == (Decimal(high) if high else None)
    assert found.strict is strict
    assert found.foreign == ""


@pytest.mark.parametrize(
    "said",
    [
        "",
        "steep for under 3 minutes",
        "below 90 °C",
        "the second one",
        "第二个",
        "两盒",
        "order 100234",
        "under 18 years",
        "up to 20 people",
        "10%",
        "under 1.000.000",
        "size 42",
    ],
)
def test_other_numbers_are_no_money(said: str) -> None:
    assert budgets(said, "EUR") == []


@pytest.mark.parametrize(
    ("said", "shop", "foreign"),
    [
        ("$15", "EUR", "USD"),
        ("100元以内", "EUR", "CNY"),
        ("100元以内", "CNY", ""),
        ("$15", "CAD", ""),
        ("20块", "EUR", ""),
    ],
)
def test_whose_money(said: str, shop: str, foreign: str) -> None:
    (found,) = budgets(said, shop)
    assert found.foreign == foreign


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("一百五", 150),
        ("一百零五", 105),
        ("一万二千", 12000),
        ("十", 10),
        ("二十五", 25),
        ("one hundred and five", 105),
    ],
)
def test_numbers_in_words(written: str, value: int) -> None:
    assert number(written) == value


@pytest.mark.parametrize(
    ("said", "needs"),
    [
        ("waterproof hiking boots", [("taste", "waterproof"), ("category", "hiking boots")]),
        ("no leather", [("without", "leather")]),
        ("not leather running shoes", [("without", "leather"), ("category", "running shoes")]),
        ("I don't like leather but want something waterproof", [("without", "leather"), ("taste", "waterproof")]),
        ("leather-free", [("without", "leather")]),
        ("allergic to latex", [("without", "latex")]),
        ("for my daughter's wedding", [("recipient", "child"), ("occasion", "wedding")]),
        ("不要皮革的徒步鞋", [("without", "leather"), ("category", "hiking boots")]),
        ("送妈妈的跑鞋", [("recipient", "mother"), ("category", "running shoes")]),
        ("防水又舒服的", [("taste", "waterproof"), ("taste", "comfortable")]),
        ("对羊毛过敏", [("without", "wool")]),
        ("waterproof, no, not waterproof", [("without", "waterproof")]),
        ("something cheap", [("budget", "cheap")]),
    ],
)
def test_needs(shoes: Assortment, said: str, needs: list[tuple[str, str]]) -> None:
    assert [(need.kind, need.value) for need in listen(said, "m1", shoes).needs] == needs


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("something for my old mother", "for my old mother"),
        ("I am allergic to wool", "allergic to wool"),
        ("a wool allergy", "wool allergy"),
        ("我对羊毛过敏", "对羊毛过敏"),
        ("送给我妈妈", "送给我妈妈"),
        ("up to 50 euros please", "up to 50 euros"),
    ],
)
def test_each_need_keeps_the_words_that_it_was_said_in(shoes: Assortment, said: str, evidence: str) -> None:
    (need,) = listen(said, "m1", shoes).needs
    assert need.said == evidence
    assert need.message == "m1"


def test_a_category_is_called_by_the_tags_that_stand_for_it(shoes: Assortment) -> None:
    assert shoes.called("running shoes", "zh") == "跑鞋"
    assert shoes.called("running shoes", "en") == "running shoes"


def test_products_are_found_by_their_names_wherever_they_stand(shoes: Assortment) -> None:
    assert shoes.names_in("is the s1 like 请问山脊轻便鞋吗, or city runner?") == ["s1", "山脊轻便鞋", "city runner"]
    assert shoes.names_in("s4") == ["s4"]
    assert shoes.names_in("") == shoes.names_in("which shoes are good for the city?") == []
    everything = "\n".join(shoes.names)
    assert shoes.names_in(everything) == list(shoes.names), "in the order of the catalogue"


def test_what_a_description_denies_is_not_in_the_product(shoes: Assortment, tmp_path: Path) -> None:
    rows = 'Y1,Cloud,云,x,1.00,EUR,,1,"Free of wool, without leather; wool-free and warm.",不含羊毛，不锈钢扣。,\n'
    (good,) = open_shop(tmp_path, SHOES.splitlines()[0].removesuffix(",url,image") + "\n" + rows).assortment.goods
    assert not good.words.has("wool")
    assert not good.words.has("leather")
    assert not good.words.has("羊毛")
    assert good.words.has("不锈钢"), "stainless steel denies nothing"
    assert good.lacks.has("wool")
    assert good.lacks.has("羊毛")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_is_too_odd(shoes: Assortment, said: str) -> None:
    heard = listen(said, "m1", shoes, "budget")
    assert all(need.said for need in heard.needs)
    read_move(said, 3, True)


def test_of_what_fits_alike_that_which_means_more_the_same_comes_first(shoes: Assortment) -> None:
    wishes = Wishes(needs=listen("running shoes", "m1", shoes).needs)
    assert [choice.good.sku for choice in Chooser(shoes, wishes).choose().choices] == ["S4", "S6", "S5"]
    near = Chooser(shoes, wishes, {"S5": 1.0, "S1": 1.0}).choose().choices
    assert [choice.good.sku for choice in near] == ["S5", "S4", "S6"], "and never what does not fit"
