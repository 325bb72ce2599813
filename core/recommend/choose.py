"""Which products fit: what a product must be is a filter, what it should be is a score; ties are broken by stock and price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from core.recommend.assortment import Assortment, Good, tags_of
from core.recommend.config import Question
from core.recommend.lexicon import CONCEPTS, INGREDIENTS, NAMES
from core.recommend.wishes import Need, Wishes

# How much each kind of wish counts.
_WEIGHTS = {"taste": 1.0, "occasion": 1.0, "recipient": 0.4}
# Where nothing meets all wishes: what fits less than this share of what the best does is not shown beside it.
_BESIDE = 0.75
# What is said not to have what is not wanted is surer than that of which nothing is said.
_SURE = 0.3
# How much likeness of sense may add: it breaks ties, and decides only among what fits.
_ALIKE = 0.3
# A need that most products meet tells little, and one more question helps.
_NARROWS = 0.5
# So many wishes that narrow the choice, or more of any kind, are enough to show something.
_ENOUGH = 2
# Prices as far apart as this make the budget worth a question.
_PRICES_APART = 2
_CHOICES = 6
# How dear something may be is asked in money.
_NEVER_ASKED = frozenset({"luxury", "rare"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A product that fits; ``reasons``: each wish that it meets, with the word of the catalogue that says so."""

    good: Good
    score: float
    reasons: tuple[tuple[Need, str], ...]
    misses: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """``against``: the wish that rules all out, where ``choices`` are but the nearest; ``contradiction``: a budget that
    no price can meet; ``unheard``: wishes of which the catalogue says nothing at all; ``partly``: no product meets all."""

    choices: tuple[Choice, ...] = ()
    against: Need | None = None
    unheard: tuple[Need, ...] = ()
    contradiction: Need | None = None
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Chooser:
    """``likeness``: SKU → how near in sense to what was asked, 0 to 1; empty: not known."""

    assortment: Assortment
    wishes: Wishes
    likeness: Mapping[str, float] = field(default_factory=dict)

    def choose(self) -> Chosen:
        needs = self.wishes.needs
        budget = _of(needs, "budget")
        if budget and budget.low is not None and budget.high is not None and budget.low > budget.high:
            return Chosen(contradiction=budget)
        wanted = [need for need in needs if _counts(need)]
        heard = [need for need in wanted if self.assortment.meeting(need.finds)]
        unheard = tuple(need for need in wanted if need not in heard and need.kind == "taste")
        known = [need for need in needs if need in heard or need not in wanted]
        fitting = self.fitting(needs)
        ranked = self._ranked(fitting, known)
        if fitting and (not heard or any(_says(choice, heard) for choice in ranked)):
            shown = [choice for choice in ranked if _fits_beside(choice, ranked[0])][: self.assortment.config.show]
            return Chosen(tuple(shown), unheard=unheard, partly=bool(shown[0].misses))
        return self._nearest(known, heard, unheard, bool(fitting))

    def fitting(self, needs: Sequence[Need]) -> list[Good]:
        """The products in stock that meet every need that is a must."""
        categories = {name for need in needs if need.kind == "category" for name in need.finds}
        hidden = {name.casefold() for name in self.assortment.config.named_only} - {
            name.casefold() for name in categories
        }
        musts = [need for need in needs if need.kind in ("budget", "without")]
        refused, found = self.wishes.refused, []
        for good in self.assortment.there:
            if good.sku in refused or (categories and good.product.category not in categories):
                continue
            if hidden and good.product.category.casefold() in hidden and not _is_named(good, needs):
                continue
            for need in musts:
                if not self._allows(good, need):
                    break
            else:
                found.append(good)
        return found

    def _allows(self, good: Good, need: Need) -> bool:
        if need.kind == "budget":
            return _affordable(good, need, self.assortment.currency)
        if good.place in self.assortment.lacking(need.finds):
            return True
        if good.place in self.assortment.having(need.finds):
            return False
        return need.value not in INGREDIENTS or not self.assortment.marks_lack(need.finds)

    def described(self, good: Good) -> Choice:
        """One product, with the wishes that it meets."""
        return replace(self._choices(self.wishes.needs)(good), misses=())

    def _ranked(self, goods: Sequence[Good], needs: Sequence[Need]) -> list[Choice]:
        choose = self._choices(needs)
        choices = [choose(good) for good in goods]
        budget = _of(needs, "budget")
        sign = {"cheap": 1, "dear": -1}.get(budget.value if budget else "", 0)
        return sorted(
            choices,
            key=lambda one: (-one.score, sign * one.good.price, -_stock(one.good), one.good.price, one.good.place),
        )

    def _choices(self, needs: Sequence[Need]) -> Callable[[Good], Choice]:
        """What tells of a product how it meets the needs; what they find in the catalogue is looked up once for all."""
        assortment, likeness = self.assortment, self.likeness
        wanted = [need for need in needs if need.kind in _WEIGHTS]
        every = [(need, assortment.meeting(need.finds), _WEIGHTS[need.kind], _counts(need)) for need in wanted]
        lacking = [(need, assortment.lacking(need.finds)) for need in needs if need.kind == "without"]

        def choice(good: Good) -> Choice:
            place, score, reasons, misses = good.place, 0.0, [], []
            for need, meeting, weight, counts in every:
                found = meeting.get(place)
                if found:
                    score += weight * found[1]
                    reasons.append((need, found[0]))
                elif counts:
                    misses.append(need)
            sure = [(need, "") for need, places in lacking if place in places]
            score = score + _SURE * len(sure) + _ALIKE * likeness.get(good.sku, 0.0)
            return Choice(good, round(score, 4), (*reasons, *sure), tuple(misses))

        return choice

    def _nearest(self, needs: Sequence[Need], heard: Sequence[Need], unheard: tuple[Need, ...], some: bool) -> Chosen:
        """Which single wish rules all out, and what is nearest without it: first what is easiest given up."""
        candidates = [
            need for kind in ("budget", "taste", "occasion", "category") for need in needs if need.kind == kind
        ]
        if some:  # the musts alone are met: one of them keeps away what is "smoky"
            candidates = [need for need in candidates if need.kind in ("category", "budget")] + list(heard)
        for given_up in candidates:
            left = [
                need for need in needs if need != given_up and (given_up.kind, need.kind) != ("category", "category")
            ]
            still = [need for need in heard if need in left]
            if given_up.kind != "budget" and not still and not any(need.kind == "category" for need in left):
                continue  # nothing is left that says what is looked for
            ranked = self._ranked(self.fitting(left), left)
            if ranked and (not still or any(_says(choice, still) for choice in ranked)):
                if given_up.kind == "budget":
                    ranked.sort(key=lambda one: (len(one.misses), _distance(one.good, given_up), -one.score))
                return Chosen(tuple(ranked[:1]), given_up, unheard)
        return Chosen(unheard=unheard)

    # ── what to ask for ──────────────────────────────────────────────────────────────────────────────────

    def question(self) -> Question | None:
        """What is missing and would help to choose; None: show what there is."""
        wishes, config = self.wishes, self.assortment.config
        if wishes.offered or wishes.questions >= config.questions:
            return None
        fitting = self.fitting(wishes.needs)
        narrowed = [choice for choice in self._ranked(fitting, wishes.needs) if not choice.misses]
        left = [choice.good for choice in narrowed] or fitting
        said = [need for need in wishes.needs if need.kind != "recipient"]
        if len(left) <= 2 * config.show or len(said) > _ENOUGH or sum(map(self._narrows, said)) >= _ENOUGH:
            return None
        return next((kind for kind in config.ask if kind not in wishes.settled and self._splits(kind, left)), None)

    def _narrows(self, need: Need) -> bool:
        if need.kind in ("taste", "occasion"):
            meeting = len(self.assortment.meeting(need.finds))
        elif need.kind == "without":
            return True
        else:
            meeting = len(self.fitting([need]))
        return meeting <= _NARROWS * len(self.fitting([]))

    def _splits(self, kind: Question, left: Sequence[Good]) -> bool:
        kinds = {need.kind for need in self.wishes.needs}
        if kind == "category":
            return len({good.product.category for good in left}) > 1 and not kinds & {"taste"}
        if kind == "taste":
            return not kinds & {"taste"} and len(self.choices(kind, left, "en")) > 1
        prices = [good.price for good in left]
        return "budget" not in kinds and max(prices) >= _PRICES_APART * max(min(prices), Decimal("0.01"))

    def choices(self, kind: Question, left: Sequence[Good], language: str) -> list[str]:
        """What could be answered, the commonest first, in the language of the question."""
        if kind == "category":
            counts = Counter(good.product.category for good in left if good.product.category)
            return [self.assortment.called(name, language) for name, _ in counts.most_common(_CHOICES)]
        if kind == "taste":
            return _tastes(self.assortment, left, language)
        return []

    def open_choices(self, kind: Question, language: str) -> list[str]:
        return self.choices(kind, self.fitting(self.wishes.needs), language)


