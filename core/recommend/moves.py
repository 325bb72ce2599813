"""What a message does with what was shown: "the second", "something cheaper", "not that one", 换一个, 第二个."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from core.knowledge.words import is_empty, is_light, terms

MoveKind = Literal["pick", "cheaper", "dearer", "other", "not", "similar", "reset", "no_matter"]

_ORDINALS = {
    **dict.fromkeys(("first", "1st", "one", "1", "一"), 1),
    **dict.fromkeys(("second", "2nd", "two", "2", "二", "两"), 2),
    **dict.fromkeys(("third", "3rd", "three", "3", "三"), 3),
    **dict.fromkeys(("last", "最后"), -1),
}
_ONE = r"(?:\s+(?:one|ones|option|product|item|suggestion|choice))?"
_AFTER = (
    r"(?=\s*(?:$|[^\w\s]|(?:please|then|and|in|is|'s|are|costs?|for|from|have|has|with|looks?|sounds?|seems?|instead|now|"
    r"but|available|organic|made|contains?|contain|cost|again|or|too|would|was)\b))"
)
# "The second", "number two", "option 3", "the second tea", 第二个; not "a second", "the first time".
ORDINAL = re.compile(
    rf"\b(?:the|your|that)\s+(?P<the>first|second|third|last|1st|2nd|3rd){_ONE}{_AFTER}"
    r"|\b(?P<alone>first|second|third|last|1st|2nd|3rd)\s+(?:one|option|product|item|suggestion|choice)\b"
    r"|\b(?:number|no\.|option|nr\.?|#)\s*(?P<number>one|two|three|[123])\b|#(?P<hash>[123])\b"
    r"|第\s*(?P<han>[一二三123])\s*(?:个|款|种|盒|件|本|双|条|样|项)?|(?P<end>最后)(?:那)?一?(?:个|款|种|盒|件|本|双)",
    re.IGNORECASE,
)
ONLY_ORDINAL = re.compile(
    r"\s*(?:(?P<alone>first|second|third|last)|(?P<number>[123]|one|two|three|[一二三]))\s*[.!。)]?\s*", re.IGNORECASE
)
# One thing that was spoken of; 这个 and "it" alone.
POINTING = re.compile(
    r"\b(?:this|that)\s+one\b|\b(?:it|this|that)\b(?!\s+(?:is|was|possible|would|depends|means))|[这那](?:一?[个款种盒件本双])?(?!里|么|样|边|些)|它",
    re.IGNORECASE,
)
_CHEAPER = re.compile(
    r"\b(?:cheaper|less\s+expensive|lower[- ]priced?|lower\s+price|more\s+affordable|(?:that'?s|it'?s|they'?re|is|are|bit|little|far|way)?\s*too\s+"
    r"(?:expensive|dear|pricey|much\s+(?:money|for\s+me))|(?:a\s+bit|rather|quite)\s+(?:expensive|pricey))\b"
    r"|便宜(?:一)?[点些]|更便宜|再便宜|便宜的|太贵|(?:有点|有些|好|挺)贵|贵了|实惠(?:一)?点",
    re.IGNORECASE,
)
_DEARER = re.compile(
    r"\b(?:more\s+expensive|pricier|(?:something|anything)\s+(?:better|nicer|fancier|finer|more\s+special)|higher\s+quality|fancier)\b"
    r"|贵(?:一)?[点些]的?|更贵|更好的|好(?:一)?[点些]的|高档(?:一)?点|再好点",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"\b(?:something|anything|what)\s+(?:else|different)\b|\banother(?:\s+(?:one|option|suggestion))?\b|\bother\s+(?:ones?|options?|choices|suggestions?|"
    r"teas?|products?|ideas?)\b|\b(?:any|some|the)\s+others?\b|\bdifferent\s+(?:ones?|options?)\b|\b(?:show|give)\s+me\s+more\b|\bmore\s+(?:options|choices|"
    r"suggestions|ideas)\b|\bnone\s+of\s+(?:these|those|them)\b|\bnext\s*$"
    r"|换(?:一)?[个款种批些]|换别的|还有(?:别的|其他|其它|什么|没有|吗)|别的|其他的|其它的|再(?:推荐|来)(?:几|一|点|些)|下一[个款批]|都不(?:喜欢|要|想|合适|行)",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"(?<!why\s)\b(?:not|don'?t\s+(?:want|like|fancy|need)|do\s+not\s+(?:want|like)|no\s+to|without|except|dislike|hate)\s+(?:really\s+)?"
    r"(?=(?:the\s+)?(?:first|second|third|last|number|option|that|this|it|these|those|them)\b)"
    r"|(?:不要|不喜欢|不想要|不是|不太喜欢|别要|除了)(?=第|[这那]|它|最后)|[这那](?:一?[个款种]|些)?(?:不要|不喜欢|不行|不好|不合适)",
    re.IGNORECASE,
)
_SIMILAR = re.compile(
    r"\bmore\s+(?:of|like)\s+(?:those|these|that|this|it|them|the)\b|\bsimilar\b|\b(?:something|anything|ones?)\s+like\s+(?:the|that|this|it)\b"
    r"|类似|同类|差不多的|像(?:第|[这那])|[这那](?:种|类)(?:的)?(?:还有|再)|相似",
    re.IGNORECASE,
)
_RESET = re.compile(
    r"^\W*(?:ok(?:ay)?\W+|please\W+|sorry\W+)?(?:(?:let'?s\s+)?start\s+(?:over|again|anew|from\s+scratch)|forget\s+(?:that|it|all\s+that|everything\s+i\s+said|what\s+i\s+said|about\s+it)"
    r"|never\s*mind(?:\s+that)?|reset|show\s+me\s+everything(?:\s+again)?|show\s+everything(?:\s+again)?)\W*$"
    r"|^\W*(?:重新(?:来|开始|选|推荐)|重来|忘了(?:刚才|那个|这个|它)(?:说的)?|算了(?:吧)?[,，]?(?:重新来|重来)?|从头(?:来|开始)|(?:再)?(?:全部|都)(?:再)?(?:给我)?看(?:一)?[遍看下])(?:吧|了|一遍)?\W*$",
    re.IGNORECASE,
)
_NO_MATTER = re.compile(
    r"\b(?:no\s+(?:matter|preference|idea|limit|budget)|(?:does\s*n.?t|doesn't|does\s+not)\s+matter|don'?t\s+(?:mind|care|know)|do\s+not\s+(?:mind|care|know)|"
    r"not\s+(?:sure|important)|any(?:thing)?(?:\s+(?:is\s+fine|goes|will\s+do|works))?$|whatever|either(?:\s+is\s+fine)?|you\s+choose|surprise\s+me|up\s+to\s+you|"
    r"all\s+(?:are\s+)?(?:fine|good|ok)|open\s+to\s+anything)\b"
    r"|随便|都可以|都行|都好|无所谓|不限|没有?要求|不知道|不清楚|不确定|没想好|没有偏好|没有?预算|你(?:来)?(?:定|选|推荐)|您(?:来)?(?:定|选|推荐)|没关系|哪(?:种|个)都",
    re.IGNORECASE,
)
# What may be said beside "the second": its price, its stock, more of it, or that it is taken.
_PICKING = frozenset(
    """price cost costs much expensive stock available take buy order more about details detail tell info information link picture photo
    page show see interesting nice good sounds looks like love choose pick prefer think guess one sounds describe description i'll i'd let's that's it's what's please thanks ok okay yes great perfect
    价格 价钱 多少 多少钱 钱 有货 现货 库存 要 买 想要 介绍 详细 怎么样 如何 链接 图片 照片 看 看看 不错 喜欢 选 就 吧 贵 贵吗 说说 讲讲 还有货 下单 好 好像""".split()
)
# Behind these an ordinal is only one word of another question.
_ASKS = re.compile(
    r"\b(?:organic|caffeine|brew|steep|return|deliver\w*|ship\w*|how\s+(?:long|do|hot)|when|why|where|who)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Move:
    """``place``: which of what was shown is meant, from 0; None: none of them by its place."""

    kind: MoveKind
    place: int | None = None


def read_move(text: str, shown: int, chosen: bool) -> Move | None:
    """``shown``: how many products are shown; ``chosen``: one of them is talked of."""
    text = text.replace("’", "'").strip()
    if _RESET.search(text):
        return Move("reset")
    if not shown:
        return None
    place = place_in(text, shown)
    if _SIMILAR.search(text):
        return Move("similar", place)
    if _CHEAPER.search(text):
        return Move("cheaper", place)
    if _DEARER.search(text):
        return Move("dearer", place)
    if _NOT.search(text):
        return Move("not", place)
    if place is not None:
        return Move("pick", place) if _only_picks(text) else None
    if _OTHER.search(text):
        return Move("other")
    if POINTING.search(text) and (shown == 1 or chosen) and _only_picks(text):
        return Move("pick")
    return None


def is_no_matter(text: str) -> bool:
    return _NO_MATTER.search(text.replace("’", "'").strip()) is not None


def place_in(text: str, shown: int) -> int | None:
    """Which of ``shown`` products is meant by its place, from 0."""
    match = ORDINAL.search(text) or ONLY_ORDINAL.fullmatch(text)
    if match is None:
        return None
    written = next(group for group in match.groupdict().values() if group)
    number = _ORDINALS[written.casefold()]
    place = shown - 1 if number < 0 else number - 1
    return place if place < shown else None


def _only_picks(text: str) -> bool:
    """Whether nothing is asked that the product's line in the catalogue does not answer."""
    rest = POINTING.sub(" ", ORDINAL.sub(" ", text))
    if ONLY_ORDINAL.fullmatch(text) or not rest.strip():
        return True
    if _ASKS.search(rest):
        return False
    said = [term for term in terms(rest) if not is_empty(term) and not is_light(term)]
    return all(term in _PICKING or term in _PICKING_STEMS for term in said)


_PICKING_STEMS = frozenset(term for word in _PICKING for term in terms(word))
