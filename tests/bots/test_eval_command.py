"""python -m bots eval: JSON, table, report, thresholds and exit codes, against another version."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Request, expect
from rich.console import Console

from bots.evaluation.command import Options, evaluate
from bots.settings import Settings
from core.errors import ConfigError, ModelUnavailable
from core.testbench.results import Report
from tests.bots.running import command
from tests.browser import chromium
from tests.core.shop import FILES, make_shop
from tests.platforms.openai_server import OpenAIServer

REPAIRED = "We repair broken handles within 10 days."
TESTS = """
- name: hours
  tags: [visit]
  turns:
    - say: When are you open?
      rung: approved
      says: nine
- name: repairs
  tags: [care]
  turns:
    - say: do you repair broken handles?
      rung: grounded
      figures: ["10"]
- name: hours-zh
  turns:
    - say: 几点开门
      says: 九点
- name: world-cup
  tags: [unanswerable]
  turns:
    - say: who won the world cup?
"""
EVIL_ANSWER = """
- id: hours
  questions: {en: [When are you open?]}
  answer:
    en: >-
      From nine. <script>window.evil = 1</script> ![p](http://evil.example/p.png) [go](javascript:window.evil=2)
"""


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer("llama", answer=REPAIRED) as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, server: OpenAIServer) -> Path:
    """The small shop, with a model at the server and tests of its own."""
    return with_tests(tmp_path, server)


def with_tests(folder: Path, server: OpenAIServer, tests: str = TESTS, **changed: str) -> Path:
    old = "model: {path: none.gguf, languages: [en], wording: free}"
    new = f"model: {{server: {{urls: '{server.url}'}}, languages: [en], wording: free}}"
    made = make_shop(folder, bot_yaml=FILES["bot.yaml"].replace(old, new), **changed)
    (made / "tests.yaml").write_text(tests, "utf-8")
    return made


async def run(shop: Path, **options: object) -> tuple[Report, str]:
    """The report and the table."""
    out, err = io.StringIO(), io.StringIO()
    settings = Settings(data_dir=shop.parent / "data", tune=False)
    given = Options(**options)  # type: ignore[arg-type]
    found = await evaluate(shop, given, settings, Console(file=out, width=160), Console(file=err, width=160))
    return found, out.getvalue()


async def test_everything_is_written_and_shown(shop: Path) -> None:
    file = shop.parent / "new" / "found.json"
    found, table = await run(shop, json=file, html=shop.parent / "report")
    assert found.holds
    told = json.loads(file.read_text("utf-8"))
    counts = {key: told[key] for key in ("cases", "passed", "correct_or_handed_over", "wrong_facts")}
    assert counts == {"cases": 4, "passed": 4, "correct_or_handed_over": 4, "wrong_facts": 0}
    assert (told["unanswerable"], told["refused"], told["model"]) == (1, 1, "tea-1b")
    assert [row["name"] for row in told["rows"]] == ["hours", "repairs", "hours-zh", "world-cup"]
    turn = told["rows"][1]["runs"][0]["turns"][0]
    assert (turn["said"], turn["text"], turn["rung"]) == (["do you repair broken handles?"], REPAIRED, "grounded")
    assert turn["trace"]["passages"][0]["id"] == "notes/care.en#3"
    assert told["shares"]["passed"]["low"] == pytest.approx(0.025**0.25, abs=1e-4)
    assert "4 of 4" in table
    assert "✓ wrong facts: 0, wanted at most 0" in table
    assert "<!doctype html>" in (shop.parent / "report" / "index.html").read_text("utf-8")


async def test_what_was_missed_is_named(shop: Path) -> None:
    (shop / "tests.yaml").write_text(TESTS.replace("nine", "ten"), "utf-8")
    found, table = await run(shop)
    assert not found.holds
    assert found.passed == 3
    assert "turn 1: says 'ten': the reply says 'We are open from nine to five.'" in table
    assert "✗ passed: 75.0" in table


async def test_only_a_name_or_a_tag_and_every_one_more_than_once(shop: Path, server: OpenAIServer) -> None:
    found, _ = await run(shop, only=("care", "hours"), repeat=3)
    assert [row.name for row in found.rows] == ["hours", "repairs"]
    assert found.pass_hat == (1.0, 1.0, 1.0)
    assert sorted(chat.body["seed"] for chat in server.chats) == [0, 1, 2]
    with pytest.raises(ConfigError, match="is neither a conversation nor a tag"):
        await run(shop, only=("nothing",))


async def test_against_a_directory_each_answer_that_changed_is_named(
    shop: Path, tmp_path: Path, server: OpenAIServer
) -> None:
    other = with_tests(
        tmp_path / "old", server, answers_yaml=FILES["answers.yaml"].replace("nine to five", "ten to four")
    )
    found, table = await run(shop, against=str(other))
    assert found.against is not None
    (change,) = found.against.changes
    assert (change.case, change.turn, change.kind) == ("hours", 1, "fixed")
    assert (change.before, change.after) == ("We are open from ten to four.", "We are open from nine to five.")
    assert (found.against.same, found.against.passed_before) == (3, 3)
    assert "1 fixed" in table
    assert "ten to four" in table


async def test_against_a_revision(shop: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@t.example")
        subprocess.run(["git", *who, *arguments], cwd=shop.parent, check=True, capture_output=True)

    with pytest.raises(ConfigError, match="lies in no git repository"):
        await run(shop, against="HEAD")
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "before there was a shop")
    git("add", "mugs")
    git("commit", "-q", "-m", "the shop")
    answers = shop / "answers.yaml"
    answers.write_text(answers.read_text("utf-8").replace("nine to five", "ten to four"), "utf-8")
    found, _ = await run(shop, against="HEAD")
    assert found.against is not None
    (change,) = found.against.changes
    assert (change.kind, change.before) == ("broken", "We are open from nine to five.")
    assert answers.read_text("utf-8").count("ten to four") == 1, "the folder itself is as it was"
    for revision, why in (
        ("HEAD~1", "has no folder mugs/"),
        ("v9", "neither a directory nor a revision"),
        ("-x", "neither"),
    ):
        with pytest.raises(ConfigError, match=why):
            await run(shop, against=revision)


async def test_mistakes_of_the_other_version_are_told(shop: Path, tmp_path: Path, server: OpenAIServer) -> None:
    other = with_tests(tmp_path / "old", server)
    (other / "personas" / "mia.yaml").unlink()
    with pytest.raises(ConfigError, match=r"there is no personas/mia\.yaml"):
        await run(shop, against=str(other))


async def test_a_program_learns_it_by_the_exit_code(shop: Path) -> None:
    folder = shop.parent
    code, out, err = await command(folder, "eval", "mugs", "--json", "-", "--only", "hours")
    assert (code, json.loads(out)["passed"]) == (0, 1), err
    assert "1 of 1" in err, "the table makes room for the JSON"
    (shop / "tests.yaml").write_text(TESTS.replace("nine", "ten"), "utf-8")
    code, out, err = await command(folder, "eval", "mugs", "--only", "hours")
    assert (code, "✗ passed" in out) == (1, True), err
    (shop / "tests.yaml").write_text(TESTS.replace("says: nine", "sayz: 9.5"), "utf-8")
    code, out, err = await command(folder, "eval", "mugs")
    assert (code, "tests.yaml:7 0.turns.0.sayz: is no known key. Did you mean" in err) == (2, True), err


async def test_check_reads_the_tests_too(shop: Path) -> None:
    code, out, err = await command(shop.parent, "check", "mugs")
    assert (code, "4 test conversations" in " ".join(out.split())) == (0, True), err


async def test_nothing_is_measured_where_something_is_missing(shop: Path, server: OpenAIServer) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        await run(shop, json=shop / "bot.yaml" / "x.json", only=("hours",))
    gone = server.url.replace(str(server.port), "1")
    text = (shop / "bot.yaml").read_text("utf-8")
    (shop / "bot.yaml").write_text(text.replace(server.url, gone), "utf-8")
    with pytest.raises(ModelUnavailable):
        await run(shop)
    (shop / "bot.yaml").write_text(text, "utf-8")
    (shop / "tests.yaml").write_text("[]", "utf-8")
    with pytest.raises(ConfigError, match="has no conversations"):
        await run(shop)
    (shop / "tests.yaml").unlink()
    with pytest.raises(ConfigError, match=r"tests\.yaml: is missing"):
        await run(shop)


async def test_the_report_in_a_browser(tmp_path: Path, server: OpenAIServer) -> None:
    evil = "- name: evil\n  tags: [evil]\n  turns:\n    - say: '<img src=x onerror=\"window.evil=3\">'\n      says: nothing\n"
    shop = with_tests(tmp_path, server, TESTS + evil, answers_yaml=EVIL_ANSWER)
    other = with_tests(tmp_path / "old", server)
    file = tmp_path / "report.html"
    await run(shop, html=file, against=str(other))
    asked: list[str] = []
    trouble: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 390, "height": 800})
        page.on("request", note)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text))
        await page.goto(file.as_uri())
        await expect(page.locator(".case")).to_have_count(5)
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        await page.click("#open")
        await expect(page.locator("#case-evil .mine")).to_have_text('<img src=x onerror="window.evil=3">')
        await expect(page.locator("#case-hours .bot")).to_contain_text("<script>window.evil = 1</script>")
        assert await page.locator("#case-hours .bot a[href^=javascript]").count() == 0
        assert await page.evaluate("window.evil") is None
        assert await page.locator("img").count() == 0
        await expect(page.locator("#case-evil .marks .no")).to_contain_text("says 'nothing'")
        await page.click("#case-repairs .trace summary")
        await expect(page.locator("#case-repairs .trace")).to_contain_text("notes/care.en#3")
        await expect(page.locator(".change")).to_have_count(2)
        await expect(page.locator(".change ins").first).to_be_visible()
        await page.select_option("#verdict", "missed")
        await expect(page.locator(".case:visible")).to_have_count(2)
        await page.select_option("#verdict", "")
        await page.select_option("#language", "zh")
        await expect(page.locator(".case:visible")).to_have_count(1)
        await page.select_option("#language", "")
        await page.fill("#search", "BROKEN handles")
        await expect(page.locator(".case:visible")).to_have_count(1)
        await expect(page.locator("#count")).to_have_text("1 of 5")
        await page.fill("#search", "no such thing")
        await expect(page.locator("#none")).to_be_visible()
    assert asked == [file.as_uri()], "everything is in the one file"
    assert trouble == []
