"""Reading a bot's folder: everything or a ConfigError with *all* mistakes, each with file, line and key."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.config import SLUG, ApprovedAnswerConfig, BotConfig, PersonaConfig, ProductConfig
from core.errors import ConfigError, Problem
from core.knowledge.base import Knowledge
from core.knowledge.sources.gather import Gathered, SourceFile, Wanted, gather
from core.lookups.checking import check_look_ups
from core.lookups.declared import LookUp, declared
from core.ports import ChatMessage
from core.products.named import Goods
from core.recommend.assortment import Assortment
from core.understanding.checking import read_intents
from core.understanding.examples import Example
from core.yamlfile import Reading, line_of, nearest, parse_yaml, read_yaml, validated

# The web server's own addresses.
RESERVED = frozenset({"health", "telegram", "discord", "console", "api"})


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
    catalogue: tuple[ProductConfig, ...]
    assortment: Assortment = field(repr=False, compare=False)
    goods: Goods = field(repr=False, compare=False)
    answers: int
    notes: int
    lookups: Mapping[str, LookUp] = field(default_factory=dict)
    intents: Sequence[Example] = field(default=(), repr=False)
    sources: Gathered = field(default_factory=Gathered)
    heads: PromptHeads = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def languages(self) -> Sequence[str]:
        return self.config.languages

    @property
    def products(self) -> int:
        return len(self.catalogue)

    def persona(self, name: str = "") -> Persona:
        """The persona of that name; the bot's own if there is none (any more)."""
        return self.personas.get(name) or self.personas[self.config.persona]


def load_bot(folder: Path, kept: Iterable[SourceFile] = (), *, strict: bool = True) -> Bot:
    """Read the bot in ``folder``. Raises ConfigError with every mistake that it has.

    ``kept``: what its sources gave before; only changed ones are read again. Without ``strict`` a note or an export's row
    that cannot be read is no mistake: it is left out, and ``Bot.sources`` says why.
    """
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
    sources = gather(reading, Wanted.of(config), {one.file: one for one in kept})
    products = tuple(sources.products())
    intents = read_intents(reading, config.languages, answers, products) if config else ()
    if config is not None:
        _check_together(reading, config, personas)
        check_look_ups(reading, config.lookups, config.languages, [answer.id for answer in answers])
    if strict:
        reading.problems += sources.unread
    if reading.problems or config is None:
        raise ConfigError(tuple(sorted(reading.problems)))
    passages = list(sources.passages(config.languages))
    knowledge = Knowledge(config.languages, answers, passages, products)
    return Bot(
        name=folder.name,
        folder=folder,
        version=reading.digest.hexdigest()[:12],
        config=config,
        personas=personas,
        knowledge=knowledge,
        catalogue=products,
        assortment=Assortment(products, config.recommend),
        goods=Goods(products),
        answers=len(answers),
        notes=len({passage.id.split("#")[0] for passage in passages if passage.kind == "note"}),
        lookups=declared(config.lookups, config.languages),
        intents=intents,
        sources=sources,
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
        _check_labels(reading, file, answer, data, index)
        answers.append(answer)
    return answers


def _check_labels(reading: Reading, file: Path, answer: ApprovedAnswerConfig, data: object, index: int) -> None:
    """Each button has a label in each language of its answer."""
    for number, button in enumerate(answer.buttons):
        if missing := sorted(set(answer.answer) - set(button.label)):
            key = (index, "buttons", number, "label")
            wrong = f"is missing in: {', '.join(missing)}"
            reading.wrong(file, line_of(data, key), ".".join(map(str, key)), wrong, "Write it in each language")
