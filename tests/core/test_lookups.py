"""A look-up from the question to what is said: recognised, asked for, confirmed, fetched over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.lookup import HttpLookUps
from core.answer import Means
from core.botfile import load_bot
from core.messages import Command, Kind, Person, Rung
from models.scripted import ScriptedModel
from tests.core.helpers import command, message
from tests.core.lookup_config import ORDER, STOCK
from tests.core.lookup_shop import Talk, open_talk
from tests.core.shop import FILES
from tests.platforms.shop_server import Answers, ShopServer

CONTACT = "mail us: hi@mugs.example"


async def confirmed(talk: Talk) -> str:
    await talk.say("where is my order W12345? I am ann@tea.example")
    return await talk.say("yes")


# ── the way of a look-up ─────────────────────────────────────────────────────────────────────────────────


async def test_it_asks_for_what_is_missing_confirms_and_says_the_result(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        assert await talk.say("Where is my order?") == "What is your order number?"
        assert await talk.say("w12345") == "Which e-mail address did you order with?"
        assert "- order number: W12345\n- e-mail address: ann@tea.example" in await talk.say("It's Ann@Tea.example")
        assert [button.text for button in talk.reply.buttons] == ["Yes", "No"]
        assert talk.server.asked == [], "nothing is asked before the shopper agrees"
        text = await talk.say("Yes!")
        assert text == (
            "Order W12345 is on its way. It should arrive on 5 March 2026. In it: Longjing 50 g, "
            "Gaiwan\\_white \\*thin\\*; 24.90 EUR. Follow it here: https://track.example/W12345"
        )
        assert talk.reply.rung is Rung.LOOKED_UP
        assert talk.outcome is not None
        assert talk.outcome.trace is not None
        assert [passage.id for passage in talk.outcome.trace.passages] == ["lookups/order"]
        assert [asked.path for asked in talk.server.asked] == ["/orders/W12345?email=ann%40tea.example"]


async def test_the_same_in_chinese(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        assert await talk.say("我的订单到哪了？") == "请问您的订单号是多少？"
        assert await talk.say("订单号是Ｗ２３４５６") == "请问您下单时用的邮箱是什么？", "full-width signs are read too"
        assert "- 订单号：W23456\n- 邮箱：bo@tea.example" in await talk.say("邮箱bo@tea.example，谢谢")
        assert [button.text for button in talk.reply.buttons] == ["是", "不用"]
        assert await talk.say("好的，查吧，谢谢！") == "订单 W23456 正在打包。商品：Sencha 100 g，共 9.50 EUR。"
    async with open_talk(tmp_path) as talk:
        await talk.say("查一下我的订单W12345，邮箱ann@tea.example")
        text = await talk.say("是的")
        assert text.startswith("订单 W12345 已发货。预计 2026年3月5日 送达。商品：Longjing 50 g、Gaiwan")


@pytest.mark.parametrize("yes", ["yes", "Yes, please.", "ok", "sure!", "是", "好的", "可以，", "对。", "嗯"])
async def test_yes(tmp_path: Path, yes: str) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("where is my order W12345? I am ann@tea.example")
        await talk.say(yes)
        assert len(talk.server.asked) == 1


@pytest.mark.parametrize("no", ["no", "No, thanks.", "stop", "不用", "算了", "不是。"])
async def test_no(tmp_path: Path, no: str) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("where is my order W12345? I am ann@tea.example")
        await talk.say(no)
        assert talk.server.asked == []
        assert talk.state.looking is None
        await talk.say("yes")
        assert talk.server.asked == []


async def test_what_was_wrong_is_corrected_and_confirmed_again(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("where is my order W99999? I am ann@tea.example")
        assert "W12345" in await talk.say("no, it is W12345")
        assert talk.server.asked == []
        assert (await talk.say("yes")).startswith("Order W12345 is on its way.")


async def test_arguments_are_taken_from_earlier_messages(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("Hi, this is ann@tea.example, I bought W12345 last week. When are you open?")
        assert "W12345\n- e-mail address: ann@tea.example" in await talk.say("Has my order been shipped?")


@pytest.mark.parametrize(
    "text", ["W12345", "my order number is W12345", "订单号W12345", "W12345 还没收到", "what's up with W12345"]
)
async def test_an_order_number_alone_calls_for_it(tmp_path: Path, text: str) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say(text)
        assert talk.reply.rung is Rung.LOOKED_UP
        assert talk.state.looking is not None
        assert talk.state.looking.arguments == {"number": "W12345"}


@pytest.mark.parametrize(
    "text",
    ["do you repair broken handles of W12345?", "how much is delivery? W12345", "I want to order a mug", "怎么下单"],
)
async def test_other_questions_are_answered_as_ever(tmp_path: Path, text: str) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say(text)
        assert talk.reply.rung is not Rung.LOOKED_UP
        assert talk.state.looking is None


async def test_two_orders_are_looked_up_one_at_a_time(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        assert "Which order number: W12345, W23456?" in await talk.say(
            "where are my orders W12345 and W23456? track my parcel"
        )
        assert [button.text for button in talk.reply.buttons] == ["W12345", "W23456"]
        assert await talk.say("W23456") == "Which e-mail address did you order with?"


async def test_an_approved_answer_that_fits_better_is_given(tmp_path: Path) -> None:
    answers = (
        FILES["answers.yaml"]
        + "- id: how\n  questions: {en: [how do I order]}\n  answer: {en: Put it in the basket.}\n"
    )
    async with open_talk(tmp_path, answers_yaml=answers) as talk:
        assert await talk.say("how do I order?") == "Put it in the basket."


async def test_a_look_up_comes_before_an_approved_answer_to_the_same_question(tmp_path: Path) -> None:
    answers = (
        FILES["answers.yaml"] + "- id: w\n  questions: {en: [where is my order]}\n  answer: {en: I can't see orders.}\n"
    )
    async with open_talk(tmp_path, answers_yaml=answers) as talk:
        assert await talk.say("where is my order") == "What is your order number?"
        off = Talk(talk.bot, talk.server, Means(ScriptedModel()))
        assert await off.say("where is my order") == "I can't see orders."


@pytest.mark.parametrize(
    ("text", "rung"),
    [("how much is delivery of W12345?", Rung.APPROVED), ("do you repair broken handles of W12345?", Rung.QUOTED)],
)
async def test_an_order_number_does_not_stand_in_the_way_of_another_answer(
    tmp_path: Path, text: str, rung: Rung
) -> None:
    async with open_talk(tmp_path) as talk:
        talk.means = Means(ScriptedModel(languages=()), lookups=talk.means.lookups)
        await talk.say(text)
        assert talk.reply.rung is rung
        assert talk.outcome is not None
        assert talk.outcome.trace is not None
        assert "W12345" in talk.outcome.trace.question


@pytest.mark.parametrize(
    ("text", "rung"),
    [
        ("my order still hasn't come", Rung.LOOKED_UP),
        ("我买的东西怎么还没到", Rung.LOOKED_UP),
        ("please cancel my order", Rung.UNKNOWN),
        ("do you sell cars?", Rung.UNKNOWN),
    ],
)
async def test_who_asks_about_an_order_in_other_words_is_asked_for_its_number(
    tmp_path: Path, text: str, rung: Rung
) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say(text)
        assert talk.reply.rung is rung


async def test_questions_of_an_answer_that_it_stands_in_for_call_for_it(tmp_path: Path) -> None:
    answers = (
        FILES["answers.yaml"] + "- id: w\n  questions: {en: [nothing has come so far]}\n  answer: {en: Be patient.}\n"
    )
    lookups = ORDER.replace("    when:", "    instead_of: [w]\n    when:")
    async with open_talk(tmp_path, lookups=lookups, answers_yaml=answers) as talk:
        assert await talk.say("Nothing has come so far!") == "What is your order number?"
        off = Talk(talk.bot, talk.server, Means(ScriptedModel()))
        assert await off.say("Nothing has come so far!") == "Be patient."


@pytest.mark.parametrize(("instead_of", "rung"), [("[w]", Rung.LOOKED_UP), ("[]", Rung.QUOTED)])
async def test_what_is_but_near_such_a_question_calls_for_it_too(tmp_path: Path, instead_of: str, rung: Rung) -> None:
    asked = "my purchase vanished in the mail, who knows where"
    answers = f"{FILES['answers.yaml']}- id: w\n  questions: {{en: ['{asked}']}}\n  answer: {{en: Be patient.}}\n"
    lookups = ORDER.replace("    when:", f"    instead_of: {instead_of}\n    when:")
    async with open_talk(tmp_path, lookups=lookups, answers_yaml=answers) as talk:
        talk.means = Means(ScriptedModel(languages=()), lookups=talk.means.lookups)
        await talk.say("vanished purchase")
        assert talk.reply.rung is rung


async def test_the_look_up_of_the_sample_shop_is_off_until_it_has_an_address() -> None:
    bot = load_bot(Path(__file__).resolve().parents[2] / "bots" / "teahouse")
    async with ShopServer() as server:
        for secrets, said in (
            ({}, "I can't see orders."),
            ({"TEAHOUSE_ORDERS_API": server.url}, "What is your order number?"),
        ):
            api = HttpLookUps(secrets)
            assert said in await Talk(bot, server, Means(ScriptedModel(), lookups=api)).say("Where is my order?")
        talk = Talk(bot, server, Means(ScriptedModel(), lookups=api))
        body = b'{"number": "CM10023", "email": "Ann@tea.example", "state": "sent", "delivery": {"day": "2026-03-05"}}'
        server.faults.append(Answers(200, body))
        await talk.say("我的订单CM10023到哪了？邮箱ann@tea.example")
        assert await talk.say("是") == "订单 CM10023 已寄出，正在路上。订单 CM10023 预计 2026年3月5日 送达。"
        await api.aclose()


# ── while it waits ───────────────────────────────────────────────────────────────────────────────────────


async def test_another_question_is_answered_between_and_the_look_up_goes_on(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("where is my order?")
        assert await talk.say("how much is delivery?") == "Delivery costs 4.90 EUR."
        assert await talk.say("W12345") == "Which e-mail address did you order with?"


async def test_a_question_that_waits_is_forgotten_after_some_turns(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("where is my order W12345? I am ann@tea.example")
        for _ in range(4):
            await talk.say("how much is delivery?")
        await talk.say("yes")
        assert talk.server.asked == []
        assert talk.state.looking is None


async def test_what_is_no_order_number_is_asked_for_again_then_a_person(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("where is my order?")
        for wrong in ("12345", "W1"):
            assert (await talk.say(wrong)).startswith(
                "I don't recognise that as the order number. It looks like this: W12345."
            )
        assert CONTACT in await talk.say("54321")
        assert talk.reply.rung is Rung.UNKNOWN
        assert talk.state.looking is None


@pytest.mark.parametrize("text", ["I don't have it", "I lost it", "不知道", "找不到了"])
async def test_who_does_not_have_it_is_sent_to_a_person(tmp_path: Path, text: str) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("where is my order?")
        await talk.say(text)
        assert talk.reply.rung is Rung.UNKNOWN
        assert talk.state.looking is None


async def test_an_argument_of_a_few_values_has_buttons(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        assert await talk.say("is GT-01 on the shelf in your shop?") == "In which shop?"
        assert [button.text for button in talk.reply.buttons] == ["Lisbon", "Porto"]
        assert await talk.say("in Porto, please") == "There are 0 of GT-01 in the shop.", "nothing to confirm in it"
        assert await talk.say("里斯本门店有没有GT-01的库存") == "门店有 7 件 GT-01。"


# ── after it ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_follow_ups_are_answered_from_the_fresh_result(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await confirmed(talk)
        assert await talk.say("When will it arrive?") == "It should arrive on 5 March 2026."
        assert await talk.say("里面有什么？") == "商品：Longjing 50 g、Gaiwan\\_white \\*thin\\*，共 24.90 EUR。"
        assert (await talk.say("where is my order?")).startswith("Order W12345 is on its way.")
        assert len(talk.server.asked) == 1


async def test_an_old_result_is_fetched_again_without_a_question(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await confirmed(talk)
        looking = talk.state.looking
        assert looking is not None
        assert looking.fetched_at is not None
        old = looking.replace(fetched_at=looking.fetched_at - timedelta(seconds=121))
        talk.state = talk.state.replace(looking=old)
        assert await talk.say("When will it arrive?") == "It should arrive on 5 March 2026."
        assert len(talk.server.asked) == 2


async def test_after_an_hour_it_is_forgotten(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await confirmed(talk)
        assert talk.state.looking is not None
        old = talk.state.looking.replace(at=talk.state.looking.at - timedelta(minutes=61))
        talk.state = talk.state.replace(looking=old)
        await talk.say("When will it arrive?")
        assert talk.reply.rung is Rung.UNKNOWN
        assert talk.state.looking is None


async def test_what_the_shop_does_not_know_is_said_so(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("track my parcel W23456, bo@tea.example")
        assert await talk.say("yes") == "Order W23456 is being packed. In it: Sencha 100 g; 9.50 EUR."
        assert (await talk.say("when will it arrive?")).startswith("The shop's system does not say that yet.")


async def test_a_follow_up_is_never_answered_about_the_order_before(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await confirmed(talk)
        await talk.say("how much is delivery? It is for W23456")
        assert talk.reply.rung is not Rung.LOOKED_UP
        assert "W23456" in await talk.say("when will it arrive?"), "asks whether to look up the other one"
        assert len(talk.server.asked) == 1
        await talk.say("no")
        assert await talk.say("and where is my other order") == "What is your order number?"


# ── whose it is ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("checks_owner", [True, False], ids=["the shop checks", "we check"])
async def test_nobody_sees_the_order_of_another_one(tmp_path: Path, checks_owner: bool) -> None:
    async with open_talk(tmp_path, checks_owner=checks_owner) as talk:
        await talk.say("where is my order W12345? I am eve@evil.example")
        mine = await talk.say("yes")
        assert mine.startswith("I found nothing that fits this:")
        assert CONTACT in mine
        assert talk.state.looking is not None
        assert talk.state.looking.values == {}
        await talk.say("no, W99999")
        assert (await talk.say("yes")).replace("W99999", "W12345") == mine, "the same words as for what is not there"


async def test_guessing_ends_after_three_misses_also_after_new(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        for number in ("W10001", "W10002", "W10003"):
            await talk.say(f"where is my order {number}, ann@tea.example")
            await talk.say("yes")
        await talk.say("where is my order W12345, ann@tea.example")
        assert talk.reply.rung is Rung.UNKNOWN
        await talk.hear(command(Command.NEW))
        await talk.say("where is my order W12345, ann@tea.example")
        assert talk.reply.rung is Rung.UNKNOWN
        assert len(talk.server.asked) == 3


async def test_in_a_group_nothing_personal_is_asked_or_said(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        assert "others can read along" in await talk.say("where is my order W12345?", group=True)
        assert talk.state.looking is None
        assert await talk.say("is GT-01 on the shelf in your shop?", group=True) == "In which shop?"
        bo = message("Lisbon", group=True, sender=Person(id="bo", name="Bo"))
        assert (await talk.hear(bo)).rung is Rung.UNKNOWN, "Bo was not asked"
        assert await talk.say("Lisbon", group=True) == "There are 7 of GT-01 in the shop."


async def test_what_was_begun_alone_is_not_gone_on_with_in_public(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await confirmed(talk)
        for text in ("when will it arrive?", "where is my order?"):
            assert "March" not in await talk.say(text, group=True)


async def test_a_comment_under_a_post_is_public(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        assert "others can read along" in await talk.say("where is my order W12345?", post="New mugs!")


@pytest.mark.parametrize(
    "path", ["../admin", "W12345/../../admin?x=1#", "W12345&email=bo@tea.example", "http://evil.example/"]
)
async def test_no_text_of_a_shopper_leads_elsewhere(tmp_path: Path, path: str) -> None:
    """Even if the shop's pattern takes everything."""
    async with open_talk(
        tmp_path, lookups=ORDER.replace("pattern: W\\d{5}", "pattern: .+").replace("[W12345]", "[x]")
    ) as talk:
        await talk.say("where is my order?")
        await talk.say(path)
        await talk.say("ann@tea.example")
        await talk.say("yes")
        for asked in talk.server.asked:
            assert asked.path.startswith("/orders/")
            assert asked.path.count("/") == 2
            assert asked.path.endswith("?email=ann%40tea.example")


