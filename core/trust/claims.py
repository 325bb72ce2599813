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
from itertools import pairwise
from typing import Literal

from core.knowledge.words import is_empty, stemmed, terms
from core.trust.figures import FIGURE, UNFINISHED, figures, one_form, plain

Wording = Literal["close", "free"]

_TOP = "com|net|org|info|shop|store|online|site|app|dev|biz|example|test|eu|uk|us|de|fr|es|pt|it|nl|ch|at|be|no|cn|hk|tw|jp|kr|io|co|me|ly|xyz|top"
LINK = re.compile(
    rf"(?:https?://|www\.)[!-~]+|\b[\w.+-]+@[\w-]+\.[\w.-]+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:{_TOP})\b(?:/[!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
WORDS = re.compile(r"[^\W\d_]+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
CLAUSE_END = re.compile(r"[,;:(]\s+|[，；：、]|\s+(?:and|but|or)\s+")
LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])(?=\s|$)")
NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|unable|without|except|out of|sold out)\b|[不没無无未别勿缺]"
)
CANNOT = re.compile(r"\bcan(?:['’]t|not)\b")
SHORT_NOT = re.compile(r"n['’]t\b")
# "No, we don't": the answer is denied once.
FIRST_WORD = re.compile(r"^\W*(?:yes|no|sorry|unfortunately|是的|对|不是|不|抱歉|很抱歉)\s*[,.!:;，。！：；]")
PROMISES = stemmed(
    "guarantee promise refund free discount replace compensate voucher immediately today tomorrow cheapest best cure "
    "heal".split()
)
HAN_PROMISES = "保证 承诺 退款 全额 免费 包邮 免运费 优惠 折扣 打折 赔偿 补偿 赠送 立即 马上 今天 明天 最便宜 最低 最好 治疗 治愈 代金券".split()
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


def _plain(text: str) -> str:
    text = CANNOT.sub("can not", plain(text))
    return SHORT_NOT.sub(" not", text)


def _telling(text: str) -> list[str]:
    """The telling terms of a text in order, figures in one notation; none if nothing is told."""
    return [one_form(term) if FIGURE.fullmatch(term) else term for term in terms(_plain(text)) if not is_empty(term)]


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of a fact, a clause of it or two neighbouring sentences.

    ``title``: words of the title above that stand nowhere in the text, so that they are about all of it.
    """

    terms: tuple[str, ...]
    title: frozenset[str]
    denials: int
    single: bool


@dataclass(frozen=True, slots=True)
class Fact:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a reply may say: the figures, links and promises of the shop's facts; of what was asked only the words."""

    figures: frozenset[str]
    links: frozenset[str]
    terms: frozenset[str]
    words: frozenset[str]
    text: str
    places: tuple[Place, ...]
    wording: Wording

    @classmethod
    def of(cls, facts: Sequence[Fact], asked: Sequence[str] = (), wording: Wording = "free") -> Grounding:
        text = _plain("\n".join(f"{fact.title}\n{fact.text}" for fact in facts))
        return cls(
            figures=frozenset(figures(text)),
            links=frozenset(_links(text)),
            terms=frozenset([*_telling(text), *_telling("\n".join(asked))]),
            words=stemmed(WORDS.findall(text)),
            text=text,
            places=tuple(place for fact in facts for place in _places(fact)),
            wording=wording,
        )


def _places(fact: Fact) -> list[Place]:
    sentences = [part for part in SENTENCE_END.split(fact.text) if part and part.strip()]
    title = frozenset(_telling(fact.title)) - frozenset(_telling(fact.text))
    clauses = [clause for one in sentences for clause in CLAUSE_END.split(one)]
    alone = [Place(tuple(_telling(one)), title, _denials(one), True) for one in dict.fromkeys([*sentences, *clauses])]
    both = [
        Place((*_telling(one), *_telling(two)), title, _denials(one) + _denials(two), False)
        for one, two in pairwise(sentences)
        if not (_denials(one) or _denials(two))
    ]
    return alone + both


def _denials(text: str) -> int:
    return len(NEGATION.findall(FIRST_WORD.sub("", _plain(text))))


def _links(plain_text: str) -> list[str]:
    return [link.rstrip(".,;:!?)*_") for link in LINK.findall(plain_text)]


# ── what may not be said ─────────────────────────────────────────────────────────────────────────────────


def invented(text: str, grounding: Grounding) -> str:
    """The first figure, link or promise of ``text`` that its grounding does not say, in a few words; else empty."""
    said = _plain(LIST_MARK.sub("", text))
    for link in _links(said):
        if link not in grounding.links and not any(known.startswith(f"{link}/") for known in grounding.links):
            return f"the link or address '{link}' is not in the shop's facts"
    unknown = sorted(figures(said) - grounding.figures)
    if unknown:
        return f"the figure '{unknown[0]}' is not in the shop's facts"
    promised = sorted((stemmed(WORDS.findall(said)) & PROMISES) - grounding.words)
    promised += [word for word in HAN_PROMISES if word in said and word not in grounding.text]
    return f"'{promised[0]}' is promised nowhere in the shop's facts" if promised else ""


