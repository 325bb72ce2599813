"""A sentence as it is compared: its telling terms, what it claims, and which words belong to which value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from core.knowledge.words import is_empty, meaning, terms
from core.trust.figures import folded, is_figure, letters, may_have_figures, one_form, plain
from core.trust.marks import codes, contacts, order_states, promises, stock
from core.trust.values import Kind, Value, spelled, values

_TOP = "com|net|org|info|shop|store|online|site|app|dev|biz|example|test|eu|uk|us|de|fr|es|pt|it|nl|ch|at|be|no|cn|hk|tw|jp|kr|io|co|me|ly|xyz|top"
LINK = re.compile(
    rf"(?:https?://|www\.)[!-~]+|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+|(?<![a-z0-9-])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:{_TOP})(?![\w-])(?:/[!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
# No link in small letters is without one of these; that is told much faster.
LINK_SIGNS = ("@", "://", "www.")
INNER_DOT = re.compile(r"\.[a-z]")
SENTENCE_END = re.compile(r"[.!?](\s+)|[。！？]()|(\n)\n*")
_SHORTENED = re.compile(
    r"(?:\b(?:[ap]\.m|e\.g|i\.e|approx|incl|excl|no|vs|mr|mrs|dr|st|min|max|tel|ca|resp)|^\s*\d{1,2})\.$", re.IGNORECASE
)
CLAUSE_END = re.compile(r"[,;:(]\s+|[，；：、]|\s+(?:and|but|or)\s+")
_CLAUSE_SIGN = re.compile(r":(?!\d)|[,;(，；：、。（]\s*|\s(?:and|but)\s")
_SEGMENT_END = re.compile(
    r"(?::(?!\d)|[,;()（），；：、。!?！？\n|])\s*|\*\*|\s[–—-]\s|(\s(?:and|but|or|while|whereas|whilst)\s|而|和|与|或|及)"
)
NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|except|out of|sold out)\b|[不没無无未别勿]|缺(?:货|少|乏)|除外|禁止|谢绝|拒绝|售罄|卖完|断货"
)
# No text of a to z denies without one of these words; that is told much faster.
DENYING = frozenset("no not never none nobody nothing neither nor without except out sold".split())
NO_DENIAL = re.compile(
    r"不(?:过|但|仅|只|同|错|久|断|好意思|一样|妨|止|超过|少于|低于|高于|多于|大于|小于|一定|等)|差不多|无(?:论|线)|(?:特|区|类|级|个|分|性|识|差)别|别[的样]|"
    r"未来|没(?:关系|问题)|(.)[不没]\1|有没有|是否|\bno\. ?\d|\bno (?:later|more|less|fewer) than\b|\bnot only\b|\bno (?:problem|worries|matter)\b|\bout of (?:the|our|its|your)\b"
)
CANNOT = re.compile(r"\bcan(?:['’]t|not)\b")
SHORT_NOT = re.compile(r"n['’]t\b")
NOT = re.compile(r"n(?:['’]t|not)")
# The opposite of a word is its denial.
OPPOSITE = re.compile(
    r"\bun(opened|used|worn|washed|sealed|paid|shipped|available|able|suitable|safe|likely|scented|sweetened|treated|necessary)\b"
    r"|\bim(possible)\b|\bin(eligible)\b|\bnon-?(refundable|returnable|toxic|stick)\b|\b(clos)ed\b|\b(exclud)(?:e[sd]?|ing)\b"
)
_OPPOSITES = {"clos": "not open", "exclud": "not included"}
FREE_OF = re.compile(r"\bfree of (?!charge)|\bfree from (?=[a-df-z])(?!euro)")
SOMETHING_FREE = re.compile(
    r"\b((?:caffeine|gluten|lactose|sugar|plastic|alcohol|dairy|lead|bpa|fragrance|nut|fat|tax|duty|acid|smoke)[a-z]*)-free\b"
)
_OPPOSITE_SIGNS = re.compile(r"un|clos|exclud|impos|inel|non|free")
HAN_WEEKDAY = re.compile(r"(?:星期|礼拜)(?=[一二三四五六日天])")
# Not yet opened is a state of its own, and denies nothing.
HAN_UNDONE = re.compile(r"(?:尚未|未|没有?)(?=开封|使用|拆|用过|穿|洗)")
HAN_CLOSED = re.compile(r"(?<!不)(?:关门|打烊|停业|闭店|店休|歇业|休息|闭馆)")
# "No, we don't": the answer is denied once.
FIRST_WORD = re.compile(r"^\W*(?:yes|no|sorry|unfortunately|是的|对|不是|不|抱歉|很抱歉)\s*[,.!:;，。！：；]")
REMEMBERED_TERMS = 20_000


def plainly(text: str) -> str:
    """A text for comparing, see core/trust/figures.py; "can't" is "can not", "closed" is "not open"."""
    text = plain(text)
    if NOT.search(text):
        text = SHORT_NOT.sub(" not", CANNOT.sub("can not", text))
    if _OPPOSITE_SIGNS.search(text):
        text = OPPOSITE.sub(_denied, text)
        text = SOMETHING_FREE.sub(r"without \1", FREE_OF.sub("without ", text))
    if text.isascii():
        return text
    text = (
        HAN_WEEKDAY.sub("周", text).replace("周天", "周日") if "期" in text or "礼" in text or "周天" in text else text
    )
    return HAN_CLOSED.sub("不营业", HAN_UNDONE.sub(" un ", text))


def _denied(match: re.Match[str]) -> str:
    word = next(group for group in match.groups() if group)
    return _OPPOSITES.get(word, f"not {word}")


def telling(plain_text: str) -> list[str]:
    """The telling terms of a plain text in order, figures in one notation; none if nothing is told."""
    return [told for told in map(_told, terms(plain_text)) if told]


@lru_cache(REMEMBERED_TERMS)
def _told(term: str) -> str:
    """A term in one notation; empty if it says nothing."""
    return "" if is_empty(term) else one_form(term) if is_figure(term) else term


def denials(plain_text: str) -> int:
    if plain_text.isascii() and DENYING.isdisjoint(letters(plain_text)):
        return 0
    return len(NEGATION.findall(NO_DENIAL.sub(" ", FIRST_WORD.sub("", plain_text))))


def links(plain_text: str) -> list[str]:
    return [match.group().rstrip(".,;:!?)*_") for match in _links(plain_text)]


def _links(plain_text: str) -> Iterator[re.Match[str]]:
    if any(sign in plain_text for sign in LINK_SIGNS) or INNER_DOT.search(plain_text):
        yield from LINK.finditer(plain_text)


def ends(text: str, start: int = 0) -> Iterator[int]:
    """Where sentences end; not behind "e.g." or "6 p.m."."""
    for match in SENTENCE_END.finditer(text, max(0, start - 1)):
        end, sign = match.end(), match.start(match.lastindex or 0)
        if end == start and match[3]:
            continue  # the line was broken before
        if "\n" in match.group() or not _SHORTENED.search(text, max(0, sign - 12), sign):
            yield end


def sentences(text: str) -> list[str]:
    cuts = [0, *ends(text), len(text)]
    return [part for begin, end in pairwise(cuts) if (part := text[begin:end].strip())]


@dataclass(frozen=True, slots=True)
class Sentence:
    """``values``: what it claims, in order; ``labels``: of each the terms around it, 0 to 1 by how closely they belong to
    it; ``denied``: whether the clause around it is; ``terms``: all telling terms without figures.
    """

    text: str
    plain: str
    values: tuple[Value, ...]
    labels: tuple[Mapping[str, float], ...]
    denied: tuple[bool, ...]
    terms: tuple[str, ...]


def read(text: str, known: bool = False) -> Sentence:
    """``known``: it is one of the facts, where signs of promises are read more widely."""
    said = folded(text)
    found = list(contacts(said)) if any(map(str.isdigit, said)) else []
    plain_text = spelled(plainly(_without(said, found)))
    found += [Value(Kind.LINK, 0, 0, one.group().rstrip(".,;:!?)*_"), *one.span()) for one in _links(plain_text)]
    blank = _without(plain_text, [value for value in found if value.kind is Kind.LINK])
    if may_have_figures(blank):
        coded = _distinct(list(codes(blank)))
        found += coded
        blank = _without(blank, coded)
    found += values(blank)
    found += stock(blank, known)
    found += order_states(blank, known)
    found += promises(blank, known)
    found.sort(key=lambda value: value.start)
    marks = [value for value in found if value.kind in (Kind.PROMISE, Kind.STOCK)]
    segments = _segments(blank, [value for value in found if value.kind in _MEASURED], marks)
    labels = tuple(_labels(value, segments) for value in found)
    told = tuple(term for segment in segments for term in segment.terms)
    return Sentence(text, plain_text, tuple(found), labels, _denials_around(plain_text, found), told)


def _denials_around(plain_text: str, found: list[Value]) -> tuple[bool, ...]:
    """For each value whether the clause around it denies."""
    if not found or not denials(plain_text):
        return (False,) * len(found)
    cuts = [0, *(match.end() for match in _CLAUSE_SIGN.finditer(plain_text)), len(plain_text)]
    verdicts = []
    for value in found:
        start = max(cut for cut in cuts if cut <= value.start)
        stop = min((cut for cut in cuts if cut >= value.end and cut > start), default=len(plain_text))
        verdicts.append(denials(f"{plain_text[start : value.start]} {plain_text[value.end : stop]}") % 2 == 1)
    return tuple(verdicts)


_MEASURED = frozenset(
    (
        Kind.MONEY,
        Kind.PERCENT,
        Kind.DURATION,
        Kind.TIME,
        Kind.DATE,
        Kind.WEEKDAY,
        Kind.AMOUNT,
        Kind.COUNT,
        Kind.NUMBER,
        Kind.CODE,
    )
)


def _distinct(found: list[Value]) -> list[Value]:
    kept: list[Value] = []
    for value in found:
        if not any(value.start < one.end and one.start < value.end for one in kept):
            kept.append(value)
    return kept


def _without(text: str, found: list[Value]) -> str:
    for value in found:
        text = f"{text[: value.start]}{' ' * (value.end - value.start)}{text[value.end :]}"
    return text


# ── which words belong to which value ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Segment:
    start: int
    end: int
    terms: tuple[str, ...]
    values: tuple[Value, ...]
    marks: tuple[Value, ...] = ()


def _segments(text: str, measured: list[Value], marks: list[Value]) -> list[_Segment]:
    """The text cut at signs, and at "and" where there are values on both sides."""
    if not text.strip():
        return []
    cuts = [
        (0, False),
        *((match.end(), bool(match.group(1))) for match in _SEGMENT_END.finditer(text)),
        (len(text), False),
    ]
    spans: list[tuple[int, int]] = []
    for (start, joined), (end, _) in pairwise(cuts):
        if joined and spans and not (_any(measured, spans[-1]) and _any(measured, (start, end))):
            spans[-1] = (spans[-1][0], end)
        elif end > start:
            spans.append((start, end))
    return [_segment(text, span, measured, marks) for span in spans]


def _any(measured: list[Value], span: tuple[int, int]) -> bool:
    return any(span[0] <= value.start < span[1] for value in measured)


def _segment(text: str, span: tuple[int, int], measured: list[Value], marks: list[Value]) -> _Segment:
    inside = tuple(value for value in measured if span[0] <= value.start < span[1])
    written, at = [], span[0]
    for value in inside:
        written.append(text[at : value.start])
        at = max(at, value.end)
    written.append(text[at : span[1]])
    told = [term for term in terms(" ".join(written)) if not is_empty(term) and not is_figure(term)]
    counted = [term for value in inside if value.kind is Kind.COUNT and value.unit for term in terms(value.unit)]
    marked = tuple(value for value in marks if span[0] <= value.start < span[1])
    return _Segment(*span, tuple(meaning([*told, *counted])), inside, marked)


def _labels(value: Value, segments: list[_Segment]) -> Mapping[str, float]:
    at = next((index for index, one in enumerate(segments) if one.start <= value.start < one.end), 0)
    labels: dict[str, float] = {}
    for index, segment in enumerate(segments):
        weight = _weight(index - at, segment, value, bare=not segments[at].terms)
        for term in segment.terms:
            labels[term] = max(weight, labels.get(term, 0))
        for mark in segment.marks:
            if mark is not value:
                labels[mark.key] = max(weight, labels.get(mark.key, 0))
        for other in segment.values:
            if other is not value:
                for key in keys(other):
                    beside = 0.7 if index == at or (weight == 1.0 and not _has_kind(segment, value)) else 0.3 * weight
                    labels[key] = max(beside, labels.get(key, 0))
    return labels


def _has_kind(segment: _Segment, value: Value) -> bool:
    return any(other.kind is value.kind for other in segment.values)


def keys(value: Value) -> list[str]:
    """A value as a label of others; of Tuesday to Saturday each day."""
    if value.kind is Kind.TIME:
        return [value.key, *(f"§clock:{end:g}" for end in {value.low, value.high})]
    if value.kind is not Kind.WEEKDAY:
        return [value.key]
    return [f"§day:{day}" for day in sorted(days(value))]


def days(value: Value) -> frozenset[int]:
    low, high = int(value.low), int(value.high)
    return frozenset(day % 7 for day in range(low, high + 1 if high >= low else high + 8))


def _weight(distance: int, segment: _Segment, value: Value, bare: bool) -> float:
    if not distance:
        return 1.0
    if distance == -1:
        return 1.0 if bare else 0.35 if _has_kind(segment, value) else 0.6
    if distance < 0:
        return 0.3
    if distance == 1 and not _has_kind(segment, value):
        return 0.4
    return 0.1
