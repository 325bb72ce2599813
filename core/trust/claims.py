"""The claims guard: a generated text may say only what its grounding says.

Every price, amount, share, duration, time, date, link, number, promise, state and name of a sentence is a typed value
(core/trust/values.py, marks.py, names.py) and must stand in the shop's facts, beside the same words as there
(binding.py), or come of them by arithmetic that the shop allows (arithmetic.py). What a sentence denies, the facts must
deny. How close the rest must be is the bot's choice: ``close`` wants each sentence to follow a sentence of the facts
almost word for word (a small model turns facts around when it writes freely), ``free`` wants most of its telling words
in the facts.

The guard reads along while the text is generated and lets words through as soon as they are sure, so that an answer
can be streamed and no figure, link or promise ever has to be taken back. It is deterministic and explains itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from rapidfuzz.distance import LCSseq

from core.knowledge.words import stemmed
from core.trust.arithmetic import comes_to, counts
from core.trust.binding import both_ends, bound_to, nearest
from core.trust.common import COMMON
from core.trust.facts import Fact, Grounding, Known, Place, Rules, Wording
from core.trust.figures import is_figure, is_quiet
from core.trust.findings import Finding, explain
from core.trust.marks import PROMISE_STEMS, extra_promises
from core.trust.names import unknown_names
from core.trust.said import POLITE, Said, figures_of, said_in, says_i
from core.trust.sentences import Sentence, denials, ends, plainly
from core.trust.values import Kind, Value

__all__ = ["Fact", "Finding", "Grounding", "Guard", "Kind", "Rules", "Wording", "check", "explain"]

# No sentence ends without one of these.
END_SIGN = re.compile(r"[.!?。！？\n]")
PLAIN_WORD = re.compile(r"[A-Za-z]+[,;]?")
# Texts come word by word, and mostly in the same words.
REMEMBERED_WORDS = 20_000
# Words around a figure that bind it to nothing.
NEUTRAL = stemmed("cost costs price take takes need about only approximately around exactly roughly total".split())
# Behind one of these the next word is looked at too: 30 % of what?
UNITS = (["eur"], ["usd"], ["gbp"], ["cny"], ["percent"])
# The share of a sentence's telling words that must stand in the facts, and in this order in one place of them.
SUPPORT = {"free": 0.5, "close": 0.6}
CLOSE = 0.75
# How many telling words may stand between a figure and the word beside it, in the facts.
REACH = 3
# So much of a clause must stand in one place of the facts before its denial is compared with that place's.
ALIKE = 0.6
NEARLY = 0.03
# Of two places that say as much of it, the shorter one is meant.
LENGTH = 0.25
# Of which some clauses deny and others do not is compared only with what says nearly all of it.
WHOLE = 0.6
# A clause alone is compared only with what it says most of, and that says most of it.
CLAUSE_ALIKE = 0.7
TIED = ("free", "discount", "voucher")
_CONDITIONAL = re.compile(
    r"\b(?:if|when|from|over|above|once|with|for orders|some|certain|select\w*|depend\w*|may)\b|满|以上|如果|部分|起|达到|凡"
)
_OWN = re.compile(
    r"(?:\bbudget|\blimit|预算|上限)\W*(?:(?:is|was|of|under|about|around|up to|是|为|在|约|大概|控制在)\W*){0,2}$"
    r"|(?:\byour\b|\byou (?:said|mentioned|asked|want\w*|named|gave|need\w*|order\w*|plan\w*|have|are)\b|您(?:说|提|想|要|问|给|需|订|的)|你(?:说|提|想|要|问|的))"
    r"(?:(?!cost|price|\bis\b|\bare\b|take|deliver|ship|refund|运费|价格|售价|只要|收费|为|退)[^,.;:，。；：]){0,24}$"
)


def check(text: str, grounding: Grounding) -> tuple[Finding, ...]:
    """Everything in ``text`` that its grounding does not say, in order; empty: it may be said."""
    found: list[Finding] = []
    before: frozenset[str] = frozenset()
    start = 0
    for end in [*ends(text), len(text)]:
        said = said_in(text[start:end])
        found += _findings(said, grounding, before)
        before, start = said.terms, end
    return tuple(found)


def _findings(said: Said, grounding: Grounding, before: frozenset[str] = frozenset()) -> Iterator[Finding]:
    sentence = said.sentence
    if grounding.wording == "close" and _takes_a_part(said, grounding):
        yield Finding(Kind.WORDING, sentence.text, sentence.text, why="close")
    if not sentence.terms and not sentence.values:
        return
    yield from _of_values(said, grounding, before)
    for name in unknown_names(sentence, said.names, grounding, said.denied > 0):
        yield Finding(Kind.NAME, name, sentence.text)
    if finding := _of_the_rest(said, grounding):
        yield finding


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────


def _of_values(said: Said, grounding: Grounding, before: frozenset[str]) -> Iterator[Finding]:
    sentence = said.sentence
    about = before | grounding.asked_terms if sentence.values else before
    for index, value in enumerate(sentence.values):
        if finding := _of_value(value, index, said, grounding, about):
            yield finding
    for promise in extra_promises(sentence.plain, grounding.rules.promises):
        if promise.unit not in grounding.text:
            yield Finding(Kind.PROMISE, promise.unit, sentence.text, why="promise")


def _of_value(value: Value, index: int, said: Said, grounding: Grounding, about: frozenset[str]) -> Finding | None:
    sentence = said.sentence
    if value.kind is Kind.LINK:
        fine = value.unit in grounding.links or any(known.startswith(f"{value.unit}/") for known in grounding.links)
        return None if fine else _finding(value, sentence)
    if value.kind is Kind.PROMISE:
        return _of_promise(value, index, sentence, grounding)
    if value.kind in (Kind.PHONE, Kind.CODE):
        known = any(one.value.unit == value.unit for one in grounding.known.get(value.kind, ()))
        asked = value.kind is Kind.CODE and any(one.unit == value.unit for one in grounding.question.values)
        return None if known or asked else _finding(value, sentence)
    if value.kind is Kind.ORDER_STATE:
        states = grounding.known.get(value.kind, ())
        fine = any(one.value.unit == value.unit and one.value.low == value.low for one in states)
        return None if fine else _finding(value, sentence, next(iter(states), None))
    fine, instead = bound_to(value, sentence.labels[index], grounding, about, said.terms, sentence.denied[index])
    if fine or both_ends(value, grounding) or _is_own(value, sentence, grounding):
        return None
    if comes_to(value, sentence, grounding) or _is_factor(value, sentence, grounding):
        return None
    return _finding(value, sentence, instead)


def _finding(value: Value, sentence: Sentence, instead: Known | None = None, why: str = "") -> Finding:
    claim = value.unit if value.kind is Kind.LINK else sentence.plain[value.start : value.end].strip()
    if instead is None:
        return Finding(value.kind, claim, sentence.text, why=why or "unknown")
    there = instead.whole.plain[instead.value.start : instead.value.end].strip()
    title = instead.fact.title or instead.fact.text
    return Finding(value.kind, claim, sentence.text, there, title, why or "beside")


def _is_own(value: Value, sentence: Sentence, grounding: Grounding) -> bool:
    """The shopper's own figure, said as theirs: "your budget of 30 €"."""
    if not _OWN.search(sentence.plain, max(0, value.start - 40), value.start):
        return False
    return any(
        one.kind is value.kind and one.unit == value.unit and one.low == value.low and one.high == value.high
        for one in grounding.question.values
    )


