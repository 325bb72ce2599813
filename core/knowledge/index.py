"""The index of a bot on the disk: what its sources said when they were last read, and the vectors of it.

A bot's index is a folder with *generations* and a file ``current`` that names the one that serves. A new generation is
written beside the old one, whole, and then named by an atomic rename: whoever is killed in the middle leaves the old one.
Processes share it: a lock lets one write at a time, and who waited for it finds the work done. Vectors are mapped from the
file, so that several processes hold them once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from core.errors import VectorsInvalid
from core.knowledge.meaning import Wanted
from core.knowledge.sources.gather import SourceFile
from core.knowledge.vectors import Floats, Vectors

FORMAT = 1
CURRENT = "current"
SOURCES, VECTORS, TEXTS, WHOLE = "sources.jsonl", "vectors", "texts", "whole"
HASH_BYTES = 16
# Who reads ``current`` may take a moment to open what it names; the generation before it stays so long.
KEPT_GENERATIONS = 2


@dataclass(frozen=True, slots=True)
class Generation:
    """What was read back: the sources, and the vectors of texts (in their order) if there are any."""

    name: str
    sources: tuple[SourceFile, ...]
    vectors: Vectors | None
    texts: tuple[bytes, ...] = ()

    def fits(self, wanted: Sequence[Wanted], digest: str) -> bool:
        """Whether the vectors are just those of these texts, by the embedder with this ``digest``."""
        return self.vectors is not None and self.vectors.digest == digest and self.texts == hashed(wanted)


class Index:
    """One bot's folder in the data folder. Opening it makes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Generation | None:
        """The generation that serves; None: there is none, or none that can be read, and it is to be made anew."""
        for _ in range(3):  # a newer one may take its place while we look
            try:
                name = (self.folder / CURRENT).read_text("ascii").strip()
                return _read(self.folder / name, name)
            except FileNotFoundError:
                if not (self.folder / CURRENT).exists():
                    return None
            except (OSError, ValueError, ValidationError, VectorsInvalid):
                return None
        return None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process writes. A process that dies gives its lock up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def write(self, sources: Sequence[SourceFile], wanted: Sequence[Wanted], rows: Floats | None, digest: str) -> None:
        """A new generation; held by ``alone``. ``rows``: the vectors of ``wanted``; None: there is no embedder."""
        name = f"{self._newest() + 1:08d}"
        beside = self.folder / f"{name}.part"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        with (beside / SOURCES).open("wb") as file:
            for source in sources:
                file.write(source.model_dump_json(exclude_defaults=True).encode() + b"\n")
            _settle(file.fileno())
        if rows is not None:
            (beside / TEXTS).write_bytes(b"".join(hashed(wanted)))
            Vectors.write(beside / VECTORS, rows, digest)
        (beside / WHOLE).write_text(str(FORMAT), "ascii")
        final = self.folder / name
        shutil.rmtree(final, ignore_errors=True)  # was written, but never named
        beside.rename(final)
        self._name(name)
        self._clear(name)

    def _name(self, name: str) -> None:
        part = self.folder / f"{CURRENT}.part"
        with part.open("w", encoding="ascii") as file:
            file.write(name)
            file.flush()
            _settle(file.fileno())
        part.replace(self.folder / CURRENT)

    def _newest(self) -> int:
        try:
            return int((self.folder / CURRENT).read_text("ascii"))
        except (OSError, ValueError):
            return 0

    def _clear(self, current: str) -> None:
        """Older generations, and what a killed process left."""
        made = sorted(path for path in self.folder.iterdir() if path.is_dir())
        whole = [path for path in made if path.name.isdigit() and path.name <= current]
        for path in made:
            if path not in whole[-KEPT_GENERATIONS:]:
                shutil.rmtree(path, ignore_errors=True)


def hashed(wanted: Sequence[Wanted]) -> tuple[bytes, ...]:
    """A hash of each text, as what it is embedded."""
    return tuple(hashlib.sha256(f"{one.kind}\0{one.text}".encode()).digest()[:HASH_BYTES] for one in wanted)


Embed = Callable[[Sequence[Wanted]], Awaitable[Floats]]


async def rows_of(wanted: Sequence[Wanted], before: Generation | None, digest: str, embed: Embed) -> Floats:
    """The vectors of ``wanted`` in order: taken from ``before`` where it has them, else embedded, each text once."""
    hashes = hashed(wanted)
    known = _known(before, digest)
    missing = {one: text for one, text in zip(hashes, wanted, strict=True) if one not in known}
    made = await embed(list(missing.values())) if missing else None
    dimensions = made.shape[1] if made is not None else known[hashes[0]].shape[0] if hashes else 0
    rows = np.empty((len(hashes), dimensions), np.float32)
    places = {one: place for place, one in enumerate(missing)}
    for number, one in enumerate(hashes):
        rows[number] = made[places[one]] if made is not None and one in places else known[one]
    return rows


def _known(before: Generation | None, digest: str) -> dict[bytes, Floats]:
    if before is None or before.vectors is None or before.vectors.digest != digest:
        return {}
    return dict(zip(before.texts, before.vectors.rows, strict=True))


def _read(folder: Path, name: str) -> Generation:
    if (folder / WHOLE).read_text("ascii") != str(FORMAT):
        raise ValueError("written by another version")
    adapter = TypeAdapter(SourceFile)
    with (folder / SOURCES).open("rb") as file:
        sources = tuple(adapter.validate_json(line) for line in file)
    if not (folder / VECTORS).exists():
        return Generation(name, sources, None)
    vectors = Vectors.open(folder / VECTORS)
    data = (folder / TEXTS).read_bytes()
    texts = tuple(data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES))
    if len(texts) != len(vectors):
        raise ValueError("as many texts as vectors")
    return Generation(name, sources, vectors, texts)


def _settle(descriptor: int) -> None:
    """On the disk before it is named: a power cut leaves the old index, not half a new one."""
    os.fsync(descriptor)
