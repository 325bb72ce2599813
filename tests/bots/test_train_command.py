"""python -m bots train intents, in a process of its own."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bots.intents import ready
from bots.progress import opening
from bots.settings import Settings
from bots.train import TrainedJson, Wanted, train_intents
from core.botfile import Bot, load_bot
from core.errors import ConfigError
from core.understanding.classifier import Classifier
from tests.bots.running import command
from tests.core.intents_set import INTENTS
from tests.core.shop import make_shop
from tests.models.bert_file import write_bert

ROWS = [(f"how much is the {thing}", "price") for thing in ("mug", "cup", "pot", "bowl", "plate", "jug")]
ROWS += [(f"can you repair my {thing}", "repair") for thing in ("mug", "cup", "pot", "bowl", "plate", "jug")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = make_shop(tmp_path)
    (made / "intents.yaml").write_text(INTENTS, encoding="utf-8")
    return made


def write_rows(file: Path, rows: list[tuple[str, str]]) -> Path:
    file.write_text("\n".join(["text,category", *(f"{text},{label}" for text, label in rows)]), encoding="utf-8")
    return file


async def at_the_start(bot: Bot, data: Path, *, train: bool = False) -> dict[str, Classifier]:
    with opening(Console(file=io.StringIO())) as progress:
        return await ready([bot], {}, data, progress, train=train)


async def test_a_classifier_is_trained_kept_and_used_at_the_next_start(folder: Path) -> None:
    data = folder.parent / "data"
    bot = load_bot(folder)
    assert await at_the_start(bot, data) == {}
    code, out, err = await command(
        folder.parent, "train", "intents", folder.name, "--json", "told.json", "--report", "report"
    )
    assert code == 0, err
    assert "out_of_scope" in out
    assert "Confusion matrix" in out
    told = json.loads((folder.parent / "told.json").read_text())
    evaluation = told["evaluation"]
    assert told["examples"] == len(bot.intents) == evaluation["examples"]
    assert set(evaluation["by_language"]) == {"en", "zh"}
    assert sum(map(sum, evaluation["confusion"])) == evaluation["examples"]
    assert evaluation["out_of_scope_recall"] > 0.5
    report = folder.parent / "report"
    assert (report / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (report / "confusion.svg").read_text()
    assert (report / "confusion.csv").read_text().splitlines()[0] == "is \\ said," + ",".join(evaluation["labels"])
    found = await at_the_start(bot, data)
    assert list(found) == [bot.name]
    verdict = found[bot.name].classify("what is the capital of latvia")
    assert verdict is not None
    assert verdict.label == "out_of_scope"


def settings(folder: Path) -> Settings:
    return Settings(data_dir=folder.parent / "data", log_level="error")


async def trained(folder: Path, **options: Path) -> TrainedJson:
    """As the command does it, in this process."""
    told = folder.parent / "told.json"
    wanted = Wanted(options.get("data"), options.get("test"), told, options.get("report"))
    await train_intents(folder, settings(folder), wanted, Console(file=io.StringIO()), Console(file=io.StringIO()))
    return TrainedJson.model_validate_json(told.read_text(encoding="utf-8"))


async def test_an_embedder_is_learnt_with_and_wanted_again(folder: Path) -> None:
    write_bert(folder / "tiny.gguf")
    with (folder / "bot.yaml").open("a") as file:
        file.write("\nembedder: {path: tiny.gguf, threads: 1}\n")
    assert (await trained(folder)).embedder == "tiny"
    found = await at_the_start(load_bot(folder), folder.parent / "data")
    assert found == {}, "without its embedder it cannot be used"


async def test_what_has_changed_is_learnt_at_the_start_and_kept(folder: Path) -> None:
    data, bot = folder.parent / "data", load_bot(folder)
    assert list(await at_the_start(bot, data, train=True)) == [bot.name]
    assert list(await at_the_start(bot, data)) == [bot.name]
    file = folder / "intents.yaml"
    file.write_text(file.read_text("utf-8").replace("examples:", "examples: # more to come\n   ", 1), "utf-8")
    assert list(await at_the_start(load_bot(folder), data)) == [bot.name], "the examples are the same"
    answers = folder / "answers.yaml"
    answers.write_text(answers.read_text("utf-8").replace("Is there parking?", "Where can I park?"), "utf-8")
    assert await at_the_start(load_bot(folder), data) == {}
    assert list(await at_the_start(load_bot(folder), data, train=True)) == [bot.name]


async def test_examples_that_are_too_few_leave_the_rules(folder: Path) -> None:
    (folder / "intents.yaml").unlink()
    data = folder.parent / "data"
    assert await at_the_start(load_bot(folder), data, train=True) == {}
    assert not (data / "intents").exists()


async def test_other_data_are_measured_and_not_kept(folder: Path) -> None:
    train = write_rows(folder.parent / "train.csv", ROWS)
    test = write_rows(folder.parent / "test.csv", [("how much is the vase", "price"), ("repair my vase", "repair")])
    told = await trained(folder, data=train, test=test)
    assert (told.examples, told.evaluation.examples, told.evaluation.accuracy) == (12, 2, 1.0)
    assert told.saved == ""
    assert not (folder.parent / "data" / "intents").exists()


async def test_what_is_wrong_is_said_with_its_place(folder: Path) -> None:
    where = folder.parent
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read"):
        await trained(folder, data=where / "none.csv")
    odd = write_rows(where / "one.csv", [*ROWS, ("hi", "greet")])
    with pytest.raises(ConfigError, match="greet: has one example"):
        await trained(folder, data=odd)
    foreign = write_rows(where / "foreign.csv", [("hi", "greet")])
    with pytest.raises(ConfigError, match="greet: is in no example"):
        await trained(folder, test=foreign)
    (where / "taken").write_text("a file, no folder")
    with pytest.raises(ConfigError, match="cannot be written"):
        await trained(folder, report=where / "taken")
    (folder / "intents.yaml").unlink()
    with pytest.raises(ConfigError, match=r"intents\.yaml: is missing"):
        await trained(folder)
