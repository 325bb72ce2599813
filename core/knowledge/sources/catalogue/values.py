"""Prices, stocks and texts as shops write them in their files."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "CNY", "￥": "CNY", "元": "CNY", "₩": "KRW", "₹": "INR", "HK$": "HKD"}
MONEY = re.compile(r"(?P<before>[^\d\s.,+-]{0,4}?)\s*(?P<number>\d[\d.,'’\s\u00a0]*)\s*(?P<after>[^\d\s.,]{0,3})")
YES = frozenset(
    "true yes y instock in_stock in-stock available active onbackorder backorder unlimited ja oui sí si 有 有货 现货 是 有现货".split()
)
NO = frozenset(
    "false no n outofstock out_of_stock out-of-stock unavailable soldout sold_out sold-out discontinued nein non 无 无货 缺货 售罄 否".split()
)


class Wrong(ValueError):
    """A cell that cannot be what it should be; says why in words for the shop."""


def price(value: object) -> tuple[str, str]:
    """An amount as ``12.50``, and its currency if it is written with it. Raises Wrong."""
    if isinstance(value, bool) or value is None:
        raise Wrong("is missing" if value is None else f"{value!r} is no price")
    if isinstance(value, (int, float)):
        return _amount(Decimal(str(value)), value), ""
    text = str(value).strip()
    if not text:
        raise Wrong("is missing")
    found = MONEY.fullmatch(text)
    if found is None:
        raise Wrong(f"{text[:40]!r} is no price")
    return _amount(_decimal(found["number"], text), text), _currency(
        found["before"].strip() or found["after"].strip(), text
    )


def _decimal(number: str, text: str) -> Decimal:
    """1,299.00 and 1.299,00 and 1 299: the last separator with one or two digits behind it is the decimal one."""
    digits = re.sub(r"[\s\u00a0'’]", "", number)
    found = re.fullmatch(r"([\d.,]*?)(?:[.,](\d{1,2}))?", digits)
    whole, cents = (found[1], found[2] or "") if found else (digits, "")
    if not re.fullmatch(r"\d+|\d{1,3}(?:[.,]\d{3})+", whole) or len(set(re.findall(r"[.,]", whole))) > 1:
        raise Wrong(f"{text[:40]!r} is no price")
    if not cents and re.fullmatch(
        r"\d+\.\d{3}", whole
    ):  # a thousand, or three decimals: a wrong price is worse than none
        raise Wrong(f"{text[:40]!r} may be read in two ways; write {whole.replace('.', '')}.00")
    try:
        return Decimal(f"{re.sub('[.,]', '', whole)}.{cents or '0'}")
    except InvalidOperation:
        raise Wrong(f"{text[:40]!r} is no price") from None


def _amount(value: Decimal, written: object) -> str:
    if not value.is_finite() or value < 0 or value != value.quantize(Decimal("0.01")):
        raise Wrong(f"{str(written)[:40]!r} is no price: it has at most two decimals and is not below zero")
    return f"{value:.2f}" if value != value.to_integral_value() or not isinstance(written, int) else str(int(value))


def _currency(sign: str, text: str) -> str:
    if not sign:
        return ""
    known = SIGNS.get(sign) or (sign.upper() if re.fullmatch(r"[A-Za-z]{3}", sign) else "")
    if not known:
        raise Wrong(f"{text[:40]!r} has an unknown currency {sign!r}")
    return known


def stock(value: object) -> int | None:
    """How many are there; None: there are some, nobody counts them. Raises Wrong."""
    if isinstance(value, bool):
        return None if value else 0
    if isinstance(value, (int, float)):
        return _count(float(value), value)
    text = str(value if value is not None else "").strip().casefold()
    if not text:
        raise Wrong("is missing")
    plain = "".join(text.split())
    if plain in YES or text in YES:
        return None
    if plain in NO:
        return 0
    try:
        return _count(float(text.replace(",", "")), text)
    except ValueError:
        raise Wrong(f"{text[:40]!r} is no stock; write a number, or in stock, out of stock") from None


def _count(value: float, written: object) -> int:
    """What is oversold is not there."""
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):
        raise Wrong(f"{str(written)[:40]!r} is no number of pieces")
    return max(0, int(value))


def text(value: object) -> str:
    """A cell as text; a list as its parts, joined by ;"""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, (list, tuple)):
        return ";".join(filter(None, (text(one) for one in value)))
    if isinstance(value, dict):
        return ""
    return str(value).strip()