def _tastes(assortment: Assortment, left: Sequence[Good], language: str) -> list[str]:
    """Tastes that some of the products have and others have not."""
    han = language.startswith("zh")
    places = {good.place for good in left}
    found: list[tuple[int, str]] = []
    for concept in CONCEPTS:
        if concept.kind != "taste" or concept.name in _NEVER_ASKED:
            continue
        count = len(assortment.having(concept.finds).keys() & places)
        if 1 < count < len(left):
            marked = len([good for good in left if not good.tags.isdisjoint(concept.finds)])
            named = [word for word in concept.says if word.isascii() != han]
            found.append((count + 2 * marked, named[0]))
    return [name for _, name in sorted(found, key=lambda one: -one[0])][:_CHOICES]


# ── single needs ─────────────────────────────────────────────────────────────────────────────────────────


def _is_named(good: Good, needs: Sequence[Need]) -> bool:
    """Whether a wish is just for this: a tasting, something monthly."""
    return any(need.kind == "taste" and need.value not in NAMES and good.marks.first(need.finds) for need in needs)


def _fits_beside(choice: Choice, best: Choice) -> bool:
    return not choice.misses if not best.misses else choice.score >= _BESIDE * best.score


def _counts(need: Need) -> bool:
    """Whether a product that does not meet it does not fit: what is for a child is for no grown-up."""
    return need.kind in ("taste", "occasion") or (need.kind == "recipient" and need.value == "child")


