"""tests.yaml is read strictly: every mistake with its file, line, key and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.botfile import Bot, load_bot
from core.messages import Command, Kind
from core.testbench.cases import Case, command_in, read_cases
from core.yamlfile import Reading
from tests.core.shop import make_shop

ROOT = Path(__file__).resolve().parents[2]


def read(bot: Bot, text: str) -> tuple[list[Case], list[str]]:
    (bot.folder / "tests.yaml").write_text(text, "utf-8")
    reading = Reading(bot.folder)
    cases = read_cases(bot, reading)
    return cases, [str(problem) for problem in reading.problems]


def test_a_whole_conversation(bot: Bot) -> None:
    cases, problems = read(
        bot,
        """
- name: one
  about: to see everything
  tags: [delivery, promise]
  persona: grim
  platform_language: zh
  facts: Delivery costs 4.90 EUR.
  turns:
    - say: [hello, how much is delivery?]
      quoted: what was said
      post: what was posted
      says: ["4.90", {any_of: [EUR, 欧元, /€/]}]
      says_not: free
      means: [it costs something, {text: 4 euros 90, at_least: 0.5}]
      cites: [answers/delivery, notes/care]
      rung: approved
      language: en
      hands_over: false
      within: 20
      figures: ["4.90"]
    - press: More
      hands_over: yes
    - kind: photo
      say: look
- name: two
  tags: unanswerable
  turns:
    - say: /language zh
    - say: who won?
""",
    )
    assert problems == []
    one, two = cases
    assert one.facts == ["Delivery costs 4.90 EUR."]
    first = one.turns[0]
    assert [want.any_of for want in first.says] == [["4.90"], ["EUR", "欧元", "/€/"]]
    assert [(meaning.text, meaning.at_least) for meaning in first.means] == [
        ("it costs something", None),
        ("4 euros 90", 0.5),
    ]
    assert (one.turns[1].press, one.turns[1].hands_over, one.turns[2].kind) == ("More", True, Kind.PHOTO)
    assert not one.turns[2].expects
    assert two.unanswerable
    assert [two.expected(number).hands_over for number in (0, 1)] == [None, True]


BROKEN = [
    ("says: 14.90", 'says: is read as the value 14.9; put it into "quotation marks"'),
    ("sayss: x", "sayss: is no known key. Did you mean 'says'?"),
    ("says: ['/(/']", "says.0: is no regular expression: missing ), unterminated subpattern"),
    ("says: [{any_off: x}]", "says.0.any_off: is no known key. Did you mean 'any_of'?"),
    ("rung: groundd", "Did you mean 'grounded'?"),
    ("means: {text: x, at_least: 3}", "means.at_least: 3 does not fit"),
    ("within: 0", "within: 0 does not fit: input should be greater than 0"),
    ("language: fr", "language: the bot does not speak fr. It speaks: en, zh"),
    ("cites: notes/carr", "cites: no passage's id begins with 'notes/carr'. Did you mean 'notes/care"),
    ("products: M-1", "products: the catalogue has no product 'M-1'"),
    ("products_among: [M-1]", "products_among: the catalogue has no product 'M-1'"),
    ("kind: other\n      says: x", "kind: must be one of: document, "),
    ("press: More\n      says: x", "needs exactly one of: say, press"),
]


@pytest.mark.parametrize(("written", "told"), BROKEN, ids=[one[0].splitlines()[0] for one in BROKEN])
def test_what_is_wrong_is_told_with_its_place(bot: Bot, written: str, told: str) -> None:
    _, problems = read(bot, f"- name: one\n  turns:\n    - say: hello\n      {written}\n")
    assert all(one.startswith(("tests.yaml:4 · 0.turns.0.", "tests.yaml:3 · 0.turns.0")) for one in problems)
    assert any(told in one for one in problems), problems


def test_all_mistakes_are_told_at_once(bot: Bot) -> None:
    cases, problems = read(
        bot,
        """- name: one
  persona: mi
  turns:
    - say: hello
- name: One!
  turns:
    - {}
- name: three
  turns:
    - say: [/human, x]
      says: x
- name: four
  tags: unanswerable
  turns: []
- name: five
  turns: [{say: x, says: x}]
- name: five
  persona: mi
  turns: [{say: /humann, says: x}, {say: x, says: x}]
- name: five
  persona: mi
  turns: [{say: x, says: x}]
- 7
""",
    )
    assert [one.name for one in cases] == ["five", "five"]
    expected = {
        "tests.yaml:1 · 0: expects nothing": True,
        "tests.yaml:5 · 1.name: must be made of small letters": True,
        "tests.yaml:7 · 1.turns.0: needs exactly one of: say, press": True,
        "tests.yaml:10 · 2.turns.0.say: '/human' is no command that stands alone; there are: /start": True,
        "tests.yaml:14 · 3.turns: ": True,
        "tests.yaml:19 · 5.turns.0.say: '/humann' is no command": True,
        "tests.yaml:20 · 6.name: 'five' is used twice. First in line 15": True,
        "tests.yaml:21 · 6.persona: there is no persona 'mi'. Did you mean 'mia'?": True,
        "tests.yaml:23 · 7: 7 does not fit": True,
    }
    assert {begin: any(one.startswith(begin) for one in problems) for begin in expected} == expected, problems
    assert len(problems) == len(expected), problems


@pytest.mark.parametrize(
    ("text", "told"), [("a: 1\n", "must be a list"), ("[{", "is no proper YAML"), ("", "is empty")]
)
def test_what_is_no_list_of_conversations(bot: Bot, text: str, told: str) -> None:
    cases, problems = read(bot, text)
    assert cases == []
    assert len(problems) == 1
    assert told in problems[0]


def test_there_is_no_file(bot: Bot) -> None:
    reading = Reading(bot.folder)
    assert read_cases(bot, reading) == []
    assert "tests.yaml: is missing" in str(reading.problems[0])


def test_an_answer_that_is_said_to_hand_over_must_be_there(tmp_path: Path) -> None:
    folder = make_shop(tmp_path)
    with (folder / "bot.yaml").open("a") as file:
        file.write("eval:\n  min_passed: 1\n  hand_over_answers: [parkng]\n")
    _, problems = read(load_bot(folder), "- name: one\n  turns: [{say: x, says: x}]\n")
    line = (folder / "bot.yaml").read_text().splitlines().index("  hand_over_answers: [parkng]") + 1
    assert (
        problems
        == [
            f"bot.yaml:{line} · eval.hand_over_answers: there is no answer 'parkng'. Known are: hours, parking, delivery"
        ]
        or "Did you mean 'parking'?" in problems[0]
    )
    assert f"bot.yaml:{line}" in problems[0]


def test_commands_are_told_from_texts() -> None:
    assert command_in("/language zh") == (Command.LANGUAGE, "zh")
    assert command_in("/human") == (Command.HUMAN, "")
    assert command_in("/humans") is None
    assert command_in("human") is None


def test_the_teahouse_has_tests_that_can_be_read() -> None:
    bot = load_bot(ROOT / "bots" / "teahouse")
    reading = Reading(bot.folder)
    cases = read_cases(bot, reading)
    assert reading.problems == []
    assert len(cases) >= 12
