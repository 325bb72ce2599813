"""The claims guard, first form: a generated text may say only what its grounding says.

Figures, links and promises must stand in the shop's facts, each figure beside the same words as there. How close the
rest must be is the bot's choice: ``close`` wants each sentence to follow a sentence of the facts almost word for word
(a small model turns facts around when it writes freely), ``free`` wants most of its telling words in the facts.

The guard reads along while the text is generated and lets words through as soon as they are sure, so that an answer
can be streamed and no figure, link or promise ever has to be taken back. It is deterministic and says what it found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import LCSseq

from core.knowledge.words import stemmed
from core.trust.facts import SENTENCE_END, WORDS, Fact, Grounding, Place, Wording, denials, links, plainly, telling
from core.trust.figures import figures, is_figure, is_quiet, letters, may_grow, may_have_figures, unfinished

__all__ = ["Fact", "Grounding", "Guard", "Wording", "invented", "unsupported"]

LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])(?=\s|$)")
FIGURE_CLAUSE_END = re.compile(r"[,;:(]\s+|[，；：、]")
WHOLE_WORDS = re.compile(r".*[\s\u3400-\u9fff]", re.DOTALL)
# No sentence ends without one of these.
END_SIGN = re.compile(r"[.!?。！？\n]")
PLAIN_WORD = re.compile(r" ?[A-Za-z]+[,;]?")
# Texts come word by word, and mostly in the same words.
REMEMBERED_WORDS = 20_000
PROMISES = stemmed(
    "guarantee promise refund free discount replace compensate voucher immediately today tomorrow cheapest best cure "
    "heal".split()
)
HAN_PROMISES = "保证 承诺 退款 全额 免费 包邮 免运费 优惠 折扣 打折 赔偿 补偿 赠送 立即 马上 今天 明天 最便宜 最低 最好 治疗 治愈 代金券".split()
HAN_PROMISING = frozenset("".join(HAN_PROMISES))
# Politeness claims nothing.
POLITE = stemmed(
    "sure certainly course hello hi thanks thank sorry glad great okay welcome dear 当然 谢谢 抱歉 高兴".split()
)
# Words around a figure that bind it to nothing.
NEUTRAL = stemmed("cost costs price take takes need about only approximately around exactly roughly total".split())
# Behind one of these the next word is looked at too: 30 % of what?
UNITS = (["eur"], ["usd"], ["gbp"], ["percent"])
# The share of a sentence's telling words that must stand in the facts, and in this order in one place of them.
SUPPORT = 0.6
CLOSE = 0.75
# How many telling words may stand between a figure and the word beside it, in the facts.
REACH = 3


# ── what may not be said ─────────────────────────────────────────────────────────────────────────────────


def invented(text: str, grounding: Grounding) -> str:
    """The first figure, link or promise of ``text`` that its grounding does not say, in a few words; else empty."""
    return _invented(plainly(LIST_MARK.sub("", text)), grounding)


def _invented(said: str, grounding: Grounding) -> str:
    for link in links(said):
        if link not in grounding.links and not any(known.startswith(f"{link}/") for known in grounding.links):
            return f"the link or address '{link}' is not in the shop's facts"
    unknown = sorted(figures(said) - grounding.figures)
    if unknown:
        return f"the figure '{unknown[0]}' is not in the shop's facts"
    ascii = said.isascii()
    promised = sorted((stemmed(letters(said) if ascii else WORDS.findall(said)) & PROMISES) - grounding.words)
    if not ascii:
        promised += [word for word in HAN_PROMISES if word in said and word not in grounding.text]
    return f"'{promised[0]}' is promised nowhere in the shop's facts" if promised else ""


def unsupported(sentence: str, grounding: Grounding) -> str:
    """What is wrong with a whole sentence, in a few words; else empty."""
    return _unsupported(_Sentence.read(sentence), grounding)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence as it is compared: its telling terms in order without politeness, and how often it denies."""

    text: str
    plain: str
    terms: tuple[str, ...]
    denials: int

    @classmethod
    def read(cls, sentence: str) -> _Sentence:
        text = LIST_MARK.sub("", sentence)
        said = plainly(text)
        return cls(text, said, tuple(term for term in telling(said) if term not in POLITE), denials(said))


