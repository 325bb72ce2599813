"""Passages: the pieces of a shop's notes and catalogue that an answer can stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

from core.config import ApprovedAnswerConfig, ProductConfig, VariantConfig
from core.knowledge.sources.document import Document, Section
from core.knowledge.thesaurus import SIGNS
from core.language import base, is_chinese
from core.value import CheckedValue

# What a product's row is asked for; so that "how much is …" finds prices.
PRODUCT_WORDS = {
    "en": "price cost how much stock available buy product",
    "zh": "价格 价钱 多少 多少钱 钱 贵 库存 有货 现货 购买 买 产品 商品",
}
# And a product's that comes in several ways.
VARIANT_WORDS = {
    "en": "come options variants versions choice choose which what kinds sizes colors colours",
    "zh": "规格 款式 颜色 尺码 尺寸 哪些 几种 选择 可选",
}
NAMED_AGAIN = 5


class Passage(CheckedValue):
    """``text`` can be quoted to a shopper as it stands. ``words`` are further terms that it is found by.

    ``source``: the file that it comes from, with the page or row where there is one, e.g. ``notes/care.pdf, page 3``.
    ``path``: the headings above it, the outermost first. ``sku``: the product that it is about, ``variant``: the variant.
    It counts from ``valid_from`` to ``valid_until``, both days included. ``only_asked``: it is quoted for no question that
    is merely near.
    """

    id: str
    kind: Literal["note", "product", "answer"]
    language: str
    title: str
    text: str
    words: str = ""
    source: str = ""
    path: tuple[str, ...] = ()
    sku: str = ""
    variant: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    only_asked: bool = False

    def valid(self, today: date) -> bool:
        return (self.valid_from or today) <= today <= (self.valid_until or today)


def of_section(
    id: str, source: str, language: str, document: Document, section: Section, piece: int = 0, text: str = ""
) -> Passage:
    """A section, or the ``text`` of its ``piece``; its headings are its title. ``id``: of the note."""
    text = text or section.text
    return Passage(
        id=f"{id}#{section.number}.{piece}" if piece else f"{id}#{section.number}",
        kind="note",
        language=language,
        title=" › ".join(section.path) or id.partition("/")[2] or id,
        text=text,
        words=_signs(text),
        source=f"{source}, page {section.page}" if section.page else source,
        path=section.path,
        valid_from=document.valid_from,
        valid_until=document.valid_until,
    )


def of_answer(answer: ApprovedAnswerConfig, language: str) -> Iterator[Passage]:
    """An approved answer as a passage: whoever asks something near its questions is helped by it too."""
    questions = answer.questions.get(language)
    text = answer.answer.get(language)
    if questions and text:
        words = "\n".join(questions)
        yield Passage(
            id=f"answers/{answer.id}",
            kind="answer",
            language=language,
            title=questions[0],
            text=text,
            words=words,
            source="answers.yaml",
            valid_from=answer.valid_from,
            valid_until=answer.valid_until,
            only_asked=answer.only_asked,
        )


def _signs(text: str) -> str:
    return " ".join(words for sign, words in SIGNS if sign in text)


def of_product(product: ProductConfig, languages: Sequence[str], source: str = "catalog.csv") -> Iterator[Passage]:
    """In each language: the product, and each of its variants. A name that is in another language is still its name."""
    for language in languages:
        name = product.names.get(language) or next(iter(product.names.values()))
        tags = product.tags.replace(";", " ")
        text = _product_text(product, language, name)
        options = list(dict.fromkeys(option for variant in product.variants for option in variant.options))
        words = " ".join([PRODUCT_WORDS.get(base(language), ""), product.category, tags, product.sku, _signs(text)])
        if len(product.variants) > 1:
            # Who names no option asks for the product: its passage is long, so what it is found by stands there often.
            words = " ".join([words, VARIANT_WORDS.get(base(language), ""), *options, *[name, words] * NAMED_AGAIN])
        about = Passage(
            id=f"catalog/{product.sku}.{language}",
            kind="product",
            language=language,
            title=name,
            text=text,
            words=words,
            source=source,
            sku=product.sku,
        )
        yield about
        if len(product.variants) > 1:
            for variant in product.variants:
                yield _of_variant(about, product, variant, name)


def _of_variant(about: Passage, product: ProductConfig, variant: VariantConfig, name: str) -> Passage:
    """The options are its title, too: who names them asks for just this one."""
    options = listed(about.language, [f"{option} {value}" for option, value in variant.options.items()])
    text = _row(about.language, name, variant.sku, options, variant.price, product, variant.in_stock)
    words = f"{PRODUCT_WORDS.get(base(about.language), '')} {product.category} {product.sku} {_signs(text)}"
    return about.model_copy(
        update={
            "id": f"catalog/{product.sku}/{variant.sku}.{about.language}",
            "title": f"{name} {options}".strip(),
            "text": text,
            "words": words,
            "variant": variant.sku,
        }
    )


def _product_text(product: ProductConfig, language: str, name: str) -> str:
    description = product.descriptions.get(language, "")
    if len(product.variants) <= 1:
        said = _row(language, name, product.sku, "", product.price, product, product.in_stock)
        return f"{said}{'' if is_chinese(language) else ' '}{description}".strip()
    prices = sorted({variant.price for variant in product.variants}, key=Decimal)
    span = prices[0] if len(prices) == 1 else f"{prices[0]}–{prices[-1]}"
    said = _row(language, name, product.sku, "", span, product, product.in_stock)
    there = sum(variant.in_stock for variant in product.variants)
    values: dict[str, dict[str, None]] = {}
    for variant in product.variants:
        for option, value in variant.options.items():
            values.setdefault(option, {})[value] = None
    options = [f"{option}: {', '.join(said)}" for option, said in values.items()]
    if is_chinese(language):
        counted = f"共 {len(product.variants)} 种规格，{there} 种有货。"
        return f"{said}{counted}{'；'.join(options)}{'。' if options else ''}{description}".strip()
    counted = f"{len(product.variants)} variants, {there} of them in stock."
    return f"{said} {counted} {'; '.join(options)}{'.' if options else ''} {description}".strip()


def _row(language: str, name: str, sku: str, options: str, price: str, product: ProductConfig, in_stock: bool) -> str:
    """The line about a product or a variant, as a shopper reads it."""
    if is_chinese(language):
        unit = f" / {product.unit}" if product.unit else ""
        what = f"，{options}" if options else ""
        return f"**{name}**{what}（{sku}）：{price} {product.currency}{unit}，{'有货' if in_stock else '暂时缺货'}。"
    unit = f" for {product.unit}" if product.unit else ""
    what = f", {options}" if options else ""
    stock = "in stock" if in_stock else "out of stock at the moment"
    return f"**{name}**{what} ({sku}): {price} {product.currency}{unit}, {stock}."


def listed(language: str, parts: Sequence[str]) -> str:
    return ("、" if is_chinese(language) else ", ").join(parts)
