"""Bringing a bot's index up to date: only changed files are read, only new texts are embedded.

``read_bot`` is what can be done before a model is open; ``indexed`` adds the vectors, and writes what is new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import structlog

from core.botfile import Bot, load_bot
from core.errors import PromptTooLong
from core.knowledge.index import Generation, Index, rows_of
from core.knowledge.meaning import Wanted
from core.knowledge.sources.gather import SourceFile
from core.knowledge.vectors import Floats, Vectors
from core.ports import Embedder

log = structlog.get_logger(__name__)

BATCH = 32
# A text that is too long for the embedder is read to its half, so often.
HALVED = 6

# How many texts are embedded, of how many.
Embedding = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Indexed:
    """``embedded``: how many texts were embedded now, not taken from before. ``written``: there is a new generation."""

    bot: Bot
    embedded: int = 0
    written: bool = False


def index_of(name: str, data_dir: Path) -> Index:
    return Index(data_dir / "knowledge" / name)


def read_bot(folder: Path, data_dir: Path) -> Bot:
    """The bot in ``folder``, with what the index has of unchanged sources. What cannot be read is left out and stands in
    ``Bot.sources``. Raises ConfigError with every mistake.
    """
    current = index_of(folder.resolve().name, data_dir).current()
    return load_bot(folder, current.sources if current else (), strict=False)


async def indexed(bot: Bot, index: Index, embedder: Embedder | None, told: Embedding | None = None) -> Indexed:
    """The bot with the vectors of its index, which is brought up to date. Raises ModelError, OSError.

    ``embedder`` None: words alone find, and the index keeps what was read.
    """
    async with _Alone(index):
        before = await asyncio.to_thread(index.current)
        if before is not None and _same(bot.sources.files, before.sources) and _has_vectors(bot, before, embedder):
            return Indexed(await asyncio.to_thread(_with_vectors, bot, before))
        rows, digest, count = None, "", 0
        if embedder is not None:
            counting = _Counting(embedder, told)
            digest = embedder.info.digest
            rows = await rows_of(bot.knowledge.wanted, before, digest, counting.embed)
            count = counting.done
        await asyncio.to_thread(index.write, bot.sources.files, bot.knowledge.wanted, rows, digest)
        after = await asyncio.to_thread(index.current)
    if after is None:
        raise OSError(f"the index in {index.folder} cannot be read back")
    return Indexed(await asyncio.to_thread(_with_vectors, bot, after), count, written=True)


async def in_any_case(bot: Bot, index: Index, embedder: Embedder | None, told: Embedding | None = None) -> Indexed:
    """As ``indexed``; where the index cannot be written, the vectors are made in memory, and a warning says so.

    Raises ModelError.
    """
    try:
        return await indexed(bot, index, embedder, told)
    except OSError as error:
        log.warning("no index: everything is read and embedded at each start", folder=str(index.folder), why=str(error))
    if embedder is None:
        return Indexed(bot)
    counting = _Counting(embedder, told)
    rows = await rows_of(bot.knowledge.wanted, None, embedder.info.digest, counting.embed)
    kept = Generation("", (), Vectors.of(rows, embedder.info.digest))
    return Indexed(await asyncio.to_thread(_with_vectors, bot, kept), counting.done)


async def refreshed(before: Bot, index: Index | None, embedder: Embedder | None) -> Bot:
    """The newest version of a bot that serves; ``before`` itself if its folder says the same.

    Raises ConfigError with every mistake; ModelError.
    """
    after = await asyncio.to_thread(load_bot, before.folder, before.sources.files, strict=False)
    if after.version == before.version:
        return before
    return (await in_any_case(after, index, embedder)).bot if index is not None else after


def _same(one: Sequence[SourceFile], other: Sequence[SourceFile]) -> bool:
    return [(file.file, file.digest, file.stale) for file in one] == [
        (file.file, file.digest, file.stale) for file in other
    ]


def _has_vectors(bot: Bot, kept: Generation, embedder: Embedder | None) -> bool:
    if embedder is None:
        return kept.vectors is None
    return kept.fits(bot.knowledge.wanted, embedder.info.digest)


def _with_vectors(bot: Bot, kept: Generation) -> Bot:
    if kept.vectors is None or not len(kept.vectors):
        return bot
    return replace(bot, knowledge=bot.knowledge.with_vectors(kept.vectors, bot.config.ladder.precision))


class _Alone:
    """The index's lock, waited for without stopping everything else in this process."""

    def __init__(self, index: Index) -> None:
        self._lock = index.alone()

    async def __aenter__(self) -> None:
        waiting = asyncio.ensure_future(asyncio.to_thread(self._lock.__enter__))
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            # The thread goes on waiting; what it then holds is given up.
            waiting.add_done_callback(lambda done: None if done.exception() else self._lock.__exit__(None, None, None))
            raise

    async def __aexit__(self, *_: object) -> None:
        self._lock.__exit__(None, None, None)


class _Counting:
    """Embeds in batches, and says how far it is."""

    def __init__(self, embedder: Embedder, told: Embedding | None) -> None:
        self._embedder = embedder
        self._told = told
        self.done = 0

    async def embed(self, wanted: Sequence[Wanted]) -> Floats:
        rows = np.empty((len(wanted), self._embedder.info.dimensions), np.float32)
        # Alike long ones together: a batch is as slow as its longest text.
        order = sorted(range(len(wanted)), key=lambda number: (wanted[number].kind, len(wanted[number].text)))
        start = 0
        while start < len(order):
            kind = wanted[order[start]].kind
            batch = [number for number in order[start : start + BATCH] if wanted[number].kind == kind]
            rows[batch] = await self._batch([wanted[number] for number in batch])
            start += len(batch)
            self.done += len(batch)
            if self._told is not None:
                self._told(self.done, len(order))
        return rows

    async def _batch(self, texts: Sequence[Wanted]) -> Floats:
        try:
            return await self._embedder.embed([one.text for one in texts], kind=texts[0].kind)
        except PromptTooLong:
            return np.concatenate([await self._shortened(one) for one in texts])

    async def _shortened(self, one: Wanted) -> Floats:
        """What a long text begins with says what it is about."""
        text = one.text
        for _ in range(HALVED):
            try:
                return await self._embedder.embed([text], kind=one.kind)
            except PromptTooLong:
                text = text[: len(text) // 2]
        return await self._embedder.embed([text], kind=one.kind)
