"""Reading a bot's folder: all mistakes at once, each with its place and what would be right; never another error."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.botfile import load_bot
from core.errors import ConfigError, Problem

BOTS = Path(__file__).parents[2] / "bots"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BOTS / "starter", tmp_path / "shop"))


def problems(folder: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_bot(folder)
    return list(caught.value.problems)


def the_problem(folder: Path) -> Problem:
    found = problems(folder)
    assert len(found) == 1, [str(one) for one in found]
    return found[0]


def change(folder: Path, file: str, old: str, new: str) -> Path:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return folder


@pytest.mark.parametrize("name", ["starter", "teahouse"])
def test_the_bots_that_come_along_have_no_mistake(name: str) -> None:
    bot = load_bot(BOTS / name)
    assert bot.name == name
    assert bot.answers
    assert bot.notes
    assert bot.products


def test_the_version_changes_with_every_file_and_only_then(shop: Path) -> None:
    before = load_bot(shop)
    assert load_bot(shop).version == before.version
    change(shop, "notes/returns.en.md", "14 days", "15 days")
    after = load_bot(shop)
    assert after.version != before.version
    assert after.persona().version == before.persona().version
    change(shop, "personas/assistant.yaml", "Alex", "Sam")
    assert load_bot(shop).persona().version != before.persona().version


MISTAKES = [
    ("bot.yaml", "persona: assistant", "persna: assistant", "persna", "no known key", "Did you mean 'persona'?"),
    ("bot.yaml", "languages: [en, zh]", "languages: [english]", "languages.0", "no language tag", ""),
    ("bot.yaml", "languages: [en, zh]", "languages: []", "languages", "at least 1", ""),
    ("bot.yaml", "languages: [en, zh]", "languages: en", "languages", "valid list", ""),
    (
        "bot.yaml",
        "  # telegram: {}",
        "  telegram: {token: '123:ABC'}\n#",
        "platforms.telegram.token",
        "environment",
        "",
    ),
    (
        "bot.yaml",
        "  # discord: {}",
        "  discord: {thread: busy}\n#",
        "platforms.discord.thread",
        "known key",
        "'threads'",
    ),
    (
        "bot.yaml",
        "persona: assistant",
        "persona: asistant",
        "persona",
        "no personas/asistant",
        "Did you mean 'assistant'?",
    ),
    ("bot.yaml", "persona: assistant", "persona: ../x", "persona", "small letters", ""),
    ("bot.yaml", "model: bundled", "model: {bundled: true, path: a.gguf}", "model", "exactly one", ""),
    ("bot.yaml", "model: bundled", "model: {repo: a/b}", "model", "belong together", ""),
    ("bot.yaml", "model: bundled", "model: 7", "model", "", ""),
    ("personas/assistant.yaml", "voice: Friendly, short and clear.", "voice: ''", "voice", "must not be empty", ""),
    ("personas/assistant.yaml", "  zh: 您好！请问有什么可以帮您？\n", "", "greeting", "missing in: zh", ""),
    ("personas/assistant.yaml", "triggers: []", "sampling: {temperature: 9}", "sampling.temperature", "less than", ""),
    (
        "personas/assistant.yaml",
        "triggers: []",
        "sampling: {temprature: 0}",
        "sampling.temprature",
        "known",
        "'temperature'",
    ),
    ("answers.yaml", "- id: thanks", "- id: hello", "1.id", "used twice", "First used in line 2"),
    ("answers.yaml", "- id: thanks", "- id: Thanks!", "1.id", "small letters", ""),
    ("answers.yaml", "    zh: 不客气！\n", "", "1", "no answer in: zh", ""),
    ("answers.yaml", "- id: thanks", "- id: thanks\n  valid_from: 31.12.2026", "1.valid_from", "date", ""),
    ("catalog.csv", "12.50", '"12,50"', "price", "12,50", ""),
    ("catalog.csv", "12.50", "-1", "price", "-1", ""),
    ("catalog.csv", "EUR,1 piece,20", "€,1 piece,20", "currency", "€", ""),
    ("catalog.csv", "1 piece,20", "1 piece,many", "stock", "many", ""),
    ("catalog.csv", "MUG-02", "MUG-01", "sku", "used twice", "First used in line 2"),
    ("catalog.csv", "Blue mug,蓝色马克杯", "Blue mug, small,蓝色马克杯", "", "12 cells, the header has 11", ""),
    ("catalog.csv", "stock,", "stok,", "stok", "no known column", "Did you mean 'stock'?"),
    ("catalog.csv", "Blue mug,蓝色马克杯", ",", "name_", "", ""),
    ("catalog.csv", "name_zh", "name_chinese", "name_chinese", "no language", "name_en"),
    ("catalog.csv", "name_zh", "name_en", "name_en", "twice", ""),
]


@pytest.mark.parametrize(("file", "old", "new", "key", "wrong", "right"), MISTAKES)
def test_a_mistake_has_its_place(shop: Path, file: str, old: str, new: str, key: str, wrong: str, right: str) -> None:
    line = (shop / file).read_text().split(old)[0].count("\n") + 1
    found = problems(change(shop, file, old, new))
    first = next((one for one in found if one.key == key or (key and one.key.startswith(key))), found[0])
    assert first.file == file
    assert first.key.startswith(key), [str(one) for one in found]
    assert wrong in first.wrong or wrong in str(first), str(first)
    assert right in first.right, str(first)
    assert first.line, str(first)
    if len(found) == 1 and "\n" not in old and file != "catalog.csv":
        assert abs(first.line - line) <= 2, str(first)


def test_a_missing_key_says_what_to_write(shop: Path) -> None:
    problem = the_problem(change(shop, "personas/assistant.yaml", "name:\n  en: Alex\n  zh: 小艾\n", ""))
    assert (problem.file, problem.key, problem.wrong) == ("personas/assistant.yaml", "name", "is missing")
    assert problem.right.startswith("Write name: ")


def test_all_mistakes_are_told_at_once_and_in_order(shop: Path) -> None:
    change(shop, "bot.yaml", "persona: assistant", "persona: asistant\nlimit: {}")
    change(shop, "personas/assistant.yaml", "voice:", "vioce:")
    change(shop, "answers.yaml", "- id: thanks", "- id: hello")
    change(shop, "catalog.csv", "12.50", "12.5.0")
    (shop / "notes" / "scan.pdf").write_bytes(b"no PDF")
    found = problems(shop)
    assert {one.file for one in found} == {
        "bot.yaml", "personas/assistant.yaml", "answers.yaml", "catalog.csv", "notes/scan.pdf",
    }  # fmt: skip
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("text", "line", "wrong", "right"),
    [
        ("title:\n\ten: x\n", 2, "YAML", "tabs"),
        ("title: {en: x}\ntitle: {en: y}\n", 2, "duplicate key", "once"),
        ("title: {en: x\n", 0, "YAML", ""),
        ("a: b: c\n", 1, "YAML", "quotation"),
        ("- just\n- a list\n", 1, "", ""),
        ("only a sentence\n", 1, "", ""),
        ("42\n", 1, "", ""),
        ("", 0, "is empty", "new DIR"),
        ("# only a comment\n", 0, "is empty", "new DIR"),
        ("a: &a [x, *a]\n", 0, "", ""),
        ("title: !!python/object:os.system {}\n", 0, "", ""),
        ("? [a, b]\n: c\n", 0, "", ""),
        ("? {a: b}\n: c\n", 0, "", ""),
        ("a: *nowhere\n", 1, "YAML", ""),
        ("--- \na: 1\n--- \nb: 2\n", 0, "YAML", ""),
        ("1: 2\ntrue: false\nnull: x\n", 0, "", ""),
        ("a: 2026-99-99\n", 0, "", ""),
        ("a: 1\nb: \x07\n", 2, "YAML", ""),
    ],
)
def test_broken_yaml_says_where(shop: Path, text: str, line: int, wrong: str, right: str) -> None:
    (shop / "bot.yaml").write_text(text)
    found = [one for one in problems(shop) if one.file == "bot.yaml"]
    assert found
    assert any(wrong in one.wrong and right in one.right for one in found), [str(one) for one in found]
    if line:
        assert any(one.line == line for one in found), [str(one) for one in found]


@pytest.mark.parametrize("file", ["bot.yaml", "answers.yaml", "personas/assistant.yaml"])
def test_a_yaml_bomb_is_an_error_not_a_hang(shop: Path, file: str) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (shop / file).write_text("\n".join(levels))
    assert any(one.file == file for one in problems(shop))


@pytest.mark.parametrize("file", ["bot.yaml", "answers.yaml"])
@pytest.mark.parametrize("nest", ["[", "{a: ", "- "])
def test_deep_nesting_is_an_error_not_a_crash(shop: Path, file: str, nest: str) -> None:
    (shop / file).write_text(nest * 5_000)
    assert any(one.file == file for one in problems(shop))


def test_a_huge_file_is_not_read(shop: Path) -> None:
    with (shop / "notes" / "huge.md").open("wb") as file:
        file.truncate(30 * 1024 * 1024)
    assert "bytes" in the_problem(shop).wrong


def test_text_that_is_not_utf8_says_its_line(shop: Path) -> None:
    (shop / "answers.yaml").write_bytes(b"- id: x\n" + b"  caf\xe9: 1\n")
    problem = the_problem(shop)
    assert (problem.file, problem.line) == ("answers.yaml", 2)
    assert "UTF-8" in problem.wrong


def test_a_byte_order_mark_does_no_harm(shop: Path) -> None:
    for file in ("bot.yaml", "catalog.csv", "answers.yaml", "notes/returns.en.md"):
        path = shop / file
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_bot(shop).products == 2


def test_windows_line_ends_do_no_harm(shop: Path) -> None:
    for path in shop.rglob("*.*"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    bot = load_bot(shop)
    assert bot.products == 2
    assert all("\r" not in passage.text for passage in bot.knowledge.passages)


def test_what_may_be_missing(shop: Path) -> None:
    for path in (shop / "answers.yaml", shop / "catalog.csv"):
        path.unlink()
    shutil.rmtree(shop / "notes")
    bot = load_bot(shop)
    assert (bot.answers, bot.notes, bot.products) == (0, 0, 0)
    assert bot.knowledge.search("anything", "en") == []


def test_what_may_not_be_missing(shop: Path) -> None:
    (shop / "bot.yaml").unlink()
    shutil.rmtree(shop / "personas")
    found = problems(shop)
    assert [one.wrong for one in found if one.file == "bot.yaml"] == ["is missing"]


def test_a_bot_without_persona(shop: Path) -> None:
    (shop / "personas" / "assistant.yaml").unlink()
    problem = the_problem(shop)
    assert (problem.file, problem.wrong) == ("personas", "has no persona")


def test_a_broken_default_persona_is_told_once(shop: Path) -> None:
    (shop / "personas" / "assistant.yaml").write_text("name: [\n")
    assert [one.file for one in problems(shop)] == ["personas/assistant.yaml"]


@pytest.mark.parametrize("name", ["My Shop", "UPPER", "_x", "health", "telegram", "api", "商店"])
def test_a_folder_name_that_is_no_bots_name(shop: Path, name: str) -> None:
    problem = the_problem(shop.rename(shop.with_name(name)))
    assert problem.wrong == "is no name for a bot"


def test_no_such_folder(tmp_path: Path) -> None:
    assert "no such folder" in the_problem(tmp_path / "nowhere").wrong
    (tmp_path / "file").write_text("x")
    assert "no such folder" in the_problem(tmp_path / "file").wrong


def test_a_folder_where_a_file_should_be(shop: Path) -> None:
    (shop / "catalog.csv").unlink()
    (shop / "catalog.csv").mkdir()
    (shop / "notes" / "x.md").mkdir()
    assert {one.file for one in problems(shop)} == {"catalog.csv", "notes/x.md"}


def test_a_link_that_leads_nowhere(shop: Path) -> None:
    (shop / "notes" / "gone.md").symlink_to(shop / "nowhere.md")
    (shop / "personas" / "gone.yaml").symlink_to(shop / "nowhere.yaml")
    assert {one.file for one in problems(shop)} == {"notes/gone.md", "personas/gone.yaml"}


@pytest.mark.parametrize("path", ["bot.yaml", "personas/assistant.yaml", "notes/returns.en.md", "catalog.csv", "."])
def test_what_may_not_be_read_says_so(shop: Path, path: str) -> None:
    (shop / path).chmod(0)
    try:
        if os.access(shop / path, os.R_OK):  # root reads everything
            load_bot(shop)
        else:
            assert problems(shop)
    finally:
        (shop / path).chmod(0o700)


# ── random edits ─────────────────────────────────────────────────────────────────────────────────────────

FILES = ["bot.yaml", "answers.yaml", "catalog.csv", "personas/assistant.yaml", "notes/returns.en.md"]
ORIGINALS = {file: (BOTS / "starter" / file).read_bytes() for file in FILES}
NASTY = st.sampled_from(
    [
        *(bytes([byte]) for byte in b"\t\n[]{}'\"#|>%@,\x00\xff~"),
        *(
            b": ",
            b"- ",
            b"&a ",
            b"*a",
            b"!!",
            b"null",
            b"true",
            b"1e999",
            b"0x",
            b"2026-02-30",
            b"<<: ",
            b"---\n",
            b"...",
        ),
        b"? ",
    ]
)
EDITS = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(0, 40), st.one_of(NASTY, st.binary(max_size=4))), min_size=1, max_size=5
)


@given(file=st.sampled_from(FILES), edits=EDITS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_edits_give_a_bot_or_a_config_error(shop: Path, file: str, edits: list[tuple[int, int, bytes]]) -> None:
    data = ORIGINALS[file]
    for at, cut, new in edits:
        at %= len(data) + 1
        data = data[:at] + new + data[at + cut :]
    (shop / file).write_bytes(data)
    try:
        told = told_of(shop)
    finally:
        (shop / file).write_bytes(ORIGINALS[file])
    assert all(one.file and one.wrong and str(one) for one in told)


def told_of(folder: Path) -> list[Problem]:
    """The problems of a folder; anything but a ConfigError passes through."""
    try:
        load_bot(folder)
    except ConfigError as error:
        return list(error.problems) or [Problem("", 0, "", "an error without a problem")]
    return []


# ── adapters ─────────────────────────────────────────────────────────────────────────────────────────────


def with_adapters(shop: Path) -> Path:
    (shop / "adapters").mkdir()
    (shop / "adapters" / "warm.gguf").touch()
    change(
        shop, "bot.yaml", "model: bundled", "model:\n  bundled: true\n  loras:\n    warm: {path: adapters/warm.gguf}"
    )
    return shop


def test_a_persona_may_name_an_adapter_of_the_model(shop: Path) -> None:
    file = with_adapters(shop) / "personas" / "assistant.yaml"
    file.write_text(file.read_text() + "lora: warm\n")
    assert load_bot(shop).persona().config.lora == "warm"


def test_a_persona_names_an_adapter_that_is_not_there(shop: Path) -> None:
    file = with_adapters(shop) / "personas" / "assistant.yaml"
    lines = file.read_text().count("\n")
    file.write_text(file.read_text() + "lora: wram\n")
    problem = the_problem(shop)
    assert (problem.file, problem.line, problem.key) == ("personas/assistant.yaml", lines + 1, "lora")
    assert "'wram'" in problem.wrong
    assert problem.right == "Did you mean 'warm'?"


def test_a_persona_names_an_adapter_but_the_model_has_none(shop: Path) -> None:
    file = shop / "personas" / "assistant.yaml"
    file.write_text(file.read_text() + "lora: warm\n")
    assert "model.loras" in the_problem(shop).right


def test_a_model_server_has_adapters_of_its_own(shop: Path) -> None:
    change(shop, "bot.yaml", "model: bundled", "model:\n  server:\n    urls: [http://127.0.0.1:8000/v1]")
    file = shop / "personas" / "assistant.yaml"
    file.write_text(file.read_text() + "lora: warm\n")
    assert load_bot(shop).persona().config.lora == "warm"


@pytest.mark.parametrize(("path", "wrong"), [("adapters/cold.gguf", "does not exist"), ("adapters", "is a folder")])
def test_the_file_of_an_adapter_is_not_there(shop: Path, path: str, wrong: str) -> None:
    change(with_adapters(shop), "bot.yaml", "adapters/warm.gguf", path)
    problem = the_problem(shop)
    assert (problem.file, problem.key) == ("bot.yaml", "model.loras.warm.path")
    assert "warm: {path" in (shop / "bot.yaml").read_text().splitlines()[problem.line - 1]
    assert problem.wrong.endswith(wrong)
