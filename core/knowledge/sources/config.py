"""``sources:`` and ``catalogue:`` of bot.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from core.sections import LANGUAGE_TAG, Language, Section, Text, TextList

PLAIN_FIELDS = ("sku", "category", "price", "currency", "unit", "stock", "tags", "url", "image")
TRANSLATED_FIELDS = ("name", "description")
VARIANT_FIELDS = ("sku", "price", "stock", "image", "options")


class SourcesConfig(Section):
    """``sources:`` in bot.yaml: the notes, and how they are cut."""

    notes: TextList = Field(
        default=["notes"],
        description="folders, files and zip archives with notes; a relative path starts at the bot's folder",
    )
    passage_chars: int = Field(
        default=1200,
        ge=200,
        le=20_000,
        description="a longer section is cut at a paragraph or sentence; a Han character counts two",
    )


class CatalogueConfig(Section):
    """One file with products, and what its fields mean. A path in a field goes through dots: ``images.0.src``."""

    file: Text = Field(description="CSV, JSON or JSON Lines; a relative path starts at the bot's folder")
    form: Literal["auto", "own", "mapped", "shopify", "woocommerce"] = Field(
        default="auto",
        description="auto: what the header tells; own: the columns of catalog.csv; mapped: the columns named below; "
        "or an export of Shopify or WooCommerce",
    )
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = Field(
        default="", description="of prices whose file names none, as ISO 4217, e.g. EUR"
    )
    language: Language | None = Field(
        default=None, description="of names and descriptions that are in one language; none: the bot's first"
    )
    shop_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = Field(
        default="", description="the shop's address, for links to its products, e.g. https://shop.example"
    )
    items: str = Field(default="", description="JSON: where the products stand, e.g. data.products; empty: at the top")
    columns: dict[Text, Text] = Field(
        default={},
        description="our field → theirs: sku, name, description, category, price, currency, unit, stock, tags, url, image",
    )
    variants: str = Field(
        default="", description="JSON: where a product's variants stand; empty: rows with one sku are its variants"
    )
    variant_columns: dict[Text, Text] = Field(
        default={},
        description="a variant's field → theirs: sku, price, stock, image, options (a mapping, or columns with commas)",
    )

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            kind, _, language = name.partition("_")
            if name not in (*PLAIN_FIELDS, *TRANSLATED_FIELDS) and not (
                kind in TRANSLATED_FIELDS and LANGUAGE_TAG.fullmatch(language)
            ):
                known = ", ".join((*TRANSLATED_FIELDS, *PLAIN_FIELDS))
                raise ValueError(f"has the field {name!r}; known are {known}, and name_zh for a language")
        return columns

    @field_validator("variant_columns")
    @classmethod
    def _known_of_variants(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in VARIANT_FIELDS:
                raise ValueError(f"has the field {name!r}; known are {', '.join(VARIANT_FIELDS)}")
        return columns

    @model_validator(mode="after")
    def _variants_have_columns(self) -> Self:
        if self.variants and not self.variant_columns:
            raise ValueError("variants need variant_columns: which of their fields is the sku, the price, the stock")
        if self.form not in ("auto", "mapped") and (self.columns or self.variant_columns):
            raise ValueError(f"columns are for a mapped file; the form {self.form} has its own")
        return self


def _one_or_many(value: object) -> object:
    """One file may be named, or described, without a list."""
    if isinstance(value, str):
        return [{"file": value}]
    return [value] if isinstance(value, dict) else value


Catalogues = Annotated[list[CatalogueConfig], BeforeValidator(_one_or_many)]