def _unsupported(sentence: _Sentence, grounding: Grounding) -> str:
    if not sentence.terms:
        return ""
    shown = f"'{sentence.text.strip()[:80]}'"
    supported = sum(map(grounding.terms.__contains__, sentence.terms))
    if supported / len(sentence.terms) < SUPPORT:
        return f"only {supported} of {len(sentence.terms)} telling words of {shown} stand in the shop's facts"
    if not _figures_stand(sentence, grounding):
        return f"the figures of {shown} stand beside other words in the shop's facts"
    if not _agrees(sentence, grounding):
        return f"{shown} says the opposite of the shop's facts"
    if grounding.wording == "close" and "?" in sentence.text:
        return f"{shown} asks instead of answering"
    if grounding.wording == "close" and not any(_follows(sentence, place) for place in grounding.places):
        return f"{shown} follows no sentence of the shop's facts"
    return ""


def _figures_stand(sentence: _Sentence, grounding: Grounding) -> bool:
    """Whether one sentence of the facts has all figures of this one, each beside the same words."""
    if not figures(sentence.plain):
        return True
    parts = [part for part in FIGURE_CLAUSE_END.split(sentence.text) if may_have_figures(part)]
    clauses = [clause for clause in (telling(plainly(part)) for part in parts) if any(map(is_figure, clause))]
    wanted = frozenset(term for clause in clauses for term in clause if is_figure(term))
    having = [place for place in grounding.places if place.single and wanted <= place.said]
    return not clauses or any(all(_figures_fit(clause, place) for clause in clauses) for place in having)


def _figures_fit(clause: Sequence[str], place: Place) -> bool:
    """Whether each figure stands beside the words that it stands beside in ``place``."""
    near = [term for term in clause if term not in NEUTRAL or term in place.said]
    for index, term in enumerate(near):
        if not is_figure(term):
            continue
        before = near[index - 1] if index else ""
        after = near[index + 1 : index + (3 if near[index + 1 : index + 2] in UNITS else 2)]
        if not any(
            _near(before, place.terms[max(0, at - REACH) : at], place)
            and all(_near(word, place.terms[at + 1 : at + len(after) + REACH], place) for word in after)
            for at in [at for at, found in enumerate(place.terms) if found == term]
        ):
            return False
    return True


def _near(word: str, neighbours: Sequence[str], place: Place) -> bool:
    return not word or word in neighbours or word in place.title


def _agrees(sentence: _Sentence, grounding: Grounding) -> bool:
    """Whether the place of the facts that says most of it denies as often; "opened" is the opposite of "unopened"."""
    said = frozenset(sentence.terms)
    shares = [len(said & place.said) for place in grounding.places]
    most = max(shares, default=0)
    if not most:
        return True
    return any(
        share == most and place.denials == sentence.denials and not _reverses(said, place.said)
        for share, place in zip(shares, grounding.places, strict=True)
    )


def _reverses(said: frozenset[str], there: frozenset[str]) -> bool:
    return any(f"un{term}" in there or (term.startswith("un") and term[2:] in there) for term in said - there)


def _follows(sentence: _Sentence, place: Place) -> bool:
    """Whether a sentence says in order what ``place`` says, and denies as often."""
    if sentence.denials != place.denials:
        return False
    said = [term for term in sentence.terms if term not in place.title]
    wanted = CLOSE * len(said)
    return sum(map(place.said.__contains__, said)) >= wanted and LCSseq.similarity(said, place.terms) >= wanted


