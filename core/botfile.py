"""Reading a bot's folder: everything or a ConfigError with *all* mistakes, each with file, line and key."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from core.config import LANGUAGE_TAG, SLUG, ApprovedAnswerConfig, BotConfig, PersonaConfig, ProductConfig
from core.errors import ConfigError, Problem
from core.knowledge.base import Knowledge
from core.knowledge.passages import Passage, of_note, of_product
from core.language import detect
from core.ports import ChatMessage
from core.yamlfile import Reading, line_of, nearest, parse_yaml, read_yaml, validated, what_is_right, what_is_wrong

# The web server's own addresses.
RESERVED = frozenset({"health", "telegram", "discord", "console", "api"})
PLAIN_COLUMNS = ("sku", "category", "price", "currency", "unit", "stock", "tags")


@dataclass(frozen=True, slots=True)
class Persona:
    """A persona and the version (a hash of its file) that a reply was made with."""

    id: str
    version: str
    config: PersonaConfig


# persona and language → how each of their prompts begins
PromptHeads = dict[tuple[str, str], tuple[ChatMessage, ...]]


@dataclass(frozen=True, slots=True)
class Bot:
    """One version of a bot: everything that its folder says. ``heads``: made by core.prompt when first wanted."""

    name: str
    folder: Path
    version: str
    config: BotConfig
    personas: Mapping[str, Persona]
    knowledge: Knowledge
    answers: int
    notes: int
    products: int
    heads: PromptHeads = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def languages(self) -> Sequence[str]:
        return self.config.languages

    def persona(self, name: str = "") -> Persona:
        """The persona of that name; the bot's own if there is none (any more)."""
        return self.personas.get(name) or self.personas[self.config.persona]


def load_bot(folder: Path) -> Bot:
    """Read the bot in ``folder``. Raises ConfigError with every mistake that it has."""
    folder = folder.resolve()
    reading = Reading(folder)
    if not folder.is_dir():
        raise ConfigError(
            (
                Problem(
                    str(folder),
                    0,
                    "",
                    "there is no such folder",
                    "Name a bot's folder, or make one: python -m bots new DIR",
                ),
            )
        )
    if not SLUG.fullmatch(folder.name) or folder.name in RESERVED:
        right = "Name the folder with small letters, digits, '-' and '_', such as my-shop"
        reading.problems.append(Problem(folder.name, 0, "", "is no name for a bot", right))
    config = read_yaml(reading, folder / "bot.yaml", BotConfig, required=True)
    personas = dict(_personas(reading))
    answers = _answers(reading, folder / "answers.yaml")
    notes = list(_notes(reading, config.languages if config else ["en"]))
    products = list(_products(reading, folder / "catalog.csv"))
    if config is not None:
        _check_together(reading, config, personas)
    if reading.problems or config is None:
        raise ConfigError(tuple(sorted(reading.problems)))
    rows = [passage for product in products for passage in of_product(product, config.languages)]
    knowledge = Knowledge(config.languages, answers, [*notes, *rows])
    return Bot(
        name=folder.name,
        folder=folder,
        version=reading.digest.hexdigest()[:12],
        config=config,
        personas=personas,
        knowledge=knowledge,
        answers=len(answers),
        notes=len({passage.id.split("#")[0] for passage in notes}),
        products=len(products),
    )


def _check_together(reading: Reading, config: BotConfig, personas: Mapping[str, Persona]) -> None:
    bot_file = reading.folder / "bot.yaml"
    written = sorted(path.stem for path in (reading.folder / "personas").glob("*.yaml"))
    if not written:
        reading.wrong(reading.folder / "personas", 0, "", "has no persona", f"Write personas/{config.persona}.yaml")
    elif config.persona not in written:
        line = line_of(parse_yaml(reading, bot_file, quiet=True), ("persona",))
        near = difflib.get_close_matches(config.persona, written, 1)
        right = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(written)}"
        reading.wrong(bot_file, line, "persona", f"there is no personas/{config.persona}.yaml", right)
    _check_loras(reading, config)
    for persona in personas.values():
        _check_languages(reading, persona, config.languages)
        if config.model.server is None:  # a server has adapters of its own, and says so when it is asked
            _check_lora(reading, persona, list(config.model.loras))


def _check_loras(reading: Reading, config: BotConfig) -> None:
    """The files of the model's adapters are there."""
    bot_file = reading.folder / "bot.yaml"
    for name, lora in config.model.loras.items():
        path = reading.folder / Path(lora.path).expanduser()
        if path.is_file():
            continue
        line = line_of(parse_yaml(reading, bot_file, quiet=True), ("model", "loras", name, "path"))
        wrong = "is a folder" if path.is_dir() else "does not exist"
        right = "Name the adapter's GGUF file; a relative path starts at the bot's folder"
        reading.wrong(bot_file, line, f"model.loras.{name}.path", f"{path} {wrong}", right)


def _check_lora(reading: Reading, persona: Persona, known: Sequence[str]) -> None:
    name = persona.config.lora
    if name is None or name in known:
        return
    file = reading.folder / "personas" / f"{persona.id}.yaml"
    line = line_of(parse_yaml(reading, file, quiet=True), ("lora",))
    right = nearest(name, known) if known else "Name the adapter and its file in model.loras of bot.yaml"
    reading.wrong(file, line, "lora", f"the model has no adapter '{name}'", right)


