"""What the cache keeps beyond the cells: host memory for idle conversations, files for persona prefixes."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from models.cache import PrefixCache
from models.prefixes import KnownPrefixes, PrefixStore, SavedPrefix

log = structlog.get_logger("models.engine")


class WarmStart:
    """Reads stored prefixes into an empty cache, and stores new ones while nobody waits for an answer."""

    def __init__(self, store: PrefixStore, adapters: Collection[str]) -> None:
        self.known = KnownPrefixes()
        self._store = store
        self._adapters = adapters

    def load(self, cache: PrefixCache) -> None:
        loaded = 0
        for saved in self._store.read():
            usable = not saved.adapter or saved.adapter in self._adapters
            if usable and cache.adopt(saved.adapter, saved.tokens, saved.data):
                self.known.saw(saved.adapter, saved.tokens, stored=True)
                loaded += 1
        if loaded:
            log.info("warm start", prefixes=loaded)

    @property
    def has_work(self) -> bool:
        return self.known.unstored() is not None

    def store_one(self, cache: PrefixCache) -> None:
        """Write one prefix to disk; takes some milliseconds."""
        prefix = self.known.unstored()
        if prefix is None:
            return
        prefix.stored = True  # a disk that fails is not tried again and again
        data = cache.saved(prefix.adapter, prefix.tokens)
        if data and self._store.write(SavedPrefix(prefix.adapter, prefix.tokens, data)):
            log.info("prefix stored", tokens=len(prefix.tokens))
