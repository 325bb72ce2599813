"""Persona prefixes: what the prompts of several owners have in common, kept on disk for a warm start."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from models.prefix import common_prefix

log = structlog.get_logger("models.prefixes")

SHORTEST = 64  # tokens: what is shorter is quickly evaluated again
_KNOWN = 16
_SUFFIX = ".prefix"
_MAGIC = b"kefu prefix 1\n"


@dataclass(slots=True, eq=False)
class KnownPrefix:
    adapter: str
    tokens: list[int]
    seen: int = 1
    stored: bool = False


class KnownPrefixes:
    """Learns the prefixes from pairs of prompts: two that begin alike are one prefix, as long as both have it."""

    def __init__(self) -> None:
        self._known: list[KnownPrefix] = []

    def saw(self, adapter: str, common: Sequence[int], *, stored: bool = False) -> None:
        """Prompts of two owners begin with ``common``."""
        if len(common) < SHORTEST:
            return
        for known in self._known:
            both = common_prefix(known.tokens, list(common)) if known.adapter == adapter else 0
            if both >= max(SHORTEST, 3 * max(len(known.tokens), len(common)) // 4):
                known.seen += 1
                known.stored = known.stored and both == len(known.tokens)
                del known.tokens[both:]
                self._known.remove(known)
                self._known.append(known)  # the newest stands last
                return
        self._known.append(KnownPrefix(adapter, list(common), stored=stored))
        del self._known[:-_KNOWN]

    def unstored(self) -> KnownPrefix | None:
        """One that was seen more than once and is not on disk as it is now."""
        return next((known for known in reversed(self._known) if known.seen > 1 and not known.stored), None)


@dataclass(frozen=True, slots=True)
class SavedPrefix:
    adapter: str
    tokens: Sequence[int]
    data: bytes


class PrefixStore:
    """Files of one engine in a folder of its own; what else lies in it under these names is removed.

    ``fingerprint``: the model's digest, the library's build and the options that change what a cell holds.
    ``max_bytes``: of all files together; the oldest goes first. A disk that fails costs the warm start, nothing else.
    """

    def __init__(self, folder: Path, fingerprint: str, max_bytes: int = 512 * 1024 * 1024) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._max_bytes = max_bytes

    def write(self, saved: SavedPrefix) -> bool:
        """False: it could not be written, or is larger than the budget."""
        header = {"fingerprint": self._fingerprint, "adapter": saved.adapter, "tokens": list(saved.tokens)}
        body = json.dumps(header).encode() + b"\n" + saved.data
        content = _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        if len(content) > self._max_bytes:
            return False
        path = self._folder / (hashlib.sha256(json.dumps(header).encode()).hexdigest()[:32] + _SUFFIX)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            scratch = path.with_suffix(".tmp")
            with scratch.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except OSError as error:
            log.warning("a prefix could not be stored", path=str(path), reason=str(error))
            return False
        self._shrink()
        return True

    def read(self) -> Iterator[SavedPrefix]:
        """The newest first. Damaged and foreign files are removed."""
        for scratch in self._paths("*.tmp"):
            self._remove(scratch)
        for path in self._paths("*" + _SUFFIX):
            try:
                saved = self._parse(path.read_bytes())
            except OSError as error:
                log.warning("a stored prefix could not be read", path=str(path), reason=str(error))
                continue
            except ValueError as error:
                log.warning("a stored prefix is of no use and was removed", path=str(path), reason=str(error))
                self._remove(path)
                continue
            yield saved

    def _parse(self, content: bytes) -> SavedPrefix:
        if not content.startswith(_MAGIC):
            raise ValueError("it is no prefix file of this version")
        digest, _, body = content[len(_MAGIC) :].partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            raise ValueError("it is damaged")
        line, _, data = body.partition(b"\n")
        header = json.loads(line)
        if header["fingerprint"] != self._fingerprint:
            raise ValueError("it was written with another model, build or options")
        return SavedPrefix(header["adapter"], header["tokens"], data)

    def _shrink(self) -> None:
        """Remove what is over the budget, and older forms of the same prefix with it in time."""
        total = 0
        for path in self._paths("*" + _SUFFIX):
            with suppress(OSError):
                total += path.stat().st_size
            if total > self._max_bytes:
                self._remove(path)

    def _paths(self, pattern: str) -> list[Path]:
        """The newest first."""
        found: list[tuple[int, Path]] = []
        with suppress(OSError):
            for path in self._folder.glob(pattern):
                found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found, reverse=True)]

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a stored prefix could not be removed", path=str(path), reason=str(error))
