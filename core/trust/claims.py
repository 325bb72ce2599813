"""The claims guard, first form: a generated text may say only what its grounding says.

Figures, links and promises must stand in the shop's facts, each figure beside the same words as there. How close the
rest must be is the bot's choice: ``close`` wants each sentence to follow a sentence of the facts almost word for word
(a small model turns facts around when it writes freely), ``free`` wants most of its telling words in the facts.

The guard reads along while the text is generated and lets words through as soon as they are sure, so that an answer
can be streamed and no figure, link or promise ever has to be taken back. It is deterministic and says what it found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from core.knowledge.words import content, terms

Wording = Literal["close", "free"]

FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")
LINK = re.compile(r"(?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE)
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
NUMBER_WORDS |= {"twenty": "20", "thirty": "30", "fifty": "50", "hundred": "100", "half": "1/2"}
WORDS = re.compile(r"[^\W\d_]+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
CLAUSE_END = re.compile(r"[,;:]\s+|[，；：、]")
NEGATION = re.compile(r"\b(?:no|not|never|none|nobody|nothing|neither|nor|cannot|unable)\b|n['’]t\b|[不没無无未别勿]")
PROMISES = frozenset(
    "guarantee guaranteed promise refund refunded free discount replace replacement compensate compensation voucher "
    "immediately today tomorrow cheapest best cure heal".split()
)
# The share of a sentence's telling words that must stand in the facts, and in this order in one place of them.
SUPPORT = 0.6
CLOSE = 0.75
# How many telling words may stand between a figure and the word beside it, in the facts.
REACH = 3


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _figure(written: str) -> str:
    """A figure in one notation: 1,234.50 and 1234.5 are the same."""
    grouped = re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", written)
    number = written.replace(",", "") if grouped else written.replace(",", ".")
    return number.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", number) else number


def _figures(plain: str) -> set[str]:
    found = {_figure(match) for match in FIGURE.findall(plain)}
    found.update(part for match in FIGURE.findall(plain) if ":" in match for part in match.split(":"))
    return found | {NUMBER_WORDS[word] for word in WORDS.findall(plain) if word in NUMBER_WORDS}


def _telling(text: str) -> list[str]:
    """The telling terms of a text in order, figures in one notation."""
    return [_figure(term) if FIGURE.fullmatch(term) else NUMBER_WORDS.get(term, term) for term in content(terms(text))]


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of a fact, a clause of it or two neighbouring sentences, with the title above them."""

    terms: tuple[str, ...]
    title: frozenset[str]
    negated: bool


@dataclass(frozen=True, slots=True)
class Fact:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a reply may say: the figures, links and promises of the shop's facts; of what was asked only the words."""

    figures: frozenset[str]
    links: str
    terms: frozenset[str]
    words: frozenset[str]
    places: tuple[Place, ...]
    wording: Wording

    @classmethod
    def of(cls, facts: Sequence[Fact], asked: Sequence[str] = (), wording: Wording = "free") -> Grounding:
        plain = _plain("\n".join(f"{fact.title}\n{fact.text}" for fact in facts))
        return cls(
            figures=frozenset(_figures(plain)),
            links=plain,
            terms=frozenset([*_telling(plain), *_telling("\n".join(asked))]),
            words=frozenset(WORDS.findall(plain)),
            places=tuple(place for fact in facts for place in _places(fact)),
            wording=wording,
        )


def _places(fact: Fact) -> list[Place]:
    sentences = [part for part in SENTENCE_END.split(fact.text) if part and part.strip()]
    title = frozenset(_telling(fact.title))
    clauses = [clause for one in sentences for clause in CLAUSE_END.split(one)]
    alone = [Place(tuple(_telling(one)), title, _negated(one)) for one in dict.fromkeys([*sentences, *clauses])]
    both = [
        Place((*_telling(one), *_telling(two)), title, _negated(one))
        for one, two in pairwise(sentences)
        if _negated(one) == _negated(two)
    ]
    return alone + both


def _negated(text: str) -> bool:
    return NEGATION.search(_plain(text)) is not None


# ── what may not be said ─────────────────────────────────────────────────────────────────────────────────


