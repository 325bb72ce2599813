"""Everything that a bot's sources say: each file by itself, so that only a changed one is read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Self

from core.config import BotConfig, ProductConfig
from core.errors import Problem
from core.knowledge.passages import Passage, of_product
from core.knowledge.sources.catalogue.build import Catalogue, WrongMapping
from core.knowledge.sources.catalogue.read import form_of, read_catalogue
from core.knowledge.sources.config import CatalogueConfig, SourcesConfig
from core.knowledge.sources.document import Unreadable
from core.knowledge.sources.notes import LARGEST, note_files, read_notes
from core.value import CheckedValue
from core.yamlfile import Reading, line_of, parse_yaml

# Another number has everything read again: change it when a reader changes what it makes of a file.
READERS_VERSION = 1
CATALOGUE = "catalog.csv"


class SourceFile(CheckedValue):
    """What one file gave.

    ``digest``: of its content and of how it is read. ``stale``: it cannot be read now; ``passages`` are what it said when
    it last could be. ``left_out``: products of an export that are not for sale.
    """

    file: str
    digest: str
    passages: tuple[Passage, ...] = ()
    products: tuple[ProductConfig, ...] = ()
    problems: tuple[Problem, ...] = ()
    left_out: int = 0
    stale: bool = False


class Gathered(CheckedValue):
    """The files in order; ``read``: those that were read now, not kept from before."""

    files: tuple[SourceFile, ...] = ()
    read: tuple[str, ...] = ()

    @property
    def unread(self) -> tuple[Problem, ...]:
        return tuple(problem for file in self.files for problem in file.problems)

    def products(self) -> Iterator[ProductConfig]:
        """A SKU stands for the first product that has it."""
        seen: set[str] = set()
        for file in self.files:
            for product in file.products:
                if product.sku not in seen:
                    seen.add(product.sku)
                    yield product

    def passages(self, languages: Sequence[str]) -> Iterator[Passage]:
        yield from (passage for file in self.files for passage in file.passages)
        seen: set[str] = set()
        for file in self.files:
            for product in file.products:
                if product.sku not in seen:
                    seen.add(product.sku)
                    yield from of_product(product, languages, file.file)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What bot.yaml says of the sources; where it is broken, what it would say without these keys."""

    languages: Sequence[str] = ("en",)
    sources: SourcesConfig = field(default_factory=SourcesConfig)
    catalogue: Sequence[CatalogueConfig] = ()
    named: bool = False
    """Whether it names the notes, which then must be there."""

    @classmethod
    def of(cls, config: BotConfig | None) -> Self:
        if config is None:
            return cls()
        return cls(config.languages, config.sources, config.catalogue, "sources" in config.model_fields_set)


def gather(reading: Reading, wanted: Wanted, kept: Mapping[str, SourceFile]) -> Gathered:
    """``kept``: what files gave before, by their names. Mistakes go to ``reading``: what bot.yaml says of the sources, and
    what our own catalog.csv says; what else cannot be read stands with its file.
    """
    gatherer = _Gatherer(reading, wanted, kept)
    files = [*gatherer.notes(), *gatherer.catalogues()]
    return Gathered(files=tuple(files), read=tuple(gatherer.read))


