"""Finding the arguments of a look-up in what a shopper wrote."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from core.characters import compatible
from core.lookups.config import ArgumentConfig, LookUpConfig

EMAIL = r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
INTEGER = r"\d{1,18}"
# What the shopper gives as the answer to a question, where nothing else tells what it is.
FREE_CHARS = 80
# A turn asks several times for the same text.
REMEMBERED_TEXTS = 1000
_CASES: Mapping[str, Callable[[str], str]] = {"keep": str, "upper": str.upper, "lower": str.lower}


@dataclass(frozen=True, slots=True)
class Found:
    """The values of each argument in one text, in their order; ``rest``: the text without them."""

    values: Mapping[str, tuple[str, ...]]
    rest: str

    def several(self) -> tuple[str, tuple[str, ...]] | None:
        """The first argument that has more than one value."""
        return next(((name, values) for name, values in self.values.items() if len(values) > 1), None)

    def last(self) -> dict[str, str]:
        return {name: values[-1] for name, values in self.values.items()}


class Finder:
    """Finds the arguments of one look-up; what one argument has taken no other one gets."""

    def __init__(self, config: LookUpConfig) -> None:
        # An e-mail address may hold what looks like a number.
        order = sorted(config.arguments.items(), key=lambda named: named[1].type != "email")
        self._arguments = {name: _Argument(argument) for name, argument in order}
        self._patterns = [argument for argument in self._arguments.values() if argument.config.pattern]
        self.without = lru_cache(REMEMBERED_TEXTS)(self._without)

    def find(self, text: str) -> Found:
        text = compatible(text)
        found: dict[str, tuple[str, ...]] = {}
        for name, argument in self._arguments.items():
            values = list(argument.find(text))
            if values:
                found[name] = tuple(dict.fromkeys(value for value, _, _ in values))
                for _, start, end in reversed(values):
                    text = f"{text[:start]} {text[end:]}"
        return Found(found, " ".join(text.split()))

    def _without(self, text: str) -> str:
        """The text without what a pattern finds: an order number says which order, not what is asked of it."""
        for argument in self._patterns:
            for _, start, end in reversed(list(argument.find(text))):
                text = f"{text[:start]} {text[end:]}"
        return text.strip()

    def certain(self, text: str) -> dict[str, str]:
        """Of an earlier message what cannot be taken for something else: the last value of each argument."""
        found = self.find(text).last()
        return {name: value for name, value in found.items() if self._arguments[name].certain}

    def free(self, name: str, text: str) -> str:
        """A text as the answer to the question for an argument that may be any text; empty if it is none."""
        if not self._arguments[name].config.free:
            return ""
        text = " ".join(compatible(text).split())
        fits = 0 < len(text) <= FREE_CHARS and not text.endswith("?") and text not in (".", "..")
        return self._arguments[name].formed(text) if fits else ""


class _Argument:
    def __init__(self, config: ArgumentConfig) -> None:
        self.config = config
        self.certain = config.type == "email" or bool(config.pattern)
        self.formed = _CASES[config.case]
        self._choices = {
            word.casefold(): choice.value for choice in config.enum for word in _words(config, choice.value)
        }
        self._search = re.compile(self._written(), re.IGNORECASE) if not config.free else None

    def _written(self) -> str:
        """A value between what is neither a letter of a to z nor a digit; Chinese has no spaces around it."""
        if self._choices:
            words = sorted(self._choices, key=len, reverse=True)
            return "|".join(_bounded(re.escape(word)) if word.isascii() else re.escape(word) for word in words)
        of_type = {"email": EMAIL, "integer": INTEGER}
        return _bounded(of_type.get(self.config.type, self.config.pattern))

    def find(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Each value with the place where it stands."""
        for match in self._search.finditer(text) if self._search else ():
            value = self._choices[match.group().casefold()] if self._choices else self.formed(match.group())
            if self._allowed(value):
                yield value, match.start(), match.end()

    def _allowed(self, value: str) -> bool:
        config = self.config
        if config.type == "integer":
            low, high = config.minimum, config.maximum
            return (low is None or int(value) >= low) and (high is None or int(value) <= high)
        # Alone in a path these would lead elsewhere.
        return bool(value.strip()) and value not in (".", "..") and value.isprintable()


def _words(config: ArgumentConfig, value: str) -> Iterator[str]:
    for choice in config.enum:
        if choice.value == value:
            yield value
            for words in choice.words.values():
                yield from (unicodedata.normalize("NFKC", word) for word in words)


def _bounded(pattern: str) -> str:
    return rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])"
