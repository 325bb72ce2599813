"""Groups that became supergroups: Telegram gives them a new id and numbers their messages anew.

The conversation keeps the address under which it began. What comes from the new id is put under the old one, what is
for the old one goes to the new one; so history, language and who holds the conversation are still there. A message of
the new group is named ``<new id>:<number>``, because its number alone could be an old one's too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import structlog

from core.errors import StoreUnavailable

_log = structlog.get_logger(__name__)


class MoveStore(Protocol):
    """Keeps the moves of one bot's groups over restarts. Both raise StoreUnavailable."""

    async def moves(self) -> Mapping[str, str]:
        """Old id → new id."""
        ...

    async def moved(self, old: str, new: str) -> None:
        """Twice is once."""
        ...


class Moves:
    """Without a store, a move is known until the process ends; then only what is sent finds its way (by a 400)."""

    def __init__(self, store: MoveStore | None = None) -> None:
        self._store = store
        self._new: dict[str, str] = {}
        self._old: dict[str, str] = {}
        self._unsaved: dict[str, str] = {}

    async def load(self) -> None:
        """Raises StoreUnavailable."""
        if self._store is not None:
            for old, new in (await self._store.moves()).items():
                self._learn(old, new)

    async def note(self, old: str, new: str) -> None:
        """Telegram told of a move. Raises StoreUnavailable; it is known here all the same."""
        if self._new.get(old) != new:
            _log.info("telegram.chat_migrated", old=old, new=new)
            self._learn(old, new)
            self._unsaved[old] = new
        for unsaved in list(self._unsaved):
            if self._store is not None:
                await self._store.moved(unsaved, self._unsaved[unsaved])
            self._unsaved.pop(unsaved, None)

    async def found(self, old: str, new: str) -> None:
        """As ``note``, in the middle of a send, which no store may hold up: what it cannot take is saved later."""
        try:
            await self.note(old, new)
        except StoreUnavailable as error:
            _log.warning("telegram.move_not_stored", old=old, new=new, reason=str(error))

    def now(self, chat: str) -> str:
        """The id to write to."""
        return self._new.get(chat, chat)

    def home(self, chat: str) -> str:
        """The id in the conversation's address."""
        return self._old.get(chat, chat)

    def name(self, chat: str, message: int) -> str:
        """How a message of the chat with this id is called outside of this package."""
        return str(message) if self.home(chat) == chat else f"{chat}:{message}"

    def _learn(self, old: str, new: str) -> None:
        self._new[old] = new
        self._old[new] = old


def read_name(name: str, home: str) -> tuple[str, int] | None:
    """Chat and number of a message that ``Moves.name`` named, in a conversation of the chat ``home``."""
    chat, _, number = name.rpartition(":")
    return (chat or home, int(number)) if number.isascii() and number.isdigit() else None
