"""The README tells the truth: what stands in it is there, and what is there stands in it."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import discord
import pytest
import typer.main
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from typer.core import TyperCommand, TyperGroup

from bots.__main__ import app
from bots.chat import AnswerJson
from bots.evaluation.command import check_tests
from bots.ingest import IngestJson
from bots.settings import Settings
from bots.train import TrainedJson
from core.botfile import load_bot
from core.config import ApprovedAnswerConfig, BotConfig, DiscordConfig, PersonaConfig, ProductConfig, TelegramConfig
from core.messages import Rung
from core.sections import Language
from core.testbench.cases import Case, Meaning, TurnConfig, Wanted
from core.testbench.results import Report
from core.unanswered.themes import Theme
from core.understanding.config import IntentsConfig

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group has commands

Row = tuple[str, ...]


# ── reading the README ───────────────────────────────────────────────────────────────────────────────────


def section(title: str) -> str:
    """What stands between a heading and the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$", README, re.MULTILINE)
    assert found, f"README.md has no heading '{title}'"
    rest = _without_code(README)[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return README[found.end() :][: end.start() if end else None]


def _without_code(text: str) -> str:
    """Code blocks blanked out, so that a comment in one is no heading; positions stay."""
    return re.sub(r"^```.*?^```$", lambda block: re.sub(r"[^\n]", " ", block[0]), text, flags=re.M | re.S)


def table(text: str) -> list[Row]:
    """The rows of the tables in a text, without their heads."""
    lines = [line.strip() for line in text.splitlines()]
    rows: list[Row] = []
    for number, line in enumerate(lines):
        head = number + 1 < len(lines) and lines[number + 1].startswith("|-")
        if line.startswith("|") and not line.startswith("|-") and not head:
            rows.append(tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]))
    return rows


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell_lines() -> list[str]:
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [line.split(" # ")[0].strip() for line in text.splitlines() if line and not line.startswith("#")]


def code_words() -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", README))


# ── the configuration reference ──────────────────────────────────────────────────────────────────────────


def rows_of(model: type[BaseModel], prefix: str = "") -> Iterator[Row]:
    """A model's rows: key, type, default, and the description if the model has one."""
    for name, field in model.model_fields.items():
        key = prefix + name
        yield f"`{key}`", kind_of(field), default_of(field), field.description or ""
        if inner := inner_model(field.annotation):
            origin = get_origin(field.annotation)
            within = "[]" if origin is list else ".<name>" if origin is dict else ""
            yield from rows_of(inner, f"{key}{within}.")


def inner_model(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *get_args(annotation))
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None)


def kind_of(field: FieldInfo) -> str:
    return f"{_kind(field.annotation)}{_bounds(field.metadata)}"


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" if value else '`""`' for value in arguments)
    if origin is list:
        if inner_model(annotation):
            return "list of mappings"
        of_each = _kind(arguments[0])
        return f"list of {of_each}" if of_each.startswith("`") else f"list of {of_each}s"
    if origin is dict:
        if inner_model(annotation):
            return "mappings by name"
        of_each = _kind(arguments[1])
        if arguments[0] != Language:
            return f"{of_each}, by name"
        return f"{of_each}, by name" if of_each.endswith("for each language") else f"{of_each} for each language"
    if origin in (Union, UnionType):
        return _kind(next(one for one in arguments if one is not NoneType))
    if inner_model(annotation):
        return "mapping"
    names = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", date: "day", Path: "path"}
    return names[annotation]


def _bounds(metadata: Sequence[object]) -> str:
    low = next((f"from {one.ge}" for one in metadata if isinstance(one, Ge)), "")
    low = low or next((f"above {one.gt}" for one in metadata if isinstance(one, Gt)), "")
    high = next((f"to {one.le}" for one in metadata if isinstance(one, Le)), "")
    high = high or next((f"below {one.lt}" for one in metadata if isinstance(one, Lt)), "")
    return f" {low} {high}".rstrip()


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if isinstance(value, BaseModel):
        return "each key's own"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(repr(one) if one == '*' else one for one in value)}]`".replace("'", '"')
    return f"`{value}`" if value != "" else '`""`'


def as_columns(rows: Iterator[Row]) -> Iterator[Row]:
    """The names and descriptions of a product have a column for each language."""
    named = {"`names`": "`name_<language>`", "`descriptions`": "`description_<language>`"}
    for key, kind, default, description in rows:
        if key.startswith("`variants"):
            continue  # other files have them, see catalogue
        if key in named:
            yield named[key], "text", "none" if default == "`{}`" else default, description
        else:
            yield key, kind, default, description


def as_variables(rows: Iterator[Row]) -> Iterator[Row]:
    for key, *rest in rows:
        yield f"`KEFU_{key.strip('`').upper()}`", *rest


def as_intents(rows: Iterator[Row]) -> Iterator[Row]:
    """Every intent has the same keys: they stand there once."""
    each: dict[str, Row] = {}
    for row in rows:
        key = row[0].strip("`").partition(".")[2]
        if key:
            each[key] = (f"`<intent>.{key}`", *row[1:])
        else:
            yield row
    yield from each.values()


