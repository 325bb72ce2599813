"""Intents and urgency by their words: what is found is acted on, so what is near must not be found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.botfile import load_bot
from core.understanding.base import Understood, Urgency
from core.understanding.rules import CHINESE, ENGLISH, Intent, by_rules, urgent_words
from tests.core.questions import FINDS, OUTSIDE

TEAHOUSE = Path(__file__).parents[2] / "bots" / "teahouse"


@pytest.mark.parametrize(
    "text",
    [
        "talk to a human",
        "Can I speak with someone please?",
        "I'd like to chat with a real person",
        "human please",
        "agent",
        "connect me to customer service",
        "get me your manager",
        "transfer me to an agent now",
        "call me back",
        "转人工",
        "轉人工客服",
        "人工",
        "我要找真人",
        "幫我轉接客服",
        "可以跟你们经理谈吗",
        "我不想跟机器人说话",
        "有人工客服吗",
        "please 转人工",
    ],
)
def test_who_wants_a_person(text: str) -> None:
    assert by_rules(text) is Intent.WANTS_PERSON


@pytest.mark.parametrize(
    "text",
    [
        "are you a real person?",
        "am I talking to a human?",
        "you are talking to me like a robot",
        "I don't want to talk to a person, just tell me the price",
        "is your tea picked by a real person",
        "a gift for a person who has everything",
        "does somebody have to sign for the parcel",
        "what is the phone number of the shop",
        "你是真人吗",
        "你是人工客服还是机器人",
        "人工采摘的茶有吗",
        "有没有人工香精",
        "客服电话多少",
        "人工客服几点上班",
        "不用转人工",
        "你们客服的态度",
    ],
)
def test_who_does_not_want_a_person(text: str) -> None:
    assert by_rules(text) is not Intent.WANTS_PERSON


@pytest.mark.parametrize(
    "text",
    [
        "This is unacceptable!",
        "I am so disappointed",
        "worst service ever",
        "I want to complain",
        "太让人失望了",
        "我要投诉",
        "我要投訴你們",
    ],
)
def test_a_complaint(text: str) -> None:
    assert by_rules(text) is Intent.COMPLAINT
    assert Understood(Intent.COMPLAINT, 1.0, True, "rules").urgency is Urgency.URGENT


@pytest.mark.parametrize(
    "text", ["can't complain, lovely tea", "I was not disappointed", "没有失望", "what is the worst time to drink tea"]
)
def test_no_complaint(text: str) -> None:
    assert by_rules(text) is not Intent.COMPLAINT


@pytest.mark.parametrize(
    "text",
    [
        "where is my order",
        "has my parcel been sent?",
        "order no. 20417",
        "我的订单到哪了",
        "查一下快递",
        "我的訂單到哪裡了",
    ],
)
def test_a_question_about_an_order(text: str) -> None:
    assert by_rules(text) is Intent.ORDER_QUESTION


@pytest.mark.parametrize("text", ["how do I order?", "can I order by phone", "怎么下单", "in order to brew it well"])
def test_how_to_order_is_no_question_about_an_order(text: str) -> None:
    assert by_rules(text) is None


@pytest.mark.parametrize("text", ["hello!", "Thank you so much", "bye", "你好呀", "谢谢啦", "晚安"])
def test_small_talk(text: str) -> None:
    assert by_rules(text) is Intent.SMALL_TALK


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I need it today, it is URGENT", ("need it today", "urgent")),
        ("please answer asap", ("asap",)),
        ("how much is express delivery?", ()),
        ("it is not time yet", ()),
        ("很急，请马上处理", ("很急", "马上")),
        ("不着急，慢慢来", ()),
        ("馬上退款", ("马上",)),
        ("有加急快递吗", ()),
    ],
)
def test_the_words_that_say_that_it_is_urgent(text: str, words: tuple[str, ...]) -> None:
    assert urgent_words(text) == tuple(sorted(words))


def test_no_question_to_the_teahouse_is_taken_for_a_complaint_or_for_wanting_a_person() -> None:
    acted_on = {Intent.WANTS_PERSON, Intent.COMPLAINT}
    asked = [line.split(" = ")[0] for texts in (FINDS, OUTSIDE) for text in texts.values() for line in text.split("\n")]
    assert len(asked) > 100
    assert [text for text in asked if by_rules(text) in acted_on] == []


def test_precision_on_the_examples_of_the_teahouse() -> None:
    examples = load_bot(TEAHOUSE).intents
    for intent, least in ((Intent.WANTS_PERSON, 55), (Intent.COMPLAINT, 30)):
        found = [one for one in examples if by_rules(one.text) is intent]
        assert len(found) >= least
        assert [one for one in found if one.label != intent.value] == []


def test_the_signs_of_a_rule_stand_in_all_that_it_finds() -> None:
    """They make it quick, and take nothing away."""
    for one in load_bot(TEAHOUSE).intents:
        for rules, signs in ((ENGLISH, set(one.text.lower().replace("'", " ").split())), (CHINESE, set(one.text))):
            for rule in rules.values():
                if rule.says.search(one.text):
                    words = {sign.strip(",.!?") for sign in signs}
                    assert not rule.signs.isdisjoint(words), (one.text, rule.says.search(one.text))


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    assert by_rules(text) in {None, *Intent}
    assert isinstance(urgent_words(text), tuple)


def test_a_long_text_takes_no_long_time_and_the_beginning_counts() -> None:
    assert by_rules("I want to talk to a human. " + "please " * 200_000) is Intent.WANTS_PERSON
    assert by_rules("x " * 1_000_000) is None
