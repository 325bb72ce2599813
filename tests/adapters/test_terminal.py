"""Products and buttons in the terminal."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

from rich.console import Console

from adapters.terminal import Screen, TerminalChannel, shown
from core.cards import parts_of
from core.messages import Address, Button, Card, Incoming, Outgoing, Reply

CARDS = (
    Card(id="LJ", title="Long Jing [龙井]", text="Pan-fired.", price="€24.00", url="https://shop.example/lj"),
    Card(id="SN", title="Silver Needle"),
)
BUTTONS = (
    Button(label="Milder", text="Do you have something milder?"),
    Button(label="Map", url="https://shop.example/map"),
    Button(label="A person", text="/human"),
)


def console() -> Console:
    return Console(file=io.StringIO(), width=60, force_terminal=False)


def text_of(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [line.strip() for line in console.file.getvalue().splitlines() if line.strip()]


def test_products_with_price_and_link_and_buttons_by_number() -> None:
    out = console()
    out.print(shown("**Two** teas:", CARDS, BUTTONS))
    assert text_of(out) == [
        "Two teas:",
        "Long Jing [龙井]  €24.00",
        "Pan-fired.",
        "https://shop.example/lj",
        "Silver Needle",
        "[1] Milder",
        "[2] A person",
        "Map: https://shop.example/map",
    ]


async def test_the_number_of_a_button_asks_its_text_until_the_next_answer() -> None:
    reply = Reply(
        id="r1", address=Address(bot="mugs", platform="t", chat="1"), text="Two teas:", cards=CARDS, buttons=BUTTONS
    )
    screen = Screen(console(), "Mei")
    channel = TerminalChannel("mugs", "s", _nothing(), screen.show)
    (message,) = parts_of(reply, channel)
    await channel.send(message.replace(final=False, cards=(), buttons=()))
    assert screen.chosen("1") == "1"
    await channel.send(message)
    assert screen.chosen(" 1 ") == "Do you have something milder?"
    assert screen.chosen("2") == "/human"
    assert [screen.chosen(typed) for typed in ("0", "3", "²", "one", "1 kg")] == ["0", "3", "²", "one", "1 kg"]
    await channel.send(Outgoing(address=reply.address, reply="r2", text="Bye."))
    assert screen.chosen("1") == "1"


async def _nothing() -> AsyncIterator[str]:
    nothing: tuple[str, ...] = ()
    for text in nothing:
        yield text


class Inbox:
    def __init__(self) -> None:
        self.messages: list[Incoming] = []

    async def put(self, incoming: Incoming) -> bool:
        self.messages.append(incoming)
        return True


async def test_what_was_chosen_is_what_is_asked() -> None:
    screen, inbox = Screen(console(), "Mei"), Inbox()

    async def typed() -> AsyncIterator[str]:
        yield "tea?"
        yield screen.chosen("1")

    channel = TerminalChannel("mugs", "s", typed(), screen.show)
    listening = asyncio.create_task(channel.listen(inbox))
    for count in (1, 2):
        while len(inbox.messages) < count:
            await asyncio.sleep(0)
        await channel.send(Outgoing(address=channel.address, reply=f"r{count}", text="Tea.", buttons=BUTTONS))
    await listening
    assert [message.text for message in inbox.messages] == ["tea?", "Do you have something milder?"]
