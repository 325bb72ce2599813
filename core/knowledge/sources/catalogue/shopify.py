"""A product export of Shopify: a product is the rows with its handle; each is a variant, a picture, or both.

The columns were renamed in 2025; both sets of names are read.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.knowledge.sources.catalogue import values
from core.knowledge.sources.catalogue.build import Builder, Catalogue, Draft, VariantDraft, WrongMapping, first
from core.knowledge.sources.catalogue.records import Record, Row
from core.knowledge.sources.config import CatalogueConfig

HANDLE = ("Handle", "URL handle")
PRICE = ("Variant Price", "Price")
NO_OPTION = "default title"  # what Shopify calls the only variant of a product


def is_shopify(header: Sequence[str]) -> bool:
    return any(name in header for name in HANDLE) and any(name in header for name in PRICE) and "Title" in header


def read_shopify(rows: Sequence[Row], config: CatalogueConfig, language: str) -> Catalogue:
    """Raises WrongMapping: the export names no currency, so bot.yaml must."""
    if not config.currency:
        raise WrongMapping("currency", "is missing, and an export of Shopify names none", "Write currency: EUR")
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(_get(row.record, *HANDLE), []).append(row)
    builder = Builder(config.currency, config.shop_url)
    left_out = 0
    for handle, own in grouped.items():
        if _is_offered(own[0].record):
            builder.add(_draft(handle, own, language, config.shop_url))
        else:
            left_out += 1
    return Catalogue(tuple(builder.products), tuple(builder.findings), left_out)


def _get(record: Record, *names: str) -> str:
    """The first of several columns that says something."""
    return values.text(first(record.get(name) for name in names))


def _is_offered(record: Record) -> bool:
    status = _get(record, "Status").casefold()
    published = _get(record, "Published", "Published on online store").casefold()
    return status in ("", "active") and published != "false"


def _draft(handle: str, rows: Sequence[Row], language: str, shop_url: str) -> Draft:
    head = rows[0].record
    names = _option_names(head)
    variants = [_variant(handle, row, names, number) for number, row in enumerate(rows) if _get(row.record, *PRICE)]
    only = variants[0] if len(variants) == 1 and not variants[0].options else None
    return Draft(
        sku=handle if only is None else only.sku,
        names={language: _get(head, "Title")},
        descriptions={language: _get(head, "Body (HTML)", "Description")},
        price=only.price if only else None,
        stock=only.stock if only else None,
        counted=only.counted if only else False,
        category=_get(head, "Type", "Product Category", "Product category").rpartition(">")[2].strip(),
        tags=";".join(tag.strip() for tag in _get(head, "Tags").split(",") if tag.strip()),
        url=f"/products/{handle}" if shop_url else "",
        image=first(_get(row.record, "Image Src", "Product image URL") for row in rows),
        variants=[] if only else variants,
        line=rows[0].line,
    )


def _option_names(head: Record) -> list[str]:
    return [_get(head, f"Option{number} Name", f"Option{number} name") for number in (1, 2, 3)]


def _variant(handle: str, row: Row, names: Sequence[str], number: int) -> VariantDraft:
    record = row.record
    chosen = [_get(record, f"Option{place} Value", f"Option{place} value") for place in (1, 2, 3)]
    options = {name: value for name, value in zip(names, chosen, strict=True) if value and name}
    if [value.casefold() for value in options.values()] == [NO_OPTION]:
        options = {}
    # Only what Shopify tracks has a number, and what may be sold without stock is never sold out.
    tracked = bool(_get(record, "Variant Inventory Tracker", "Inventory tracker"))
    endless = _get(record, "Variant Inventory Policy", "Continue selling when out of stock").casefold()
    quantity = _get(record, "Variant Inventory Qty", "Inventory quantity")
    return VariantDraft(
        sku=_get(record, "Variant SKU", "SKU").lstrip("'") or (f"{handle}-{number + 1}" if options else handle),
        price=_get(record, *PRICE),
        stock=quantity,
        options=options,
        image=_get(record, "Variant Image", "Variant image URL"),
        counted=tracked and bool(quantity) and endless not in ("continue", "true"),
        line=row.line,
    )
