"""The generated rung: what fails its check is generated once more with the finding, then quoted, then a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.answer import Means
from core.botfile import Bot
from core.errors import GenerationFailed
from core.messages import Rung
from core.respond import respond
from core.state import Trace
from models.scripted import ScriptedModel
from tests.core.helpers import message, turn
from tests.core.shop import FILES, Shown, answer, open_shop

ASKED = "do you repair broken handles?"
RIGHT = "We repair broken handles within 10 days."
WRONG = "We repair broken handles within 3 days."


async def ask(bot: Bot, *said: str, shown: Shown | None = None) -> tuple[Rung, str, Trace, ScriptedModel]:
    model = ScriptedModel("OK.")
    model.enqueue(*said)
    outcome = await respond(turn(message(ASKED)), bot, Means(model), shown or Shown())
    assert outcome.reply
    assert outcome.trace
    return outcome.reply.rung, outcome.reply.text, outcome.trace, model


async def test_after_a_failed_check_the_model_is_told_what_was_wrong(bot: Bot) -> None:
    shown = Shown()
    rung, text, trace, model = await ask(bot, WRONG, RIGHT, shown=shown)
    assert (rung, text) == (Rung.GROUNDED, RIGHT)
    first, second = model.requests
    assert first.messages[:-1] == second.messages[:-1], "the prompt's beginning is not evaluated again"
    assert second.messages[-1].content.startswith(first.messages[-1].content)
    assert "says '3 days'; the note Care › Repairs says '10 days'" in second.messages[-1].content
    assert not any("3" in said for said in shown.texts)
    assert [(check.text[:7], check.claim) for check in trace.checks] == [("We repa", "3 days")]


async def test_two_failed_checks_are_quoted_and_both_texts_kept(bot: Bot) -> None:
    rung, text, trace, model = await ask(bot, WRONG, "We repair handles and give you a full refund.", RIGHT)
    assert rung is Rung.QUOTED
    assert RIGHT in text
    assert len(model.requests) == 2, "once more, not again and again"
    assert [(check.kind, check.claim) for check in trace.checks] == [("duration", "3 days"), ("promise", "refund")]
    assert trace.findings == tuple(check.finding for check in trace.checks)


async def test_a_sound_beginning_is_not_taken_back(bot: Bot) -> None:
    rung, text, trace, model = await ask(bot, f"{RIGHT} {WRONG}")
    assert (rung, text) == (Rung.GROUNDED, RIGHT)
    assert len(model.requests) == 1
    assert trace.checks[0].claim == "3 days"


async def test_the_second_try_may_fail(bot: Bot) -> None:
    model = ScriptedModel("OK.")
    model.enqueue(WRONG, GenerationFailed("broken"))
    outcome = await answer(turn(message(ASKED)), bot, model)
    assert outcome.reply
    assert outcome.reply.rung is Rung.QUOTED


async def test_a_bot_may_go_without_a_second_try(tmp_path: Path) -> None:
    bot = open_shop(tmp_path, bot_yaml=FILES["bot.yaml"] + "claims: {retry: false}\n")
    rung, _, trace, model = await ask(bot, WRONG, RIGHT)
    assert rung is Rung.QUOTED
    assert (len(model.requests), len(trace.checks)) == (1, 1)


async def test_the_shop_says_which_arithmetic_and_which_promises(tmp_path: Path) -> None:
    question = "how much is engraving of two names?"
    model = ScriptedModel("Engraving two names costs 14.00 EUR.")
    for claims, rung in (("", Rung.GROUNDED), ("claims: {arithmetic: []}\n", Rung.QUOTED)):
        bot = open_shop(tmp_path, bot_yaml=FILES["bot.yaml"] + claims)
        outcome = await answer(turn(message(question)), bot, model)
        assert outcome.reply
        assert outcome.reply.rung is rung, outcome.trace
    bot = open_shop(tmp_path, bot_yaml=FILES["bot.yaml"] + "claims: {promises: [Swift]}\n")
    outcome = await answer(turn(message(ASKED)), bot, ScriptedModel("We repair swift broken handles within 10 days."))
    assert outcome.reply
    assert outcome.reply.rung is Rung.QUOTED


@pytest.mark.parametrize("asked", [True, False])
async def test_a_long_passage_is_quoted_in_part_or_a_person_named(tmp_path: Path, asked: bool) -> None:
    filler = " ".join(f"Sentence number {n} is about nothing that anybody would ever want to read." for n in range(60))
    about = "We mend zippers for 9.00 EUR." if asked else ""
    bot = open_shop(tmp_path, notes_care_en_md=f"# Zippers\n\n{filler} {about} {filler}\n")
    outcome = await answer(turn(message("do you mend zippers?")), bot, ScriptedModel("Yes, for 3.00 EUR."))
    assert outcome.reply
    if asked:
        assert outcome.reply.rung is Rung.QUOTED
        assert about in outcome.reply.text
        assert len(outcome.reply.text) < 1400
    else:
        assert outcome.reply.rung is Rung.UNKNOWN
        assert "hi@mugs.example" in outcome.reply.text
