"""Text to search terms, in Chinese and in languages with spaces.

Han text is cut by jieba's dictionary (without guessing new words, so that the same words are cut the same everywhere);
other words are lower-cased and stemmed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import rjieba
import snowballstemmer

WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
HAN = re.compile(r"[㐀-䶿一-鿿]+")

# Words that say nothing about what is asked.
STOP = frozenset(
    """a an the is are was be am been i you we they he she it me my your our us do does did can could would will shall
    should may might of to in on at for from with by and or if so but not no yes as that this these those there here
    what which who when where why how have has had get got tell know please hi hello hey any some about want need like
    im i'm it's what's much many long often let just also too very really us anything something
    的 了 吗 呢 啊 吧 是 我 你 您 他 她 它 们 我们 你们 您们 他们 在 有 和 与 也 都 就 还 要 会 能 可以 请 请问 一下 什么 怎么 怎样 如何
    哪 哪些 哪里 多少 几 这 那 这个 那个 想 知道 告诉 给 到 对 把 被 让 吧 呀 哦 嗯 好 不 没 没有 一个 你好 您好 为什么 是否 是不是 能不能 可不可以 多久""".split()
)

_english = snowballstemmer.stemmer("english")


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    return str(_english.stemWord(word.replace("’", "'")))


def terms(text: str) -> list[str]:
    """Every term of ``text`` in order, with repetitions."""
    found: list[str] = []
    for match in WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        word = match.group()
        if HAN.search(word):
            found.extend(_han(word))
        else:
            found.append(_stem(word))
    return found


def _han(word: str) -> list[str]:
    found: list[str] = []
    for piece in re.split(r"([㐀-䶿一-鿿]+)", word):
        if not piece:
            continue
        if HAN.match(piece):
            found.extend(cut for cut in rjieba.cut_for_search(piece, hmm=False) if cut)
        else:
            found.append(_stem(piece))
    return found


_STOP_TERMS = STOP | {_stem(word) for word in STOP if word.isascii()}


def content(found: list[str]) -> list[str]:
    """The terms that say what is asked; all of them if none does."""
    telling = [term for term in found if term not in _STOP_TERMS]
    return telling or found