REFERENCE = {
    "`bot.yaml`": list(rows_of(BotConfig)),
    "`personas/*.yaml`": list(rows_of(PersonaConfig)),
    "`answers.yaml`": list(rows_of(ApprovedAnswerConfig)),
    "`catalog.csv`": list(as_columns(rows_of(ProductConfig))),
    "`intents.yaml`": list(as_intents(rows_of(IntentsConfig))),
    "Environment": list(as_variables(rows_of(Settings))),
}


@pytest.mark.parametrize("title", REFERENCE)
def test_every_key_stands_in_the_reference_as_it_is(title: str) -> None:
    written = {row[0]: row for row in table(section(title)) if len(row) == 4}
    wrong = []
    for row in REFERENCE[title]:
        found = written.get(row[0])
        described = found is not None and found[3] and row[3] in ("", found[3])
        if found is None or found[1:3] != row[1:3] or not described:
            wrong.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |")
    assert not wrong, f"README.md, {title}, should have these rows:\n" + "\n".join(wrong)
    unknown = set(written) - {row[0] for row in REFERENCE[title]}
    assert not unknown, f"README.md, {title}, names keys that are not there: {sorted(unknown)}"


def rows_of_tests() -> Iterator[Row]:
    """The keys of tests.yaml and what they are; their types stand in the sentences below the table."""
    for prefix, model in (("", Case), ("turns[].", TurnConfig), ("turns[].means[].", Meaning), ("", Wanted)):
        for name, field in model.model_fields.items():
            yield f"`{prefix}{name}`", field.description or ""


def test_every_key_of_a_test_conversation_stands_in_the_reference() -> None:
    written = [row for row in table(section("`tests.yaml`")) if len(row) == 2]
    assert written == list(rows_of_tests())


def test_every_rung_stands_in_the_ladder() -> None:
    """A rung may stand there twice: the same words may be said for different reasons."""
    ladder = table(section("The answer ladder").partition("\n### ")[0])
    assert {rung for row in ladder for rung in re.findall(r"`(\w+)`", row[0])} == set(Rung)


def test_every_secret_stands_in_the_readme_and_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    secrets = {TelegramConfig().token, TelegramConfig().webhook_secret, DiscordConfig().token, *sample_variables()}
    for name in secrets:
        assert f"`{name}`" in section("Environment"), f"{name} is missing in README.md, Environment"
        assert f"{name}=" in example, f"{name} is missing in .env.example"
    known = {*secrets, *(f"KEFU_{name.upper()}" for name in Settings.model_fields)}
    named = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", example, re.MULTILINE))
    assert named <= known, f".env.example names what nobody reads: {sorted(named - known)}"


def sample_variables() -> set[str]:
    """What the look-ups of the sample shop name."""
    lookups = load_bot(ROOT / "bots" / "teahouse").config.lookups.values()
    return {one.server_from for one in lookups if one.server_from}


def test_no_variable_is_named_that_does_not_exist() -> None:
    known = {f"KEFU_{name.upper()}" for name in Settings.model_fields} | {
        "KEFU_TEST_NO_SKIP",
        "KEFU_TEST_GPU_LAYERS",
    }
    assert set(re.findall(r"\bKEFU_[A-Z_]+", README)) <= known


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_command_and_option_stands_in_the_reference() -> None:
    text = section("Command line")
    assert set(re.findall(r"^#### `(\w+)", text, re.MULTILINE)) == set(COMMANDS)
    for name, command in COMMANDS.items():
        assert set(re.findall(r"`(--[a-z-]+)", own_part(name))) == options_of(command), (
            f"the options of {name} in README.md"
        )


def own_part(command: str) -> str:
    """What the reference says of a command."""
    parts = re.split(r"^#### ", section("Command line"), flags=re.MULTILINE)
    return next(part for part in parts if part.startswith(f"`{command}"))


def options_of(command: TyperCommand | TyperGroup) -> set[str]:
    """Its own and those of its subcommands."""
    written = [option for one in command.params for option in (*one.opts, *one.secondary_opts)]
    options = {option for option in written if option.startswith("-")}
    within = command.commands.values() if isinstance(command, TyperGroup) else ()
    return options.union(*(options_of(one) for one in within if isinstance(one, TyperCommand | TyperGroup)))


JSON: dict[str, type[BaseModel]] = {
    "chat": AnswerJson,
    "ingest": IngestJson,
    "eval": Report,
    "train": TrainedJson,
    "unanswered": Theme,
}


@pytest.mark.parametrize("command", JSON)
def test_every_field_of_what_is_written_as_json_is_named(command: str) -> None:
    row = next(row for row in table(own_part(command)) if row[0].startswith("`--json"))
    named = re.findall(r"`(\w+)`", re.sub(r"\([^()]*\)", "", row[2]))  # what a field holds stands in brackets
    assert named == list(JSON[command].model_fields)


