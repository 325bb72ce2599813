"""The sample shop: wishes as shoppers write them get fitting products, and every sentence passes the claims guard."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from core.botfile import Bot, load_bot
from core.messages import Rung
from core.trust.claims import Fact, Grounding, Kind, check
from tests.core.questions import FINDS, MATCHES, OUTSIDE
from tests.core.recommend.shops import Talk

# What is said → the products of which the first that is shown must be one.
WISHES = {
    "I'd like something caffeine-free for the evening": "HB-02 GS-05 HB-05",
    "can you recommend a floral oolong?": "OO-01 OO-07 OO-05",
    "I'm looking for a green tea under 10 euros": "GR-11",
    "which black tea goes well with milk?": "BK-07",
    "something smoky, please recommend one": "BK-03",
    "I want an organic Japanese green tea": "GR-07",
    "do you have an organic black tea?": "BK-07 BK-05",
    "a gift for my boss, around 75 euros": "GS-04",
    "I need a gift under 30 euros": "GS-05",
    "recommend a strong tea for breakfast": "BK-07",
    "I'm allergic to gluten, which herbal tea would you suggest?": "HB-01 HB-02 HB-03 HB-05 HB-06",
    "looking for a pu-erh cake up to 60 euros": "PU-02 PU-03",
    "something for the office that is handy": "PU-04",
    "can you suggest a tea for a beginner, not too strong?": "OO-01 OO-09 WH-02",
    "I'd like a teapot made of glass": "TW-03",
    "what tea do you recommend with lemon?": "HB-03",
    "something fruity without caffeine": "HB-02 HB-03 HB-05",
    "I want a tea that isn't bitter, under 16 euros": "BK-02 YE-02",
    "looking for something to drink on the go": "TW-09",
    "recommend a roasted oolong between 15 and 20 euros": "OO-02 OO-03",
    "想要晚上喝的，不含咖啡因的茶": "HB-01 HB-02 HB-03 HB-05",
    "推荐一款花香的乌龙茶": "OO-01 OO-07 OO-05",
    "想买10欧以内的绿茶": "GR-11",
    "有没有适合加奶的红茶": "BK-07",
    "推荐一款烟熏味的红茶": "BK-03",
    "想要日本的有机绿茶": "GR-07",
    "有没有有机红茶": "BK-07 BK-05",
    "送领导的礼物，预算75欧左右": "GS-04",
    "想送人，30欧以内的礼盒": "GS-05",
    "早上喝的浓一点的茶，推荐一下": "BK-07",
    "我对麸质过敏，推荐一款花草茶": "HB-01 HB-02 HB-03 HB-05 HB-06",
    "想买普洱茶饼，60欧以内": "PU-02 PU-03",
    "适合办公室喝的普洱": "PU-04",
    "推荐一款新手喝的茶，不要太浓": "OO-01 OO-09 WH-02",
    "想买一个玻璃茶壶": "TW-03",
    "有没有柠檬味的花草茶": "HB-03",
    "不含咖啡因，水果味的，推荐一下": "HB-02 HB-03 HB-05",
    "想找不苦的红茶，16欧以下": "BK-02",
    "想买出门用的泡茶杯": "TW-09",
    "推荐15到20欧的焙火乌龙": "OO-02 OO-03",
}
# These say how a thing is worded, or what a shopper said; neither is a claim of the shop's.
NO_CLAIMS = {Kind.WORDING}


@cache
def teahouse() -> Bot:
    return load_bot(Path(__file__).resolve().parents[3] / "bots" / "teahouse")


@pytest.mark.parametrize("said", WISHES)
async def test_a_wish_gets_what_fits(said: str) -> None:
    bot, talk = teahouse(), Talk(teahouse())
    outcome = await talk.outcome(said)
    assert outcome.reply is not None
    assert outcome.trace is not None
    shown = [card.id for card in outcome.reply.cards]
    assert 1 <= len(shown) <= 3, outcome.reply.text
    assert shown[0] in WISHES[said].split(), outcome.reply.text
    assert all(bot.assortment.by_sku[sku].product.in_stock for sku in shown)
    budget = next((need for need in talk.wishes.needs if need.kind == "budget"), None)
    if budget and budget.high:
        assert all(bot.assortment.by_sku[sku].price <= budget.high for sku in shown)
    known = {passage.id: passage for passage in bot.knowledge.passages}
    facts = [Fact(known[one.id].title, known[one.id].text) for one in outcome.trace.passages]
    findings = check(outcome.reply.text, Grounding.of(facts, [said]))
    assert [finding for finding in findings if finding.kind not in NO_CLAIMS] == []


async def test_a_talk_in_the_teahouse() -> None:
    talk = Talk(teahouse())
    assert await talk.skus("can you recommend a floral oolong?") == ["OO-01", "OO-07", "OO-05"]
    assert "18.90 EUR" in await talk.text("how much is the second?")
    assert "OO-09" in await talk.skus("something cheaper")
    shown = await talk.skus("black tea instead")
    assert all(sku.startswith("BK") for sku in shown)
    assert (await talk.reply("how much is delivery to Norway?")).rung is Rung.APPROVED


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_shoppers_ask_otherwise_is_left_to_the_other_rungs(language: str) -> None:
    """Of all questions that the sample shop is measured with, only those that look for products are taken."""
    asked = [line.split(" = ")[0] for text in (MATCHES, FINDS) for line in text[language].split("\n") if line]
    asked += [line for line in OUTSIDE[language].split("\n") if line]
    taken = []
    for question in asked:
        reply = await Talk(teahouse()).reply(question)
        taken += [question] if reply.rung is Rung.RECOMMENDED else []
    assert len(asked) > 50
    assert len(taken) <= 3, taken
