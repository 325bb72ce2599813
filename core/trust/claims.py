"""The claims guard, first form: a generated text may only say figures, links and words that its grounding says.

It reads along while the text is generated and lets words through as soon as they are sure, so that an answer can be
streamed and no figure, link or promise ever has to be taken back. It is deterministic and says what it found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from core.knowledge.words import content, terms

FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")
LINK = re.compile(r"(?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE)
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
NUMBER_WORDS |= {"twenty": "20", "thirty": "30", "fifty": "50", "hundred": "100", "double": "2", "half": "1/2"}
WORDS = re.compile(r"[^\W\d_]+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
# The share of a sentence's telling words that must stand in the grounding. Chosen on the teahouse's questions with the
# bundled model: below it sentences drift into advice of the model's own.
SUPPORT = 0.6
PROMISES = frozenset(
    "guarantee guaranteed promise refund refunded free discount replace replacement compensate compensation voucher "
    "immediately today tomorrow cheapest best cure heal".split()
)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _figures(text: str) -> set[str]:
    """Every figure of ``text`` in one notation: 1,234.50 and 1234.5 are the same."""
    found = set()
    for match in FIGURE.findall(text):
        number = match.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", match) else match.replace(",", ".")
        if re.fullmatch(r"\d+\.\d+", number):
            number = number.rstrip("0").rstrip(".")
        found.add(number)
        found.update(match.split(":") if ":" in match else ())
    return found


def _number_words(text: str) -> set[str]:
    return {NUMBER_WORDS[word] for word in WORDS.findall(text) if word in NUMBER_WORDS}


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a reply may say: the figures, links and promises of the shop's facts; of what was asked only the words."""

    figures: frozenset[str]
    links: str
    terms: frozenset[str]
    words: frozenset[str]

    @classmethod
    def of(cls, facts: Sequence[str], asked: Sequence[str] = ()) -> Grounding:
        plain = _plain("\n".join(facts))
        return cls(
            figures=frozenset(_figures(plain) | _number_words(plain)),
            links=plain,
            terms=frozenset(terms(plain + "\n" + _plain("\n".join(asked)))),
            words=frozenset(WORDS.findall(plain)),
        )


def invented(text: str, grounding: Grounding) -> str:
    """The first figure, link or promise of ``text`` that its grounding does not say, in a few words; else empty."""
    plain = _plain(text)
    for link in LINK.findall(plain):
        if link.rstrip(".,;:!?)") not in grounding.links:
            return f"the link or address '{link}' is not in the shop's facts"
    figures = sorted((_figures(plain) | (_number_words(plain) - {"1"})) - grounding.figures)
    if figures:
        return f"the figure '{figures[0]}' is not in the shop's facts"
    promised = sorted(word for word in WORDS.findall(plain) if word in PROMISES and word not in grounding.words)
    return f"'{promised[0]}' is promised nowhere in the shop's facts" if promised else ""


def unsupported(sentence: str, grounding: Grounding) -> str:
    """Says so if too few of a sentence's telling words stand in the grounding; else empty."""
    telling = content(terms(_plain(sentence)))
    supported = sum(term in grounding.terms for term in telling)
    if telling and supported / len(telling) < SUPPORT:
        return (
            f"only {supported} of {len(telling)} telling words of '{sentence.strip()[:60]}' stand in the shop's facts"
        )
    return ""


@dataclass(slots=True)
class Guard:
    """Reads a text while it is generated.

    ``safe`` is what may be shown so far: whole words, among them no figure, link or promise that is not grounded.
    Whether a sentence is supported can only be told at its end. ``finding`` says why the text was stopped.
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
            self._checked = sentence_end
        if self.finding:
            return False
        self.safe = self.text[:end]
        return True

    def _last_boundary(self) -> int:
        """The end of the last word that cannot grow any more."""
        for index in range(len(self.text), 0, -1):
            if self.text[index - 1].isspace() or "\u3400" <= self.text[index - 1] <= "\u9fff":
                return index
        return 0

    def _sentence_ends(self, last: bool) -> list[int]:
        ends = [match.end() for match in SENTENCE_END.finditer(self.text, self._checked) if match.end() > self._checked]
        return [*ends, len(self.text)] if last and (not ends or ends[-1] < len(self.text)) else ends
