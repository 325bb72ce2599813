"""Products as embeds, buttons as components; and both as text where Discord takes neither."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from adapters.discord.split import LIMIT, NOTHING, clip, size
from core.cards import buttons_as_text, cards_as_text
from core.messages import Button, Card, Outgoing
from core.presses import press_id

MAX_EMBEDS = 10
MAX_BUTTONS = 25
PRESS_BYTES = 100  # Discord counts characters, which are never more

_ALL_EMBEDS = 6000  # characters in the embeds of one message
_TITLE, _PRICE, _TEXT, _LABEL = 256, 200, 1000, 80
_PRICES = {"zh": "价格", "en": "Price"}


def embeds(cards: Sequence[Card], language: str) -> list[discord.Embed]:
    """One product has a large picture, several have small ones."""
    room = _ALL_EMBEDS // max(1, len(cards))
    name = _PRICES["zh" if language.startswith("zh") else "en"]
    return [_embed(card, name, room, alone=len(cards) == 1) for card in cards]


def _embed(card: Card, price_name: str, room: int, *, alone: bool) -> discord.Embed:
    title, price = _clip(card.title, _TITLE), _clip(card.price, _PRICE)
    text = _clip(card.text, min(_TEXT, room - size(title + price + price_name)))
    embed = discord.Embed(title=title, url=card.url or None, description=text or None)
    if price:
        embed.add_field(name=price_name, value=price)
    if card.image and alone:
        embed.set_image(url=card.image)
    elif card.image:
        embed.set_thumbnail(url=card.image)
    return embed


def _clip(text: str, room: int) -> str:
    """At most so many characters, which show as they are and not as Markdown."""
    text = text.strip()
    shown, kept = discord.utils.escape_markdown(text), len(text)
    while size(shown) > room:
        kept = min(kept - 1, kept * room // size(shown))
        shown = discord.utils.escape_markdown(text[:kept].rstrip()) + NOTHING
    return shown


def view(buttons: Sequence[Button]) -> discord.ui.View:
    """The buttons in rows of five. Needs a running event loop."""
    made = discord.ui.View(timeout=None)
    for button in buttons:
        label = clip(button.label.strip(), _LABEL)
        if button.url:
            made.add_item(discord.ui.Button(label=label, url=button.url))
        else:
            made.add_item(discord.ui.Button(label=label, custom_id=press_id(button.text, PRESS_BYTES)))
    return made


def as_text(message: Outgoing) -> Outgoing:
    """The message with lines for its products and buttons, as much of them as fits."""
    short = tuple(card.replace(text="") for card in message.cards)
    buttons = buttons_as_text(message.buttons, message.language)
    texts = [
        "\n\n".join(filter(None, (message.text, cards_as_text(cards), buttons))) for cards in (message.cards, short)
    ]
    text = next((text for text in texts if size(text) <= LIMIT), clip(texts[-1]))
    return message.replace(text=text, cards=(), buttons=())
