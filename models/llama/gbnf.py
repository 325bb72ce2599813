"""Reads a grammar in llama.cpp's notation (GBNF) into rules of character sets and references.

Notation: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md. llama.cpp's own reader is not used, for
neither it nor its matching is safe: hidden left recursion, a range such as {3,1} or an ambiguous rule fill the memory,
and some mistakes end the process.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

MOST_CHARACTERS = 200_000
MOST_SYMBOLS = 100_000
MOST_REPETITIONS = 2_000
_DEEPEST = 100
_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)  # no character, so never in a text
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_HEX = frozenset("0123456789abcdefABCDEF")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", **{char: char for char in '\\"[]-'}}
_CODES = {"x": 2, "u": 4, "U": 8}


class GrammarError(Exception):
    """What is wrong with the grammar, and where."""


@dataclass(frozen=True, slots=True)
class Characters:
    """A set of code points as ranges, both ends included, in order and apart from each other."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]

    def meets(self, low: int, high: int) -> bool:
        """Whether one of them lies between ``low`` and ``high``."""
        place = bisect_right(self.lows, high) - 1
        return place >= 0 and self.highs[place] >= low


Symbol = Characters | int  # an int is the number of a rule
Body = tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Each rule's alternatives, by its number; ``names`` for messages."""

    alternatives: tuple[tuple[Body, ...], ...]
    names: tuple[str, ...]
    root: int


