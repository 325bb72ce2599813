"""The rung that recommends: products that exist, are in stock and fit what the shopper said, with the reason in their words.

recommend() answers who looks for a product; follow_up() what is said to what was shown or asked then. Both say None to
all else. Every sentence is made of templates, the catalogue's facts and the shopper's words; no model is asked.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import islice

from core.answer import Answer, Asked
from core.messages import Rung
from core.phrases import in_language
from core.recommend import memory, moves, trigger
from core.recommend.answering import answered, passage_of, said, shown, traced
from core.recommend.assortment import Assortment, Good
from core.recommend.choose import Chooser, Chosen, like
from core.recommend.listen import Listened, listen, merged
from core.recommend.memory import with_wishes
from core.recommend.moves import Move
from core.recommend.wishes import Need, Wishes
from core.recommend.wording import Say, card, products, say
from core.state import TracePassage
from core.understanding.answers import may_be_ours
from core.understanding.rules import Intent

# "Something cheaper" is still about what was shown so many replies ago.
NEAR = 3
_NO_WISH = frozenset({Intent.ORDER_QUESTION, Intent.COMPLAINT, Intent.WANTS_PERSON})


async def recommend(asked: Asked) -> Answer | None:
    """For who looks for a product. Raises StoreUnavailable if what is said cannot be remembered as wanted."""
    if not _is_on(asked) or (asked.understood.sure and asked.understood.intent in _NO_WISH):
        return None
    text = _text(asked)
    advice, wanted = trigger.advice_is_asked(text), trigger.is_wanted(text)
    if not (advice or wanted or trigger.is_asked_whether(text)) or trigger.is_service(text):
        return None
    assortment = await asked.bot.assortment.ready()
    heard = _listened(asked, assortment)
    sure = advice or (wanted and not trigger.is_question(text))
    if not sure and not may_be_ours(asked):
        return None
    if not _is_for_goods(heard, assortment.meanings, sure, trigger.any_advice_is_asked(text)):
        return None
    return await answered(asked, await _begun(asked, heard), heard, may_ask=sure)


async def follow_up(asked: Asked) -> Answer | None:
    """For what is said of products that were shown, to a question that was asked, and to what is remembered."""
    if not _is_on(asked):
        return None
    wishes = _wishes(asked)
    if about := await memory.about_me(asked, wishes):
        return about
    if wishes is None:
        return None
    await asked.bot.assortment.ready()
    direct, text = _after(asked, 1), _text(asked)
    if direct and wishes.consent == "asked" and (settled := await memory.consented(asked, wishes)):
        return settled
    move = moves.read_move(text, len(wishes.offered), bool(wishes.chosen))
    if move and (_after(asked, NEAR) or (move.kind == "pick" and move.place is not None)):
        return await _moved(asked, wishes, move)
    if not (direct or trigger.corrects(text)) or trigger.is_service(text):
        return None
    return await _refined(asked, wishes)


def pointed(asked: Asked) -> Asked:
    """The same with the name of the product in place of "the second one" or of "it", for the rungs that look things up."""
    wishes = _wishes(asked)
    if wishes is None or not wishes.offered or not _is_on(asked):
        return asked
    text = asked.heard.text
    place = moves.place_in(text, len(wishes.offered))
    sku = wishes.offered[place] if place is not None else wishes.chosen if _after(asked, NEAR) else ""
    good = asked.bot.assortment.by_sku.get(sku)
    pattern = moves.ORDINAL if place is not None else moves.POINTING
    if good is None or not pattern.search(text):
        return asked
    name = in_language(good.product.names, asked.heard.written)
    said = pattern.sub(lambda _: name, text, count=1)
    heard = replace(asked.heard, text=said, spoken=asked.heard.spoken.replace(text, said))
    return replace(asked, heard=heard, vector=None)


# ── what is looked for ───────────────────────────────────────────────────────────────────────────────────


def _is_on(asked: Asked) -> bool:
    return asked.bot.config.recommend.enabled and bool(asked.bot.assortment)


def _text(asked: Asked) -> str:
    return asked.heard.text.replace("’", "'")


def _wishes(asked: Asked) -> Wishes | None:
    """Those of who writes; in a group another one's are not theirs."""
    wishes, last = asked.state.wishes, asked.heard.last
    return None if wishes and last.group and wishes.speaker != last.sender.id else wishes


