"""Short ways to say what a test is about."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from core.knowledge.passages import Passage, of_section
from core.knowledge.sources.markdown import read_markdown
from core.messages import Address, Command, Incoming, Kind, Line, Person
from core.state import State, Turn
from core.store import Retention

KEEP = Retention(ttl_ms=60_000, lines=100)
_numbers = count(1)


def address(chat: str = "1", bot: str = "shop", platform: str = "test") -> Address:
    return Address(bot=bot, platform=platform, chat=chat)


def message(text: str = "hello", where: Address | None = None, **fields: object) -> Incoming:
    number = str(next(_numbers))
    given: dict[str, Any] = {
        "address": where or address(),
        "update": f"u{number}",
        "message": f"m{number}",
        "sender": Person(id="ann", name="Ann"),
        "text": text,
        **fields,
    }
    return Incoming(**given)


def command(name: Command, argument: str = "", where: Address | None = None) -> Incoming:
    return message("", where, kind=Kind.COMMAND, command=name, argument=argument)


def turn(*messages: Incoming, history: tuple[Line, ...] = (), state: State | None = None, attempts: int = 0) -> Turn:
    return Turn(
        conversation=messages[0].address.id,
        fence=1,
        attempts=attempts,
        state=state or State(greeted=True),
        history=history,
        messages=messages,
    )


def line(text: str, role: str = "shopper", at: datetime | None = None, **fields: object) -> Line:
    given: dict[str, Any] = {"role": role, "at": at or datetime.now(UTC), **fields}
    return Line(id=f"l{next(_numbers)}", text=text, **given)


def of_note(name: str, language: str, markdown: str) -> list[Passage]:
    """A passage for each section of Markdown with text. ``name``: the file without its ending."""
    document = read_markdown(markdown)
    return [
        of_section(f"notes/{name}", f"notes/{name}.md", language, document, section) for section in document.sections
    ]
