"""A pattern with signs finds nothing where none of them stands: shown for each pattern from its syntax, not by examples."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from core.knowledge import filters, part
from core.products import base as products
from core.recommend import memory, trigger
from core.signs import Signed, signed

MODULES = (filters, part, products, memory, trigger)
PATTERNS = [
    pytest.param(value, id=f"{module.__name__}.{name}")
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Signed)
]
GAP = "\0"  # something that is not known literally
FOUND = "\1"  # a sign stands there


def without_sign(pattern: Signed) -> list[str]:
    """What the pattern may find without a sign, its unknown parts as gaps."""
    parsed = importlib.import_module("re._parser").parse(pattern.says.pattern)
    return sorted(text for text in _texts(parsed, pattern.signs) if FOUND not in text)


def _texts(parsed: Iterable[Any], signs: tuple[str, ...]) -> set[str]:
    found = {""}
    for operation, argument in parsed:
        more = set(_one(str(operation), argument, signs))
        found = {_shortened(before + after, signs) for before in found for after in more}
    return found


def _shortened(text: str, signs: tuple[str, ...]) -> str:
    return FOUND if FOUND in text or any(sign in text for sign in signs) else text


def _one(operation: str, argument: Any, signs: tuple[str, ...]) -> Iterator[str]:
    match operation:
        case "LITERAL":
            yield chr(argument).lower()
        case "AT" | "ASSERT" | "ASSERT_NOT":
            yield ""
        case "SUBPATTERN":
            yield from _texts(argument[3], signs)
        case "BRANCH":
            for branch in argument[1]:
                yield from _texts(branch, signs)
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, _, inner = argument
            if least == 0:
                yield ""
            for text in _texts(inner, signs):
                yield text if argument[1] == 1 else f"{text}{GAP}{text}" if text != FOUND else FOUND
        case "IN":
            literals = [chr(value).lower() for kind, value in argument if str(kind) == "LITERAL"]
            yield from literals if len(literals) == len(argument) else [GAP]
        case _:
            yield GAP


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_way_to_match_has_a_sign(pattern: Signed) -> None:
    assert not without_sign(pattern)
    assert all(sign == sign.lower() for sign in pattern.signs)


def test_a_way_without_a_sign_is_noticed() -> None:
    assert without_sign(signed("price", r"\bprice\b|多少"))


def test_found_as_the_pattern_alone_finds() -> None:
    pattern = signed("price", r"\bprices?\b")
    assert (pattern.search("What PRICE?") or [""])[0] == "PRICE"
    assert pattern.search("What costs it?") is None
