"""The sample shop's own test conversations: that they are whole, and those whose answers no model writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from core.answer import Means
from core.botfile import Bot, load_bot
from core.language import base, detect
from core.testbench.cases import Case, read_cases
from core.testbench.run import Bench, run_case
from core.testbench.shopfacts import ShopFacts
from core.yamlfile import Reading
from models.scripted import ScriptedModel

TEAHOUSE = Path(__file__).resolve().parents[2] / "bots" / "teahouse"
# Answered by a person's words, the catalogue or the recommendation alone: the same on every machine.
WITHOUT_MODEL = """
delivery-norway delivery-germany-zh delivery-traditional-zh longjing-price-zh dahongpao-zh open-on-sunday-zh
promise-wrong-price smoky evening-no-ginger elder-gift-zh honey-black-zh person photo-without-words
chosen-chinese burst-hours-and-workshop switch-language-zh person-zh
""".split()


@pytest.fixture(scope="module")
def teahouse() -> Bot:
    return load_bot(TEAHOUSE)


@pytest.fixture(scope="module")
def cases(teahouse: Bot) -> list[Case]:
    reading = Reading(teahouse.folder)
    found = read_cases(teahouse, reading)
    assert [str(problem) for problem in reading.problems] == []
    return found


def language_of(case: Case) -> str:
    said = "\n".join(text for turn in case.turns for text in turn.say if not text.startswith("/"))
    return base(detect(said, ["en", "zh"], "en"))


def test_what_the_shop_is_proven_with(cases: list[Case]) -> None:
    assert len(cases) == 150
    assert sum("unanswerable" in case.tags for case in cases) == 30
    assert sum("promise" in case.tags for case in cases) == 20
    assert all(count >= 70 for count in Counter(map(language_of, cases)).values())
    assert sum(len(case.turns) > 1 for case in cases) >= 10


def test_no_conversation_stands_there_twice(cases: list[Case]) -> None:
    said = [tuple(text.casefold() for turn in case.turns for text in turn.say) for case in cases]
    assert [one for one, count in Counter(said).items() if count > 1 and one] == []


@pytest.mark.parametrize("name", WITHOUT_MODEL)
async def test_a_conversation_that_needs_no_model(name: str, teahouse: Bot, cases: list[Case]) -> None:
    case = next(case for case in cases if case.name == name)
    bench = Bench(teahouse, Means(ScriptedModel()), ShopFacts.of(teahouse))
    turns = (await run_case(bench, case, 0)).turns
    assert [mark for turn in turns for mark in turn.marks if not mark.holds] == []
    assert [finding for turn in turns for finding in turn.wrong] == []
