"""The terminal: a chat in the console, or questions asked by a script (`chat --ask`).

One line is one message; the next one is asked for when the answer is complete. Raises nothing of its own: a closed
input ends the chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import uuid4

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.padding import Padding
from rich.style import Style
from rich.text import Text

from core.messages import Address, Button, Card, Command, Incoming, Kind, Outgoing, Person
from core.ports import Inbox, Traits

MAX_CHARS = 1_000_000
MAX_BESIDE = 100


class TerminalChannel:
    """One person at one terminal. ``lines`` yields what they write; ``answered`` is called with each finished reply."""

    traits = Traits(
        max_chars=MAX_CHARS,
        streams=True,
        edit_interval_s=0.05,
        cards=MAX_BESIDE,
        cards_with_text=True,
        buttons=MAX_BESIDE,
    )

    def __init__(
        self,
        bot: str,
        session: str,
        lines: AsyncIterator[str],
        show: Callable[[Outgoing], None],
        language: str = "",
    ) -> None:
        # Each terminal is a platform of its own, so that two of them over one store never get each other's replies.
        self.bot = bot
        self.platform = f"terminal-{session}"
        self.address = Address(bot=bot, platform=self.platform, chat="local")
        self._lines = lines
        self._show = show
        self._language = language
        self.connected = asyncio.Event()
        self._answered = asyncio.Event()

    async def listen(self, inbox: Inbox) -> None:
        """Ask for lines until there are no more; each waits for its answer."""
        self.connected.set()
        async for text in self._lines:
            self._answered.clear()
            if await inbox.put(self._incoming(text)):
                await self._answered.wait()

    def _incoming(self, text: str) -> Incoming:
        name = uuid4().hex
        word, _, rest = text.strip().partition(" ")
        command = Command(word[1:]) if word[:1] == "/" and word[1:] in list(Command) else None
        return Incoming(
            address=self.address,
            update=name,
            message=name,
            sender=Person(id="local", language=self._language),
            kind=Kind.COMMAND if command else Kind.TEXT,
            text="" if command else text,
            command=command,
            argument=rest if command else "",
            disclosed=True,
        )

    def split(self, text: str) -> list[str]:
        return [text]

    async def send(self, message: Outgoing) -> str:
        self._put(message)
        return message.reply

    async def edit(self, sent: str, message: Outgoing) -> None:
        self._put(message)

    def _put(self, message: Outgoing) -> None:
        self._show(message)
        if message.final:
            self._answered.set()

    async def typing(self, address: Address) -> None:
        self._show(Outgoing(address=address, reply="", text="", final=False))


class Screen:
    """Shows an answer in the console as it grows, rendered from Markdown; then its products, and its buttons by number."""

    def __init__(self, console: Console, persona: str) -> None:
        self._console = console
        self._persona = persona
        self._live: Live | None = None
        self._asks: tuple[str, ...] = ()

    def show(self, message: Outgoing) -> None:
        if self._live is None:
            self._console.print(f"\n[bold green]{self._persona}[/]")
            self._live = Live(console=self._console, refresh_per_second=20, vertical_overflow="visible")
            self._live.start()
        self._live.update(shown(message.text or "…", message.cards, message.buttons), refresh=True)
        if message.final:
            self._asks = tuple(button.text for button in message.buttons if not button.url)
            self._live.stop()
            self._live = None
            self._console.print()

    def chosen(self, typed: str) -> str:
        """What the button asks whose number was typed; else what was typed."""
        number = typed.strip()
        known = number.isascii() and number.isdigit() and 1 <= int(number) <= len(self._asks)
        return self._asks[int(number) - 1] if known else typed


def shown(text: str, cards: Sequence[Card], buttons: Sequence[Button]) -> RenderableType:
    """An answer in Markdown, its products, and what may be asked next."""
    parts: list[RenderableType] = [Markdown(text)]
    parts += [Padding(_product(card), (1, 0, 0, 2)) for card in cards]
    if buttons:
        parts.append(Padding(_choices(buttons), (1, 0, 0, 2)))
    return Group(*parts) if len(parts) > 1 else parts[0]


def _product(card: Card) -> Text:
    shown = Text(card.title, style="bold")
    if card.price:
        shown.append(f"  {card.price}", style=Style(color="green", bold=True))
    for line, style in ((card.text, Style(bold=False)), (card.url, Style(color="blue", bold=False, link=card.url))):
        if line:
            shown.append("\n").append(line, style=style)
    return shown


def _choices(buttons: Sequence[Button]) -> Text:
    """Those that ask have a number to type, links have their address."""
    asks = [button for button in buttons if not button.url]
    lines = [Text.assemble((f"[{number}] ", "bold cyan"), button.label) for number, button in enumerate(asks, 1)]
    links = [button for button in buttons if button.url]
    lines += [Text.assemble(f"{button.label}: ", (button.url, f"blue link {button.url}")) for button in links]
    return Text("\n").join(lines)
