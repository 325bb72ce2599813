"""A button that was pressed asks its text.

A platform keeps a short id with a button and gives it back when somebody presses it, maybe in another process and
weeks later. So the id is the text itself where it fits, else a digest of it: then the text stands in the history.
"""

from __future__ import annotations

from core.messages import Address, Command, Kind, stable_id
from core.ports import Transcript

_TEXT = "="
_DIGEST = "#"
LINES = 200


def press_id(text: str, room: int) -> str:
    """At most ``room`` bytes of UTF-8, of which there must be 33."""
    whole = _TEXT + text
    return whole if len(whole.encode()) <= room else _DIGEST + stable_id(text)


def is_ours(id: str) -> bool:
    return id.startswith((_TEXT, _DIGEST))


async def pressed(id: str, label: str, where: Address, transcript: Transcript | None) -> str:
    """The text that the button ``id`` asks; its ``label`` if the history has it no more; empty: no button of ours.

    Raises StoreUnavailable.
    """
    if id.startswith(_TEXT):
        return id.removeprefix(_TEXT)
    if not is_ours(id):
        return ""
    lines = await transcript.read(where, LINES) if transcript else ()
    buttons = (button for line in reversed(lines) for button in line.buttons)
    return next((button.text for button in buttons if _DIGEST + stable_id(button.text) == id), label)


def as_said(text: str) -> tuple[Kind, Command | None, str]:
    """A text or a command with its argument: a button may also ask for ``/human``."""
    word, _, rest = text.strip().partition(" ")
    command = next((command for command in Command if word == f"/{command}"), None)
    return (Kind.COMMAND, command, rest.strip()) if command else (Kind.TEXT, None, "")
