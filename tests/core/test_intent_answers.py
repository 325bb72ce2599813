"""What a verdict changes in an answer, and what it never does: block an approved answer or sound evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.answer import Means
from core.botfile import Bot, load_bot
from core.errors import GenerationFailed
from core.messages import Command, Rung
from core.ports import EmbedderInfo
from core.respond import respond
from core.state import Outcome, State
from core.understanding.classifier import Classifier
from core.understanding.training import train
from models.scripted import ScriptedModel
from tests.core.helpers import command, line, message, turn
from tests.core.intents_set import INTENTS
from tests.core.shop import Shown, make_shop

EN, ZH = "mail us: hi@mugs.example", "请写信：hi@mugs.example"
REPAIR = "We repair broken handles within 10 days."


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bot, Classifier]:
    shop = make_shop(tmp_path_factory.mktemp("shop"))
    (shop / "intents.yaml").write_text(INTENTS, encoding="utf-8")
    bot = load_bot(shop)
    return bot, train(bot.intents).classifier


async def ask(
    bot: Bot, text: str, *said: str, state: State | None = None, classifier: Classifier | None = None
) -> Outcome:
    means = Means(ScriptedModel(*said), intents=classifier)
    return await respond(turn(message(text), state=state), bot, means, Shown())


def told(outcome: Outcome) -> tuple[Rung, str]:
    assert outcome.reply is not None
    return outcome.reply.rung, outcome.reply.text


# ── rules: every bot has them ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "contact"), [("I want to talk to a human!", EN), ("转人工", ZH), ("轉人工客服", ZH), ("human please", EN)]
)
async def test_who_wants_a_person_gets_one_at_once(bot: Bot, text: str, contact: str) -> None:
    outcome = await ask(bot, text)
    rung, said = told(outcome)
    assert rung is Rung.PERSON
    assert contact in said
    assert outcome.state.wants_person
    assert not outcome.state.urgent
    assert outcome.trace is not None
    assert (outcome.trace.intent, outcome.trace.intent_by, outcome.trace.intent_sure) == ("wants_person", "rules", True)


async def test_the_command_and_the_words_say_the_same(bot: Bot) -> None:
    by_command = await respond(
        turn(command(Command.HUMAN), state=State(language="en", greeted=True)), bot, Means(ScriptedModel()), Shown()
    )
    by_words = await ask(bot, "let me talk to a person", state=State(language="en", greeted=True))
    assert told(by_command)[1] == told(by_words)[1]
    assert by_command.state.wants_person == by_words.state.wants_person is True


async def test_what_the_shop_has_written_for_it_is_said(tmp_path: Path) -> None:
    shop = make_shop(tmp_path)
    with (shop / "answers.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "- id: person\n  questions: {en: [talk to a human], zh: [转人工]}\n  answer: {en: Ring the bell., zh: 请按铃。}\n"
        )
    bot = load_bot(shop)
    outcome = await ask(bot, "转人工")
    assert told(outcome) == (Rung.APPROVED, "请按铃。")
    assert outcome.state.wants_person


async def test_who_does_not_want_a_person_gets_an_answer(bot: Bot) -> None:
    outcome = await ask(bot, "are you a real person and do you repair broken handles?", REPAIR)
    assert told(outcome)[0] is not Rung.PERSON
    assert not outcome.state.wants_person


async def test_a_complaint_is_answered_calmly_and_marked_urgent(bot: Bot) -> None:
    outcome = await ask(bot, "this is unacceptable, you people lost my llama")
    rung, said = told(outcome)
    assert rung is Rung.UNKNOWN
    assert said.startswith("I am sorry that this went wrong")
    assert EN in said
    assert outcome.state.urgent
    assert outcome.trace is not None
    assert (outcome.trace.intent, outcome.trace.urgent) == ("complaint", True)
    _, chinese = told(await ask(bot, "太让人失望了，骆驼丢了"))
    assert chinese.startswith("很抱歉")
    assert ZH in chinese


async def test_facts_that_answer_a_complaint_are_still_told(bot: Bot) -> None:
    shown = Shown()
    model = ScriptedModel(REPAIR)
    outcome = await respond(
        turn(message("This is unacceptable! Do you repair broken handles?")), bot, Means(model), shown
    )
    rung, said = told(outcome)
    assert rung in (Rung.GROUNDED, Rung.QUOTED)
    assert said.startswith("I am sorry that this went wrong.")
    assert REPAIR in said
    assert EN in said
    growing = [text for text in shown.texts if text]
    assert all(text.startswith("I am sorry that this went wrong.") for text in growing), "it grows in one piece"


async def test_an_approved_answer_to_a_complaint_is_sent_word_for_word(bot: Bot) -> None:
    outcome = await ask(bot, "when are you open asap")
    assert told(outcome)[0] is not Rung.PERSON
    assert outcome.state.urgent
    assert outcome.trace is not None
    assert outcome.trace.urgent_because == ("asap",)
    calm = await ask(bot, "when are you open?")
    assert told(calm) == (Rung.APPROVED, "We are open from nine to five.")
    assert not calm.state.urgent


async def test_urgency_stays_until_somebody_has_seen_it(bot: Bot) -> None:
    first = await ask(bot, "很急！几点开门")
    assert first.state.urgent
    assert (await ask(bot, "几点开门", state=first.state)).state.urgent


# ── with a classifier ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "contact"), [("what is the capital of latvia", EN), ("立陶宛的首都是哪里", ZH)])
async def test_what_is_surely_none_of_the_shops_business_is_said_so(
    learnt: tuple[Bot, Classifier], text: str, contact: str
) -> None:
    bot, classifier = learnt
    outcome = await ask(bot, text, classifier=classifier)
    rung, said = told(outcome)
    assert rung is Rung.UNKNOWN
    assert contact in said
    assert ("outside of what I can help with" in said) or ("超出了" in said)
    assert outcome.trace is not None
    assert (outcome.trace.intent, outcome.trace.intent_by, outcome.trace.intent_sure) == (
        "out_of_scope",
        "classifier",
        True,
    )
    assert 0.5 < outcome.trace.intent_confidence <= 1


@pytest.mark.parametrize(
    ("text", "rung"),
    [
        ("when are you open?", Rung.APPROVED),
        ("运费多少", Rung.APPROVED),
        ("do you repair broken handles?", Rung.GROUNDED),
        ("蓝色杯子可以用洗碗机清洗吗", Rung.QUOTED),
    ],
)
async def test_no_verdict_blocks_what_the_shop_has_an_answer_to(
    learnt: tuple[Bot, Classifier], text: str, rung: Rung
) -> None:
    """Not even one that is always sure that it is none of the shop's business."""
    bot, classifier = learnt
    index = list(classifier.labels).index("out_of_scope")
    bias = classifier.bias.copy()
    bias[index] += 1000
    always = Classifier(
        labels=classifier.labels,
        terms=classifier.terms,
        weights=classifier.weights,
        bias=bias,
        sharpness=classifier.sharpness,
        thresholds=np.zeros_like(classifier.thresholds),
        dimensions=0,
        data="",
        embedder="",
    )
    assert told(await ask(bot, text, REPAIR, classifier=always))[0] is rung


