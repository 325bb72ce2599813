"""Text to search terms, in Chinese and in languages with spaces.

Han text is cut by jieba's dictionary (without guessing new words, so that the same words are cut the same everywhere);
other words are lower-cased and stemmed. Traditional characters are read as simplified ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import rjieba
import snowballstemmer

from core.characters import compatible, simplified
from core.knowledge.thesaurus import LIGHT, SAME

WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
ASCII_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*|[0-9]+(?:[.,][0-9]+)*")  # the same in small letters, told faster
HAN = re.compile(r"[㐀-䶿一-鿿]+")
HAN_RUNS = re.compile(rf"({HAN.pattern})")

# What is asked is cut once a turn, not once for each part that reads it.
REMEMBERED_TEXTS = 1000
# Words that say nothing about what is asked.
STOP = frozenset(
    """a an the is are was be am been i you we they he she it me my your our us do does did can could would will shall
    should may might of to in on at for from with by and or if so but not no yes as that this these those there here
    what which who when where why how have has had get got tell know please hi hello hey any some about want need like
    im i'm it's what's much many long often let just also too very really us anything something
    的 了 吗 呢 啊 吧 啦 嘛 哈 谁 是 我 你 您 他 她 它 们 我们 你们 您们 他们 在 有 和 与 也 都 就 还 要 会 能 可以 请 请问 一下 什么 怎么 怎样 如何
    哪 哪些 哪里 多少 几 这 那 这个 那个 想 知道 告诉 给 到 对 把 被 让 吧 呀 哦 嗯 好 不 没 没有 一个 你好 您好 为什么 有没有 是否 是不是 能不能 可不可以 多久""".split()
)


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    # A stemmer holds the word that it works on, and texts are read in several threads (a folder that has changed, a
    # catalogue): so each word has its own.
    return str(snowballstemmer.stemmer("english").stemWord(word.replace("’", "'")))


def terms(text: str) -> list[str]:
    """Every term of ``text`` in order, with repetitions; of a long Han word also the words in it."""
    return list(_latin_terms(text) if text.isascii() else _terms(text, True))


def within(word: str) -> list[str]:
    """The shorter words in a Han word: 普洱 of 普洱茶."""
    return [cut for cut in rjieba.cut_for_search(word, hmm=False) if cut and cut != word]


@lru_cache(REMEMBERED_TEXTS)
def _latin_terms(text: str) -> tuple[str, ...]:
    return tuple(map(_stem, ASCII_WORD.findall(text.lower())))


@lru_cache(REMEMBERED_TEXTS)
def _terms(text: str, for_search: bool) -> tuple[str, ...]:
    found: list[str] = []
    for word in _words(text):
        if word.isascii() or not HAN.search(word):
            found.append(_stem(word))
        else:
            found += _han(word, for_search)
    return tuple(found)


@lru_cache(100)
def _words(text: str) -> tuple[str, ...]:
    """What is cut in both ways is found once."""
    return tuple(WORD.findall(simplified(compatible(text)).casefold()))


def _han(word: str, for_search: bool) -> list[str]:
    cut = rjieba.cut_for_search if for_search else rjieba.cut
    if HAN.fullmatch(word):
        return list(filter(None, cut(word, hmm=False)))
    found: list[str] = []
    for piece in HAN_RUNS.split(word):
        if HAN.match(piece):
            found += filter(None, cut(piece, hmm=False))
        elif piece:
            found.append(_stem(piece))
    return found


# Words that never say anything, not even in "hello there".
PARTICLES = frozenset("a an the please there so just 了 吗 呢 啊 吧 呀 啦 哦 嗯 的 请 请问 一下".split())


def stemmed(words: Iterable[str]) -> frozenset[str]:
    """The terms of single words."""
    return frozenset(map(_stem, words))


_STOP_TERMS = STOP | stemmed(STOP)
_LIGHT_TERMS = stemmed(LIGHT.split())
_MEANING = {
    term: _stem(group[0])
    for group in (line.split() for line in SAME.splitlines() if line)
    for term in [*group, *stemmed(group)]
}


def content(found: list[str]) -> list[str]:
    """The terms that say what is asked; all of them if none does."""
    telling = [term for term in found if term not in _STOP_TERMS]
    return telling or [term for term in found if term not in PARTICLES] or found


def meaning(found: Iterable[str]) -> list[str]:
    """The terms, each word that another one stands for replaced by that one."""
    return [_MEANING.get(term, term) for term in found]


def is_empty(term: str) -> bool:
    """Whether a term says nothing of what is asked or told."""
    return term in _STOP_TERMS


def is_light(term: str) -> bool:
    """Whether a term says little about what is asked."""
    return term in _LIGHT_TERMS


def are_light(found: Iterable[str]) -> bool:
    """Whether all of them say little about what is asked."""
    return _LIGHT_TERMS.issuperset(found)


def whole(text: str) -> list[str]:
    """The terms of a question: Han text cut into its longest words only, so that 咖啡因 is not 咖啡 too."""
    return list(_latin_terms(text) if text.isascii() else _terms(text, False))