def characters(ranges: Iterable[tuple[int, int]], *, negated: bool = False) -> Characters:
    merged: list[list[int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    if negated:
        edges = [-1, *(edge for low, high in merged for edge in (low, high)), _LAST_CODE_POINT + 1]
        merged = [[edges[at] + 1, edges[at + 1] - 1] for at in range(0, len(edges), 2)]
    kept = [part for low, high in merged for part in _without_surrogates(low, min(high, _LAST_CODE_POINT))]
    return Characters(tuple(low for low, _ in kept), tuple(high for _, high in kept))


def _without_surrogates(low: int, high: int) -> Iterator[tuple[int, int]]:
    for part in ((low, min(high, _SURROGATES[0] - 1)), (max(low, _SURROGATES[1] + 1), high)):
        if part[0] <= part[1]:
            yield part


def read_grammar(text: str) -> Rules:
    """Raises GrammarError."""
    if len(text) > MOST_CHARACTERS:
        raise GrammarError(f"it has {len(text)} characters; at most {MOST_CHARACTERS} are allowed")
    rules = _Reader(text).rules()
    _check_left_recursion(rules)
    return rules


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text + "\0"  # never reached by a skip, and nothing that the notation knows
        self._at = 0
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._bodies: dict[int, tuple[Body, ...]] = {}
        self._symbols = 0
        self._depth = 0
        self._used: dict[int, int] = {}  # where a rule is named first

    def rules(self) -> Rules:
        self._skip(lines=True)
        while self._at < len(self._text) - 1:
            self._rule()
        for number, at in self._used.items():
            if number not in self._bodies:
                raise self._wrong(f"the rule {self._names[number]!r} is used but not defined", at)
        if (root := self._numbers.get("root")) is None:
            raise GrammarError("it has no rule named root, where the text begins; write root ::= …")
        return Rules(tuple(self._bodies[at] for at in range(len(self._names))), tuple(self._names), root)

    # ── rules ────────────────────────────────────────────────────────────────────────────────────────────

    def _rule(self) -> None:
        at = self._at
        name = self._name()
        number = self._number(name)
        self._used.setdefault(number, at)
        if number in self._bodies:
            raise self._wrong(f"the rule {name!r} is defined twice", at)
        self._skip(lines=False)
        if not self._text.startswith("::=", self._at):
            raise self._wrong(f"after the name {name!r}, ::= is expected")
        self._at += 3
        self._skip(lines=True)
        self._bodies[number] = self._alternatives(name, nested=False)
        if self._text[self._at] not in "\r\n" and self._at < len(self._text) - 1:
            raise self._wrong("a new line or the end is expected")
        self._skip(lines=True)

    def _alternatives(self, name: str, *, nested: bool) -> tuple[Body, ...]:
        found = [self._sequence(name, nested=nested)]
        while self._text[self._at] == "|":
            self._at += 1
            self._skip(lines=True)
            found.append(self._sequence(name, nested=nested))
        return tuple(found)

    def _sequence(self, name: str, *, nested: bool) -> Body:
        body: list[Symbol] = []
        last = 0  # where the latest item begins, which a repetition repeats
        while True:
            char = self._text[self._at]
            if char in "*+?{":
                item = tuple(body[last:])
                if not item:
                    raise self._wrong(f"nothing is before {char!r} that could be repeated")
                body[last:] = self._repeated(name, item, *self._repetition())
            elif (item_ := self._item(name, char)) is not None:
                last = len(body)
                body += item_
                self._count(len(item_))
            else:
                return tuple(body)
            self._skip(lines=nested)

    def _item(self, name: str, char: str) -> Body | None:
        if char == '"':
            return self._literal()
        if char == "[":
            return (self._class(),)
        if char == "(":
            return (self._group(name),)
        if char == ".":
            self._at += 1
            return (characters([(0, _LAST_CODE_POINT)]),)
        if char in "<!":
            raise self._wrong("tokens (<…>) are not supported; write the text that is meant")
        if char in _NAME:
            at = self._at
            number = self._number(self._name())
            self._used.setdefault(number, at)
            return (number,)
        return None

    def _group(self, name: str) -> int:
        at = self._at
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"parentheses are nested more than {_DEEPEST} deep; name a rule of its own")
        self._skip(lines=True)
        number = self._add(name, self._alternatives(name, nested=True))
        if self._text[self._at] != ")":
            raise self._wrong("this parenthesis is not closed", at)
        self._at += 1
        self._depth -= 1
        return number

    # ── repetitions ──────────────────────────────────────────────────────────────────────────────────────

    def _repetition(self) -> tuple[int, int | None]:
        """The least and the most times."""
        char = self._text[self._at]
        at = self._at
        self._at += 1
        if char != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        self._skip(lines=True)
        least = self._times()
        most: int | None = least
        self._skip(lines=True)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(lines=True)
            most = self._times() if self._text[self._at].isdecimal() else None
            self._skip(lines=True)
        if self._text[self._at] != "}":
            raise self._wrong("this brace is not closed; write {2}, {2,} or {2,5}", at)
        self._at += 1
        if most is not None and most < least:
            raise self._wrong(f"a repetition of at least {least} and at most {most}", at)
        return least, most

    def _times(self) -> int:
        at = self._at
        while self._text[self._at] in "0123456789":
            self._at += 1
        digits = self._text[at : self._at]
        if not digits:
            raise self._wrong("a number is expected; write {2}, {2,} or {2,5}", at)
        if len(digits) > 9 or int(digits) > MOST_REPETITIONS:
            raise self._wrong(f"more than {MOST_REPETITIONS} repetitions", at)
        return int(digits)

    def _repeated(self, name: str, item: Body, least: int, most: int | None) -> Body:
        """``item`` so many times, as references to rules that are in their own last place: they need no room."""
        one: Symbol = item[0] if len(item) == 1 else self._add(name, (item,))
        if most is None:
            again = self._add(name, ())
            self._bodies[again] = ((one, again), ())
            rest: Body = (again,)
        else:
            rest = ()
            for _ in range(most - least):
                rest = (self._add(name, ((one, *rest), ())),)
        self._count(least + 3 * (most or 1))
        return (one,) * least + rest

    # ── characters ───────────────────────────────────────────────────────────────────────────────────────

    def _literal(self) -> Body:
        at = self._at
        self._at += 1
        found: list[Symbol] = []
        while self._text[self._at] != '"':
            code = self._character('"', at)
            one = characters([(code, code)])
            found.append(one)
            if not one.lows:
                raise self._wrong("a surrogate is no character; write the character itself, or \\U and 8 digits", at)
        self._at += 1
        return tuple(found)

    def _class(self) -> Characters:
        at = self._at
        self._at += 1
        negated = self._text[self._at] == "^"
        self._at += negated
        ranges: list[tuple[int, int]] = []
        while self._text[self._at] != "]":
            low = high = self._character("]", at)
            if self._text[self._at] == "-" and self._text[self._at + 1] != "]":
                self._at += 1
                high = self._character("]", at)
            if high < low:
                raise self._wrong("a range whose end comes before its beginning")
            ranges.append((low, high))
        self._at += 1
        found = characters(ranges, negated=negated)
        if not ranges or not found.lows:
            raise self._wrong("a class that no character is in", at)
        return found

    def _character(self, end: str, begin: int) -> int:
        char = self._text[self._at]
        if char == "\0" and self._at == len(self._text) - 1:
            raise self._wrong(f"what begins here has no closing {end}", begin)
        self._at += 1
        if char != "\\":
            return ord(char)
        escape = self._text[self._at]
        self._at += 1
        if digits := _CODES.get(escape):
            code = self._text[self._at : self._at + digits]
            if len(code) < digits or not _HEX.issuperset(code) or int(code, 16) > _LAST_CODE_POINT:
                raise self._wrong(f"after \\{escape}, {digits} hexadecimal digits of a character are expected")
            self._at += digits
            return int(code, 16)
        if escape not in _ESCAPES:
            raise self._wrong(
                f'\\{escape} is no escape; there are \\n \\r \\t \\\\ \\" \\[ \\] \\- \\x \\u \\U', self._at - 2
            )
        return ord(_ESCAPES[escape])

    # ── small things ─────────────────────────────────────────────────────────────────────────────────────

    def _skip(self, *, lines: bool) -> None:
        """Spaces and comments; ``lines``: the ends of lines, too."""
        while True:
            char = self._text[self._at]
            if char == "#":
                while self._text[self._at] not in "\r\n" and self._at < len(self._text) - 1:
                    self._at += 1
            elif char in " \t" or (lines and char in "\r\n"):
                self._at += 1
            else:
                return

    def _name(self) -> str:
        at = self._at
        while self._text[self._at] in _NAME:
            self._at += 1
        if at == self._at:
            raise self._wrong("the name of a rule is expected (letters, digits and -)")
        return self._text[at : self._at]

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        return self._numbers[name]

    def _add(self, name: str, bodies: tuple[Body, ...]) -> int:
        self._names.append(name)
        self._bodies[len(self._names) - 1] = bodies
        self._count(1)
        return len(self._names) - 1

    def _count(self, symbols: int) -> None:
        self._symbols += symbols
        if self._symbols > MOST_SYMBOLS:
            raise self._wrong(f"with its repetitions it has more than {MOST_SYMBOLS} parts; make it simpler")

    def _wrong(self, what: str, at: int | None = None) -> GrammarError:
        at = self._at if at is None else at
        line = self._text.count("\n", 0, at) + 1
        column = at - self._text.rfind("\n", 0, at)
        found = self._text[at : at + 20].split("\n")[0].rstrip("\0")
        return GrammarError(f"line {line}, column {column}: {what}" + (f" (at {found!r})" if found else ""))


# ── left recursion ───────────────────────────────────────────────────────────────────────────────────────


def _check_left_recursion(rules: Rules) -> None:
    """A rule that begins with itself would be begun without end before the first character."""
    empty = _maybe_empty(rules.alternatives)
    begins: dict[int, set[int]] = {}
    for number, alternatives in enumerate(rules.alternatives):
        begins[number] = {
            symbol
            for body in alternatives
            for place, symbol in _leading(body, empty)
            if not (symbol == number and 0 < place == len(body) - 1)  # (a?)* comes back to itself, nothing left to do
        }
    try:
        TopologicalSorter(begins).prepare()
    except CycleError as error:
        names = list(dict.fromkeys(rules.names[number] for number in error.args[1]))
        raise GrammarError(
            f"the rule {names[0]!r} begins with itself"
            + (f" (by way of {', '.join(names[1:])})" if names[1:] else "")
            + "; write the repeated part with * or +"
        ) from None


def _leading(body: Body, empty: set[int]) -> Iterator[tuple[int, int]]:
    """The rules that ``body`` may begin with, and where they stand in it."""
    for place, symbol in enumerate(body):
        if not isinstance(symbol, int):
            return
        yield place, symbol
        if symbol not in empty:
            return


def _maybe_empty(alternatives: Sequence[tuple[Body, ...]]) -> set[int]:
    """The rules of which nothing may be left."""
    users: dict[int, list[tuple[int, Body]]] = defaultdict(list)
    found: set[int] = set()
    for number, bodies in enumerate(alternatives):
        for body in bodies:
            if not body:
                found.add(number)
            elif all(isinstance(symbol, int) for symbol in body):
                for symbol in body:
                    users[symbol].append((number, body))  # type: ignore[index]
    todo = list(found)
    while todo:
        for number, body in users[todo.pop()]:
            if number not in found and found.issuperset(body):
                found.add(number)
                todo.append(number)
    return found
