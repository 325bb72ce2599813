"""Which product a question names, which of its options, and what else it says.

A word of the question belongs to the product's name, to an option's name or value, or to the rest. Latin words are
compared by their stems; Han text as it stands, for it has no spaces to be cut at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.characters import compatible
from core.config import ProductConfig, VariantConfig
from core.knowledge.words import HAN, HAN_RUNS, terms

Words = tuple[str, ...]
NOT_HAN = re.compile(r"[^\W_㐀-䶿一-鿿]")


def words_of(text: str) -> Words:
    """Stems of Latin words and numbers; each Han character by itself."""
    if text.isascii():
        return tuple(terms(text))
    found: list[str] = []
    for piece in HAN_RUNS.split(compatible(text)):
        found += piece if HAN.match(piece) else terms(piece)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Named:
    """``options``: option → value, as the catalogue writes them; ``asked``: options that are named without a value;
    ``rest``: the words that belong to none of these.
    """

    product: ProductConfig
    variants: tuple[VariantConfig, ...]
    options: Mapping[str, str]
    asked: tuple[str, ...]
    rest: Words


class Goods:
    """The products of a bot by the words of their names in every language."""

    def __init__(self, products: Sequence[ProductConfig]) -> None:
        self._named: dict[Words, list[ProductConfig]] = {}
        self._begins: dict[str, set[int]] = {}
        for product in products:
            for words in {words_of(name) for name in product.names.values()} | {words_of(product.sku)}:
                if words:
                    self._named.setdefault(words, []).append(product)
                    self._begins.setdefault(words[0], set()).add(len(words))
        # Where none of these stands, and nothing but Han text, no name begins.
        begins = "".join(word for word in self._begins if HAN.match(word))
        self._may_begin = re.compile(f"[{begins}]|{NOT_HAN.pattern}" if begins else NOT_HAN.pattern)
        self._options: dict[str, _Options] = {}

    def may_be_named_in(self, text: str) -> bool:
        """Whether a name may begin in a text; of Chinese text told in a fraction of the time that finding it takes."""
        return text.isascii() or self._may_begin.search(compatible(text)) is not None

    def named_in(self, text: str) -> Named | None:
        """The one product that ``text`` names; None: none, or several."""
        words = words_of(text)
        if self._begins.keys().isdisjoint(words):
            return None
        found = self._products_in(words)
        if len(found) != 1 or len(found[0][1]) != 1:
            return None
        (start, end), (product,) = found[0]
        options = self._options.setdefault(product.sku, _Options(product))
        return options.in_words((*words[:start], "", *words[end:]))

    def _products_in(self, words: Words) -> list[tuple[tuple[int, int], list[ProductConfig]]]:
        """Where products are named: the longest name at each place."""
        found: list[tuple[tuple[int, int], list[ProductConfig]]] = []
        at = 0
        while at < len(words):
            lengths = sorted(self._begins.get(words[at], ()), reverse=True)
            length = next((one for one in lengths if words[at : at + one] in self._named), 0)
            if length:
                found.append(((at, at + length), self._named[words[at : at + length]]))
            at += length or 1
        return found


class _Options:
    """The options of one product, to be found in a question."""

    def __init__(self, product: ProductConfig) -> None:
        self._product = product

    @cached_property
    def _names(self) -> dict[Words, str]:
        every = {option for variant in self._product.variants for option in variant.options}
        return {words_of(option): option for option in sorted(every)}

    @cached_property
    def _values(self) -> dict[Words, dict[str, str]]:
        """Words → option → its value that is written so."""
        found: dict[Words, dict[str, str]] = {}
        for variant in self._product.variants:
            for option, value in variant.options.items():
                found.setdefault(words_of(value), {})[option] = value
        return found

    def in_words(self, words: Words) -> Named:
        """``words`` without the product's name."""
        rest: list[str] = []
        said: list[tuple[str, dict[str, str]]] = []  # the option that was named just before; what the value may be
        asked: list[str] = []
        before = ""
        for kind, found in self._parts(words):
            if kind == "value":
                said.append((before, self._values[found]))
                before = ""
            elif kind == "name":
                asked.append(before := self._names[found])
            else:
                rest += found
                before = "" if found[0] else before
        bound = {option for option, values in said if option in values}
        variants = tuple(one for one in self._product.variants if all(_fits(one, *each) for each in said))
        options = {_option(*each): _value(*each) for each in said}
        only = tuple(option for option in dict.fromkeys(asked) if option not in bound)
        return Named(self._product, variants, options, only, tuple(word for word in rest if word))

    def _parts(self, words: Words) -> Iterator[tuple[str, Words]]:
        at = 0
        while at < len(words):
            value = self._longest(self._values, words, at)
            name = self._longest(self._names, words, at)
            if value and len(value) >= len(name):
                yield "value", value
            elif name:
                yield "name", name
            else:
                yield "rest", words[at : at + 1]
            at += max(len(value), len(name), 1)

    def _longest(self, known: Mapping[Words, object], words: Words, at: int) -> Words:
        fitting = [one for one in known if one and words[at : at + len(one)] == one]
        return max(fitting, key=len, default=())


def _fits(variant: VariantConfig, option: str, values: Mapping[str, str]) -> bool:
    if option in values:
        return variant.options.get(option) == values[option]
    return any(variant.options.get(one) == value for one, value in values.items())


def _option(option: str, values: Mapping[str, str]) -> str:
    return option if option in values else next(iter(values))


def _value(option: str, values: Mapping[str, str]) -> str:
    return values[_option(option, values)]