# ── other ways to ask ────────────────────────────────────────────────────────────────────────────────────


async def test_a_post_that_only_reads(tmp_path: Path) -> None:
    posted = ORDER.replace(
        "path: /orders/{number}?email={email}",
        'path: /orders/search\n    method: POST\n    read_only: true\n    body: \'{"number": "{number}", "email": "{email}"}\'',
    ).replace(
        "    result:\n",
        '    result:\n      root: orders[0]\n      not_found: {en: "No such order.", zh: 没有这个订单。}\n',
    )
    async with open_talk(tmp_path, lookups=posted) as talk:
        assert (await confirmed(talk)).startswith("Order W12345 is on its way.")
        assert talk.server.asked[0].body == b'{"number": "W12345", "email": "ann@tea.example"}'
    async with open_talk(tmp_path, lookups=posted) as talk:
        await talk.say("where is my order W12345? I am eve@tea.example")
        assert await talk.say("yes") == "No such order."


async def test_an_argument_that_may_be_any_text_is_taken_as_the_answer_to_its_question(tmp_path: Path) -> None:
    by_name = ORDER.replace("type: email\n        case: lower", "case: keep").replace(
        "customer.email", "customer.postcode"
    )
    async with open_talk(tmp_path, lookups=by_name, checks_owner=False) as talk:
        await talk.say("where is my order W12345")
        assert await talk.say("how much is delivery?") == "Delivery costs 4.90 EUR."
        assert "e-mail address: 1200-001" in await talk.say("1200-001")
        assert (await talk.say("yes")).startswith("Order W12345 is on its way.")


