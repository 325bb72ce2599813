"""A file with products, whichever program wrote it."""

from __future__ import annotations

from datetime import date

from core.knowledge.sources.catalogue.build import Catalogue, WrongMapping
from core.knowledge.sources.catalogue.mapped import read_mapped
from core.knowledge.sources.catalogue.own import read_own
from core.knowledge.sources.catalogue.records import Row, csv_header, csv_rows, json_rows, jsonl_rows
from core.knowledge.sources.catalogue.shopify import is_shopify, read_shopify
from core.knowledge.sources.catalogue.woocommerce import is_woocommerce, read_woocommerce
from core.knowledge.sources.config import CatalogueConfig
from core.knowledge.sources.encoding import decode

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")


def read_catalogue(name: str, data: bytes, config: CatalogueConfig, language: str, today: date) -> Catalogue:
    """``name``: the file's; its ending tells the format. ``language``: of names that do not say their own.

    Raises Unreadable: the file is broken; WrongMapping: what bot.yaml says of it does not fit.
    """
    language = config.language or language
    suffix = f".{name.rpartition('.')[2].lower()}"
    if suffix not in SUFFIXES:
        raise WrongMapping("file", f"'{name}' has an unknown ending", f"Products stand in {', '.join(SUFFIXES)}")
    text = decode(data)
    if suffix in (".json", ".jsonl", ".ndjson"):
        if config.form not in ("auto", "mapped"):
            raise WrongMapping("form", f"'{config.form}' is a CSV, '{name}' is not", "Write form: mapped")
        rows: list[Row] = list(json_rows(text, config.items) if suffix == ".json" else jsonl_rows(text))
        return read_mapped(rows, config, language)
    form = _form(csv_header(text), config)
    if form == "own":
        return read_own(text)
    rows = list(csv_rows(text))
    if form == "shopify":
        return read_shopify(rows, config, language)
    if form == "woocommerce":
        return read_woocommerce(rows, config, language, today)
    return read_mapped(rows, config, language)


def form_of(data: bytes, config: CatalogueConfig) -> str:
    """Of a CSV: own, mapped, shopify or woocommerce."""
    return _form(csv_header(decode(data)), config)


def _form(header: list[str], config: CatalogueConfig) -> str:
    if config.form != "auto":
        return config.form
    if config.columns or config.variant_columns:
        return "mapped"
    if is_shopify(header):
        return "shopify"
    return "woocommerce" if is_woocommerce(header) else "own"
