"""What a message says of the product that is looked for: needs, each with the words that it was heard in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.knowledge.words import HAN
from core.recommend.assortment import Assortment, Meaning
from core.recommend.lexicon import OPPOSITES
from core.recommend.money import Budget, budgets
from core.recommend.tokens import Token, is_ware, object_of, products_in, tokens_of
from core.recommend.wishes import Need, NeedKind

# What is not wanted: from such a word to the end of its clause, or to what the product is for.
_DENIES = re.compile(
    r"\b(?:no|not|without|free\s+(?:of|from)|non|nothing|never|avoid|except|hates?|dislikes?|(?:don'?t|do\s+not|doesn'?t|does\s+not)\s+(?:want|like|"
    r"love|drink|eat|have|read|wear|need)|can'?t\s+(?:have|eat|drink|stand|take|wear)|cannot\s+(?:have|eat|drink|take)|"
    r"allerg(?:ic\s+to|y\s+to|ies\s+to)|intoleran(?:t\s+to|ce\s+to)|isn'?t|aren'?t)\b"
    r"|不要|不想要|不含|不喜欢|不爱|不能有|不能喝|不能吃|不能|不加|不带|不吃|不喝|讨厌|避免|忌|没有(?!什么)|无|别太?|不太|不是|除了|(?<![好不])不(?!错|过|同|仅|但|管|论|超|低|少|知)",
    re.IGNORECASE,
)
_DENIAL_ENDS = re.compile(
    r"[,.;:!?，。；：！？、\n]|\b(?:but|under|below|for|please|because|rather|instead|and\s+(?:i|it|she|he|something|nothing|a|an|no|not|under))\b|但|而|给|送|过敏|的话",
    re.IGNORECASE,
)
# The same, with what is not wanted before it or within.
_ALLERGY = re.compile(
    r"(?:\b(?P<what>[a-z]+)(?:\s+(?:allergy|allergies|intolerance)\b|(?:-|\s)free\b)|对(?P<han>[㐀-䶿一-鿿]{1,8})过敏)",
    re.IGNORECASE,
)
_QUESTION_FORM = re.compile(
    r"有没有|能不能|可不可以|是不是|要不要|好不好|\bwhy\s+not\b|\bno\s+problem\b|\bnot\s+sure\b|\bnot\s+only\b",
    re.IGNORECASE,
)
_FREE = re.compile(r"-(?=free\b)", re.IGNORECASE)
_STRICT_DENIAL = re.compile(r"allerg|intoler|without|free|contain|过敏|不含|无|\bno\b", re.IGNORECASE)
_CHEAP = re.compile(
    r"\b(?:cheap(?:er|est)?|inexpensive|affordable|low[- ](?:price|cost|budget)|not\s+(?:too\s+|very\s+|so\s+)?expensive|good\s+value)\b"
    r"|便宜|实惠|性价比|不(?:要|想)?太?贵",
    re.IGNORECASE,
)
_DEAR = re.compile(
    r"\b(?:(?:most\s+)?expensive|money\s+is\s+no\s+object|price\s+does\s*n.t\s+matter)\b|(?<!不)最贵|不差钱|贵一点也",
    re.IGNORECASE,
)
# Written before a recipient or an occasion, and quoted with it.
_LEAD = re.compile(
    r"(?:\b(?:for|in|at|with)\s+)(?:(?:my|our|the|a|an|his|her|their|this)\s+)?(?:\w+\s+)?$", re.IGNORECASE
)
_HAN_LEAD = re.compile(r"(?:送给|送|给|为|对)?(?:我|我的|他|她)?$")
# Decaf, 脱因: what is named was taken out.
_TAKEN_OUT = ("decaf", "脱")


@dataclass(frozen=True, slots=True)
class Listened:
    """``needs`` in the order of the message; ``unknown``: telling words that the shop does not know; ``foreign``: the
    currency of a budget that is not the shop's; ``products``: SKUs that are named; ``object_unknown``: what is looked
    for is nothing that the shop knows."""

    needs: tuple[Need, ...] = ()
    unknown: tuple[str, ...] = ()
    foreign: str = ""
    products: tuple[str, ...] = ()
    object_unknown: bool = False

    def has(self, *kinds: NeedKind) -> bool:
        return any(need.kind in kinds for need in self.needs)


@dataclass(frozen=True, slots=True)
class _Zone:
    """A part of a text that says what is not wanted; ``said_from``, ``said_to``: as it is quoted (None: to the word)."""

    start: int
    end: int
    said_from: int
    said_to: int | None = None


def listen(text: str, message: str, assortment: Assortment, asking: str = "") -> Listened:
    """``asking``: the need that the shopper was asked for."""
    text = text.replace("’", "'")
    found = budgets(text, assortment.currency, bare=asking == "budget")
    masked = _masked(_FREE.sub(" ", _QUESTION_FORM.sub(_blank, text)), found)
    folded = masked.casefold()
    names = assortment.names_in(folded)
    named = tuple(dict.fromkeys(products_in(folded, names, assortment)))
    for name in names:
        masked = _without(masked, name)
    needs = _budget(found, text, message)
    cheap = _CHEAP.search(masked) or _DEAR.search(masked)
    if cheap:
        value = "cheap" if _CHEAP.search(masked) else "dear"
        needs = needs or [Need(kind="budget", value=value, said=cheap.group().strip(), message=message)]
    zones = tuple(_denied(masked))
    if cheap:
        masked = masked[: cheap.start()] + " " * len(cheap.group()) + masked[cheap.end() :]
    wanted = object_of(masked)
    tokens = tuple(token for token in tokens_of(masked, assortment) if not is_ware(token, wanted, assortment))
    sentence = _Sentence(text, masked, message, zones, tokens, assortment)
    strange: list[Token] = []
    for token in tokens:
        meant = sentence.needs(token)
        if meant is None:
            strange.append(token)
        else:
            needs += meant
    return Listened(
        needs=tuple(_distinct(needs)),
        unknown=tuple(text[token.start : token.end] for token in strange),
        foreign=next((budget.foreign for budget in found if budget.foreign), ""),
        products=named,
        object_unknown=wanted is not None and any(token.start == wanted for token in strange),
    )


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A message as it is read; ``masked``: without amounts of money and names of products, as long as ``text``."""

    text: str
    masked: str
    message: str
    zones: tuple[_Zone, ...]
    tokens: tuple[Token, ...]
    assortment: Assortment

    def needs(self, token: Token) -> list[Need] | None:
        """What a word says; None: the shop does not know it."""
        said, known = self.text[token.start : token.end], token.known
        zone = next((zone for zone in self.zones if zone.start <= token.start < zone.end), None)
        if zone and known and not _spared(token, self.tokens, zone, self.masked):
            return [_unwanted(known, self._denial(zone, token), self.message)]
        if known and known.kind != "without":
            return [_need(known, _quoted(self.text, token), self.message)]
        if known and said.casefold().startswith(_TAKEN_OUT):
            return [_unwanted(known, said, self.message)]
        if known:
            return _ingredient(said, self.message, self.assortment)
        if zone and _STRICT_DENIAL.search(self.text[zone.said_from : zone.said_to or zone.start]):
            word = said.casefold()
            return [_unwanted(Meaning("without", word, (word,)), self._denial(zone, token), self.message)]
        return None

    def _denial(self, zone: _Zone, token: Token) -> str:
        return self.text[zone.said_from : zone.said_to or token.end].strip()