async def test_a_classifier_that_wants_a_vector_is_left_out_where_there_is_none(
    learnt: tuple[Bot, Classifier],
) -> None:
    bot, classifier = learnt

    class Failing:
        info = EmbedderInfo(name="none", digest="", dimensions=3, max_tokens=10)

        async def embed(self, texts: object, *, kind: object = "passage") -> object:
            raise GenerationFailed("the embedder is closed")

    from dataclasses import replace

    more = np.zeros((3, len(classifier.labels)), np.float32)
    wants = replace(classifier, weights=np.concatenate([classifier.weights, more]), dimensions=3)
    for embedder in (None, Failing()):
        means = Means(ScriptedModel(), embedder=embedder, intents=wants)  # type: ignore[arg-type]
        outcome = await respond(turn(message("what is the capital of latvia")), bot, means, Shown())
        assert outcome.trace is not None
        assert outcome.trace.intent == ""


async def test_a_follow_up_is_not_taken_for_another_subject(bot: Bot) -> None:
    history = (line("do you do engraving?"), line("Yes.", "bot"))
    model = ScriptedModel("Engraving takes 3 days.")
    outcome = await respond(turn(message("and how long?"), history=history), bot, Means(model), Shown())
    assert told(outcome)[1] == "Engraving takes 3 days."
