"""The rung of one product's facts: its price, whether it is there, which sizes and colours it comes in.

Who names a product and asks nothing but that gets the catalogue's own words: there is nothing to be generated, and
nothing that a model could turn around. A question that says anything else goes on to the other rungs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.answer import Answer, Asked
from core.config import ProductConfig, VariantConfig
from core.knowledge.passages import Passage, listed, of_product
from core.knowledge.words import is_empty, is_light, stemmed
from core.language import is_chinese
from core.messages import Rung
from core.phrases import in_language
from core.products.named import Named
from core.signs import signed
from core.state import TracePassage

# More rows than that nobody reads: then what there is to choose from is said.
ROWS = 4

ASKING = stemmed(
    """price cost much many stock available availability buy get sell sold offer carry left come pick choose choice option
    variant which kind version one each piece right now currently still today make made see list tell show hi hello thank
    thanks please ok also would like love want id i'd the in of with""".split()
)
# Han text is compared character by character, so a question is first freed of these.
ASKING_ZH = re.compile(
    r"多少钱|啥价|什么价|几块钱|几欧|分别|价格|价钱|售价|卖价|怎么卖|多少|有没有货|有货|现货|库存|缺货|还有|有没有|有哪几|有哪些|哪几|哪些|哪个|哪种|什么|几种|可以选|可选|可以|选择|规格|款式|"
    r"你们|请问|您好|你好|谢谢|现在|目前|想要|想买|购买|这款|这个|那款|一下|老板|亲|[吗呢吧啊呀的了么嘛有是要买卖选在来能款种件双个]"
)
ASKS_PRICE = signed(
    "price cost much 多少 价 怎么卖 几块钱 几欧",
    r"\b(?:price|cost|costs|how much|much)\b|多少钱|价格|价钱|售价|怎么卖|啥价|什么价|几块钱|几欧|多少",
)
ASKS_STOCK = signed(
    "stock available availability have get buy sell left sold carry 有 货 库存",
    r"\b(?:stock|available|availability|have|get|buy|sell|left|sold out|carry)\b|有货|现货|库存|缺货|有没有|还有|有.*[吗么]",
)


def stated(asked: Asked) -> Answer | None:
    """What the catalogue states, if one product and nothing else is asked about."""
    text, goods = asked.heard.text, asked.bot.goods
    named = goods.named_in(_bare(text)) if goods.may_be_named_in(text) else None
    if named is None or not _says_nothing_else(named.rest):
        return None
    prices = ASKS_PRICE.search(text)
    if named.asked and not prices:
        return _choice(asked, named)
    if not (prices or ASKS_STOCK.search(text)):
        return None
    if not named.variants and named.product.variants:
        return _no_such(asked, named)
    return _rows(asked, named)


def _bare(text: str) -> str:
    return text if text.isascii() else ASKING_ZH.sub(" ", text)


def _says_nothing_else(rest: Sequence[str]) -> bool:
    return all(word in ASKING or is_empty(word) or is_light(word) for word in rest)


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────


def _rows(asked: Asked, named: Named) -> Answer:
    """The rows of what is asked for; the product's own, if too many of its variants are."""
    passages = _passages(named.product, asked)
    few = len(named.product.variants) > 1 and len(named.variants) <= ROWS
    skus = [one.sku for one in named.variants] if few else [""]
    shown = [passages[sku] for sku in skus]
    return _answer([one.text for one in shown], shown)


def _choice(asked: Asked, named: Named) -> Answer | None:
    """All values of what is asked for, and which of them are out of stock just now."""
    language, product = asked.language, named.product
    about = _passages(product, asked)[""]
    lines = [_values(option, named.variants, language) for option in named.asked]
    name = in_language(product.names, language)
    head = f"**{name}**{_with(named, language)}{'：' if is_chinese(language) else ':'}"
    return _answer([" ".join([head, *lines]) if len(lines) == 1 else "\n".join([head, *lines])], [about])


def _values(option: str, variants: Sequence[VariantConfig], language: str) -> str:
    every = dict.fromkeys(one.options[option] for one in variants if option in one.options)
    there = {one.options[option] for one in variants if option in one.options and one.in_stock}
    gone = [value for value in every if value not in there]
    zh = is_chinese(language)
    said = f"{option}{'：' if zh else ': '}{listed(language, [*every])}{'。' if zh else '.'}"
    if not gone:
        return said
    missing = listed(language, gone)
    return f"{said}暂时缺货：{missing}。" if zh else f"{said} Out of stock at the moment: {missing}."


def _no_such(asked: Asked, named: Named) -> Answer:
    """The options that are asked for do not go together; what there is instead."""
    language, product = asked.language, named.product
    name, wanted = in_language(product.names, language), _chosen(named, language)
    about = _passages(product, asked)[""]
    said = f"**{name}** 没有这种规格：{wanted}。" if is_chinese(language) else f"There is no **{name}** with {wanted}."
    return _answer([said, about.text], [about])


def _with(named: Named, language: str) -> str:
    if not named.options:
        return ""
    return f"（{_chosen(named, language)}）" if is_chinese(language) else f" with {_chosen(named, language)}"


def _chosen(named: Named, language: str) -> str:
    return listed(language, [f"{option} {value}" for option, value in named.options.items()])


def _answer(texts: Sequence[str], shown: Sequence[Passage]) -> Answer:
    rows = [f"- {text}" for text in texts] if len(texts) > 1 and len(shown) > 1 else texts
    return Answer(Rung.QUOTED, "\n".join(rows), tuple(TracePassage(id=one.id, score=1.0) for one in shown))


def _passages(product: ProductConfig, asked: Asked) -> dict[str, Passage]:
    """A variant's number → its passage; empty: the product's own."""
    return {passage.variant: passage for passage in of_product(product, [asked.language])}