def _check_languages(reading: Reading, persona: Persona, languages: Sequence[str]) -> None:
    """A persona greets, names itself and says that it is a bot in each of its languages."""
    file = reading.folder / "personas" / f"{persona.id}.yaml"
    config = persona.config
    for key, texts in (("name", config.name), ("greeting", config.greeting), ("disclosure", config.disclosure)):
        missing = [language for language in config.languages or languages if language not in texts]
        if missing:
            line = line_of(parse_yaml(reading, file, quiet=True), (key,))
            reading.wrong(file, line, key, f"is missing in: {', '.join(missing)}", "Write it in each language")


# ── the parts of a folder ────────────────────────────────────────────────────────────────────────────────


def _personas(reading: Reading) -> Iterator[tuple[str, Persona]]:
    for file in sorted((reading.folder / "personas").glob("*.yaml")):
        config = read_yaml(reading, file, PersonaConfig, required=True)
        if config is not None:
            version = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
            yield file.stem, Persona(file.stem, version, config)


def _answers(reading: Reading, file: Path) -> list[ApprovedAnswerConfig]:
    if not file.exists():
        return []
    data = parse_yaml(reading, file)
    if data is None:
        return []
    if not isinstance(data, list):
        reading.wrong(file, 1, "", "must be a list of answers", "Begin each answer with '- id: …'")
        return []
    answers: list[ApprovedAnswerConfig] = []
    seen: dict[str, int] = {}
    for index, item in enumerate(data):
        answer = validated(reading, file, ApprovedAnswerConfig, item, data, (index,))
        if answer is None:
            continue
        line = line_of(data, (index,))
        if answer.id in seen:
            reading.wrong(
                file, line, f"{index}.id", f"'{answer.id}' is used twice", f"First used in line {seen[answer.id]}"
            )
        seen.setdefault(answer.id, line)
        answers.append(answer)
    return answers


def _notes(reading: Reading, languages: Sequence[str]) -> Iterator[Passage]:
    root = reading.folder / "notes"
    for file in sorted(root.rglob("*.md")):
        text = reading.text(file)
        if text is None:
            continue
        name, _, suffix = file.relative_to(root).as_posix().removesuffix(".md").rpartition(".")
        language = suffix if name and suffix in languages else detect(text, languages)
        yield from of_note(file.relative_to(root).as_posix().removesuffix(".md"), language, text)


def _products(reading: Reading, file: Path) -> Iterator[ProductConfig]:
    if not file.exists():
        return
    text = reading.text(file)
    if text is None:
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    seen: dict[str, int] = {}
    try:
        header = [cell.strip() for cell in next(rows, [])]
        if not _check_header(reading, file, header):
            return
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            product = _product(reading, file, rows.line_num, header, row)
            if product is None:
                continue
            if product.sku in seen:
                reading.wrong(
                    file,
                    rows.line_num,
                    "sku",
                    f"'{product.sku}' is used twice",
                    f"First used in line {seen[product.sku]}",
                )
            seen.setdefault(product.sku, rows.line_num)
            yield product
    except csv.Error as error:
        reading.wrong(
            file,
            rows.line_num,
            "",
            f"is no proper CSV: {error}",
            'A cell with a comma or a line break stands in "quotation marks"',
        )


def _check_header(reading: Reading, file: Path, header: list[str]) -> bool:
    before = len(reading.problems)
    known = [*PLAIN_COLUMNS, "name_en", "name_zh", "description_en", "description_zh"]
    for name in header:
        kind, _, language = name.partition("_")
        if name not in PLAIN_COLUMNS and kind not in ("name", "description"):
            reading.wrong(file, 1, name, "is no known column", nearest(name, known))
        elif name not in PLAIN_COLUMNS and not LANGUAGE_TAG.fullmatch(language):
            reading.wrong(file, 1, name, "ends in no language tag", f"Write for example {kind}_en or {kind}_pt-BR")
    for name in sorted({name for name in header if header.count(name) > 1}):
        reading.wrong(file, 1, name, "this column stands here twice", "Write each column once")
    for name in ("sku", "category", "price", "currency", "stock"):
        if name not in header:
            reading.wrong(file, 1, name, "this column is missing", f"The columns are: {', '.join(known)}")
    return len(reading.problems) == before


def _product(reading: Reading, file: Path, line: int, header: list[str], row: list[str]) -> ProductConfig | None:
    if len(row) != len(header):
        reading.wrong(
            file,
            line,
            "",
            f"has {len(row)} cells, the header has {len(header)}",
            'Is a cell with a comma missing its "quotation marks"?',
        )
        return None
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
    data: dict[str, object] = {name: cells[name] for name in PLAIN_COLUMNS if name in cells}
    for prefix, key in (("name_", "names"), ("description_", "descriptions")):
        data[key] = {
            name.removeprefix(prefix): cell for name, cell in cells.items() if name.startswith(prefix) and cell
        }
    try:
        return ProductConfig.model_validate(data)
    except ValidationError as error:
        for details in error.errors():
            path = tuple(str(part) for part in details["loc"])
            key = {"names": "name_", "descriptions": "description_"}.get(path[0] if path else "", "") + (
                path[-1] if path else ""
            )
            reading.wrong(file, line, key, what_is_wrong(details), what_is_right(details, ProductConfig))
        return None
