"""The answer of a shop's API: read by schema, said in the shop's sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from core.errors import LookUpFailed
from core.language import base
from core.lookups.checking import PLACEHOLDER
from core.lookups.config import FieldConfig, LookUpConfig
from core.phrases import in_language

Values = Mapping[str, tuple[str, ...]]
MOST_ITEMS = 10
TEXT_CHARS = 200
NUMBER_CHARS = 30
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_PART = re.compile(r"([^.\[\]]+)|\[(\d*)\]")
_HIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")
_LINK = re.compile(r"https?://[!-;=?-~]{3,500}")
_MONTHS = "January February March April May June July August September October November December".split()


def read(name: str, config: LookUpConfig, body: object, arguments: Mapping[str, str]) -> Values | None:
    """The fields of the answer as texts; None: there is no such thing, or it is not of whom the arguments name.

    Raises LookUpFailed if the answer is not what bot.yaml says.
    """
    roots = _at(body, config.result.root) if config.result.root else [body]
    if not roots:
        return None
    root = roots[0]
    if not isinstance(root, dict):
        raise LookUpFailed(f"the look-up '{name}' answered with something else than one JSON object")
    if not all(
        _same(_at(root, argument.matches), arguments.get(key, ""))
        for key, argument in config.arguments.items()
        if argument.matches
    ):
        return None
    return {key: _field(name, key, field, root) for key, field in config.result.fields.items()}


def _same(found: Sequence[object], given: str) -> bool:
    """Whether what the shopper gave is what the result has, whatever the letters' case and the spaces."""
    return any(isinstance(one, str | int) and _bare(str(one)) == _bare(given) for one in found) and bool(_bare(given))


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _at(value: object, path: str) -> list[object]:
    """What stands at ``path``: one value, several behind [], or nothing; null is nothing."""
    found = [value]
    for key, index in _PART.findall(path):
        if key:
            found = [one[key] for one in found if isinstance(one, dict) and key in one]
        elif index:
            found = [one[int(index)] for one in found if isinstance(one, list) and int(index) < len(one)]
        else:
            found = [inner for one in found if isinstance(one, list) for inner in one]
    return [one for one in found if one is not None]


def _field(look_up: str, name: str, config: FieldConfig, root: object) -> tuple[str, ...]:
    found = _at(root, config.path)
    where = f"the look-up '{look_up}' answered"
    if not found and not config.optional:
        raise LookUpFailed(f"{where} without {config.path}, the field '{name}'")
    if len(found) > 1 and "[]" not in config.path:
        raise LookUpFailed(f"{where} with several {config.path}, the field '{name}' is one")
    texts = tuple(text for text in (_text(one, config) for one in found[:MOST_ITEMS]) if text != "")
    if None in texts or (found and not texts and not config.optional):
        raise LookUpFailed(f"{where} with a {config.path} that is not what the field '{name}' says")
    return tuple(text for text in texts if text is not None)


def _text(value: object, config: FieldConfig) -> str | None:
    """A value as text, in one form for all languages; None: it is not of its type."""
    if config.words:
        written = str(value).casefold() if isinstance(value, str | int) else ""
        return next((known for known in config.words if known.casefold() == written), None)
    match config.type:
        case "number" | "money":
            return _number(value, config.type == "money")
        case "day":
            return _day(value)
        case "link":
            return value if isinstance(value, str) and _LINK.fullmatch(value) else None
        case "text":
            if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
                return None
            return _HIDDEN.sub(" ", str(value)).strip()[:TEXT_CHARS]


def _number(value: object, money: bool) -> str | None:
    """Also of a text, as some APIs write prices; money with two decimals, or as a whole number."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal) or len(str(value)) > NUMBER_CHARS:
        return None
    if not _NUMBER.fullmatch(str(value)):
        return None
    number = Decimal(value)
    return format(round(number, 2) if money and number % 1 else number, "f")


def _day(value: object) -> str | None:
    """2026-03-05, of a day or of a moment in the time zone that it is written in."""
    try:
        return datetime.fromisoformat(value).date().isoformat() if isinstance(value, str) else None
    except ValueError:
        return None


# ── saying it ────────────────────────────────────────────────────────────────────────────────────────────


def told(
    config: LookUpConfig, values: Values, arguments: Mapping[str, str], language: str, only: Sequence[int] = ()
) -> str:
    """The sentences in ``language``, without those that name something which the result does not have.

    ``only``: the numbers of those that were asked for; empty: all.
    """
    sentences = [said for index, said in enumerate(config.result.says) if not only or index in only]
    filled = [_filled(config, in_language(said.text, language), values, arguments, language) for said in sentences]
    said = [sentence for sentence in filled if sentence]
    # Chinese sentences need no space between them, but a link does not end without one.
    ends = ["" if base(language) == "zh" and one[-1] in "。！？" else " " for one in said]
    return "".join(one + end for one, end in zip(said, ends, strict=True)).strip()


def _filled(config: LookUpConfig, sentence: str, values: Values, arguments: Mapping[str, str], language: str) -> str:
    names = PLACEHOLDER.findall(sentence)
    if any(name in config.result.fields and not values.get(name) for name in names):
        return ""
    said = {
        name: _said(config.result.fields[name], values[name], language)
        if name in config.result.fields
        else plain(arguments.get(name, ""))
        for name in names
    }
    return PLACEHOLDER.sub(lambda match: said[match.group(1)], sentence)


def _said(config: FieldConfig, texts: Sequence[str], language: str) -> str:
    comma = "、" if base(language) == "zh" else ", "
    return comma.join(_one(config, text, language) for text in texts)


def _one(config: FieldConfig, text: str, language: str) -> str:
    if config.words:
        return in_language(config.words[text], language) if text in config.words else ""
    if config.type == "day":
        day = date.fromisoformat(text)
        return f"{day.year}年{day.month}月{day.day}日" if base(language) == "zh" else _english_day(day)
    return text if config.type == "link" else plain(text)


def _english_day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def plain(text: str) -> str:
    """A text that is no Markdown: what stands in the shop's system, or what a shopper wrote, is only shown."""
    return _MARKUP.sub(r"\\\1", text)