class _Gatherer:
    def __init__(self, reading: Reading, wanted: Wanted, kept: Mapping[str, SourceFile]) -> None:
        self._reading = reading
        self._wanted = wanted
        self._kept = kept
        self.read: list[str] = []

    # ── notes ────────────────────────────────────────────────────────────────────────────────────────────

    def notes(self) -> Iterator[SourceFile]:
        seen: set[Path] = set()
        for number, given in enumerate(self._wanted.sources.notes):
            root = self._at(given)
            if not root.exists():
                if self._wanted.named:
                    self._wrong(("sources", "notes", number), f"there is no {given}", "Name a folder or a file")
                continue
            for path in note_files(root):
                if path.resolve() not in seen:
                    seen.add(path.resolve())
                    yield self._note(path, self._name(path, root))

    def _note(self, path: Path, name: str) -> SourceFile:
        settings = [*self._wanted.languages, str(self._wanted.sources.passage_chars)]
        data = self._content(path, LARGEST)
        if isinstance(data, Unreadable):
            return self._unread(name, "", (Problem(name, 0, "", data.why, data.right),))
        digest = _digest(data, name, *settings)
        if (before := self._kept.get(name)) is not None and before.digest == digest:
            return before
        self.read.append(name)
        notes = read_notes(name, data, self._wanted.languages, self._wanted.sources.passage_chars)
        problems = tuple(Problem(name, 0, one.member, one.wrong, one.right) for one in notes.problems)
        if problems and not notes.passages:
            return self._unread(name, digest, problems)
        return SourceFile(file=name, digest=digest, passages=notes.passages, problems=problems)

    def _unread(self, name: str, digest: str, problems: tuple[Problem, ...]) -> SourceFile:
        """A note that was right before still says what it said then."""
        before = self._kept.get(name)
        passages = before.passages if before else ()
        return SourceFile(file=name, digest=digest, passages=passages, problems=problems, stale=bool(passages))

    # ── the catalogue ────────────────────────────────────────────────────────────────────────────────────

    def catalogues(self) -> Iterator[SourceFile]:
        configs = self._wanted.catalogue
        own = self._reading.folder / CATALOGUE
        if not configs and own.exists():
            yield from self._catalogue(own, CatalogueConfig(file=CATALOGUE), None)
        for number, config in enumerate(configs):
            path = self._at(config.file)
            if path.exists():
                yield from self._catalogue(path, config, number)
            else:
                self._wrong(
                    ("catalogue", number, "file"), f"there is no {config.file}", "Name the file with the products"
                )

    def _catalogue(self, path: Path, config: CatalogueConfig, number: int | None) -> Iterator[SourceFile]:
        name = self._name(path, path)
        data = self._content(path, LARGEST)
        if isinstance(data, Unreadable):
            self._reading.problems.append(Problem(name, 0, "", data.why, data.right))
            return
        today = date.today()
        try:
            form = form_of(data, config) if path.suffix.lower() in (".csv", ".tsv", ".txt") else "mapped"
            # A sale ends by itself, so an export with sale prices is read anew each day.
            until = today.isoformat() if form == "woocommerce" else ""
            digest = _digest(data, name, config.model_dump_json(), self._wanted.languages[0], until)
            if (before := self._kept.get(name)) is not None and before.digest == digest:
                yield before
                return
            self.read.append(name)
            found = read_catalogue(path.name, data, config, self._wanted.languages[0], today)
        except Unreadable as error:
            self._reading.problems.append(Problem(name, 0, "", error.why, error.right))
            return
        except WrongMapping as error:
            self._wrong_mapping(number, error, name)
            return
        yield from self._found(name, digest, found, strict=form == "own")

    def _found(self, name: str, digest: str, found: Catalogue, strict: bool) -> Iterator[SourceFile]:
        problems = tuple(Problem(name, one.line, one.key, one.wrong, one.right) for one in found.findings)
        if strict:
            self._reading.problems += problems
            problems = ()
        elif problems and not found.products:
            self._reading.problems += problems[:20]
            return
        yield SourceFile(file=name, digest=digest, products=found.products, problems=problems, left_out=found.left_out)

    def _wrong_mapping(self, number: int | None, error: WrongMapping, name: str) -> None:
        if number is None:
            right = f"{error.right}; in bot.yaml: catalogue: {{file: {name}, currency: EUR}}"
            self._reading.problems.append(Problem(name, 0, error.key, error.wrong, right))
        else:
            wrong = f"{error.wrong} ({name})"
            self._wrong(("catalogue", number, *error.key.split(".")), wrong, error.right)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────

    def _at(self, given: str) -> Path:
        return Path(os.path.normpath(self._reading.folder / Path(given).expanduser()))

    def _name(self, path: Path, root: Path) -> str:
        """From the bot's folder; what lies outside begins with the last part of its root."""
        if path.is_relative_to(self._reading.folder):
            return path.relative_to(self._reading.folder).as_posix()
        within = path.relative_to(root).as_posix()
        return f"{root.name}/{within}" if within != "." else root.name

    def _content(self, path: Path, limit: int) -> bytes | Unreadable:
        name = path.name
        try:
            size = path.stat().st_size
            if size > limit:
                return Unreadable(f"has {size} bytes", f"At most {limit} are read")
            data = path.read_bytes()
        except OSError as error:
            return Unreadable(f"cannot be read: {error.strerror or error}")
        self._reading.digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        return data

    def _wrong(self, key: tuple[str | int, ...], wrong: str, right: str) -> None:
        """A mistake in bot.yaml; a list of one may be written without its dash."""
        file = self._reading.folder / "bot.yaml"
        data = parse_yaml(self._reading, file, quiet=True)
        self._reading.wrong(file, line_of(data, key), ".".join(map(str, key)), wrong, right)


def _digest(data: bytes, *settings: str) -> str:
    return hashlib.sha256("\0".join((str(READERS_VERSION), *settings, "")).encode() + data).hexdigest()[:32]
