"""What is said of products that fit, in Chinese and English. Every fact is the catalogue's, every wish the shopper's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from core.knowledge.words import HAN
from core.language import base
from core.messages import Button, Card
from core.phrases import in_language
from core.recommend.assortment import Good
from core.recommend.choose import Choice, Chosen
from core.recommend.wishes import Need


class Say(StrEnum):
    WANTED = "wanted"
    SHOWN = "shown"
    NEAREST = "nearest"
    NEAREST_TO = "nearest_to"
    PARTLY = "partly"
    NOTHING = "nothing"
    CONTRADICTION = "contradiction"
    UNHEARD = "unheard"
    MISSES = "misses"
    CATEGORY = "category"
    TASTE = "taste"
    BUDGET = "budget"
    BUDGET_FOREIGN = "budget_foreign"
    NO_CHEAPER = "no_cheaper"
    NO_DEARER = "no_dearer"
    NO_MORE = "no_more"
    RESET = "reset"
    ALLERGY = "allergy"
    LAST_TIME = "last_time"
    CONSENT = "consent"
    CONSENT_YES = "consent_yes"
    CONSENT_NO = "consent_no"
    KNOWN = "known"
    KNOWN_HERE = "known_here"
    KNOWN_NOTHING = "known_nothing"
    FORGOTTEN = "forgotten"
    B_CHEAPER = "b_cheaper"
    B_OTHER = "b_other"
    B_ANY = "b_any"
    B_YES = "b_yes"
    B_NO = "b_no"


_TEXTS: dict[str, dict[Say, str]] = {
    "en": {
        Say.WANTED: "You wanted {needs}.",
        Say.SHOWN: "This fits:",
        Say.NEAREST: "Nothing we have in stock fits {against} together with the rest. This comes nearest:",
        Say.PARTLY: "Nothing we have in stock has all of it. This comes nearest:",
        Say.NEAREST_TO: "Nothing we have in stock fits {against}. This comes nearest:",
        Say.NOTHING: "Nothing we have in stock fits {against}.",
        Say.CONTRADICTION: "{budget} leaves no price in between. What may it cost, in {currency}?",
        Say.UNHEARD: "Our catalogue says nothing about {needs}.",
        Say.MISSES: "nothing is said about {needs}",
        Say.CATEGORY: "What kind are you looking for? For example {choices}.",
        Say.TASTE: "What do you prefer? For example {choices}.",
        Say.BUDGET: "What may it cost, in {currency}?",
        Say.BUDGET_FOREIGN: "Our prices are in {currency}. What may it cost, in {currency}?",
        Say.NO_CHEAPER: "Nothing that fits costs less. This is what comes nearest:",
        Say.NO_DEARER: "Nothing that fits costs more. This is what comes nearest:",
        Say.NO_MORE: "That is all we have in stock that fits. Tell me what to leave out or change, and I will look again.",
        Say.RESET: "All right, from the beginning. What are you looking for?",
        Say.ALLERGY: "I go by our descriptions. With an allergy, please ask our team before you buy: send /human.",
        Say.LAST_TIME: "I remember from last time: {needs}.",
        Say.CONSENT: "Shall I remember that for next time? (yes/no)",
        Say.CONSENT_YES: "I will remember: {needs}. Write “forget me” at any time, and it is erased.",
        Say.CONSENT_NO: "All right, I will not remember it.",
        Say.KNOWN: "I remember of you: {needs}. Write “forget me”, and it is erased.",
        Say.KNOWN_HERE: "In this conversation you said: {needs}. It is forgotten with the conversation: send /new.",
        Say.KNOWN_NOTHING: "I remember nothing of what you look for.",
        Say.FORGOTTEN: "I have forgotten what you look for, here and for next time. To erase this conversation, send /new.",
        Say.B_CHEAPER: "something cheaper",
        Say.B_OTHER: "something else",
        Say.B_ANY: "no preference",
        Say.B_YES: "yes",
        Say.B_NO: "no",
    },
    "zh": {
        Say.WANTED: "您想要{needs}。",
        Say.SHOWN: "符合的有：",
        Say.NEAREST: "现有的商品里，没有一款能同时满足{against}和其他要求。最接近的是：",
        Say.PARTLY: "没有一款能满足全部要求。最接近的是：",
        Say.NEAREST_TO: "现有的商品里没有符合{against}的。最接近的是：",
        Say.NOTHING: "现有的商品里没有符合{against}的。",
        Say.CONTRADICTION: "{budget}之间没有价格。预算大概多少（{currency}）？",
        Say.UNHEARD: "商品资料里没有提到{needs}。",
        Say.MISSES: "没有提到{needs}",
        Say.CATEGORY: "您想找哪一类？比如{choices}。",
        Say.TASTE: "您偏好什么？比如{choices}。",
        Say.BUDGET: "预算大概多少（{currency}）？",
        Say.BUDGET_FOREIGN: "我们的价格是 {currency}。预算大概多少 {currency}？",
        Say.NO_CHEAPER: "符合的商品里没有价格更低的了。最接近的是：",
        Say.NO_DEARER: "符合的商品里没有价格更高的了。最接近的是：",
        Say.NO_MORE: "有货又符合的就是这些了。告诉我哪个要求可以放宽，我再找找。",
        Say.RESET: "好的，重新来。您想找什么？",
        Say.ALLERGY: "我只依据商品描述。如果是过敏，购买前请先问我们的同事：发送 /human。",
        Say.LAST_TIME: "我记得您上次说过：{needs}。",
        Say.CONSENT: "要我记住这些，下次直接用吗？（要/不要）",
        Say.CONSENT_YES: "好的，我记住了：{needs}。随时说“忘记我”，就会删除。",
        Say.CONSENT_NO: "好的，我不会记住。",
        Say.KNOWN: "我记得您的喜好：{needs}。说“忘记我”就会删除。",
        Say.KNOWN_HERE: "这次对话里您说过：{needs}。发送 /new 会连同对话一起清除。",
        Say.KNOWN_NOTHING: "我没有记住您的任何喜好。",
        Say.FORGOTTEN: "您的喜好我都忘了，这次的和以前记住的都不留。要清除这次对话，请发送 /new。",
        Say.B_CHEAPER: "便宜点的",
        Say.B_OTHER: "换一个",
        Say.B_ANY: "都可以",
        Say.B_YES: "要",
        Say.B_NO: "不要",
    },
}
# How a product is made ready is for who has it; a list is shorter without.
_HOW_TO = re.compile(r"\b(?:Brew|Whisk|Steep|Use)\s|水温|取\s?\d")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


def say(what: Say, language: str, **values: str) -> str:
    return _TEXTS.get(base(language), _TEXTS["en"])[what].format(**values)


def quoted(needs: Sequence[Need], language: str) -> str:
    """The wishes in the words that they were said in, the budget first."""
    said = dict.fromkeys(need.said for need in sorted(needs, key=lambda need: need.kind != "budget"))
    return ("、" if base(language) == "zh" else ", ").join(f"“{one}”" for one in said)


def listed(options: Sequence[str], language: str) -> str:
    return ("、" if base(language) == "zh" else ", ").join(options)


def products(choices: Sequence[Choice], language: str) -> str:
    """A list, numbered if there are several: name, price, why, and what the shop says of it."""
    if len(choices) == 1:
        return _product(choices[0], language)
    return "\n".join(f"{number}. {_product(choice, language)}" for number, choice in enumerate(choices, 1))


def _product(choice: Choice, language: str) -> str:
    good, han = choice.good, base(language) == "zh"
    name, price = in_language(good.product.names, language), price_of(good)
    reasons = _reasons(choice, language)
    about = _about(good, language)
    if han:
        return f"**{name}**，{price}{f'：{reasons}' if reasons else ''}。{about}".strip()
    return f"**{name}**, {price}{f': {reasons}' if reasons else ''}. {about}".strip()


def _reasons(choice: Choice, language: str) -> str:
    """ "mild" (soft): the shopper's word, and the catalogue's where it is another."""
    comma = "、" if base(language) == "zh" else ", "
    told = choice.good.text_in(language)
    parts = []
    for need, found in choice.reasons:
        word = found if told.has(found) or not found else told.first(need.finds)
        same = not word or word.casefold() in need.said.casefold() or (base(language) == "zh" and not HAN.search(word))
        parts.append(
            f"“{need.said}”" if same else f"“{need.said}”（{word}）" if HAN.search(word) else f"“{need.said}” ({word})"
        )
    if choice.misses:
        parts.append(say(Say.MISSES, language, needs=quoted(choice.misses, language)))
    return comma.join(parts)


def _about(good: Good, language: str) -> str:
    """The shop's description without how it is made ready; none in another language."""
    text = next((text for known, text in good.product.descriptions.items() if base(known) == base(language)), "")
    kept = [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence and not _HOW_TO.search(sentence)]
    return ("" if base(language) == "zh" else " ").join(kept)


def price_of(good: Good) -> str:
    product = good.product
    return f"{product.price} {product.currency}" + (f" / {product.unit}" if product.unit else "")


def card(good: Good, language: str) -> Card:
    product = good.product
    title = in_language(product.names, language)
    return Card(id=product.sku, title=title, price=price_of(good), url=product.url, image=product.image)


def button(label: str) -> Button:
    return Button(label=label, text=label)


def nothing(chosen: Chosen, needs: Sequence[Need], language: str) -> str:
    """That nothing fits, by which wish, and what is nearest."""
    against = chosen.against
    quotes = quoted([against] if against else needs, language)
    if not chosen.choices:
        return say(Say.NOTHING, language, against=quotes)
    alone = len([need for need in needs if need.kind != "recipient"]) < 2
    return say(Say.NEAREST_TO if alone else Say.NEAREST, language, against=quotes)
