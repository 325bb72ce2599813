"""Whether what is expected of a turn holds, one mark for each expectation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.botfile import Bot
from core.language import base, detect
from core.messages import Reply, Rung
from core.state import Outcome, State
from core.testbench.cases import REGULAR, TurnConfig, Wanted, begins
from core.testbench.meaning import Meanings
from core.testbench.results import Mark
from core.testbench.shopfacts import ShopFacts, figures_in
from core.testbench.wording import card_text, count_words, says, says_any

SHOWN = 160
# Rungs that say that the bot does not know, or send to a person.
SENDING = frozenset({Rung.UNKNOWN, Rung.PERSON})


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply with all that it is judged by. ``passages``: the ids of its trace."""

    reply: Reply
    handed_over: bool
    passages: tuple[str, ...]
    products: tuple[str, ...]

    @classmethod
    def of(cls, outcome: Outcome, before: State, bot: Bot, facts: ShopFacts) -> Answered | None:
        reply = outcome.reply
        if reply is None:
            return None
        passages = tuple(passage.id for passage in outcome.trace.passages) if outcome.trace else ()
        return cls(reply, handed_over(outcome, before, bot), passages, facts.products_in(reply))

    @property
    def text(self) -> str:
        """The reply and its cards, as a shopper reads them."""
        return "\n".join([self.reply.text, *map(card_text, self.reply.cards)])


def handed_over(outcome: Outcome, before: State, bot: Bot) -> bool:
    """Whether the shopper was told that the bot does not know, or was sent to a person.

    That is: the rung unknown or person; the wish for a person noted in this turn; or an approved answer of
    eval.hand_over_answers.
    """
    if outcome.reply is None:
        return False
    if outcome.reply.rung in SENDING or (outcome.state.wants_person and not before.wants_person):
        return True
    cited = {passage.id for passage in outcome.trace.passages} if outcome.trace else set()
    sending = {f"answers/{id}" for id in bot.config.eval.hand_over_answers}
    return outcome.reply.rung is Rung.APPROVED and bool(cited & sending)


async def judge(turn: TurnConfig, found: Answered, bot: Bot, meanings: Meanings | None) -> tuple[Mark, ...]:
    """A mark for each thing that is expected."""
    marks = [*_wording(turn, found), *_sources(turn, found), *_manner(turn, found, bot)]
    for meaning in turn.means:
        marks.append(await _means(meaning.text, meaning.at_least, found, meanings))
    return tuple(marks)


def _wording(turn: TurnConfig, found: Answered) -> Iterator[Mark]:
    for wanted in turn.says:
        yield _mark("says", wanted, says_any(found.text, wanted), f"the reply says {_shown(found.reply.text)}")
    for unwanted in turn.says_not:
        said = next((text for text in unwanted.any_of if says(found.text, text)), "")
        yield _mark("says_not", unwanted, not said, f"the reply says {said!r}")
    if turn.figures is not None:
        allowed = {figure for text in turn.figures for figure in figures_in(text)}
        strange = sorted(figures_in(found.reply.text) - allowed)
        yield _mark("figures", turn.figures, not strange, f"the reply also has {', '.join(strange)}")
    if turn.within is not None:
        count = count_words(found.reply.text)
        yield _mark("within", turn.within, count <= turn.within, f"it has {count} words")


def _sources(turn: TurnConfig, found: Answered) -> Iterator[Mark]:
    for wanted in turn.cites:
        holds = any(_cites(id, text) for text in wanted.any_of for id in found.passages)
        yield _mark("cites", wanted, holds, f"its passages are {_listed(found.passages)}")
    if turn.rung:
        wanted_rungs = " or ".join(turn.rung)
        yield _mark("rung", wanted_rungs, found.reply.rung in turn.rung, f"it came from {found.reply.rung}")
    named = set(found.products)
    for wanted in turn.products:
        yield _mark("products", wanted, bool(named & set(wanted.any_of)), f"it names {_listed(found.products)}")
    for unwanted in turn.products_not:
        there = sorted(named & set(unwanted.any_of))
        yield _mark("products_not", unwanted, not there, f"it names {_listed(there)}")
    if turn.products_among:
        holds = bool(named) and named <= set(turn.products_among)
        yield _mark("products_among", turn.products_among, holds, f"it names {_listed(found.products)}")


def _cites(id: str, wanted: str) -> bool:
    return says(id, wanted) if REGULAR.fullmatch(wanted) else begins(id, wanted)


def _manner(turn: TurnConfig, found: Answered, bot: Bot) -> Iterator[Mark]:
    labels = [button.label for button in found.reply.buttons]
    for wanted in turn.buttons:
        holds = any(label.casefold() == text.casefold() for label in labels for text in wanted.any_of)
        yield _mark("buttons", wanted, holds, f"its buttons are {_listed(labels)}")
    if turn.language is not None:
        written = detect(found.reply.text, bot.languages, found.reply.language)
        yield _mark("language", turn.language, base(written) == base(turn.language), f"it is in {written}")
    if turn.hands_over is not None:
        why = "it sent the shopper to a person" if found.handed_over else f"it answered {_shown(found.reply.text)}"
        yield _mark("hands_over", str(turn.hands_over).lower(), found.handed_over == turn.hands_over, why)


async def _means(text: str, at_least: float | None, found: Answered, meanings: Meanings | None) -> Mark:
    if meanings is None:
        return Mark(key="means", wanted=text, holds=False, why="the bot has no embedder: meaning cannot be judged")
    least = at_least or meanings.at_least
    if least is None:
        why = "there are too few approved answers to find a threshold: write eval.means_at_least or at_least"
        return Mark(key="means", wanted=text, holds=False, why=why)
    like = await meanings.likeness(found.reply.text, text)
    return _mark("means", text, like >= least, f"its likeness is {like:.2f}, less than {least:.2f}")


def _mark(key: str, wanted: Wanted | Sequence[str] | str | int, holds: bool, why: str) -> Mark:
    shown = wanted if isinstance(wanted, str) else _listed(wanted) if isinstance(wanted, list) else str(wanted)
    return Mark(key=key, wanted=shown, holds=holds, why="" if holds else why)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
