"""Language of short messages: at least 995 of 1,000 right, and what says nothing changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.botfile import load_bot
from core.characters import is_traditional, simplified
from core.language import EVERYWHERE, detect
from tests.core.questions import DIFFERENT, FINDS, MATCHES, OUTSIDE

EN_ZH = ["en", "zh"]
TEAHOUSE = Path(__file__).parents[2] / "bots" / "teahouse"
NAMES = {
    "en": ["Earl Grey", "DHL", "iPhone 15", "Visa", "PayPal", "Gyokuro"],
    "zh": ["龙井", "铁观音", "大红袍", "普洱", "正山小種", "微信"],
}
MIXED = {
    "en": [
        "do you have {}?",
        "how much is the {} please",
        "what is {} and is it good for me",
        "I want two of {}",
        "can I get {} by friday",
        "is {} in stock",
        "thanks, but where did you send the {}",
    ],
    "zh": [
        "有{}吗",
        "{}多少钱",
        "我想要两个{}",
        "请问{}什么时候有货",
        "能用{}付款吗",
        "你们的{}是哪里的",
        "{}可以退嗎",
        "想問一下{}還有沒有貨",
    ],
}


def messages() -> list[tuple[str, str]]:
    """What shoppers write, and in which language it is."""
    asked = [
        (line.split(" = ")[0].strip(), language)
        for texts in (MATCHES, DIFFERENT, FINDS, OUTSIDE)
        for language, text in texts.items()
        for line in text.strip().splitlines()
    ]
    learnt = [(one.text, one.language) for one in load_bot(TEAHOUSE).intents]
    names = [name for some in NAMES.values() for name in some]
    mixed = [(form.format(name), language) for language, forms in MIXED.items() for form in forms for name in names]
    return list(dict.fromkeys([*asked, *learnt, *mixed]))


def says_nothing(text: str) -> bool:
    """One word in Latin script, or words that are said everywhere."""
    words = text.casefold().strip("?!. ").replace(",", " ").split()
    return len(words) < 2 or EVERYWHERE.issuperset(words)


@pytest.mark.parametrize("before", ["", "en", "zh"])
def test_the_language_of_short_messages(before: str) -> None:
    asked = [(text, language) for text, language in messages() if not (language == "en" and says_nothing(text))]
    assert len(asked) > 2000
    wrong = [(text, language) for text, language in asked if detect(text, EN_ZH, before) != language]
    assert len(wrong) <= 0.005 * len(asked), wrong


@pytest.mark.parametrize("before", EN_ZH)
@pytest.mark.parametrize(
    "text",
    [
        "ok",
        "hi",
        "Hello!",
        "thank you",
        "ok thanks",
        "yes please",
        "👍",
        "20417",
        "KF-20417",
        "#20417 ok",
        "ann@example.org",
        "https://shop.example/en/tea",
        "DHL",
        "?",
        "…",
        "thanks, bye",
    ],
)
def test_what_says_nothing_changes_nothing(text: str, before: str) -> None:
    assert detect(text, EN_ZH, before) == before


@pytest.mark.parametrize(
    ("text", "before", "wanted"),
    [
        ("請問運費多少？", "", "zh-Hant"),
        ("请问运费多少？", "", "zh-Hans"),
        ("你好", "", "zh-Hans"),
        ("你好", "zh-Hant", "zh-Hant"),
        ("hello there my friend", "zh-Hant", "en"),
    ],
)
def test_traditional_and_simplified_characters(text: str, before: str, wanted: str) -> None:
    assert detect(text, ["en", "zh-Hans", "zh-Hant"], before) == wanted
    assert detect(text, ["en", "zh"], "").startswith(wanted[:2])


def test_characters() -> None:
    assert simplified("請問運費多少？我要轉人工客服, thanks") == "请问运费多少？我要转人工客服, thanks"
    assert simplified("plain \ud800 text") == "plain \ud800 text"
    assert simplified("頭髮\ud800") == "頭髮\ud800"
    assert is_traditional("運費")
    assert not is_traditional("你好")
    assert not is_traditional("hello")
