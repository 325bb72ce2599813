"""Passages: the pieces of a shop's notes and catalogue that an answer can stand on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from markdown_it import MarkdownIt

from core.config import ApprovedAnswerConfig, ProductConfig
from core.knowledge.thesaurus import SIGNS
from core.messages import Value

# What a product's row is asked for; so that "how much is …" finds prices.
PRODUCT_WORDS = {
    "en": "price cost how much stock available buy product",
    "zh": "价格 价钱 多少 多少钱 钱 贵 库存 有货 现货 购买 买 产品 商品",
}


FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:[^\n]*\n)*?---[ \t]*(?:\n|\Z)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


class Passage(Value):
    """``text`` can be quoted to a shopper as it stands. ``words`` are further terms that it is found by."""

    id: str
    kind: Literal["note", "product", "answer"]
    language: str
    title: str
    text: str
    words: str = ""


def of_note(name: str, language: str, markdown: str) -> Iterator[Passage]:
    """One passage for each section with text; its headings are its title. ``name``: the file without its ending.

    Front matter and comments are for colleagues and stay out.
    """
    markdown = COMMENT.sub("", FRONT_MATTER.sub("", markdown, count=1))
    lines = markdown.splitlines()
    headings: list[tuple[int, int, int, str]] = []
    tokens = MarkdownIt("commonmark").parse(markdown)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.map:
            headings.append((token.map[0], token.map[1], int(token.tag[1]), tokens[index + 1].content))
    path: list[tuple[int, str]] = []
    sections = [(0, 0, 0, ""), *headings]
    for number, (_, start, level, title) in enumerate(sections):
        if title:
            path = [*[entry for entry in path if entry[0] < level], (level, title)]
        end = sections[number + 1][0] if number + 1 < len(sections) else len(lines)
        text = "\n".join(lines[start:end]).strip()
        if text:
            names = [entry[1] for entry in path]
            yield Passage(
                id=f"notes/{name}#{number}",
                kind="note",
                language=language,
                title=" › ".join(names) or name,
                text=text,
                words=_signs(text),
            )


def of_answer(answer: ApprovedAnswerConfig, language: str) -> Iterator[Passage]:
    """An approved answer as a passage: whoever asks something near its questions is helped by it too."""
    questions = answer.questions.get(language)
    text = answer.answer.get(language)
    if questions and text:
        words = "\n".join(questions)
        yield Passage(
            id=f"answers/{answer.id}", kind="answer", language=language, title=questions[0], text=text, words=words
        )


def _signs(text: str) -> str:
    return " ".join(words for sign, words in SIGNS if sign in text)


def of_product(product: ProductConfig, languages: list[str]) -> Iterator[Passage]:
    for language in languages:
        name = product.names.get(language)
        if name is None:
            continue
        text = _product_text(product, language, name)
        tags = product.tags.replace(";", " ")
        words = " ".join([PRODUCT_WORDS.get(language, ""), product.category, tags, product.sku, _signs(text)])
        yield Passage(
            id=f"catalog/{product.sku}.{language}",
            kind="product",
            language=language,
            title=name,
            text=text,
            words=words,
        )


def _product_text(product: ProductConfig, language: str, name: str) -> str:
    description = product.descriptions.get(language, "")
    if language.startswith("zh"):
        unit = f" / {product.unit}" if product.unit else ""
        stock = "有货" if product.stock else "暂时缺货"
        return f"**{name}**（{product.sku}）：{product.price} {product.currency}{unit}，{stock}。{description}".strip()
    unit = f" for {product.unit}" if product.unit else ""
    stock = "in stock" if product.stock else "out of stock at the moment"
    return f"**{name}** ({product.sku}): {product.price} {product.currency}{unit}, {stock}. {description}".strip()