# ── what is not wanted ───────────────────────────────────────────────────────────────────────────────────


def _denied(text: str) -> Iterator[_Zone]:
    for match in _DENIES.finditer(text):
        end = _DENIAL_ENDS.search(text, match.end())
        yield _Zone(match.end(), end.start() if end else len(text), match.start())
    for match in _ALLERGY.finditer(text):
        what = "what" if match["what"] else "han"
        yield _Zone(match.start(what), match.end(what), match.start(), match.end())


def _spared(token: Token, tokens: Sequence[Token], zone: _Zone, text: str) -> bool:
    """Whom it is for is never denied; of "not smoky black tea" and 不要烟熏的红茶 the tea is wanted."""
    known = token.known
    assert known is not None
    if known.kind in ("recipient", "occasion"):
        return True
    if known.kind != "category":
        return HAN.search(text[zone.start : zone.end]) is not None and "的" in text[zone.start : token.start].rstrip(
            "的"
        )
    return any(
        other.known and other.known.kind in ("taste", "without") and zone.start <= other.start < token.start
        for other in tokens
    )


def _unwanted(known: Meaning, said: str, message: str) -> Need:
    return Need(kind="without", value=known.name, said=said, message=message, finds=known.finds)


def _ingredient(said: str, message: str, assortment: Assortment) -> list[Need]:
    """What others must not have may be just what is wanted: tea with milk, a leather shoe."""
    if not assortment.tells(said.casefold()):
        return []
    return [Need(kind="taste", value=said.casefold(), said=said, message=message, finds=(said.casefold(),))]


