"""A product export of WooCommerce: simple products, and variable ones with a row for each variation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.knowledge.sources.catalogue import values
from core.knowledge.sources.catalogue.build import Builder, Catalogue, Draft, VariantDraft, WrongMapping
from core.knowledge.sources.catalogue.records import Record, Row
from core.knowledge.sources.config import CatalogueConfig

REQUIRED = ("ID", "Type", "SKU", "Name", "Regular price")
MOST_ATTRIBUTES = 20


def is_woocommerce(header: Sequence[str]) -> bool:
    return all(name in header for name in REQUIRED)


def read_woocommerce(rows: Sequence[Row], config: CatalogueConfig, language: str, today: date) -> Catalogue:
    """``today``: which sale prices hold. Raises WrongMapping: the export names no currency, so bot.yaml must."""
    if not config.currency:
        raise WrongMapping("currency", "is missing, and an export of WooCommerce names none", "Write currency: EUR")
    builder = Builder(config.currency, config.shop_url)
    variations: dict[str, list[Row]] = {}
    for row in rows:
        if _kind(row.record).startswith("variation"):
            variations.setdefault(_get(row.record, "Parent"), []).append(row)
    left_out = 0
    for row in rows:
        kind = _kind(row.record)
        if kind.startswith("variation"):
            continue
        if _get(row.record, "Published") not in ("", "1") or kind.startswith("grouped"):
            left_out += 1
            continue
        identity, sku = f"id:{_get(row.record, 'ID')}", _get(row.record, "SKU")
        own = [*variations.get(identity, []), *(variations.get(sku, []) if sku else [])]
        builder.add(_draft(row, own, language, config.shop_url, today))
    return Catalogue(tuple(builder.products), tuple(builder.findings), left_out)


def _get(record: Record, name: str) -> str:
    return values.text(record.get(name))


def _kind(record: Record) -> str:
    return _get(record, "Type").casefold()


def _draft(row: Row, variations: Sequence[Row], language: str, shop_url: str, today: date) -> Draft:
    record = row.record
    identity = _get(record, "ID")
    stock, counted = _stock(record)
    categories = _get(record, "Categories").split(",")[0]
    return Draft(
        sku=_get(record, "SKU") or identity,
        names={language: _get(record, "Name")},
        descriptions={language: _get(record, "Short description") or _get(record, "Description")},
        price=_price(record, today),
        stock=stock,
        counted=counted,
        category=categories.rpartition(">")[2].strip(),
        tags=";".join(tag.strip() for tag in _get(record, "Tags").split(",") if tag.strip()),
        url=f"/?post_type=product&p={identity}" if shop_url else "",
        image=_get(record, "Images").split(",")[0].strip(),
        variants=[_variant(one, today) for one in variations if _get(one.record, "Published") in ("", "1")],
        line=row.line,
    )


def _variant(row: Row, today: date) -> VariantDraft:
    record = row.record
    stock, counted = _stock(record)
    named = (
        (_get(record, f"Attribute {n} name"), _get(record, f"Attribute {n} value(s)"))
        for n in range(1, MOST_ATTRIBUTES)
    )
    return VariantDraft(
        sku=_get(record, "SKU") or _get(record, "ID"),
        price=_price(record, today),
        stock=stock,
        options={name: value for name, value in named if name and value},
        image=_get(record, "Images").split(",")[0].strip(),
        counted=counted,
        line=row.line,
    )


def _price(record: Record, today: date) -> str:
    """The sale price while the sale lasts."""
    sale = _get(record, "Sale price")
    start, end = (_day(_get(record, f"Date sale price {when}")) for when in ("starts", "ends"))
    on_sale = sale and (start is None or start <= today) and (end is None or today <= end)
    return sale if on_sale else _get(record, "Regular price")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def _stock(record: Record) -> tuple[str, bool]:
    """The number if the shop counts, else whether there are any. A variation may leave the counting to its product."""
    count, there = _get(record, "Stock"), _get(record, "In stock?").casefold()
    if there == "0":
        return "0", True
    if there == "backorder" or not count.lstrip("-").isdigit():
        return "", False
    return count, True
