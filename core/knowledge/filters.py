"""What a question asks of products beside words: a price within a range, and that they are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.config import ProductConfig
from core.knowledge.passages import Passage
from core.recommend.money import budgets
from core.signs import signed

# "Is the Longjing in stock?" asks about one, and must be told that it is not; "which are in stock?" wants those that are.
IN_STOCK = signed(
    "stock available 货",
    r"\b(?:which|what|any|all|only|show|list)\b.*\b(?:in stock|available)\b|(?:哪些|哪几种|什么).*(?:有货|现货)|(?:有货|现货)的",
)


@dataclass(frozen=True, slots=True)
class Filters:
    """``rest``: the question without the range. ``strict``: the upper end itself is too much."""

    rest: str
    low: Decimal | None = None
    high: Decimal | None = None
    strict: bool = False
    in_stock: bool = False

    def allow(self, price: str, in_stock: bool) -> bool:
        cost = Decimal(price)
        if self.low is not None and cost < self.low:
            return False
        if self.high is not None and (cost >= self.high if self.strict else cost > self.high):
            return False
        return in_stock or not self.in_stock


class Goods:
    """The products that passages are about."""

    def __init__(self, products: Sequence[ProductConfig]) -> None:
        self._products = {product.sku: product for product in products}
        currencies = {product.currency for product in products}
        # With several currencies a number says nothing.
        self._currency = currencies.pop() if len(currencies) == 1 else ""

    def asked(self, question: str) -> Filters | None:
        """None: nothing of the kind is asked, or in a currency that is not the shop's."""
        if not self._products:
            return None
        in_stock = IN_STOCK.search(question) is not None
        found = budgets(question, self._currency) if self._currency else []
        if len(found) > 1 or any(one.foreign for one in found):
            return None
        if not found:
            return Filters(question, in_stock=True) if in_stock else None
        (one,) = found
        return Filters(f"{question[: one.start]} {question[one.end :]}", one.low, one.high, one.strict, in_stock)

    def fit(self, passage: Passage, filters: Filters) -> bool:
        """Whether a passage is about a product, or a variant of one, that is asked for."""
        product = self._products.get(passage.sku)
        if product is None:
            return False
        variants = [one for one in product.variants if one.sku == passage.variant]
        if not variants:
            return filters.allow(product.price, product.in_stock)
        return filters.allow(variants[0].price, variants[0].in_stock)
