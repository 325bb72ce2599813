"""A reply's text, products and buttons as platform messages; lines of text where a platform shows no such thing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from core.messages import Button, Card, Outgoing, Reply
from core.phrases import Phrase, say
from core.ports import Channel

MAX_ADDRESS = 2048
_MARKS = re.compile(r"([\\`*_\[\]<>~|#])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ALLOWED = re.compile(r"[\w/?#\[\]@!$&'()*+,;=:%~.-]+", re.ASCII)
_KEPT = "/?#[]@!$&'()*+,;=:%~"


def parts_of(reply: Reply, channel: Channel) -> list[Outgoing]:
    """The text's parts, then the products; the buttons stand under the last. The same reply gives the same parts."""
    if not (reply.cards or reply.buttons):  # as almost always
        return [_part(reply, number, text) for number, text in enumerate(channel.split(reply.text))]
    traits = channel.traits
    cards, buttons = sound_cards(reply.cards), sound_buttons(reply.buttons)
    text = _with_lines(reply, cards if not traits.cards else (), buttons[traits.buttons :])
    shown: list[tuple[str, tuple[Card, ...]]] = [(part, ()) for part in channel.split(text)]
    if traits.cards and cards:
        if traits.cards_with_text:
            shown[-1] = (shown[-1][0], cards)
        else:
            shown += [("", cards[start : start + traits.cards]) for start in range(0, len(cards), traits.cards)]
    parts = [_part(reply, number, text).replace(cards=beside) for number, (text, beside) in enumerate(shown)]
    return [*parts[:-1], parts[-1].replace(buttons=buttons[: traits.buttons])]


def _part(reply: Reply, number: int, text: str) -> Outgoing:
    return Outgoing(
        address=reply.address,
        reply=reply.id,
        part=number,
        text=text,
        reply_to=reply.reply_to if number == 0 else "",
        language=reply.language,
    )


def _with_lines(reply: Reply, cards: Sequence[Card], buttons: Sequence[Button]) -> str:
    untold = [card for card in cards if card.url or card.title not in reply.text]
    lines = [cards_as_text(untold), buttons_as_text(buttons, reply.language)]
    return "\n\n".join([reply.text, *filter(None, lines)])


# ── as text ──────────────────────────────────────────────────────────────────────────────────────────────


def cards_as_text(cards: Sequence[Card]) -> str:
    """A list in Markdown: title with its link, price, what is said of it."""
    return "\n".join(_card_as_text(card) for card in cards)


def _card_as_text(card: Card) -> str:
    title = _link(card.title, card.url) if card.url else _escaped(card.title)
    price = f" · {_escaped(card.price)}" if card.price else ""
    text = f"\n  {_escaped(card.text)}" if card.text else ""
    return f"- **{title}**{price}{text}"


def buttons_as_text(buttons: Sequence[Button], language: str) -> str:
    """What may be asked, as one line; then the links, each on a line."""
    asks = " · ".join(_escaped(button.text) for button in buttons if not button.url)
    links = [f"- {_link(button.label, button.url)}" for button in buttons if button.url]
    asking = [say(Phrase.YOU_CAN_WRITE, language, choices=asks)] if asks else []
    return "\n\n".join([*asking, *(["\n".join(links)] if links else [])])


def _link(label: str, url: str) -> str:
    return f"[{_escaped(label)}]({url.replace('(', '%28').replace(')', '%29')})"


def _escaped(text: str) -> str:
    """As Markdown that shows just this, in one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


# ── what can be shown ────────────────────────────────────────────────────────────────────────────────────


def sound_cards(cards: Sequence[Card]) -> tuple[Card, ...]:
    """Each with its addresses as they may go out; what is no web address is left out."""
    return tuple(_sound_card(card) for card in cards if card.title.strip())


def _sound_card(card: Card) -> Card:
    url, image = web_address(card.url), web_address(card.image)
    if (url, image) == (card.url, card.image):
        return card
    return card.replace(url=url, image=image)


def sound_buttons(buttons: Sequence[Button]) -> tuple[Button, ...]:
    """Those that have a label, and either a text or a web address; of several that do the same, the first."""
    found: dict[tuple[str, str], Button] = {}
    for button in buttons:
        url, text = web_address(button.url), button.text.strip()
        if button.label.strip() and bool(url) != bool(text):
            found.setdefault((url, text), button.replace(url=url, text=text))
    return tuple(found.values())


def web_address(address: str) -> str:
    """An http(s) address in ASCII; empty for anything else."""
    address = address.strip()
    if len(address) > MAX_ADDRESS or _CONTROL.search(address):
        return ""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        named = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except ValueError:  # an IPv6 address or port that is none, a host that cannot be
        return ""
    if parts.scheme not in ("http", "https") or not named or parts.username is not None:
        return ""
    if _ALLOWED.fullmatch(address):
        return address
    place = f"{named}:{port}" if port else named
    return quote(parts._replace(netloc=place).geturl(), safe=_KEPT)