def _says(choice: Choice, wanted: Sequence[Need]) -> bool:
    """Whether a product meets at least one of the wishes."""
    met = {need for need, _ in choice.reasons}
    return any(need in met for need in wanted)


def _affordable(good: Good, need: Need, currency: str) -> bool:
    if need.low is None and need.high is None:
        return True
    if good.product.currency != currency:
        return False
    if need.low is not None and (good.price < need.low or (need.value == "dearer" and good.price == need.low)):
        return False
    return need.high is None or good.price < need.high or (good.price == need.high and not need.strict)


def _distance(good: Good, need: Need) -> Decimal:
    """How far a price lies from the budget."""
    if need.high is not None and good.price >= need.high:
        return good.price - need.high
    return need.low - good.price if need.low is not None else Decimal(0)


def _of(needs: Sequence[Need], kind: str) -> Need | None:
    return next((need for need in needs if need.kind == kind), None)


def _stock(good: Good) -> int:
    """None counts them: there are always some."""
    return 10**9 if good.product.stock is None else good.product.stock


def like(good: Good, others: Sequence[Good]) -> list[Good]:
    """Of ``others`` those most like ``good``: of its category, with its tags; else in the order that they are in."""
    tags = set(tags_of(good.product))
    categories = [int(other.product.category == good.product.category) for other in others]
    shared = [len(tags & set(tags_of(other.product))) for other in others]
    ranked = sorted(zip(categories, shared, others, strict=True), key=lambda one: (-one[0], -one[1]))
    return [other for same, common, other in ranked if same or common]