def unsupported(sentence: str, grounding: Grounding) -> str:
    """What is wrong with a whole sentence, in a few words; else empty."""
    sentence = LIST_MARK.sub("", sentence)
    telling = [term for term in _telling(sentence) if term not in POLITE]
    if not telling:
        return ""
    shown = f"'{sentence.strip()[:80]}'"
    supported = sum(term in grounding.terms for term in telling)
    if supported / len(telling) < SUPPORT:
        return f"only {supported} of {len(telling)} telling words of {shown} stand in the shop's facts"
    if not _figures_stand(sentence, grounding):
        return f"the figures of {shown} stand beside other words in the shop's facts"
    if not _agrees(sentence, telling, grounding):
        return f"{shown} says the opposite of the shop's facts"
    if grounding.wording == "close" and "?" in sentence:
        return f"{shown} asks instead of answering"
    if grounding.wording == "close" and not any(_follows(sentence, telling, place) for place in grounding.places):
        return f"{shown} follows no sentence of the shop's facts"
    return ""


def _figures_stand(sentence: str, grounding: Grounding) -> bool:
    """Whether one sentence of the facts has all figures of this one, each beside the same words."""
    clauses = [_telling(clause) for clause in re.split(r"[,;:(]\s+|[，；：、]", sentence)]
    if not any(FIGURE.fullmatch(term) for clause in clauses for term in clause):
        return True
    return any(place.single and all(_figures_fit(clause, place) for clause in clauses) for place in grounding.places)


def _figures_fit(telling: Sequence[str], place: Place) -> bool:
    """Whether each figure stands beside the words that it stands beside in ``place``."""
    near = [term for term in telling if term not in NEUTRAL or term in place.terms]
    for index, term in enumerate(near):
        if not FIGURE.fullmatch(term):
            continue
        before = near[index - 1] if index else ""
        after = near[index + 1 : index + (3 if near[index + 1 : index + 2] in UNITS else 2)]
        if not any(
            _near(before, place.terms[max(0, at - REACH) : at], place)
            and all(_near(word, place.terms[at + 1 : at + len(after) + REACH], place) for word in after)
            for at, found in enumerate(place.terms)
            if found == term
        ):
            return False
    return True


def _near(word: str, neighbours: Sequence[str], place: Place) -> bool:
    return not word or word in neighbours or word in place.title


def _agrees(sentence: str, telling: Sequence[str], grounding: Grounding) -> bool:
    """Whether the place of the facts that says most of it denies as often; "opened" is the opposite of "unopened"."""
    said = frozenset(telling)
    shares = [len(said.intersection(place.terms)) for place in grounding.places]
    most = max(shares, default=0)
    if not most:
        return True
    denials = _denials(sentence)
    return any(
        share == most and place.denials == denials and not _reverses(said, place)
        for share, place in zip(shares, grounding.places, strict=True)
    )


def _reverses(said: frozenset[str], place: Place) -> bool:
    there = frozenset(place.terms)
    return any(f"un{term}" in there and term not in there for term in said) or any(
        term.startswith("un") and term[2:] in there and term not in there for term in said
    )


def _follows(sentence: str, telling: Sequence[str], place: Place) -> bool:
    """Whether a sentence says in order what ``place`` says, and denies as often."""
    if _denials(sentence) != place.denials:
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
    """Reads a text while it is generated; however it is cut into pieces, the verdict is the same.

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
        if self.finding:
            return False
        self.text += piece
        for end in self._sentence_ends(last):
            sentence = self.text[self._checked : end]
            self.finding = invented(sentence, self.grounding) or unsupported(sentence, self.grounding)
            if self.finding:
                return False
            self._checked = end
        certain = max(self._checked, self._last_boundary())
        self.finding = invented(self.text[self._checked : certain], self.grounding)
        if self.finding:
            return False
        self.safe = self.text[: self._checked if self.grounding.wording == "close" else certain]
        return True

    @property
    def sound(self) -> str:
        """The sentences before the finding, if they say anything."""
        text = self.text[: self._checked].strip()
        return text if _telling(text) else ""

    def _last_boundary(self) -> int:
        """The end of the last word that cannot grow any more, nor the figure that it may be a part of."""
        for index in range(len(self.text), self._checked, -1):
            if self.text[index - 1].isspace() or "\u3400" <= self.text[index - 1] <= "\u9fff":
                unfinished = UNFINISHED.search(self.text[self._checked : index].casefold())
                return self._checked + unfinished.start() if unfinished else index
        return 0

    def _sentence_ends(self, last: bool) -> list[int]:
        ends = [match.end() for match in SENTENCE_END.finditer(self.text, self._checked) if match.end() > self._checked]
        return [*ends, len(self.text)] if last and (not ends or ends[-1] < len(self.text)) else ends