# ── needs ────────────────────────────────────────────────────────────────────────────────────────────────


def _need(known: Meaning, said: str, message: str) -> Need:
    return Need(kind=known.kind, value=known.name, said=said, message=message, finds=known.finds)


def _quoted(text: str, token: Token) -> str:
    """The words of a need; "for my mother" rather than "mother"."""
    start = token.start
    if token.known and token.known.kind in ("recipient", "occasion"):
        lead = (_HAN_LEAD if HAN.match(text[start]) else _LEAD).search(text, 0, start)
        start = lead.start() if lead else start
    return text[start : token.end]


def _budget(found: list[Budget], text: str, message: str) -> list[Need]:
    """All budgets of a message as one: "at least 10, at most 20"."""
    found = [budget for budget in found if not budget.foreign]
    if not found:
        return []
    low = next((budget.low for budget in reversed(found) if budget.low is not None), None)
    capped = next((budget for budget in reversed(found) if budget.high is not None), None)
    said = ", ".join(text[budget.start : budget.end].strip() for budget in found)
    need = Need(kind="budget", value="", said=said, message=message, low=low)
    return [need.replace(high=capped.high, strict=capped.strict) if capped else need]


def _distinct(needs: list[Need]) -> Iterator[Need]:
    """Each once, and one category rather than all of a kind; a thing that is wanted and not wanted, or its opposite, counts as it was said last."""
    if any(need.kind == "category" and len(need.finds) == 1 for need in needs):
        needs = [need for need in needs if need.kind != "category" or len(need.finds) == 1]
    for place, need in enumerate(needs):
        if not any(_replaces(later, need) for later in needs[place + 1 :]):
            yield need


def _replaces(later: Need, earlier: Need) -> bool:
    if later.kind in ("recipient", "budget"):
        return later.kind == earlier.kind
    if later.value == earlier.value and {later.kind, earlier.kind} != {"occasion", "recipient"}:
        return True
    return later.kind == earlier.kind == "taste" and earlier.value in OPPOSITES.get(later.value, ())


def merged(needs: tuple[Need, ...], new: tuple[Need, ...]) -> tuple[Need, ...]:
    """What is looked for after a further message: what it says replaces what was said of the same."""
    kinds = {need.kind for need in new if need.kind in ("category", "budget", "occasion", "recipient")}
    kept = [need for need in needs if need.kind not in kinds and not any(_replaces(other, need) for other in new)]
    return (*kept, *new)


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _masked(text: str, found: list[Budget]) -> str:
    for budget in found:
        text = text[: budget.start] + " " * (budget.end - budget.start) + text[budget.end :]
    return text


def _without(text: str, phrase: str) -> str:
    at = text.casefold().find(phrase)
    return text[:at] + " " * len(phrase) + text[at + len(phrase) :] if at >= 0 else text
