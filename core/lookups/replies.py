"""Yes, no and "I don't have it", in Chinese and English."""

from __future__ import annotations

import re

from core.characters import compatible

_YES = frozenset(
    """yes|y|yep|yup|yeah|ya|yes please|yes do|sure|ok|okay|please|please do|do it|go ahead|correct|right|exactly|of course
    |that is right|that's right|that is correct|that's correct|confirm|confirmed|look it up|sounds good
    |是|是的|是啊|是呀|对|对的|对啊|好|好的|好啊|好呀|可以|可以的|行|行的|嗯|嗯嗯|恩|没错|没问题|查吧|请查|查|查一下|帮我查|请帮我查|麻烦了|麻烦你了
    |麻烦您了|要|要的|需要|确认|正确|ok的""".replace("\n    ", "").split("|")
)
_NO = frozenset(
    """no|n|nope|nah|don't|do not|please don't|not now|never mind|nevermind|cancel|stop|wrong|that is wrong|that's wrong
    |that is not right|that's not right|not right|no need|forget it
    |不|不是|不是的|不用|不用了|不要|不要了|不对|不需要|不查|不查了|别查|别|别查了|取消|算了|错了|错|不必|不了|否|没事|没事了
    |不行""".replace("\n    ", "").split("|")
)
_POLITE = frozenset("thanks|thank you|thx|谢谢|谢谢你|谢谢您|多谢|please|请".split("|"))
_WITHOUT = re.compile(
    r"\b(?:don['’]?t|do not|can['’]?t|cannot|can not|no longer)\s+(?:have|know|find|remember|recall|see)\b"
    r"|\b(?:lost|forgot|forgotten)\b|\bno idea\b|\bnot sure\b|没有(?!收到|到|发货)|不知道|找不到|不记得|忘了|忘记|丢了|不清楚|没收到(?:邮件|确认)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[^\w'’ ]+|(?<=[㐀-鿿]) +")


def is_yes(text: str) -> bool:
    return _is_only(text, _YES)


def is_no(text: str) -> bool:
    return _is_only(text, _NO)


def is_without(text: str) -> bool:
    """Whether somebody says that they do not have what was asked for."""
    return _WITHOUT.search(text) is not None


def _is_only(text: str, words: frozenset[str]) -> bool:
    """Whether a text says one of ``words``, or several, and else nothing but thanks."""
    text = compatible(text).casefold().replace("’", "'")
    parts = [" ".join(part.split()) for part in _BETWEEN.split(text) if part.strip()]
    return any(part in words for part in parts) and all(part in words or part in _POLITE for part in parts)
