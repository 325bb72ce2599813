"""What persons wanted to be remembered of them, in the store; the port People.

A person's key is a keyed hash of the platform and the platform's id: the names of the keys tell nobody who it is.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable
from typing import Any, Protocol

from core.keys import PERSON_MS, Keys
from core.messages import Address
from core.recommend.wishes import Remembered


class Ask(Protocol):
    """A command of one key, as core.store.Store asks it."""

    def __call__(self, name: str, key: str, *args: str | int) -> Awaitable[Any]: ...


class StoredPeople:
    def __init__(self, ask: Ask, keys: Keys) -> None:
        self._ask = ask
        self._keys = keys
        self._hash_key = ""

    async def recall(self, address: Address, person: str) -> Remembered | None:
        stored = await self._ask("GETEX", await self._key(address, person), "PX", PERSON_MS)
        return Remembered.from_json(stored) if stored else None

    async def remember(self, address: Address, person: str, what: Remembered) -> None:
        written = what.to_json()
        await self._ask("SET", await self._key(address, person), written, "PX", PERSON_MS)

    async def forget(self, address: Address, person: str) -> bool:
        return bool(await self._ask("DEL", await self._key(address, person)))

    async def _key(self, address: Address, person: str) -> str:
        if not self._hash_key:
            # The first process sets it; all read the same.
            await self._ask("SET", self._keys.hash_key, secrets.token_hex(32), "NX")
            self._hash_key = str(await self._ask("GET", self._keys.hash_key))
        who = f"{address.platform}\x1f{person}".encode()
        hashed = hmac.new(bytes.fromhex(self._hash_key), who, hashlib.sha256).hexdigest()[:32]
        return self._keys.person(address.bot, hashed)
