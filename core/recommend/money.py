"""What may be spent, as shoppers write it in English and Chinese: "under €20", "between ten and twenty euros", 三十欧以内."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ENGLISH = {word: value for value, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_ENGLISH |= {"hundred": 100, "thousand": 1000, "a": 1}
_HAN = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000}

# A sign or word → the currency. 块 is said of any currency, so it is the shop's.
_CURRENCIES = {
    **dict.fromkeys(("€", "eur", "euro", "euros", "欧元", "欧"), "EUR"),
    **dict.fromkeys(("$", "usd", "dollar", "dollars", "bucks", "美元", "美金", "刀"), "USD"),
    **dict.fromkeys(("£", "gbp", "pound", "pounds", "quid", "英镑"), "GBP"),
    **dict.fromkeys(("¥", "￥", "cny", "rmb", "yuan", "人民币", "元人民币", "元"), "CNY"),
    **dict.fromkeys(("chf", "francs", "瑞郎"), "CHF"),
    **dict.fromkeys(("jpy", "yen", "日元"), "JPY"),
    **dict.fromkeys(("块钱", "块"), ""),
}
# Two currencies share a sign with another one; they are taken at the shop's word.
_SHARED = {"$": ("USD", "CAD", "AUD", "SGD", "HKD", "NZD", "TWD"), "¥": ("CNY", "JPY"), "￥": ("CNY", "JPY")}
_SHARED |= {word: _SHARED["$"] for word in ("dollar", "dollars", "bucks")} | {"元": ("CNY", "TWD", "HKD", "SGD")}

_WORD = "|".join(sorted((re.escape(word) for word in _ENGLISH if word != "a"), key=len, reverse=True))
_NUMBER = (
    r"(?>\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?(?![.,]?\d)|(?<![\d.,])\d{1,7}(?:[.,]\d{1,2})?(?![.,]?\d|%)"
    rf"|\b(?:(?:{_WORD})\b(?:(?:\s+and\s+|[\s-])(?:{_WORD})\b)*|a\s+(?:hundred|thousand)\b(?:\s+and\s+(?:{_WORD})\b)?)"
    r"|[零一二两三四五六七八九十百千万]+)"
)
_SIGN = "|".join(sorted((re.escape(sign) for sign in _CURRENCIES), key=len, reverse=True))
_LATIN_END = r"(?![a-z])"
_BEFORE = r"(?:(?P<{0}b>€|\$|£|¥|￥|\b(?:eur|usd|gbp|cny|rmb|chf))\s*)?"
_AFTER = rf"(?:\s*(?P<{{0}}a>{_SIGN}){_LATIN_END})?"


def _amount(name: str) -> str:
    return _BEFORE.format(name) + rf"(?P<{name}>{_NUMBER})" + _AFTER.format(name)


_EXCLUSIVE = r"\b(?:under|below|less\s+than|cheaper\s+than|lower\s+than)|低于|少于|不到|小于"
_INCLUSIVE = (
    r"\b(?:up\s+to|at\s+(?:the\s+)?most|max(?:imum)?(?:\s+of)?|no(?:t)?\s+more\s+than|not\s+over|within"
    r"|(?:my\s+)?budget(?:\s+(?:is|of|about|around))?|(?:can\s+)?spend)\b:?|不超过|不要超过|别超过|最多|至多|预算(?:是|在|为|只有)?[:：]?"
)
_ABOUT = r"\b(?:around|about|approximately|approx\.?|roughly|some)\b|~|大概|大约|差不多|约"
_LEAST = r"\b(?:over|above|more\s+than|at\s+least|upwards\s+of|starting\s+at|minimum(?:\s+of)?)\b|超过|至少|高于|不低于|不少于"
_OR_LESS = r"(?:or\s+(?:less|under|cheaper|below)|max(?:imum)?|at\s+most|tops)\b|以内|以下|之内|内(?!容)|封顶|上限"
_OR_SO = r"(?:or\s+so|ish)\b|左右|上下"
_OR_MORE = r"(?:or\s+more|and\s+up|upwards)\b|\+|以上|起(?!来)|往上"
# A number with one of these behind it is no money.
_OTHER_UNIT = re.compile(
    r"\s*(?:%|°|[×x]\s*\d|-?\s*(?:years?|yrs?|days?|weeks?|months?|hours?|minutes?|mins?|seconds?|g|kg|mg|ml|cl|l|litres?|liters?|cm|mm|m|km|people"
    r"|persons?|guests?|cups?|pieces?|items?|boxes|packs?|bags?|pages?|teas?|of\s+them|grams?|oz|degrees)\b"
    r"|[天日周月年岁克斤升人个只件款杯盒包袋页双本份种次度号码分小毫公])",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?:\b(?:between|from)\s+|从)?{_amount('n')}\s*(?:-|–|—|~|\band\b|\bto\b|到|至)\s*{_amount('m')}(?:之间)?",
    re.IGNORECASE,
)
_SINGLE = re.compile(
    rf"(?:(?:(?P<exclusive>{_EXCLUSIVE})|(?P<least>{_LEAST})|(?P<inclusive>{_INCLUSIVE})|(?P<about>{_ABOUT}))\s*"
    rf"(?:about\s+|around\s+|大概|大约)?)?{_amount('n')}\s*(?:(?P<less>{_OR_LESS})|(?P<so>{_OR_SO})|(?P<more>{_OR_MORE}))?",
    re.IGNORECASE,
)
# No amount is without a figure or a number's word; told much faster.
_FIGURE = re.compile(r"[\d零一二两三四五六七八九十百千万]")
_NUMBER_WORD = re.compile(rf"\b(?:{_WORD})\b", re.IGNORECASE)
_NUMBER_WORDS = frozenset(_ENGLISH) - {"a"}
_LETTERS = re.compile(r"[a-z]+")
# "About 20" may be a quarter more; much less is not meant.
_ABOUT_MORE, _ABOUT_LESS = Decimal("1.25"), Decimal("0.6")


@dataclass(frozen=True, slots=True)
class Budget:
    """``start``, ``end``: where it stands in the text. ``foreign``: the currency, where it is not the shop's."""

    start: int
    end: int
    low: Decimal | None
    high: Decimal | None
    strict: bool
    foreign: str = ""


