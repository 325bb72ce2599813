"""From what stands in a file to a ProductConfig; what is wrong of a product, it is left out with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urljoin

from pydantic import ValidationError

from core.config import ProductConfig, VariantConfig
from core.knowledge.sources.catalogue import values
from core.knowledge.sources.html import text_of_html
from core.yamlfile import what_is_right, what_is_wrong


class WrongMapping(Exception):
    """What bot.yaml says of a file does not fit it. ``key``: within the file's entry in ``catalogue``."""

    def __init__(self, key: str, wrong: str, right: str = "") -> None:
        super().__init__(wrong)
        self.key = key
        self.wrong = wrong
        self.right = right


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong in a file: its line (0: it has none), its field, and what would be right."""

    line: int
    key: str
    wrong: str
    right: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a file gave. ``left_out``: products that are not for sale: drafts, archived, unpublished."""

    products: tuple[ProductConfig, ...] = ()
    findings: tuple[Finding, ...] = ()
    left_out: int = 0


@dataclass(slots=True)
class Draft:
    """A product while it is put together from cells; ``line``, ``place``: where it begins."""

    sku: object
    names: Mapping[str, object]
    price: object = None
    currency: object = ""
    stock: object = None
    counted: bool = True
    """Whether ``stock`` says something; else there are some and nobody counts them."""
    descriptions: Mapping[str, object] = field(default_factory=dict)
    category: object = ""
    unit: object = ""
    tags: object = ""
    url: object = ""
    image: object = ""
    variants: list[VariantDraft] = field(default_factory=list)
    line: int = 0
    place: str = ""


@dataclass(slots=True)
class VariantDraft:
    sku: object
    price: object
    stock: object
    options: Mapping[str, object]
    image: object = ""
    counted: bool = True
    line: int = 0
    place: str = ""


class Builder:
    """Makes products of drafts and gathers what is wrong. A SKU stands for one product."""

    def __init__(self, currency: str, shop_url: str) -> None:
        self._currency = currency
        self._shop_url = shop_url
        self._seen: dict[str, str] = {}
        self.products: list[ProductConfig] = []
        self.findings: list[Finding] = []

    def add(self, draft: Draft) -> None:
        """The product, or why there is none."""
        before = len(self.findings)
        variants = [variant for one in draft.variants if (variant := self._variant(draft, one)) is not None]
        if draft.variants and not variants:
            return
        price, currency = self._price(draft, variants)
        stock = self._stock(draft, variants)
        if len(self.findings) > before and not variants:
            return
        data: dict[str, object] = {
            "sku": values.text(draft.sku),
            "names": _texts(draft.names),
            "descriptions": _texts(draft.descriptions),
            "category": values.text(draft.category),
            "price": price,
            "currency": currency,
            "unit": values.text(draft.unit),
            "stock": stock,
            "tags": values.text(draft.tags),
            "url": self._address(draft.url),
            "image": self._address(draft.image),
            "variants": variants,
        }
        self._validated(draft, data)

    def _validated(self, draft: Draft, data: dict[str, object]) -> None:
        try:
            product = ProductConfig.model_validate(data)
        except ValidationError as error:
            for details in error.errors():
                key = ".".join(map(str, details["loc"]))
                self._wrong(draft, key, what_is_wrong(details), what_is_right(details, ProductConfig))
            return
        where = draft.place or f"line {draft.line}"
        if product.sku in self._seen:
            self._wrong(draft, "sku", f"'{product.sku}' is used twice", f"First used in {self._seen[product.sku]}")
            return
        self._seen[product.sku] = where
        self.products.append(product)

    def _variant(self, draft: Draft, one: VariantDraft) -> VariantConfig | None:
        try:
            price, currency = values.price(one.price)
            if currency and draft.currency in ("", None):
                draft.currency = currency
            return VariantConfig(
                sku=values.text(one.sku),
                options={name: said for name, value in one.options.items() if name and (said := _option(value))},
                price=price,
                stock=values.stock(one.stock) if one.counted else None,
                image=self._address(one.image),
            )
        except values.Wrong as error:
            self._at(one.line or draft.line, one.place or draft.place, "variant", str(error))
        except ValidationError as error:
            for details in error.errors():
                key = f"variant.{'.'.join(map(str, details['loc']))}"
                self._at(one.line or draft.line, one.place or draft.place, key, what_is_wrong(details))
        return None

    def _price(self, draft: Draft, variants: Sequence[VariantConfig]) -> tuple[str, str]:
        """Of variants the lowest one that is in stock, else the lowest."""
        currency = values.text(draft.currency).upper() or self._currency
        if variants:
            offered = [one for one in variants if one.in_stock] or list(variants)
            return min((one.price for one in offered), key=Decimal), self._with_currency(draft, currency)
        try:
            price, own = values.price(draft.price)
        except values.Wrong as error:
            self._wrong(draft, "price", str(error), "Write it as 12.50")
            return "", currency
        return price, self._with_currency(draft, values.text(draft.currency).upper() or own or self._currency)

    def _with_currency(self, draft: Draft, currency: str) -> str:
        if not currency:
            self._wrong(
                draft, "currency", "is missing", "Write catalogue: {currency: EUR} in bot.yaml, or map a column"
            )
        return currency

    def _stock(self, draft: Draft, variants: Sequence[VariantConfig]) -> int | None:
        if variants:
            counts = [one.stock for one in variants if one.stock is not None]
            return sum(counts) if len(counts) == len(variants) or not any(one.in_stock for one in variants) else None
        if not draft.counted:
            return None
        try:
            return values.stock(draft.stock)
        except values.Wrong as error:
            self._wrong(draft, "stock", str(error))
            return None

    def _address(self, value: object) -> str:
        """A relative address stands below the shop's."""
        address = values.text(value).split(";")[0].strip().replace(" ", "%20")
        if not address:
            return ""
        if address.startswith("//"):
            return f"https:{address}"
        return urljoin(f"{self._shop_url.rstrip('/')}/", address) if self._shop_url else address

    def _wrong(self, draft: Draft, key: str, wrong: str, right: str = "") -> None:
        self._at(draft.line, draft.place, key, wrong, right)

    def _at(self, line: int, place: str, key: str, wrong: str, right: str = "") -> None:
        self.findings.append(Finding(line, f"{place}.{key}" if place else key, wrong, right))


def _texts(texts: Mapping[str, object]) -> dict[str, str]:
    found = {language: text_of_html(values.text(value)) for language, value in texts.items()}
    return {language: text for language, text in found.items() if text}


def _option(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return values.text(value)


def first(found: Iterable[object]) -> object:
    """The first that says something."""
    return next((value for value in found if values.text(value)), "")
