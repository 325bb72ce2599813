"""What is remembered of a person for the next time: asked for in words, kept after a yes, shown and erased when asked."""

from __future__ import annotations

import re

import structlog

from core.answer import Answer, Asked
from core.errors import StoreUnavailable
from core.messages import Rung
from core.recommend.wishes import Need, Remembered, Wishes
from core.recommend.wording import Say, quoted, say
from core.signs import signed
from core.state import State

log = structlog.get_logger(__name__)

_WHAT_IS_KNOWN = signed(
    "know remember learned 知道 记得 记住 了解",
    r"\bwhat\s+(?:do|did|have)\s+you\s+(?:know|remember|remembered|learned)\s+(?:about|of)\s+me\b"
    r"|(?:知道|记得|记住|了解)(?:了)?(?:关于)?我(?:的)?(?:什么|哪些|多少|喜好)|对我(?:知道|了解|记得)(?:什么|多少|哪些)",
)
_FORGET = signed(
    "forget erase delete 忘 删除",
    r"\bforget\s+(?:about\s+)?me\b|\bforget\s+my\s+(?:wishes|preferences|tastes?|likes)\b|\b(?:erase|delete)\s+what\s+you\s+(?:know|remember)"
    r"|忘(?:了|记|掉)我|忘(?:了|记|掉)我的(?:喜好|偏好|口味)|删除我的(?:喜好|偏好|口味)",
)
_YES = re.compile(
    r"\W*(?:yes|yeah|yep|yup|sure|ok(?:ay)?|of\s+course|please(?:\s+do)?|gladly|要|好|好的|好啊|可以|行|是|是的|嗯|同意|记住)"
    r"(?:\W+(?:please|do|thanks|thank\s+you|吧|的|谢谢))?\W*",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\W*(?:no|nope|nah|rather\s+not|please\s+don'?t|don'?t|不要|不用|不|别|不必|不了|不需要|不行)"
    r"(?:\W+(?:thanks|thank\s+you|please|need|谢谢))?(?:了|谢谢)?\W*",
    re.IGNORECASE,
)
# What kind of product a person wants today, and for how much, says little of the next time.
_LASTING = ("without", "taste")


def is_on(asked: Asked) -> bool:
    """Whether something may be remembered of who wrote; in a group others would read it."""
    return asked.bot.config.recommend.remember and asked.means.people is not None and not asked.heard.last.group


async def recalled(asked: Asked) -> tuple[Need, ...]:
    """What is remembered; nothing if the store is away, for the wish can be met without."""
    people = asked.means.people
    if people is None or not is_on(asked):
        return ()
    try:
        found = await people.recall(asked.turn.address, asked.heard.last.sender.id)
    except StoreUnavailable as error:
        log.warning("nothing recalled", bot=asked.bot.name, reason=str(error))
        return ()
    return tuple(need.replace(message="") for need in found.needs) if found else ()


def may_ask(asked: Asked, wishes: Wishes) -> bool:
    return is_on(asked) and not wishes.consent and bool(lasting(wishes))


def lasting(wishes: Wishes) -> tuple[Need, ...]:
    """What of the wishes is true of the person; nothing if they are for somebody else."""
    if any((need.kind == "recipient" and need.value != "self") or need.value == "gift" for need in wishes.needs):
        return ()
    return tuple(need for need in wishes.needs if need.kind in _LASTING)


async def keep(asked: Asked, wishes: Wishes) -> None:
    """After a yes. Raises StoreUnavailable."""
    needs = lasting(wishes)
    if wishes.consent == "yes" and needs and is_on(asked) and asked.means.people is not None:
        await asked.means.people.remember(asked.turn.address, asked.heard.last.sender.id, Remembered(needs=needs))


async def consented(asked: Asked, wishes: Wishes) -> Answer | None:
    """The answer to "shall I remember that?"; None: something else was said."""
    text, language = asked.heard.text, asked.language
    if _NO.fullmatch(text):
        settled = wishes.replace(consent="no")
        return Answer(Rung.RECOMMENDED, say(Say.CONSENT_NO, language), state=with_wishes(asked, settled))
    if not _YES.fullmatch(text):
        return None
    settled = wishes.replace(consent="yes")
    await keep(asked, settled)
    told = say(Say.CONSENT_YES, language, needs=quoted(lasting(settled), language))
    return Answer(Rung.RECOMMENDED, told, state=with_wishes(asked, settled))


async def about_me(asked: Asked, wishes: Wishes | None) -> Answer | None:
    """ "What do you know about me", "forget me"; None: neither was said, or there is nothing that could be known."""
    text = asked.heard.text
    if _FORGET.search(text):
        return await _forgotten(asked, wishes)
    if _WHAT_IS_KNOWN.search(text):
        return await _known(asked, wishes)
    return None


async def _forgotten(asked: Asked, wishes: Wishes | None) -> Answer | None:
    """Also where remembering was switched off since."""
    people = asked.means.people
    if people is None and wishes is None:
        return None
    if people is not None:
        await people.forget(asked.turn.address, asked.heard.last.sender.id)
    state = asked.state.replace(wishes=None)
    return Answer(Rung.RECOMMENDED, say(Say.FORGOTTEN, asked.language), state=state)


async def _known(asked: Asked, wishes: Wishes | None) -> Answer | None:
    language, parts = asked.language, []
    remembered = await recalled(asked)
    if remembered:
        parts.append(say(Say.KNOWN, language, needs=quoted(remembered, language)))
    here = [need for need in wishes.needs if need.message] if wishes else []
    if here:
        parts.append(say(Say.KNOWN_HERE, language, needs=quoted(here, language)))
    if not parts and not is_on(asked):
        return None
    text = "\n\n".join(parts) or say(Say.KNOWN_NOTHING, language)
    return Answer(Rung.RECOMMENDED, text, state=with_wishes(asked, wishes) if wishes else None)


def with_wishes(asked: Asked, wishes: Wishes) -> State:
    return asked.state.replace(wishes=wishes)