def _is_factor(value: Value, sentence: Sentence, grounding: Grounding) -> bool:
    """The two of "two of these are 25.00"; one of something is only "a"."""
    if value.kind not in (Kind.COUNT, Kind.NUMBER) or value.low != value.high:
        return False
    if value.low == 1:
        return not grounding.known.get(Kind.COUNT)
    if "multiply" not in grounding.rules.arithmetic:
        return False
    amounts = [one for one in sentence.values if one.kind in (Kind.MONEY, Kind.AMOUNT)]
    known = [one.value for kind in (Kind.MONEY, Kind.AMOUNT) for one in grounding.known.get(kind, ())]
    if any(
        one.unit == there.unit and abs(one.low - value.low * there.low) < 0.006 for one in amounts for there in known
    ):
        return True
    return bool(amounts) and value.low in counts((grounding.question,))


def _of_promise(value: Value, index: int, sentence: Sentence, grounding: Grounding) -> Finding | None:
    known = [one for one in grounding.known.get(Kind.PROMISE, ()) if one.value.unit == value.unit]
    if not known:
        return _finding(value, sentence, why="promise")
    if sentence.denied[index]:
        return None  # whether the facts deny it, too, is another check
    alike = [one for one in known if not one.denied]
    if not alike:
        return _finding(value, sentence, known[0], "opposite")
    if value.unit not in TIED:
        return None
    scores = nearest(sentence.labels[index], alike)
    best = max(scores)
    conditions = [_condition(one) for one, score in zip(alike, scores, strict=True) if score >= 0.9 * best]
    if all(conditions) and not _CONDITIONAL.search(sentence.plain) and not _has_condition(sentence):
        condition = next(filter(None, conditions))
        return _finding(value, sentence, condition, "condition")
    return None


