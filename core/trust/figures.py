"""Figures in one notation, whatever they are written in: €1,234.50, 1.234,50 €, fifteen, twenty-five, 十五天."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache, partial
from string import ascii_lowercase

FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBERS = {word: value for value, word in enumerate(_ONES)} | {word: 10 * value for value, word in enumerate(_TENS, 2)}
_NUMBERS |= {"dozen": 12, "hundred": 100, "thousand": 1000}
_WORD = "|".join(sorted(_NUMBERS, key=len, reverse=True))
NUMBER_WORDS = re.compile(rf"\b(?:{_WORD})(?:(?:-|\s+(?:and\s+)?)(?:{_WORD}))*\b")

_HAN_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_MEASURE = (
    "个|天|日|号|周|月|年|元|块|角|毛|欧|英镑|美元|美金|港币|人民币|日元|克|毫克|毫升|升|斤|公斤|千克|厘米|毫米|米|公里|分钟|秒|小时|点|"
    "款|件|次|种|杯|盒|罐|只|份|位|人|度|折|泡|饼|包|袋|瓶|套|张|条|支|把|本|双|箱|岁|倍|名|家|间|工作日|星期|礼拜|积分|片|粒|颗|台|部|碗|晚|瓦|伏"
)
_HAN_DIGIT = "零〇一二两三四五六七八九十百千万"
# Only before a measure, or at the beginning of a range of it: 十分, 一起 and 万一 count nothing. A 一 alone is only "a".
HAN_NUMBER = re.compile(
    rf"(?!一(?![{_HAN_DIGIT}]))(?<!\d)[{_HAN_DIGIT}]+(?=\s*(?:{_MEASURE}|(?<=点.)分|(?<=点..)分|(?<=点...)分|[到至~–-][{_HAN_DIGIT}\d]+\s*(?:{_MEASURE})))"
)
_HAN_SHARE = re.compile(rf"百分之\s*([{_HAN_DIGIT}]+|\d+(?:\.\d+)?)")
_HAN_POINT = re.compile(
    rf"([{_HAN_DIGIT}]+)点([零〇一二三四五六七八九]+)(?=\s*(?:欧|元|块|美|英镑|公斤|斤|升|克|米|倍|厘|毫|%))"
)
_TEN_THOUSANDS = re.compile(r"(\d+(?:\.\d+)?)\s*万(?!一)")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:([ ,.'’])\d{3})(?:\1\d{3})*(?:[.,]\d{1,2})?(?![\d]|[.,]\d)")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d{1,2})(?![\d]|[.,]\d)")


class _Sign:
    def __init__(self, word: str, signs: Sequence[str], words: Sequence[str]) -> None:
        """``word``: what every one of the ``signs`` and ``words`` becomes."""
        written = "|".join([*map(re.escape, signs), *(rf"\b{one}\b" for one in words)])
        self._all = (*signs, *words)
        self.behind = partial(re.compile(rf"(\d)\s*(?:{written})").sub, rf"\1 {word} ")
        self.before = partial(re.compile(rf"(?:{written})\s*(\d+(?:\.\d+)?)(?![\d.]*\d)").sub, rf"\1 {word}")

    def stands_in(self, text: str) -> bool:
        return any(sign in text for sign in self._all)


# Money and shares keep their sign as a word behind the figure, so that €5 is not five days.
_SIGNS = (
    _Sign("eur", ("€", "欧元"), ("eur", "euro", "euros")),
    _Sign("usd", ("$", "美元"), ("usd",)),
    _Sign("gbp", ("£", "英镑"), ("gbp",)),
    _Sign("cny", ("¥",), ("cny", "rmb")),
    _Sign("percent", ("%",), ("percent", "per cent")),
)
# Most texts have nothing of all this, and that is told much faster.
_SIGN_WORDS = frozenset("eur euro euros usd gbp cny rmb percent cent".split())
_SIGN_CHARACTERS = re.compile("[€$£¥%欧美英]")
_SIGN_BEFORE = re.compile(r"[€$£¥%元镑rosdptyb]\s*\d")
_HAN_COMMA = re.compile(r"(?<=\d)，(?=\d)")
_DIVIDED = re.compile(r"\d[ ,.'’]\d\d\d")
_COMMA = re.compile(r"\d,\d")
_DIGIT = re.compile(r"\d")
_DECIMALS = re.compile(r"\d+\.\d+")
_LETTERS = re.compile(r"[a-z]+")
_ONLY_LETTERS = {code: " " for code in range(128) if chr(code) not in ascii_lowercase}
# Letters and commas, but no Han digit, and first no measure that a Han number may wait for.
_MEASURES = frozenset(_MEASURE) - {"|"}
_QUIET = re.compile(r"[A-Za-z㐀-䶿一-鿿\s,;!?()'’\"，。！？；、（）]*")
_HAN_NUMERALS = frozenset("零一二两三四五六七八九十百千万")
# Texts come word by word, and mostly in the same words.
REMEMBERED_WORDS = 20_000


def folded(text: str) -> str:
    """One form of each character, small letters; a Chinese comma behind a figure stays one: ¥66，7–9 天."""
    if not text.isascii():
        text = _HAN_COMMA.sub("， ", text)
    return unicodedata.normalize("NFKC", text).casefold()


def plain(text: str) -> str:
    """A text for comparing: one form of each character, small letters, figures in digits with a decimal point."""
    text = folded(text)
    if _DIVIDED.search(text):
        text = _GROUPED.sub(_ungrouped, text)
    if _COMMA.search(text):
        text = _DECIMAL_COMMA.sub(r"\1.\2", text)
    words = letters(text)
    if not _NUMBERS.keys().isdisjoint(words):
        text = NUMBER_WORDS.sub(_counted, text)
    if not text.isascii():
        text = _HAN_POINT.sub(_with_point, text) if "点" in text else text
        text = _HAN_SHARE.sub(lambda match: f"{_share(match.group(1))}%", text) if "百分之" in text else text
        text = HAN_NUMBER.sub(lambda match: _han_written(match.group()), text)
        text = _TEN_THOUSANDS.sub(lambda match: f"{float(match.group(1)) * 10_000:g}", text) if "万" in text else text
    return text if _SIGN_WORDS.isdisjoint(words) and not _SIGN_CHARACTERS.search(text) else _with_signs(text)


def _with_signs(text: str) -> str:
    signs = [sign for sign in _SIGNS if sign.stands_in(text)]
    for sign in signs:
        text = sign.behind(text)
    for sign in signs if _SIGN_BEFORE.search(text) else ():
        text = sign.before(text)
    return text


def one_form(written: str) -> str:
    """14.90 and 14.9 are the same."""
    return written.rstrip("0").rstrip(".") if _DECIMALS.fullmatch(written) else written


@lru_cache(REMEMBERED_WORDS)
def is_figure(term: str) -> bool:
    return term[:1].isdigit() and FIGURE.fullmatch(term) is not None


def may_have_figures(text: str) -> bool:
    """False: none comes out of it when it is made plain; that is told much faster."""
    return not text.isascii() or _DIGIT.search(text) is not None or _has_number_words(text.casefold())


def is_quiet(text: str) -> bool:
    """Whether neither a figure nor a link can come of these words, whatever stands before them."""
    return (
        _QUIET.fullmatch(text) is not None
        and _HAN_NUMERALS.isdisjoint(text)
        and text.lstrip()[:1] not in _MEASURES
        and not _has_number_words(text.casefold())
    )


def letters(text: str) -> list[str]:
    """Every run of the letters a to z in a text of small letters: what its words are, if it is ASCII."""
    return text.translate(_ONLY_LETTERS).split() if text.isascii() else _LETTERS.findall(text)


def _has_number_words(text: str) -> bool:
    return not _NUMBERS.keys().isdisjoint(letters(text))


def figures(plain_text: str) -> set[str]:
    """The figures of a plain text; of a time or a fraction also its parts, so that "from 10" may be said of 10:00."""
    found = FIGURE.findall(plain_text)
    parts = [part for figure in found if ":" in figure for part in figure.split(":")]
    return {one_form(figure) for figure in [*found, *parts]}


def _ungrouped(match: re.Match[str]) -> str:
    written = match.group()
    decimals = re.search(r"[.,](\d{1,2})$", written)
    whole = written[: decimals.start()] if decimals else written
    return re.sub(r"\D", "", whole) + (f".{decimals.group(1)}" if decimals else "")


def _counted(match: re.Match[str]) -> str:
    words = [word for word in re.split(r"[\s-]+", match.group()) if word != "and"]
    if words == ["one"]:
        return "one"  # "this one", "one of our teas"
    total, current = 0, 0
    for word in words:
        value = _NUMBERS[word]
        if value == 1000:
            total, current = total + max(1, current) * 1000, 0
        elif word in ("hundred", "dozen"):
            current = max(1, current) * value
        elif current % 10 and value < 100:  # "two three" is two figures, not one
            return " ".join(str(_NUMBERS[each]) for each in words)
        else:
            current += value
    return str(total + current)


def _with_point(match: re.Match[str]) -> str:
    return f"{_han(match.group(1))}.{''.join(str(_HAN_DIGITS[one]) for one in match.group(2))}"


def _share(written: str) -> str:
    return written if written[0].isdigit() else str(_han(written))


def _han_written(written: str) -> str:
    """两三 is 2-3; 八五 of 八五折 and 二零二六 are read digit by digit."""
    digits = [_HAN_DIGITS[character] for character in written if character in _HAN_DIGITS]
    if len(digits) == len(written) > 1:
        about = len(digits) == 2 and 0 < digits[0] < digits[1] <= digits[0] + 2
        return f"{digits[0]}-{digits[1]}" if about else "".join(map(str, digits))
    return str(_han(written))


def _han(written: str) -> int:
    """万 included: 一万二千 is 12000."""
    total = current = digit = 0
    for character in written:
        if character in _HAN_DIGITS:
            digit = _HAN_DIGITS[character]
        elif character == "万":
            total, current, digit = (current + digit or 1) * 10_000, 0, 0
        else:
            current, digit = current + (digit or 1) * _HAN_UNITS[character], 0
    return total + current + digit
