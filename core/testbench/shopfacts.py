"""What a shop says altogether, and whether a reply says something else: the judge of wrong facts.

It is the claims guard once more, but against the whole shop and behind every answer, whichever rung gave it. Then the
product cards are compared with the catalogue, and each sentence with what a conversation lists as ``facts``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.botfile import Bot
from core.lookups.result import told
from core.messages import Card, Reply, Rung
from core.state import State
from core.testbench.contradictions import contradictions
from core.testbench.wording import card_text, plain_words
from core.trust.claims import Fact, Finding, Grounding, check
from core.trust.figures import FIGURE, one_form, plain
from core.trust.values import Kind

# Kefu's own words about the conversation, not about the shop.
NO_CLAIMS = frozenset({Rung.COMMAND, Rung.NOTICE})
# How a text is worded is no fact.
NO_FACTS = frozenset({Kind.WORDING, Kind.DENIAL})


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply may stand on. ``asked``: what the shopper has said, the newest last; it may be repeated ("your budget
    of 30 €") and tells what a short reply is about. ``cited``: ids of passages; ``looked_up``: what the shop's API said.
    """

    asked: Sequence[str] = ()
    cited: Sequence[str] = ()
    looked_up: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """``always``: what is true beside the passages (contact, names); ``passages``: by their ids.

    ``names``: SKU → the product's names, plain; ``prices``: SKU → the figures of its price and unit.
    """

    always: tuple[Fact, ...]
    passages: Mapping[str, tuple[Fact, ...]]
    names: Mapping[str, tuple[str, ...]]
    prices: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, bot: Bot) -> ShopFacts:
        passages: dict[str, list[Fact]] = {}
        for passage in bot.knowledge.passages:
            passages.setdefault(passage.id, []).append(Fact(passage.title, passage.text))
        names = {product.sku: [plain_words(name) for name in product.names.values()] for product in bot.catalogue}
        return cls(
            tuple(_always(bot)),
            {id: tuple(facts) for id, facts in passages.items()},
            {sku: tuple(dict.fromkeys(found)) for sku, found in names.items()},
            {one.sku: frozenset(figures_in(f"{one.price} {one.unit}")) for one in bot.catalogue},
        )

    def wrong(self, reply: Reply, facts: Sequence[str] = (), said: Said = Said()) -> tuple[str, ...]:
        """What a reply states that the shop does not say, or that contradicts ``facts``; empty: nothing."""
        if reply.rung in NO_CLAIMS:
            return ()
        found = [finding for text in _texts(reply) for finding in self._invented(text, said)]
        found += [finding for card in reply.cards if (finding := self._wrong_card(card))]
        found += contradictions(reply.text, facts, said.asked[-1] if said.asked else "")
        return tuple(dict.fromkeys(found))

    def _invented(self, text: str, said: Said) -> list[str]:
        """What neither the cited passages say nor the whole shop.

        The cited ones alone are too few: an answer may add what another passage says. The whole shop alone would often
        compare a figure with one of another product, for many passages are about nearly the same.
        """
        made = (*self.always, *(Fact("", one) for one in said.looked_up))
        cited = [fact for id in said.cited for fact in self.passages.get(id, ())]
        strange = _findings(text, Grounding.of((*made, *cited), said.asked))
        if not strange:
            return []
        everything = [fact for facts in self.passages.values() for fact in facts]
        still = {_claim(one) for one in _findings(text, Grounding.of((*made, *everything), said.asked))}
        return [str(one) for one in strange if _claim(one) in still]

    def _wrong_card(self, card: Card) -> str:
        if card.id not in self.names:
            return f"the card shows the product '{card.id}', which is not in the catalogue"
        if plain_words(card.title) not in self.names[card.id]:
            return f"the card of {card.id} is titled '{card.title}', the catalogue names it otherwise"
        strange = sorted(figures_in(card.price) - self.prices[card.id])
        return f"the card of {card.id} shows '{strange[0]}', which is not its price in the catalogue" if strange else ""

    def products_in(self, reply: Reply) -> tuple[str, ...]:
        """The SKUs of the products that a reply names, by card, SKU or full name; the longer name wins."""
        found = {card.id: True for card in reply.cards}
        text = plain_words(reply.text)
        called = sorted(
            ((name, sku) for sku, names in self.names.items() for name in (*names, sku.casefold())),
            key=lambda entry: -len(entry[0]),
        )
        for name, sku in called:
            there = re.compile(_whole(name))
            if there.search(text):
                found[sku] = True
                text = there.sub("\0", text)
        return tuple(sku for sku in found if sku in self.names or any(card.id == sku for card in reply.cards))


def _whole(name: str) -> str:
    """As a word of its own; Chinese is written without spaces."""
    before = r"(?<![a-z0-9])" if name[:1].isascii() else ""
    behind = r"(?![a-z0-9])" if name[-1:].isascii() else ""
    return before + re.escape(name) + behind


def _findings(text: str, grounding: Grounding) -> list[Finding]:
    return [finding for finding in check(text, grounding) if finding.kind not in NO_FACTS]


def _claim(finding: Finding) -> tuple[str, ...]:
    return finding.kind, finding.claim, finding.sentence


def _always(bot: Bot) -> Iterator[Fact]:
    """What the shop says of itself, whatever is asked."""
    for texts in (bot.config.title, bot.config.person.contact):
        yield from (Fact("", text) for text in texts.values())
    for persona in bot.personas.values():
        for texts in (persona.config.name, persona.config.greeting, persona.config.disclosure):
            yield from (Fact("", text) for text in texts.values())


def looked_up(state: State, bot: Bot) -> list[str]:
    """What a look-up of the conversation has found, in the words that the bot has for it, and these words themselves."""
    looking = state.looking
    declared = bot.lookups.get(looking.name) if looking else None
    if looking is None or declared is None:
        return []
    found = [told(declared.config, looking.values, looking.arguments, language) for language in bot.languages]
    return [*filter(None, found), declared.config.model_dump_json(include={"result", "description"})]


def _texts(reply: Reply) -> list[str]:
    return [reply.text, *map(card_text, reply.cards)]


def figures_in(text: str) -> set[str]:
    """The figures of a text in one notation; 10:00 is 10."""
    return {one_form(figure.removesuffix(":00")) for figure in FIGURE.findall(plain(text))}