def _condition(known: Known) -> Known | None:
    """The least order that a promise of the facts is tied to."""
    for other, labels in zip(known.whole.values, known.whole.labels, strict=True):
        if other.kind is Kind.MONEY and other.bound == "from" and known.labels.get(other.key, 0) >= 0.3:
            return Known(other, labels, known.whole, known.fact)
    return None


def _has_condition(sentence: Sentence) -> bool:
    return any(value.kind in (Kind.MONEY, Kind.COUNT, Kind.PERCENT) for value in sentence.values)


# ── what is not a value ──────────────────────────────────────────────────────────────────────────────────


def _of_the_rest(said: Said, grounding: Grounding) -> Finding | None:
    sentence, close = said.sentence, grounding.wording == "close"
    if not said.told:
        return None
    if _support(said, grounding) < SUPPORT[grounding.wording]:
        return Finding(Kind.WORDING, sentence.text, sentence.text, why="support")
    if opposite := _opposite(said, grounding):
        return Finding(
            Kind.DENIAL, sentence.text, sentence.text, opposite.sentence, _title_of(opposite, grounding), "opposite"
        )
    if not close:
        return None
    if not _figures_stand(said, grounding):
        return Finding(Kind.NUMBER, sentence.text, sentence.text, why="beside")
    if "?" in sentence.text:
        return Finding(Kind.WORDING, sentence.text, sentence.text, why="asks")
    for place in grounding.places:
        if _follows(said, place):
            break
    else:
        return Finding(Kind.WORDING, sentence.text, sentence.text, why="close")
    return None


def _takes_a_part(said: Said, grounding: Grounding) -> bool:
    """Whether it says I where the facts do not: a small model takes the shopper's part ("No, I'm not a student.")."""
    return said.says_i and not any(says_i(fact.text) for fact in grounding.facts)


def _support(said: Said, grounding: Grounding) -> float:
    """The share of what a sentence tells that stands in the facts, or that was asked; its values have been checked."""
    if grounding.wording == "close":
        return len([term for term in said.told if grounding.has(term) or is_figure(term)]) / len(said.told)
    words = [term for term in said.sentence.terms if term not in POLITE]
    checked = len(said.sentence.values)
    supported = len([term for term in words if grounding.has(term) or term in COMMON])
    return (supported + checked) / (len(words) + checked) if words or checked else 1.0


def _title_of(place: Place, grounding: Grounding) -> str:
    return next((fact.title for fact in grounding.facts if place.sentence and place.sentence in fact.text), "")


def _opposite(said: Said, grounding: Grounding) -> Place | None:
    """The place of the facts that says the opposite: the one that says most of it, and denies it where this does not."""
    if not said.denied or len({denied_here % 2 for terms, denied_here in said.clauses if terms}) < 2:
        agrees, other = _compared(said.meant, said.denied, grounding, ALIKE)
        if agrees is not None:
            return None if agrees else other
    for terms, denied_here in said.clauses if len(said.clauses) > 1 else ():
        agrees, other = _compared(terms, denied_here, grounding, CLAUSE_ALIKE)
        if agrees is False and other and len(terms & other.meant) >= CLAUSE_ALIKE * len(other.meant):
            return other
    return None


def _compared(
    said: frozenset[str], denied: int, grounding: Grounding, alike: float
) -> tuple[bool | None, Place | None]:
    """Whether the place of the facts that says most of ``said`` denies it as this does; None: no place says enough of it."""
    found: list[tuple[float, Place]] = []
    best, size = -inf, len(said)
    least = alike * size
    for place in grounding.places:
        own, length = len(said & place.meant), len(place.meant)
        if not own or (own < length and own + len(place.above) / 2 < least) or (place.mixed and own < WHOLE * length):
            continue
        shared = own + len(said & place.above) / 2
        wanted = shared >= least and (own > 1 or 2 * own >= length)
        if wanted or (own == length and 3 * shared >= size):
            score = shared - LENGTH * (length - own)
            best = max(best, score)
            found.append((score, place))
    if not found:
        return None, None
    agrees, other, near = False, None, best - NEARLY * abs(best)
    for score, place in found:
        if score >= near:
            if place.denials % 2 == denied % 2:
                agrees = True
            elif other is None:
                other = place
    return agrees, other


