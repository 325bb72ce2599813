"""How an answer that recommends is put together: a question, or products with their reasons, cards and trace."""

from __future__ import annotations

from collections.abc import Sequence

from core.answer import Answer, Asked
from core.language import base
from core.messages import Rung
from core.recommend import memory
from core.recommend.choose import Choice, Chooser, Chosen
from core.recommend.listen import Listened
from core.recommend.memory import with_wishes
from core.recommend.wishes import Need, Wishes
from core.recommend.wording import Say, button, card, listed, nothing, products, quoted, say
from core.state import TracePassage

_ALLERGY = ("allerg", "intoleran", "过敏")


async def answered(asked: Asked, wishes: Wishes, heard: Listened, may_ask: bool) -> Answer:
    """A question, if its answer would help to choose; else the products."""
    assortment, language = asked.bot.assortment, asked.language
    if heard.foreign and not heard.has("budget") and "budget" not in wishes.settled:
        asking = wishes.replace(asking="budget", questions=wishes.questions + 1, settled=(*wishes.settled, "budget"))
        return said(asked, asking, say(Say.BUDGET_FOREIGN, language, currency=assortment.currency))
    chooser = Chooser(assortment, wishes, _likeness(asked))
    question = chooser.question() if may_ask else None
    if question is None:
        return await shown(asked, wishes, chooser.choose())
    choices = chooser.open_choices(question, language)
    text = say(Say(question), language, choices=listed(choices, language), currency=assortment.currency)
    asking = wishes.replace(asking=question, questions=wishes.questions + 1, settled=(*wishes.settled, question))
    return said(asked, asking, text, [*choices, say(Say.B_ANY, language)])


def said(asked: Asked, wishes: Wishes, text: str, labels: Sequence[str] = ()) -> Answer:
    buttons = tuple(map(button, labels))
    return Answer(Rung.RECOMMENDED, text, buttons=buttons, state=with_wishes(asked, wishes), needs=traced(wishes))


async def shown(asked: Asked, wishes: Wishes, chosen: Chosen, lead: str = "") -> Answer:
    language, parts = asked.language, list(_lead(asked, wishes, chosen, lead))
    if not chosen.choices:
        asking = "budget" if chosen.contradiction else ""
        return said(asked, wishes.replace(asking=asking), "\n\n".join(parts))
    parts.append(products(chosen.choices, language))
    if any(need.kind == "without" and any(word in need.said for word in _ALLERGY) for need in wishes.needs):
        parts.append(say(Say.ALLERGY, language))
    skus = tuple(choice.good.sku for choice in chosen.choices)
    seen = tuple(dict.fromkeys((*wishes.seen, *skus)))
    chosen_sku = skus[0] if len(skus) == 1 else ""
    wishes = wishes.replace(offered=skus, seen=seen, chosen=chosen_sku, asking="")
    labels = [say(Say.B_CHEAPER, language), say(Say.B_OTHER, language)]
    if not chosen.against and memory.may_ask(asked, wishes):
        parts.append(say(Say.CONSENT, language))
        wishes = wishes.replace(consent="asked")
        labels = [say(Say.B_YES, language), say(Say.B_NO, language)]
    await memory.keep(asked, wishes)
    return Answer(
        Rung.RECOMMENDED,
        "\n\n".join(parts),
        tuple(passage_of(choice, language) for choice in chosen.choices),
        cards=tuple(card(choice.good, language) for choice in chosen.choices),
        buttons=tuple(map(button, labels)),
        state=with_wishes(asked, wishes),
        needs=traced(wishes),
    )


def _lead(asked: Asked, wishes: Wishes, chosen: Chosen, lead: str) -> Sequence[str]:
    """What comes before the list: what was understood, and whether it is met."""
    language = asked.language
    remembered = [need for need in wishes.needs if not need.message]
    here = [need for need in wishes.needs if need.message]
    parts = [say(Say.LAST_TIME, language, needs=quoted(remembered, language))] if remembered and not wishes.seen else []
    if chosen.contradiction:
        budget = quoted([chosen.contradiction], language)
        return [*parts, say(Say.CONTRADICTION, language, budget=budget, currency=asked.bot.assortment.currency)]
    understood = say(Say.WANTED, language, needs=quoted(here, language)) if here and not lead else ""
    unheard = say(Say.UNHEARD, language, needs=quoted(chosen.unheard, language)) if chosen.unheard else ""
    if lead:
        met = lead
    elif chosen.against or not chosen.choices:
        met = nothing(chosen, wishes.needs, language)
    else:
        met = say(Say.PARTLY if chosen.partly else Say.SHOWN, language)
    joined = "" if base(language) == "zh" else " "
    return [*parts, joined.join(filter(None, [understood, unheard, met]))]


def passage_of(choice: Choice, language: str) -> TracePassage:
    return TracePassage(id=choice.good.passages_in(language)[0].id, score=choice.score)


def traced(wishes: Wishes) -> tuple[str, ...]:
    return tuple(
        f"{need.kind} {need.value or _bounds(need)}: {need.said} ({need.message or 'remembered'})"
        for need in wishes.needs
    )


def _bounds(need: Need) -> str:
    return f"{'' if need.low is None else need.low}–{'' if need.high is None else need.high}"


def _likeness(asked: Asked) -> dict[str, float]:
    """SKU → how near in meaning to what is asked, 0 to 1, if that is known."""
    if asked.vector is None:
        return {}
    language = asked.heard.written
    near = asked.bot.knowledge.ranked(asked.heard.text, language, language, asked.vector)
    skus = [found.passage.sku for found in near if found.passage.kind == "product"]
    return {sku: 1 - place / len(skus) for place, sku in enumerate(skus)}