def _after(asked: Asked, replies: int) -> bool:
    """Whether one of the last so many replies recommended something."""
    said = (line.rung for line in reversed(asked.turn.history) if line.role in ("bot", "agent"))
    return Rung.RECOMMENDED in islice(said, replies)


def _listened(asked: Asked, assortment: Assortment, asking: str = "") -> Listened:
    """All messages of the turn, each need with the message that it stands in."""
    heard = [listen(one.text, one.message, assortment, asking) for one in asked.heard.meant if one.text.strip()]
    needs: tuple[Need, ...] = ()
    for one in heard:
        needs = merged(needs, one.needs)
    return Listened(
        needs,
        tuple(word for one in heard for word in one.unknown),
        next((one.foreign for one in heard if one.foreign), ""),
        tuple(sku for one in heard for sku in one.products),
        any(one.object_unknown for one in heard),
    )


def _is_for_goods(heard: Listened, meanings: Container[str], sure: bool, advice: bool) -> bool:
    """Whether it is something of this shop that is looked for, and not just one product that is asked about.

    ``sure``: they want something; ``advice``: they ask what. ``meanings``: the names of tastes; a word that only stands
    in some description is none.
    """
    if heard.object_unknown or (heard.products and not advice):
        return False
    telling = sum(
        need.kind in ("category", "occasion", "without") or (need.kind == "taste" and need.value in meanings)
        for need in heard.needs
    )
    if not sure:
        return not heard.unknown and heard.has("category", "taste") and telling > 0
    if not telling:
        return not heard.unknown and (advice or heard.has("budget", "recipient"))
    return len(heard.unknown) <= telling + 1


async def _begun(asked: Asked, heard: Listened) -> Wishes:
    """The wishes with what was heard; another category begins anew, except for what must not be in it."""
    before, speaker = _wishes(asked), asked.heard.last.sender.id
    if before is None:
        remembered = () if _for_others(heard.needs) else await memory.recalled(asked)
        needs = merged(remembered, heard.needs)
        return Wishes(speaker=speaker, needs=needs, consent="yes" if remembered else "")
    if heard.has("category") or _for_others(heard.needs):
        kept = () if _for_others(heard.needs) else tuple(need for need in before.needs if need.kind == "without")
        return Wishes(speaker=speaker, needs=merged(kept, heard.needs), consent=before.consent)
    update = {"needs": merged(before.needs, heard.needs), "speaker": speaker, "offered": (), "chosen": ""}
    return before.replace(**update)


def _for_others(needs: Sequence[Need]) -> bool:
    return any((need.kind == "recipient" and need.value != "self") or need.value == "gift" for need in needs)


async def _refined(asked: Asked, wishes: Wishes) -> Answer | None:
    """A further wish, a correction, or the answer to our question; None: it is about something else."""
    assortment, text = asked.bot.assortment, _text(asked)
    if wishes.asking and moves.is_no_matter(text):
        settled = wishes.replace(settled=(*wishes.settled, wishes.asking), asking="")
        return await answered(asked, settled, Listened(), may_ask=True)
    if trigger.is_question(text):
        return None
    heard = _listened(asked, assortment, wishes.asking)
    telling = len(heard.needs) + bool(heard.foreign)
    if not telling or heard.products or heard.object_unknown or len(heard.unknown) > telling:
        return None
    before = wishes.needs
    if trigger.corrects(text):  # "something funny instead": not both
        kinds = {need.kind for need in heard.needs}
        before = tuple(need for need in before if need.kind == "without" or need.kind not in kinds)
    update = {"needs": merged(before, heard.needs), "asking": ""}
    return await answered(asked, wishes.replace(**update), heard, may_ask=True)


# ── what was shown ───────────────────────────────────────────────────────────────────────────────────────