def _figures_stand(said: Said, grounding: Grounding) -> bool:
    """Whether one sentence of the facts has all figures of this one, each beside the same words."""
    if not said.figured:
        return True
    wanted = figures_of(said.figured)
    for place in grounding.places:
        if place.single and wanted <= place.said and all(_figures_fit(clause, place) for clause in said.figured):
            return True
    return False


def _figures_fit(clause: Sequence[str], place: Place) -> bool:
    """Whether each figure stands beside the words that it stands beside in ``place``."""
    near = [term for term in clause if term not in NEUTRAL or term in place.said]
    for index, term in enumerate(near):
        if not is_figure(term):
            continue
        before = near[index - 1] if index else ""
        after = near[index + 1 : index + (3 if near[index + 1 : index + 2] in UNITS else 2)]
        if not _stands(term, before, after, place):
            return False
    return True


def _stands(figure: str, before: str, after: Sequence[str], place: Place) -> bool:
    """Whether a figure stands in ``place`` with one word near before it and others near behind it."""
    terms, title = place.terms, place.title
    for at, term in enumerate(terms):
        if term == figure and (not before or before in terms[max(0, at - REACH) : at] or before in title):
            near = terms[at + 1 : at + len(after) + REACH]
            for word in after:
                if word not in near and word not in title:
                    break
            else:
                return True
    return False


def _follows(said: Said, place: Place) -> bool:
    """Whether a sentence says in order what ``place`` says, and denies as often."""
    if said.denied != place.denials:
        return False
    title = place.title
    told = [term for term in said.told if term not in title] if title else said.told
    wanted = CLOSE * len(told)
    return sum(map(place.said.__contains__, told)) >= wanted and LCSseq.similarity(told, place.terms) >= wanted


# ── reading along ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Guard:
    """Reads a text while it is generated; however it is cut into pieces, the verdict is the same.

    ``safe`` is what may be shown so far: whole sentences that were checked, and with ``free`` wording the words of the
    next one before the first that could belong to a claim. ``finding`` says why the text was stopped.
    """

    grounding: Grounding
    text: str = ""
    safe: str = ""
    finding: Finding | None = None
    _tells: bool = False  # a sentence was passed that tells something; "2 minutes." alone does not say of what
    _checked: int = 0  # the end of the last whole sentence
    _calm: int = 0  # up to here no word can belong to a claim
    _held: bool = False  # a word of this sentence can
    _before: frozenset[str] = frozenset()

    def add(self, piece: str, last: bool = False) -> bool:
        """Take a piece; False once something was found that must not be said."""
        if self.finding:
            return False
        before = len(self.text)
        self.text += piece
        for end in self._sentence_ends(before, last):
            said = said_in(self.text[self._checked : end])
            self.finding = next(_findings(said, self.grounding, self._before), None)
            if self.finding:
                return False
            self._tells = self._tells or not POLITE.issuperset(said.terms)
            self._before = said.terms
            self._checked = self._calm = end
            self._held = False
        if self.grounding.wording == "free" and not self._held:
            self._read_calm_words()
        self.safe = self.text[: max(self._calm, self._checked)]
        return True

    @property
    def sound(self) -> str:
        """The sentences before the finding, if they say anything."""
        return self.text[: self._checked].strip() if self._tells else ""

    def _sentence_ends(self, before: int, last: bool) -> list[int]:
        start = max(self._checked, before)
        if not last and not END_SIGN.search(self.text, max(0, before - 1)):
            return []
        found = [end for end in ends(self.text, start) if end > self._checked]
        return [*found, len(self.text)] if last and (not found or found[-1] < len(self.text)) else found

    def _read_calm_words(self) -> None:
        """Words are whole when a space is behind them."""
        while (space := self.text.find(" ", self._calm)) >= 0:
            if space > self._calm and not _is_calm(self.text[self._calm : space]):
                self._held = True
                return
            self._calm = space + 1


@lru_cache(REMEMBERED_WORDS)
def _is_calm(word: str) -> bool:
    """Whether a word can be no part of a figure, a link, a promise, a denial or a name, whatever stands around it."""
    if PLAIN_WORD.fullmatch(word) is None or not is_quiet(word):
        return False
    folded = word.rstrip(",;").casefold()
    return not (
        any(folded.startswith(stem) for stem in PROMISE_STEMS) or denials(plainly(folded)) or folded in _HELD_WORDS
    )


_HELD_WORDS = frozenset(
    "stock sold out available unavailable a an half and hundred dozen noon midnight midday today week weekend weekends weekdays weekday delivered shipped "
    "dispatched arrived sent posted returned paid cancelled refunded packed lost".split()
)
