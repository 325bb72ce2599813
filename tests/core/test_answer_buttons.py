"""Buttons of approved answers: from answers.yaml into the reply, in the language of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.botfile import Bot, load_bot
from core.errors import ConfigError
from core.messages import Button
from models.scripted import ScriptedModel
from tests.core.helpers import message, turn
from tests.core.shop import answer, make_shop, open_shop

ANSWERS = """
- id: hours
  questions: {en: [When are you open?], zh: [几点开门]}
  answer: {en: We are open from nine to five., zh: 九点到五点营业。}
  buttons:
    - {label: {en: Map, zh: 地图}, url: "https://mugs.example/map"}
    - {label: {en: And on Sundays?, zh: 周日呢？}, text: {en: Are you open on Sundays?, zh: 周日开门吗？}}
    - label: {en: A person, zh: 人工客服}
- id: parking
  questions: {en: [Is there parking?]}
  answer: {en: There is no parking.}
  buttons:
    - {label: {en: Map, zh: 地图}, url: "https://mugs.example/map"}
"""


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return open_shop(tmp_path, answers_yaml=ANSWERS)


async def buttons(bot: Bot, *texts: str) -> tuple[Button, ...]:
    outcome = await answer(turn(*(message(text) for text in texts)), bot, ScriptedModel())
    assert outcome.reply is not None
    assert outcome.lines[-1].buttons == outcome.reply.buttons
    return outcome.reply.buttons


async def test_an_answer_brings_its_buttons_in_its_language(bot: Bot) -> None:
    assert await buttons(bot, "when are you open?") == (
        Button(label="Map", url="https://mugs.example/map"),
        Button(label="And on Sundays?", text="Are you open on Sundays?"),
        Button(label="A person", text="A person"),
    )
    assert await buttons(bot, "几点开门") == (
        Button(label="地图", url="https://mugs.example/map"),
        Button(label="周日呢？", text="周日开门吗？"),
        Button(label="人工客服", text="人工客服"),
    )


async def test_two_answers_bring_each_button_once(bot: Bot) -> None:
    assert [button.label for button in await buttons(bot, "when are you open?", "is there parking?")] == [
        "Map",
        "And on Sundays?",
        "A person",
    ]


async def test_other_answers_have_none(bot: Bot) -> None:
    assert await buttons(bot, "who won the world cup?") == ()


MISTAKES = {
    "{label: {en: Map}, url: 'https://mugs.example/map'}": "label: is missing in: zh",
    "{label: {en: Map, zh: 地图}, url: mugs}": "url: 'mugs' is no address of the web",
    "{label: {en: Map, zh: 地图}, text: {en: Where?, zh: 在哪}, url: 'https://x.example'}": "0.buttons.0: asks a text or opens",
    "{label: {en: Map, zh: 地图}, text: {en: Where?}}": "has a label but no text in: zh",
    "{labl: {en: Map, zh: 地图}}": "labl: is no known key. Did you mean 'label'?",
    f"{{label: {{en: {'x' * 41}, zh: 地图}}}}": "does not fit on a button",
}


@pytest.mark.parametrize("button", MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, button: str) -> None:
    head, _, _ = ANSWERS.partition("    - {label")
    with pytest.raises(ConfigError) as raised:
        load_bot(make_shop(tmp_path, answers_yaml=f"{head}    - {button}\n"))
    problem = next(one for one in raised.value.problems if MISTAKES[button] in str(one))
    assert (problem.file, problem.line) == ("answers.yaml", 6)


def test_at_most_five(tmp_path: Path) -> None:
    head, _, _ = ANSWERS.partition("    - {label")
    with pytest.raises(ConfigError, match=r"0\.buttons"):
        load_bot(make_shop(tmp_path, answers_yaml=head + "    - {label: {en: Map, zh: 地图}}\n" * 6))