def test_every_command_in_a_code_block_is_one() -> None:
    lines = [line for line in shell_lines() if "-m bots" in line]
    assert len(lines) > 5
    for line in lines:
        words = shlex.split(line)
        name, *arguments = words[words.index("bots") + 1 :]
        assert name in COMMANDS, line
        COMMANDS[name].make_context(name, arguments)  # raises on an unknown option or a missing argument


def test_every_make_target_stands_in_the_readme() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert {row[0] for row in table(section("All make targets"))} == {f"`make {target}`" for target in targets}
    used = {word for line in shell_lines() for word in re.findall(r"\bmake ([a-z]+)\b", line)}
    assert used <= targets, f"no such target: {sorted(used - targets)}"


def test_the_invitation_asks_for_what_the_discord_adapter_does() -> None:
    wanted = discord.Permissions(
        view_channel=True,
        send_messages=True,
        read_message_history=True,
        create_public_threads=True,
        embed_links=True,
        send_messages_in_threads=True,
    )
    assert f"permissions={wanted.value}" in README
    assert "scope=bot%20applications.commands" in README


# ── files and links ──────────────────────────────────────────────────────────────────────────────────────


def test_the_life_of_a_message_is_read_in_this_order() -> None:
    """Each step names its file first; names with () are functions or classes of a file of that step."""
    steps = re.findall(r"^\d+\. (.*(?:\n   .*)*)", section("The life of a message"), re.MULTILINE)
    first = [re.findall(r"`([\w/]+\.py)`", step)[0] for step in steps]
    order = ["events.py", "core/inbox.py", "core/worker.py", "core/respond.py", "models/engine.py", "core/outbox.py"]
    assert len(first) == len(order) <= 6
    assert all(file.endswith(name) for file, name in zip(first, order, strict=True)), first
    for step in steps:
        files = [ROOT / name for name in re.findall(r"`([\w/]+\.(?:py|lua))`", step)]
        assert all(file.is_file() for file in files), step
        source = "\n".join(file.read_text("utf-8") for file in files)
        for name in re.findall(r"`(?:\w+\.)?(\w+)\(\)`", step):
            assert re.search(rf"(?:def|class) {name}\b", source), f"{name}() is not in {files}"


def test_every_path_that_is_named_exists() -> None:
    """In backticks: everything that begins with one of our folders."""
    ours = re.compile(r"(?:bots|core|adapters|models|tests|\.github|\.ci)/[\w./*-]*")
    for word in code_words():
        if ours.fullmatch(word):
            assert any(ROOT.glob(word.rstrip("/"))), f"README.md names {word}, which is not there"


def test_every_link_leads_somewhere() -> None:
    text = _without_code(README)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    anchors = {_anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert any(link.endswith(".png") for link in links)
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, f"no heading for {link}"
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), f"no file for {link}"


def _anchor(title: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_pictures_are_small() -> None:
    pictures = list((ROOT / ".github" / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.name in README, f"{picture.name} is not used"
        assert picture.stat().st_size < 250_000, picture.name


# ── the examples ─────────────────────────────────────────────────────────────────────────────────────────

EXAMPLES = [*blocks("yaml"), *blocks("csv")]
# Files of a shop that examples name.
NAMED = {
    "shopify-export.csv": "Handle,Title,Body (HTML),Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
    "Variant Inventory Qty,Variant Price,Image Src,Status\n"
    "mug,Blue mug,<p>A mug.</p>,Mugs,gift,true,Title,Default Title,MUG-01,3,12.50,https://mugs.example/1.jpg,active\n",
    "products.json": '{"products": {"77": {"name": "T-Shirt", "photos": [{"src": "https://mugs.example/77.jpg"}], '
    '"variants": {"771": {"price": 12.5, "available": true, "options": {"size": "M"}}}}}}',
}


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.splitlines()[0] for example in EXAMPLES])
def test_every_example_passes_check(example: str, tmp_path: Path) -> None:
    """Its first line says which file it is, or a part of which: it is put into the starter bot, which is then read."""
    shop = Path(shutil.copytree(ROOT / "bots" / "starter", tmp_path / "my-shop"))
    first, rest = example.split("\n", 1)
    file = shop / first.removeprefix("# ").split(",")[0].strip()
    yaml = YAML()
    for name in (name for name in NAMED if name in rest):
        (shop / name).write_text(NAMED[name], "utf-8")
    for adapter in re.findall(r"[\w/.-]+-lora\.gguf", rest):
        (shop / adapter).parent.mkdir(parents=True, exist_ok=True)
        (shop / adapter).touch()
    if file.name == "bot.yaml":
        whole = {**yaml.load(file.read_text("utf-8")), **yaml.load(rest)}
        with file.open("w", encoding="utf-8") as out:
            yaml.dump(whole, out)
    else:
        file.write_text(rest, "utf-8")
    bot = load_bot(shop)  # raises ConfigError with every mistake
    assert not bot.sources.unread
    check_tests(bot)
