"""Conversations of several turns, in two languages, in shops that sell no tea."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.botfile import Bot
from core.messages import Person, Rung
from tests.core.recommend.shops import BOOKS, SHOES, Talk, open_shop


@pytest.fixture(scope="module")
def shoes(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return open_shop(tmp_path_factory.mktemp("shoes"), SHOES)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return open_shop(tmp_path_factory.mktemp("books"), BOOKS)


# ── from a wish to a product ─────────────────────────────────────────────────────────────────────────────


async def test_a_wish_gets_products_that_fit_with_the_reason_in_the_shoppers_words(shoes: Bot) -> None:
    outcome = await Talk(shoes).outcome("I'm looking for waterproof hiking boots")
    reply, trace = outcome.reply, outcome.trace
    assert reply is not None
    assert trace is not None
    assert reply.rung is Rung.RECOMMENDED
    (card,) = reply.cards
    assert (card.id, card.title, card.price) == ("S1", "Trail Fox", "120.00 EUR")
    assert card.url == "https://shoes.example/s1"
    assert card.image == "https://shoes.example/s1.jpg"
    assert "“waterproof”" in reply.text
    assert "“hiking boots”" in reply.text
    assert [passage.id for passage in trace.passages] == ["catalog/S1.en"]
    assert [need.split(" (")[0] for need in trace.needs] == [
        "taste waterproof: waterproof",
        "category hiking boots: hiking boots",
    ], "each with the message that it was said in"
    assert trace.model == "", "no model is asked"


async def test_missing_wishes_are_asked_for_one_at_a_time_and_at_most_two(shoes: Bot) -> None:
    talk = Talk(shoes)
    first = await talk.reply("can you recommend something?")
    assert not first.cards
    assert first.text.count("?") == 1
    assert "running shoes" in [button.text for button in first.buttons]
    second = await talk.reply("whatever")
    assert not second.cards
    assert second.text.count("?") == 1
    assert second.text != first.text
    assert (await talk.reply("no idea")).cards, "after two questions something is shown"


async def test_a_question_that_would_not_help_is_not_asked(shoes: Bot) -> None:
    assert await Talk(shoes).skus("can you recommend running shoes?") == ["S4", "S6", "S5"]


async def test_the_answer_to_a_question_may_be_a_bare_number(tmp_path: Path) -> None:
    bot = open_shop(tmp_path, BOOKS, "{ask: [budget], show: 1}")
    talk = Talk(bot)
    asked = await talk.text("recommend me something")
    assert "EUR" in asked
    assert await talk.skus("8") == ["B3"]


async def test_it_is_all_the_same_in_chinese(shoes: Bot) -> None:
    talk = Talk(shoes)
    assert await talk.skus("想买徒步鞋") == ["S1", "S2"]
    assert "“防水”" in (await Talk(shoes).text("想买防水的徒步鞋"))
    assert await talk.skus("还是跑鞋吧，60欧以内") == ["S4"]
    assert "60.00 EUR" in await talk.text("第一个多少钱")
    assert await talk.skus("贵一点的") == ["S6", "S5"]
    assert await talk.skus("不要第一个") == ["S5"]


async def test_a_burst_is_one_wish_and_each_need_knows_its_message(shoes: Bot) -> None:
    talk = Talk(shoes)
    assert await talk.skus("I need something waterproof", "for my daughter") == ["S8"]
    messages = {need.kind: need.message for need in talk.wishes.needs}
    assert messages["taste"] != messages["recipient"]


# ── what was shown ───────────────────────────────────────────────────────────────────────────────────────


async def test_cheaper_dearer_and_another(shoes: Bot) -> None:
    talk = Talk(shoes)
    assert await talk.skus("recommend running shoes") == ["S4", "S6", "S5"]
    assert await talk.skus("something more expensive than the second") == ["S5"]
    assert await talk.skus("too expensive") == ["S4", "S6"]
    assert await talk.skus("not the first") == ["S6"]
    assert "fits" in await talk.text("anything else?")


async def test_nothing_is_cheaper(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.skus("recommend running shoes")
    reply = await talk.reply("something cheaper")
    assert [card.id for card in reply.cards] == ["S4"]
    assert "costs less" in reply.text
    assert (await talk.reply("how much is the third?")).cards[0].id == "S5", "what was shown can still be pointed at"


@pytest.mark.parametrize(
    ("said", "sku"),
    [
        ("the second", "S6"),
        ("2", "S6"),
        ("how much is the second one?", "S6"),
        ("I'll take the last one", "S5"),
        ("number 3 please", "S5"),
        ("第二个", "S6"),
        ("第二款有货吗", "S6"),
        ("最后一个怎么样", "S5"),
    ],
)
async def test_one_of_them_is_pointed_at(shoes: Bot, said: str, sku: str) -> None:
    talk = Talk(shoes)
    await talk.skus("recommend running shoes")
    reply = await talk.reply(said)
    assert reply.rung is Rung.RECOMMENDED
    assert [card.id for card in reply.cards] == [sku]
    assert talk.wishes.chosen == sku


async def test_it_is_the_one_that_is_talked_of(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.skus("recommend running shoes")
    await talk.reply("the second")
    assert [card.id for card in (await talk.reply("how much is it?")).cards] == ["S6"]
    other = await talk.outcome("does it have reflective parts?")
    assert other.reply is not None
    assert other.reply.rung is not Rung.RECOMMENDED, "another question goes to the other rungs, with the product's name"
    assert other.trace is not None
    assert other.trace.passages[0].id == "catalog/S6.en"


async def test_more_of_those(shoes: Bot) -> None:
    talk = Talk(shoes)
    assert await talk.skus("I want waterproof shoes for my daughter") == ["S8"]
    assert (await talk.skus("more like that one"))[0] == "S7"


async def test_the_same_number_somewhere_else_is_no_choice(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.skus("recommend running shoes")
    reply = await talk.reply("is this the first time I write?")
    assert reply.rung is not Rung.RECOMMENDED


# ── corrections ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_correction_replaces_the_need(shoes: Bot) -> None:
    talk = Talk(shoes)
    assert await talk.skus("I'm looking for something waterproof for me") == ["S8", "S1"]
    assert await talk.skus("for my son instead") == ["S8"]
    assert await talk.skus("hiking boots for my husband instead") == ["S1"]
    assert [need.said for need in talk.wishes.needs if need.kind == "recipient"] == ["for my husband"]
    assert [need.said for need in talk.wishes.needs if need.kind == "taste"] == ["waterproof"]


async def test_what_must_not_be_in_it_stays_out(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.skus("I'm looking for hiking boots")
    assert await talk.skus("no leather please") == ["S2"], "suede is leather"
    await talk.text("forget that")
    assert not talk.wishes.needs
    assert "S1" in await talk.skus("I'm looking for hiking boots")


async def test_something_else_instead(books: Bot) -> None:
    talk = Talk(books)
    assert await talk.skus("can you recommend a thriller without violence?") == ["B4"]
    assert await talk.skus("something funny instead") == ["B2"]
    assert {need.value for need in talk.wishes.needs} == {"funny", "violence"}


async def test_in_a_group_the_wishes_are_the_speakers(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.reply("recommend running shoes", group=True)
    reply = await talk.reply("the second", group=True, sender=Person(id="ben", name="Ben"))
    assert not reply.cards
    assert (await talk.reply("the second", group=True)).cards[0].id == "S6"


# ── what fits ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "skus"),
    [
        ("I want running shoes up to 60 euros", ["S4"]),
        ("I want running shoes up to 60.01 €", ["S4", "S6"]),
        ("想要60欧以内的跑鞋", ["S4"]),
        ("I want running shoes, at least 100 euros", ["S5"]),
        ("I want running shoes between 60.01 and 140 euros", ["S6", "S5"]),
        ("想要一百四十欧以下的跑鞋，至少一百欧", ["S5"]),
    ],
)
async def test_a_budget_counts_to_the_cent(shoes: Bot, said: str, skus: list[str]) -> None:
    assert await Talk(shoes).skus(said) == skus


async def test_which_wish_rules_all_out_is_said_and_what_is_nearest(shoes: Bot) -> None:
    reply = await Talk(shoes).reply("I want running shoes under 60 euros")
    assert [card.id for card in reply.cards] == ["S4"], "it costs just what it must cost less than"
    assert "fits “under 60 euros”" in reply.text
    reply = await Talk(shoes).reply("推荐防水的跑鞋")
    assert "“跑鞋”" in reply.text.split("。")[1]
    assert reply.cards[0].id in ("S1", "S8")


async def test_a_wish_that_nothing_meets_shows_nothing(shoes: Bot) -> None:
    reply = await Talk(shoes).reply("something for a wedding but no leather")
    assert reply.rung is Rung.RECOMMENDED
    assert not reply.cards
    assert "“for a wedding”, “no leather”" in reply.text


async def test_contradictory_amounts(shoes: Bot) -> None:
    talk = Talk(shoes)
    reply = await talk.reply("I want running shoes, at least 100 euros, at most 50 euros")
    assert not reply.cards
    assert "EUR" in reply.text
    assert await talk.skus("60 euros") == ["S4"]


async def test_of_opposites_the_last_counts(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.skus("I want waterproof hiking boots")
    assert await talk.skus("not waterproof") == ["S2"]
    assert await talk.skus("waterproof after all") == ["S1"]


async def test_what_is_out_of_stock_is_never_shown(shoes: Bot, books: Bot) -> None:
    assert "S3" not in await Talk(shoes).skus("recommend hiking boots")
    assert await Talk(books).skus("推荐一本给孩子看的书") == ["B3"]


async def test_another_currency_is_not_reckoned_in(shoes: Bot) -> None:
    talk = Talk(shoes)
    assert "in EUR" in await talk.text("I want running shoes for $70")
    assert await talk.skus("60") == ["S4"]


async def test_who_is_allergic_is_sent_to_the_team_too(tmp_path: Path) -> None:
    rows = "X1,Nut Bar,坚果棒,snack,2.00,EUR,,5,Hazelnut and honey.,榛子蜂蜜。,\nX2,Oat Bar,燕麦棒,snack,2.50,EUR,,5,Oats and apple.,燕麦苹果。,\n"
    bot = open_shop(tmp_path, BOOKS.splitlines()[0] + "\n" + rows)
    assert await Talk(bot).skus("I'm allergic to nuts, which snack would you recommend?") == ["X2"]
    assert "/human" in await Talk(bot).text("我对坚果过敏，推荐点零食")


# ── what is no wish ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "said",
    [
        "how much is delivery?",
        "can I return my running shoes?",
        "where is my order?",
        "is the Trail Fox waterproof?",
        "how much is City Runner?",
        "do you sell bicycles?",
        "I'm looking for a bicycle for my mother",
        "recommend a hotel in Lisbon",
        "I want to talk to a person",
        "what do you think of the weather?",
        "我要退货",
        "山狐徒步鞋防水吗",
        "想买一辆自行车",
        "运费多少",
        "有没有停车场",
        "\u200b",
        "??!",
        "1",
        "the second",
        "something cheaper",
        "x" * 3000,
        "推荐" * 900,
        "not " * 700,
        "第" * 500,
    ],
)
async def test_what_is_no_wish_goes_to_the_other_rungs(shoes: Bot, said: str) -> None:
    assert (await Talk(shoes).reply(said)).rung is not Rung.RECOMMENDED or said.startswith("推荐")


async def test_another_subject_in_between_is_answered_and_the_wish_kept(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.skus("recommend running shoes")
    assert (await talk.reply("how much is delivery?")).rung is Rung.APPROVED
    assert (await talk.reply("can I return the second one?")).rung is not Rung.RECOMMENDED
    assert await talk.skus("something more expensive than the first") == ["S6", "S5"]


async def test_after_other_things_were_said_a_word_is_no_correction(shoes: Bot) -> None:
    talk = Talk(shoes)
    await talk.skus("recommend running shoes")
    for _ in range(3):
        await talk.reply("how much is delivery?")
    assert (await talk.reply("something cheaper")).rung is not Rung.RECOMMENDED
    assert (await talk.reply("ok")).rung is Rung.APPROVED


# ── the shop's own choice ────────────────────────────────────────────────────────────────────────────────


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    bot = open_shop(tmp_path, SHOES, "{enabled: false}")
    assert (await Talk(bot).reply("recommend running shoes")).rung is not Rung.RECOMMENDED


async def test_an_empty_catalogue_recommends_nothing(tmp_path: Path) -> None:
    bot = open_shop(tmp_path, SHOES.splitlines()[0] + "\n")
    assert (await Talk(bot).reply("recommend running shoes")).rung is Rung.UNKNOWN


async def test_the_shops_words_questions_and_numbers(tmp_path: Path) -> None:
    bot = open_shop(
        tmp_path,
        SHOES,
        "{show: 1, questions: 0, named_only: [dress shoes], words: {en: {trainers: [running shoes], brogues: [dress shoes]}, zh: {球鞋: [running shoes]}}}",
    )
    assert await Talk(bot).skus("any ideas? I need trainers") == ["S4"]
    assert await Talk(bot).skus("推荐一双球鞋") == ["S4"]
    assert await Talk(bot).skus("recommend something") == ["S7"]
    assert "S9" not in await Talk(bot).skus("recommend something that is not cheap, at least 145 euros")
    assert await Talk(bot).skus("recommend some brogues") == ["S9"]