def invented(text: str, grounding: Grounding) -> str:
    """The first figure, link or promise of ``text`` that its grounding does not say, in a few words; else empty."""
    plain = _plain(text)
    for link in LINK.findall(plain):
        if link.rstrip(".,;:!?)") not in grounding.links:
            return f"the link or address '{link}' is not in the shop's facts"
    figures = sorted(_figures(plain) - grounding.figures - {"1"})
    if figures:
        return f"the figure '{figures[0]}' is not in the shop's facts"
    promised = sorted(word for word in WORDS.findall(plain) if word in PROMISES and word not in grounding.words)
    return f"'{promised[0]}' is promised nowhere in the shop's facts" if promised else ""


def unsupported(sentence: str, grounding: Grounding) -> str:
    """What is wrong with a whole sentence, in a few words; else empty."""
    telling = _telling(sentence)
    if not telling:
        return ""
    shown = f"'{sentence.strip()[:80]}'"
    supported = sum(term in grounding.terms for term in telling)
    if supported / len(telling) < SUPPORT:
        return f"only {supported} of {len(telling)} telling words of {shown} stand in the shop's facts"
    if any(FIGURE.fullmatch(term) for term in telling) and not any(
        _figures_fit(telling, place) for place in grounding.places
    ):
        return f"the figures of {shown} stand beside other words in the shop's facts"
    if grounding.wording == "close" and "?" in sentence:
        return f"{shown} asks instead of answering"
    if grounding.wording == "close" and not any(_follows(sentence, telling, place) for place in grounding.places):
        return f"{shown} follows no sentence of the shop's facts"
    return ""


def _figures_fit(telling: Sequence[str], place: Place) -> bool:
    """Whether each figure stands beside the words that it stands beside in ``place``."""
    for index, term in enumerate(telling):
        if not FIGURE.fullmatch(term):
            continue
        before = telling[index - 1] if index else ""
        after = telling[index + 1] if index + 1 < len(telling) else ""
        if not any(
            _near(before, place.terms[max(0, at - REACH) : at], place)
            and _near(after, place.terms[at + 1 : at + 1 + REACH], place)
            for at, found in enumerate(place.terms)
            if found == term
        ):
            return False
    return True


def _near(word: str, neighbours: Sequence[str], place: Place) -> bool:
    """The title is near to everything; but a word that stands in the text itself is near only where it stands."""
    return not word or word in neighbours or (word in place.title and word not in place.terms)


def _follows(sentence: str, telling: Sequence[str], place: Place) -> bool:
    """Whether a sentence says in order what ``place`` says, and neither denies what the other affirms."""
    if _negated(sentence) != place.negated:
        return False
    said = [term for term in telling if term not in place.title]
    return _common_in_order(said, place.terms) >= CLOSE * len(said)


def _common_in_order(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for term in one:
        before = 0
        for at, found in enumerate(other, 1):
            before, row[at] = row[at], before + 1 if term == found else max(row[at], row[at - 1])
    return row[-1]


# ── reading along ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Guard:
    """Reads a text while it is generated.

    ``safe`` is what may be shown so far: whole words, among them no figure, link or promise that is not grounded; with
    ``close`` wording whole sentences. ``finding`` says why the text was stopped.
    """

    grounding: Grounding
    text: str = ""
    safe: str = ""
    finding: str = ""
    _checked: int = 0

    def add(self, piece: str, last: bool = False) -> bool:
        """Take a piece; False once something was found that must not be said."""
        self.text += piece
        end = len(self.text) if last else self._last_boundary()
        self.finding = self.finding or invented(self.text[self._checked : end], self.grounding)
        for sentence_end in self._sentence_ends(last):
            sentence = self.text[self._checked : sentence_end]
            self.finding = self.finding or unsupported(sentence, self.grounding)
            if self.finding:
                break
            self._checked = sentence_end
        if self.finding:
            return False
        self.safe = self.text[: self._checked if self.grounding.wording == "close" else end]
        return True

    @property
    def sound(self) -> str:
        """The sentences before the finding, if they say anything."""
        text = self.text[: self._checked].strip()
        return text if _telling(text) else ""

    def _last_boundary(self) -> int:
        """The end of the last word that cannot grow any more."""
        for index in range(len(self.text), 0, -1):
            if self.text[index - 1].isspace() or "\u3400" <= self.text[index - 1] <= "\u9fff":
                return index
        return 0

    def _sentence_ends(self, last: bool) -> list[int]:
        ends = [match.end() for match in SENTENCE_END.finditer(self.text, self._checked) if match.end() > self._checked]
        return [*ends, len(self.text)] if last and (not ends or ends[-1] < len(self.text)) else ends
