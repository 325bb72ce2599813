"""Typed values in a text: money, shares, durations, times, dates, amounts, counts. Ten days are not ten hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from core.trust.units import HAN_HALVES, UNIT_WORDS, UNITS


class Kind(StrEnum):
    """What is claimed."""

    MONEY = "money"
    PERCENT = "percent"
    DURATION = "duration"
    TIME = "time"
    DATE = "date"
    WEEKDAY = "weekday"
    AMOUNT = "amount"
    COUNT = "count"
    NUMBER = "number"
    CODE = "code"
    LINK = "link"
    PHONE = "phone"
    STOCK = "stock"
    ORDER_STATE = "order state"
    PROMISE = "promise"
    NAME = "name"
    DENIAL = "denial"
    WORDING = "wording"


@dataclass(frozen=True, slots=True)
class Value:
    """``low`` and ``high`` in the base of ``unit`` (seconds, grams, minutes of the day, month · 100 + day); equal if it is
    no range. ``unit``: of a count the word that is counted; of what is no quantity its name. ``start``, ``end``: where it
    stands in the plain text. ``bound``: "from" or "to" if it only begins or ends something.
    """

    kind: Kind
    low: float
    high: float
    unit: str
    start: int
    end: int
    bound: str = ""

    @property
    def key(self) -> str:
        """Equal for equal values, whatever they are written in. No word of a text looks like it."""
        return f"§{self.unit}:{self.low:g}:{self.high:g}"


_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_JOIN = r"\s*(?:[-–—~〜−]|\bto\b|\btill\b|\buntil\b|\bthrough\b|\bthru\b|至|到)\s*"
_DATES = (
    re.compile(rf"\b{_DAY}(?:{_JOIN}{_DAY})?(?: of)? ({_MONTH})"),
    re.compile(
        rf"\b({_MONTH}) {_DAY}(?![\d:.]*\d)(?! ?(?:am|pm|eur|usd|gbp|percent|g|ml|kg|days?|weeks?)\b)(?:{_JOIN}{_DAY}\b)?"
    ),
)
_ISO = re.compile(r"(?<!\d)(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)\s*[日号]?")
_HAN_DATE = re.compile(r"(?<!\d)(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?(?:\s*[-–—~至到]\s*(\d{1,2})\s*[日号])?(?<=[日号])")
_HAN_MONTH = re.compile(r"(?<!\d)(\d{1,2})\s*月(?!\s*\d)")
_ONLY_MONTH = re.compile(
    rf"\b(?:in|since|until|till|by|from|late|early|mid|of|every|to|through|during|begin(?:s|ning)?|and)[ -]+({_MONTH})"
)
_MONTH_SIGN = re.compile(rf"\b{_MONTH}")
_YEAR = re.compile(
    r"(?<![\d.])((?:19|20)\d\d)(?![\d.]\d|\d)(?=\s*年|\b)(?!\s*(?:eur|usd|gbp|cny|percent|g|ml|kg|元|块))"
)

_DAYS = "mon tue wed thu fri sat sun".split()
_DAY_SIGNS = ("day", "week", *_DAYS)
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:days?)?\b\.?"
_WEEKDAYS = re.compile(rf"\b({_WEEKDAY})(?:\s*(?:[-–—]|to|till|until|through)\s*({_WEEKDAY}))?")
_NO_DAY = re.compile(r"\b(?:sun|sat|wed|fri)\b(?!\.|\s*[-–—])")
_WEEK_PARTS = re.compile(
    r"\bweek-?ends?\b|\bweekdays?\b|\b(?:on|each|every) (?:working|business) days?\b|周末|双休日|平日|工作日"
)
_HAN_WEEKDAYS = re.compile(
    r"(?:周|星期|礼拜)([一二三四五六日天])(?:\s*[-–—~至到]\s*(?:周|星期|礼拜)?([一二三四五六日天]))?"
)

_PART = r"(?:凌晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|晚|早)"
_TIME = re.compile(
    rf"(?P<part>{_PART})?\s*(?<![\d.:])(?P<h>\d{{1,2}})(?:(?:[:：h]|\.(?=\d\d ?[ap]\.?m))(?P<m>\d{{2}})(?![\d:])|"
    rf"\s*(?P<han>[点时])\s*(?:(?P<hm>\d{{1,2}})\s*分?|(?P<half>半|一刻|三刻)|[整钟])?)?"
    rf"(?:\s*(?P<ap>[ap])\.?m\b\.?|\s*(?P<clock>o'?clock|h\b|uhr\b))?"
)
_NOON = re.compile(r"\b(?:noon|midday|midnight)\b|正午|午夜|零点")
_NOT_CLOCK = re.compile(r"\d\s*时(?:候|尚|装|光|段)|\d\s*点(?:建议|要求|注意|好处|理由|说明)")
_TIMES_JOINED = re.compile(r"\s*(?:[-–—~〜−]|to|till|until|through|至|到)\s*")
_BARE_START = re.compile(rf"(?<![\d.,:])(\d{{1,2}}){_JOIN}$")

_UNIT = "|".join(sorted(map(re.escape, UNIT_WORDS), key=len, reverse=True))
_HAN_ONLY = re.compile(r"[^\x00-\x7f]")
_UNIT_BEHIND = rf"(?:[\s-]*(?:个|the )?({_UNIT})(?:(?<![a-z])|(?![a-z])))"
_NUMBER = r"\d+(?:\.\d+)?"
_QUANTITY = re.compile(rf"(?<![\d.])({_NUMBER})(?:{_UNIT_BEHIND})?(?:{_JOIN}({_NUMBER})(?![\d.]*\d))?{_UNIT_BEHIND}?")
_MEASURE = re.compile(
    r"\s*(个|款|件|次|种|杯|盒|罐|只|份|位|人|泡|饼|包|袋|瓶|套|张|条|支|把|本|双|箱|名|家|间|片|粒|颗|台|部|碗|晚|积分|项|组|岁|倍|年)"
)
_COUNTED = re.compile(r"[\s-]*(?:(?:of|x|more|other|different|small|large|new|full|free)\s+)*([a-z]+)")
_NOT_COUNTED = frozenset(
    "and or to of in on at for from with by the a an is are per each you we it if when so that as but than then after "
    "before if until will can only minus plus times".split()
)
_FROM = re.compile(
    r"(?:\bfrom|\bover|\babove|\bat least|\bmore than|\bminimum(?: of)?|\bstarting at|\bafter|\bexceed\w*|\bbeyond|\bas of|"
    r"\bonwards? from|满|超过|至少|不少于|不低于|高于|多于|大于|自|从)\s*(?:orders?\s+(?:of|over)\s+)?$"
)
_TO = re.compile(
    r"(?:\bwithin|\bup to|\bat most|\bunder|\bbelow|\bless than|\bmaximum(?: of)?|\buntil|\btill|\bno more than|\bnot more than|"
    r"\bby|\bbefore|不超过|最多|低于|少于|不高于|小于|至多|截止|截至)\s*$"
)
_FROM_BEHIND = re.compile(r"\s*(?:以上|起|及以上|或以上|or more|and up|and over|and more|or above|后开|开门|\+)")
_TO_BEHIND = re.compile(r"\s*(?:以内|之内|内|以下|or less|or fewer|之前|前|关门|打烊)")

_HALF_AN = re.compile(r"\bhalf an? (?=12\b|[a-z])")
_HALF_OF = re.compile(r"\b(?:a )?(quarter|third) of an? (?=[a-z])")
_AND_A_HALF = re.compile(r"\b(\d+|one) and a half\b")
_FRACTION = re.compile(r"(?<![\d/.])([1-9])\s*[/\u2044]\s*([2-9])(?![\d/])")
_UNIT_AND_A_HALF = re.compile(r"\b(?:an?|1) (hour|day|week|month|year) and a half\b")
_A_UNIT = re.compile(
    r"\b(within|in|takes?|for|about|after|under|than|least|most|per|an?|one|once|every) (?:an?|one) ((?:working |business )?(?:hour|day|week|month|year|minute)|fortnight)\b"
)
_ONE_UNIT = re.compile(r"\bone (?=(?:working |business )?(?:hour|day|week|month|year|minute)\b|euro|percent)")
_HAN_ONE = re.compile(
    r"(?<=月)一(?=[日号])|(?<![第每某])一(?=\s*(?:个)?(?:天|周|年|月|小时|星期|礼拜|工作日|分钟|刻钟|半))"
)
_BLOCK = re.compile(r"(\d+)\s*块\s*(?:半|([1-9一二三四五六七八九])(?![\d十百])(?!个|天|盒|罐|杯))")
_HAN_HALF = re.compile(
    rf"(\d+)(?=\s*个?半\s*(?:{HAN_HALVES}))\s*个?半|(\d+)\s*({HAN_HALVES})半|半\s*个?(?={HAN_HALVES})"
)
_FOLD = re.compile(r"(\d(?:\.\d)?|\d\d)\s*折")
_HALF_PRICE = re.compile(r"\bhalf[ -](?:price|off)\b|半价|五折")
_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")}
_HALVES = ("half", "半", "quarter", "third of")


def spelled(plain_text: str) -> str:
    """What is left of figures in words after core/trust/figures.py: halves, "a week", 八折, 三块五."""
    text = plain_text
    if any(sign in text for sign in _HALVES):
        text = _HALF_PRICE.sub("50 percent off", text)
        text = _UNIT_AND_A_HALF.sub(r"1.5 \1s", text)
        text = _AND_A_HALF.sub(lambda match: f"{match.group(1).replace('one', '1')}.5", text)
        text = _HALF_OF.sub(lambda match: "0.25 " if match.group(1) == "quarter" else "0.333 ", text)
        text = _HALF_AN.sub("0.5 ", text).replace("0.5 12", "6")
    if "/" in text or "\u2044" in text:
        text = _FRACTION.sub(_fraction, text)
    if text.isascii():
        if " a" in text:
            text = _A_UNIT.sub(r"\1 1 \2", text)
        return _ONE_UNIT.sub("1 ", text) if "one " in text else text
    if "a" in text:
        text = _ONE_UNIT.sub("1 ", _A_UNIT.sub(r"\1 1 \2", text))
    text = _HAN_ONE.sub("1", text) if "一" in text else text
    text = _BLOCK.sub(_with_tenth, text) if "块" in text else text
    text = _HAN_HALF.sub(_with_half, text) if "半" in text else text
    return _FOLD.sub(_taken_off, text) if "折" in text else text


def _fraction(match: re.Match[str]) -> str:
    part, whole = int(match.group(1)), int(match.group(2))
    return f"{part / whole:.4g}" if part < whole else match.group()


def _with_tenth(match: re.Match[str]) -> str:
    tenth = match.group(2)
    return f"{match.group(1)}.{'5' if tenth is None else _DIGITS.get(tenth, tenth)} 元"


def _with_half(match: re.Match[str]) -> str:
    if match.group(1):
        return f"{match.group(1)}.5"
    return f"{match.group(2)}.5{match.group(3)}" if match.group(2) else "0.5"


def _taken_off(match: re.Match[str]) -> str:
    """八折 is 20 % off."""
    paid = float(match.group(1)) * (10 if len(match.group(1).partition(".")[0]) == 1 else 1)
    return f" {100 - paid:g} percent off "


def values(text: str) -> list[Value]:
    """The typed values of a spelled text in order; none overlaps another one."""
    found: list[Value] = []
    if _MONTH_SIGN.search(text) or "月" in text or _ISO.search(text):
        text = _take(text, found, _dates(text))
    if not text.isascii() or any(sign in text for sign in _DAY_SIGNS):
        text = _take(text, found, _weekdays(text))
    if any(character.isdigit() for character in text):
        text = _take(text, found, _times(text))
        text = _take(text, found, _years(text))
        _take(text, found, _quantities(text))
    elif noon := _NOON.search(text):
        found.append(Value(Kind.TIME, *_at(noon), "time", *noon.span()))
    return sorted(found, key=lambda value: value.start)


def _take(text: str, found: list[Value], new: list[Value]) -> str:
    """Add what was found and blank it out, so that it is not found a second time as something else."""
    for value in new:
        found.append(value)
        text = text[: value.start] + "\x00" * (value.end - value.start) + text[value.end :]
    return text


# ── days and hours ───────────────────────────────────────────────────────────────────────────────────────


def _dates(text: str) -> list[Value]:
    found: list[Value] = []

    def add(match: re.Match[str], month: int, first: str | None, last: str | None = None) -> None:
        low, high = int(first or 0), int(last or first or 0)
        if 1 <= month <= 12 and max(low, high) <= 31 and not any(_overlap(match, one) for one in found):
            found.append(Value(Kind.DATE, 100 * month + low, 100 * month + high, "date", *match.span()))

    for match in _ISO.finditer(text):
        add(match, int(match.group(2)), match.group(3))
    for match in _DATES[0].finditer(text):
        add(match, _month(match.group(3)), match.group(1), match.group(2))
    for match in _DATES[1].finditer(text):
        add(match, _month(match.group(1)), match.group(2), match.group(3))
    for match in _HAN_DATE.finditer(text):
        add(match, int(match.group(1)), match.group(2), match.group(3))
    for match in _HAN_MONTH.finditer(text):
        add(match, int(match.group(1)), None)
    for match in _ONLY_MONTH.finditer(text):
        add(match, _month(match.group(1)), None)
    return found


def _overlap(match: re.Match[str], value: Value) -> bool:
    return match.start() < value.end and value.start < match.end()


def _month(name: str) -> int:
    return _MONTHS.index(name[:3]) + 1


def _years(text: str) -> list[Value]:
    return [
        Value(Kind.DATE, float(match.group(1)), float(match.group(1)), "year", *match.span())
        for match in _YEAR.finditer(text)
    ]


def _weekdays(text: str) -> list[Value]:
    """``low`` and ``high``: 0 Monday to 6 Sunday; ``high`` may be smaller."""
    found = []
    for match in _WEEKDAYS.finditer(text):
        if not match.group(2) and _NO_DAY.fullmatch(match.group(1)):
            continue  # the sun, she sat
        first, last = (_DAYS.index(day[:3]) if day else None for day in match.groups())
        assert first is not None
        found.append(Value(Kind.WEEKDAY, first, first if last is None else last, "weekday", *match.span()))
    if not text.isascii():
        for match in _HAN_WEEKDAYS.finditer(text):
            first, last = ("一二三四五六日".find(day.replace("天", "日")) if day else -1 for day in match.groups())
            found.append(Value(Kind.WEEKDAY, first, first if last < 0 else last, "weekday", *match.span()))
    for match in _WEEK_PARTS.finditer(text):
        if match.group() == "工作日" and text[: match.start()].rstrip("个 ")[-1:].isdigit():
            continue  # 5 个工作日
        end = match.group() in ("周末", "双休日") or "end" in match.group()
        found.append(Value(Kind.WEEKDAY, 5 if end else 0, 6 if end else 4, "weekday", *match.span()))
    return found


def _times(text: str) -> list[Value]:
    clocks = [(match, at) for match in _TIME.finditer(text) if (at := _clock(match, text)) is not None]
    clocks += [(match, _at(match)[0]) for match in _NOON.finditer(text)]
    clocks.sort(key=lambda clock: clock[0].start())
    found: list[Value] = []
    for match, at in clocks:
        if found and _TIMES_JOINED.fullmatch(text, found[-1].end, match.start()) and found[-1].low == found[-1].high:
            last = found.pop()
            end = at + 720 if not _has_half(match) and at < last.low < 1440 and at < 720 <= last.low else at
            found.append(Value(Kind.TIME, last.low, end, "time", last.start, match.end()))
            continue
        bare = _BARE_START.search(text, max(0, match.start() - 8), match.start())
        if bare:  # 10 to 6 pm, 9–18 h
            hour = 60.0 * int(bare.group(1))
            first = hour + 720 if at >= 720 and hour < 720 and hour + 720 < at and match["ap"] else hour
            found.append(Value(Kind.TIME, first, at, "time", bare.start(), match.end()))
            continue
        found.append(Value(Kind.TIME, at, at, "time", *match.span(), _bound(text, *match.span())))
    return found


def _has_half(match: re.Match[str]) -> bool:
    groups = match.groupdict()
    return bool(groups.get("part") or groups.get("ap"))


def _clock(match: re.Match[str], text: str) -> float | None:
    """Minutes of the day; None: it is no time."""
    hour, half = int(match["h"]), match["half"]
    if not (match["m"] or match["han"] or match["ap"] or match["clock"]) or hour > 24:
        return None
    if match["han"] and _NOT_CLOCK.match(text, match.start("h")):
        return None
    minutes = int(match["m"] or match["hm"] or {"半": 30, "一刻": 15, "三刻": 45}.get(half or "", 0))
    part = match["part"] or ""
    later = match["ap"] == "p" or part in ("下午", "傍晚", "晚上", "晚", "夜里") or (part == "中午" and hour < 3)
    if later and hour < 12:
        hour += 12
    elif hour == 12 and (match["ap"] == "a" or part == "凌晨"):
        hour = 0
    return 60.0 * hour + minutes if minutes < 60 else None


def _at(match: re.Match[str]) -> tuple[float, float]:
    at = 720.0 if match.group() in ("noon", "midday", "正午") else 1440.0
    return at, at


# ── quantities ───────────────────────────────────────────────────────────────────────────────────────────


def _quantities(text: str) -> list[Value]:
    found = []
    for match in _QUANTITY.finditer(text):
        first, unit_before, last, unit = match.groups()
        word = unit or unit_before
        low = float(first)
        high = float(last) if last else low
        if word is None:
            found.append(_count(match, low, high, text))
            continue
        kind, name, factor = UNITS[word]
        if unit_before and last and unit and UNITS[unit_before][1] == name:
            low, high = low * UNITS[unit_before][2], high * factor
        elif unit_before and unit and not last:
            kind, name, factor = UNITS[unit_before]
            low = high = low * factor
        else:
            low, high = low * factor, high * factor
        low, high = round(low, 6), round(high, 6)
        found.append(Value(Kind(kind), low, high, name, *match.span(), _bound(text, *match.span())))
    return found


def _count(match: re.Match[str], low: float, high: float, text: str) -> Value:
    """A figure without a unit: what is counted is the next word."""
    start, end = match.span()
    measure = _MEASURE.match(text, end)
    if measure:
        return Value(
            Kind.COUNT, low, high, measure.group(1), start, measure.end(1), _bound(text, start, measure.end(1))
        )
    noun = _COUNTED.match(text, end)
    if noun and noun.group(1) not in _NOT_COUNTED:
        return Value(Kind.COUNT, low, high, noun.group(1), start, end, _bound(text, start, end))
    return Value(Kind.NUMBER, low, high, "", start, end, _bound(text, start, end))


def _bound(text: str, start: int, end: int) -> str:
    before = text[max(0, start - 24) : start]
    if _TO.search(before) or _TO_BEHIND.match(text, end):
        return "to"
    return "from" if _FROM.search(before) or _FROM_BEHIND.match(text, end) else ""
