"""How a topic of the made-up shops of tests/core/claims_set.py is written down, and the promises that none of them makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """``slots``: what is drawn, as "name=kind"; ``subject``: the slot that says what it is about; ``several``: so many of the
    same topic stand in the facts, each of another subject; ``asked``: what the shopper wrote."""

    name: str
    slots: str
    title: dict[str, str]
    facts: dict[str, list[str]]
    says: dict[str, list[str]]
    flips: dict[str, list[tuple[str, str]]]
    subject: str = ""
    several: int = 1
    asked: dict[str, str] | None = None


def both(en: str, zh: str) -> dict[str, list[str]]:
    return {
        language: [line.strip() for line in text.strip().splitlines()] for language, text in (("en", en), ("zh", zh))
    }


def pairs(en: str, zh: str) -> dict[str, list[tuple[str, str]]]:
    return {
        language: [
            (one.strip(), other.strip())
            for one, _, other in (line.partition("|") for line in text.strip().splitlines())
        ]
        for language, text in (("en", en), ("zh", zh))
    }


NONE: dict[str, list[tuple[str, str]]] = {"en": [], "zh": []}

# Said of anything, they are promised nowhere.
PROMISES = {
    "en": [
        "You also get a full refund if you don't like it.",
        "We guarantee it.",
        "And it will be there tomorrow.",
        "We give you a voucher on top.",
        "You get a replacement at once.",
        "A second one is free.",
        "Today there is a discount on it.",
        "It is the cheapest in town.",
        "We compensate you for any delay.",
        "You will have it overnight.",
        "We promise it arrives in time.",
        "Your money back if you are not happy.",
    ],
    "zh": [
        "不满意可以全额退款。",
        "我们保证没有问题。",
        "明天就能到。",
        "另外再送您一张代金券。",
        "有问题马上换新。",
        "第二件免费。",
        "今天下单还有折扣。",
        "我们是全网最低价。",
        "延误一天都会赔偿。",
        "可以终身保修。",
        "我们承诺按时送达。",
        "下单就赠送小礼物。",
    ],
}