async def test_a_look_up_without_its_secret_is_off(tmp_path: Path) -> None:
    lacking = (ORDER + STOCK).replace("MUGS_TOKEN", "NO_TOKEN")
    async with open_talk(tmp_path, lookups=lacking) as talk:
        await talk.say("where is my order?")
        assert talk.reply.rung is Rung.UNKNOWN


async def test_a_picture_beside_the_answer_is_told_of(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        reply = await talk.hear(message("where is my order?"), message("", kind=Kind.PHOTO))
        assert reply.text.startswith("What is your order number?\n\nI can only read text")


# ── in the model's words ─────────────────────────────────────────────────────────────────────────────────

WORDED = ORDER.replace("    result:\n", "    result:\n      phrasing: model\n")


async def test_the_model_may_word_the_result(tmp_path: Path) -> None:
    async with open_talk(tmp_path, lookups=WORDED) as talk:
        model = ScriptedModel("Order W12345 is on its way. It should arrive on 5 March 2026.")
        talk.means = Means(model, lookups=talk.means.lookups)
        assert await confirmed(talk) == "Order W12345 is on its way. It should arrive on 5 March 2026."
        assert talk.reply.rung is Rung.LOOKED_UP
        (request,) = model.requests
        assert "where is my order W12345?" in request.messages[-1].content, "what was asked, not the yes"


@pytest.mark.parametrize(
    "said", ["Order W12345 arrives on 3 March 2026.", "Order W12345 is delivered. You get a refund."]
)
async def test_what_the_model_makes_up_is_replaced_by_the_sentences(tmp_path: Path, said: str) -> None:
    async with open_talk(tmp_path, lookups=WORDED) as talk:
        talk.means = Means(ScriptedModel(said), lookups=talk.means.lookups)
        assert (await confirmed(talk)).startswith("Order W12345 is on its way. It should arrive on 5 March 2026.")
        assert talk.reply.rung is Rung.LOOKED_UP
        assert talk.outcome is not None
        assert talk.outcome.trace is not None
        assert talk.outcome.trace.findings