async def _moved(asked: Asked, wishes: Wishes, move: Move) -> Answer | None:
    assortment, language = asked.bot.assortment, asked.language
    if move.kind == "reset":
        fresh = Wishes(speaker=wishes.speaker, consent=wishes.consent, asking="category", questions=0)
        return Answer(Rung.RECOMMENDED, say(Say.RESET, language), state=with_wishes(asked, fresh))
    offered = [good for sku in wishes.offered if (good := assortment.by_sku.get(sku))]
    meant = assortment.by_sku.get(wishes.offered[move.place] if move.place is not None else wishes.chosen)
    if move.kind == "pick":
        return _picked(asked, wishes, meant) if meant else None
    if not offered or trigger.is_service(_text(asked)):
        return None
    heard = _listened(asked, assortment)
    named = tuple(need for need in heard.needs if need.kind != "budget" or need.high or need.low)
    wishes = wishes.replace(needs=merged(wishes.needs, named))
    if move.kind == "similar":
        return await _alike(asked, wishes, meant or offered[0])
    if move.kind in ("cheaper", "dearer"):
        return await _priced(asked, wishes, move, [meant] if meant and move.place is not None else offered)
    refused = [meant] if meant and move.kind == "not" else offered
    update = {"refused": tuple(dict.fromkeys((*wishes.refused, *(good.sku for good in refused))))}
    again = wishes.replace(**update)
    chosen = Chooser(assortment, again).choose()
    if not chosen.choices or chosen.against:
        return said(asked, wishes, say(Say.NO_MORE, language))
    return await shown(asked, again, chosen)


def _picked(asked: Asked, wishes: Wishes, good: Good) -> Answer:
    """What the shop says of one product: its price, whether it is there, its page."""
    passage = good.passages_in(asked.language)[0]
    kept = wishes.replace(chosen=good.sku)
    return Answer(
        Rung.RECOMMENDED,
        passage.text,
        (TracePassage(id=passage.id, score=1.0),),
        cards=(card(good, asked.language),),
        state=with_wishes(asked, kept),
        needs=traced(kept),
    )


async def _priced(asked: Asked, wishes: Wishes, move: Move, beside: Sequence[Good]) -> Answer:
    """Below the cheapest or above the dearest of what was shown."""
    prices, before = [good.price for good in beside], next((n for n in wishes.needs if n.kind == "budget"), None)
    last = asked.heard.last
    need = Need(kind="budget", value=move.kind, said=_text(asked).strip()[:60], message=last.message)
    if move.kind == "cheaper":
        tries = [need.replace(high=min(prices), strict=True)]
    else:  # within the budget, or else beyond it: that was what they asked for
        cap = {"high": before.high, "strict": before.strict} if before else {}
        capped = need.replace(low=max(prices), **cap)
        tries = [capped, capped.replace(high=None)]
    for one in tries:
        priced = wishes.replace(needs=merged(wishes.needs, (one,)), chosen="")
        chosen = Chooser(asked.bot.assortment, priced).choose()
        if chosen.choices and not chosen.against:
            return await shown(asked, priced, chosen)
    told = say(Say.NO_CHEAPER if move.kind == "cheaper" else Say.NO_DEARER, asked.language)
    best = sorted(Chooser(asked.bot.assortment, wishes).choose().choices, key=lambda one: one.good.price)
    if not best:
        return said(asked, wishes, say(Say.NO_MORE, asked.language))
    (pick,) = best[:1] if move.kind == "cheaper" else best[-1:]
    kept = wishes.replace(chosen=pick.good.sku)
    return replace(
        said(asked, kept, f"{told}\n\n{products([pick], asked.language)}"),
        passages=(passage_of(pick, asked.language),),
        cards=(card(pick.good, asked.language),),
    )


async def _alike(asked: Asked, wishes: Wishes, good: Good) -> Answer:
    musts = tuple(need for need in wishes.needs if need.kind in ("without", "budget"))
    chooser = Chooser(asked.bot.assortment, wishes.replace(needs=musts))
    others = [other for other in chooser.fitting(musts) if other.sku not in wishes.offered]
    every = Chooser(asked.bot.assortment, wishes)
    others.sort(key=lambda other: -every.described(other).score)
    found = like(good, others)[: asked.bot.config.recommend.show]
    if not found:
        return said(asked, wishes, say(Say.NO_MORE, asked.language))
    return await shown(
        asked, wishes, Chosen(tuple(every.described(other) for other in found)), lead=say(Say.SHOWN, asked.language)
    )