def budgets(text: str, currency: str, bare: bool = False) -> list[Budget]:
    """Every budget in ``text``, in order; ``bare``: a number alone is one too (it was asked for)."""
    if not _may_have_amounts(text):
        return []
    found: list[Budget] = []
    for match in _RANGE.finditer(text):
        sign = _sign(match, "n") or _sign(match, "m")
        if (sign or bare or match.group().lower().startswith("between")) and not _OTHER_UNIT.match(text, match.end()):
            low, high = sorted((number(match["n"]), number(match["m"])))
            found.append(Budget(match.start(), match.end(), low, high, False, _foreign(sign, currency)))
    for single in _singles(text, currency, bare):
        if all(single.end <= other.start or single.start >= other.end for other in found):
            found.append(single)
    return sorted(found, key=lambda budget: budget.start)


def _may_have_amounts(text: str) -> bool:
    if _FIGURE.search(text):
        return True
    if text.isascii():
        return not _NUMBER_WORDS.isdisjoint(_LETTERS.findall(text.lower()))
    return _NUMBER_WORD.search(text) is not None


def _singles(text: str, currency: str, bare: bool) -> Iterator[Budget]:
    for match in _SINGLE.finditer(text):
        sign = _sign(match, "n")
        bound = any(match[name] for name in ("exclusive", "inclusive", "less", "least", "more", "about", "so"))
        if not (sign or bound or bare) or (not sign and _OTHER_UNIT.match(text, match.end("n"))):
            continue
        value = number(match["n"])
        low: Decimal | None = None
        high: Decimal | None = value
        if match["about"] or match["so"]:
            low, high = value * _ABOUT_LESS, value * _ABOUT_MORE
        elif match["least"] or match["more"]:
            low, high = value, None
        strict = bool(match["exclusive"])
        yield Budget(match.start(), match.end(), low, high, strict, _foreign(sign, currency))


def _sign(match: re.Match[str], name: str) -> str:
    return str(match[f"{name}b"] or match[f"{name}a"] or "").casefold()


def _foreign(sign: str, currency: str) -> str:
    """The currency, if ``sign`` is not said of the shop's."""
    meant = _CURRENCIES.get(sign, "")
    if not sign or not meant or meant == currency or currency in _SHARED.get(sign, ()):
        return ""
    return meant


def number(written: str) -> Decimal:
    """The value of a number in digits, English words or Han characters."""
    if written[0].isdigit():
        whole = written.replace(",", "") if re.search(r",\d{3}(?!\d)", written) else written.replace(",", ".")
        return Decimal(whole)
    return Decimal(_han(written) if written[0] in _HAN or written[0] in _HAN_UNITS else _english(written.casefold()))


def _english(written: str) -> int:
    total = current = 0
    for word in re.findall(r"[a-z]+", written):
        value = _ENGLISH.get(word, 0)
        if value == 1000:
            total, current = total + max(1, current) * 1000, 0
        elif value == 100:
            current = max(1, current) * 100
        else:
            current += value
    return total + current


def _han(written: str) -> int:
    """一百五 is 150, as it is said."""
    total = current = digit = 0
    unit = 1
    for character in written:
        if character in _HAN:
            digit = _HAN[character]
            unit = 1 if character == "零" else unit
        elif character == "万":
            total, current, digit, unit = (current + digit or 1) * 10_000, 0, 0, 10_000
        else:
            unit = _HAN_UNITS[character]
            current, digit = current + (digit or 1) * unit, 0
    return total + current + digit * (unit // 10 if unit >= 100 else 1)