# ── reading along ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Guard:
    """Reads a text while it is generated; however it is cut into pieces, the verdict is the same.

    ``safe`` is what may be shown so far: whole words, among them no figure, link or promise that is not grounded; with
    ``close`` wording whole sentences. ``finding`` says why the text was stopped.
    """

    grounding: Grounding
    text: str = ""
    safe: str = ""
    finding: str = ""
    _tells: bool = False  # a sentence was passed that tells something
    _checked: int = 0  # the end of the last whole sentence
    _whole: int = 0  # the end of the last word that cannot grow any more
    _passed: int = 0  # up to here nothing was found, in whole sentences and behind them

    def add(self, piece: str, last: bool = False) -> bool:
        """Take a piece; False once something was found that must not be said."""
        if self.finding:
            return False
        before = len(self.text)
        calm = piece[:1] == " " and _is_calm(piece) and _is_calm(self.text[self._passed :])
        self.text += piece
        if calm and not last:
            self._whole = certain = before + 1
            self._let_through(certain)
            return True
        for end in self._sentence_ends(before, last):
            sentence = _Sentence.read(self.text[self._checked : end])
            self.finding = _invented(sentence.plain, self.grounding) or _unsupported(sentence, self.grounding)
            if self.finding:
                return False
            self._tells = self._tells or bool(sentence.terms)
            self._checked = self._passed = end
        certain = self._certain(piece, before)
        if self._could_invent(certain) and invented(self.text[self._from(certain) : certain], self.grounding):
            self.finding = invented(self.text[self._checked : certain], self.grounding)  # now in its sentence
            if self.finding:
                return False
        self._let_through(certain)
        return True

    def _let_through(self, certain: int) -> None:
        self._passed = certain
        self.safe = self.text[: self._checked if self.grounding.wording == "close" else certain]

    @property
    def sound(self) -> str:
        """The sentences before the finding, if they say anything."""
        text = self.text[: self._checked].strip()
        return text if self._tells or telling(plainly(text)) else ""

    def _sentence_ends(self, before: int, last: bool) -> list[int]:
        start = max(self._checked, before)
        if not last and not END_SIGN.search(self.text, max(0, before - 1)):
            return []
        ends = [match.end() for match in SENTENCE_END.finditer(self.text, start) if match.end() > self._checked]
        return [*ends, len(self.text)] if last and (not ends or ends[-1] < len(self.text)) else ends

    def _certain(self, piece: str, before: int) -> int:
        """The end of the last word that cannot grow any more, or the beginning of the figure that it may be a part of."""
        if word := WHOLE_WORDS.match(piece):
            self._whole = before + word.end()
        if self._whole <= self._checked:
            return self._checked
        return self._checked + unfinished(self.text[self._checked : self._whole].casefold())

    def _from(self, certain: int) -> int:
        """Where to look from: two words before what is new, for it may go on with what these began."""
        known = self.text[self._checked : self._passed].rsplit(None, 2)
        return self._checked + len(known[0]) if certain >= self._passed and len(known) == 3 else self._checked

    def _could_invent(self, certain: int) -> bool:
        """Whether the words since the last look could complete a figure, a link or a promise."""
        new = self.text[self._passed : certain]
        whole_words = self._passed in (self._checked, certain) or WHOLE_WORDS.match(self.text[self._passed - 1])
        return certain < self._passed or not (whole_words and _is_harmless(new))


@lru_cache(REMEMBERED_WORDS)
def _is_calm(word: str) -> bool:
    """Whether a word neither is nor begins nor ends a figure, a link, a promise or a sentence."""
    return PLAIN_WORD.fullmatch(word) is not None and _is_harmless(word) and not may_grow(word.strip().casefold())


@lru_cache(REMEMBERED_WORDS)
def _is_harmless(words: str) -> bool:
    """Whether no figure, link or promise comes of these words, whatever stands before them."""
    promising = not PROMISES.isdisjoint(stemmed(WORDS.findall(words.casefold())))
    return not promising and HAN_PROMISING.isdisjoint(words) and is_quiet(words)
