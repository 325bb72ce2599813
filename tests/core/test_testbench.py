"""The test bench: every kind of expectation, wrong facts, conversations through respond()."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.answer import Means
from core.botfile import Bot, load_bot
from core.errors import GenerationFailed
from core.messages import Button, Card, Reply, Rung
from core.ports import EmbedderInfo
from core.state import Outcome, State
from core.testbench.cases import Case, TurnConfig
from core.testbench.expectations import Answered, handed_over, judge
from core.testbench.meaning import Meanings, calibrated, open_meanings, threshold
from core.testbench.results import CaseRun, Mark, Row
from core.testbench.run import Bench, run_case, run_cases
from core.testbench.shopfacts import Said, ShopFacts
from models.scripted import ScriptedModel
from tests.core.helpers import address
from tests.core.shop import make_shop

CATALOGUE = """sku,name_en,name_zh,category,price,currency,unit,stock
M-1,Blue Mug,蓝色杯子,mugs,12.50,EUR,1 piece,4
M-2,Big Blue Mug,蓝色大杯,mugs,15.00,EUR,1 piece,0
"""
REPAIRED = "We repair broken handles within 10 days."


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    folder = make_shop(tmp_path)
    (folder / "catalog.csv").write_text(CATALOGUE, "utf-8")
    return load_bot(folder)


def reply(text: str, rung: str = Rung.GROUNDED, **more: Any) -> Reply:
    return Reply(id="r", address=address(), text=text, rung=Rung(rung), **more)


def answered(text: str, bot: Bot, passages: Sequence[str] = (), more: dict[str, object] | None = None) -> Answered:
    made = reply(text, **(more or {}))  # type: ignore[arg-type]
    handed = made.rung is Rung.UNKNOWN
    return Answered(made, handed, tuple(passages), ShopFacts.of(bot).products_in(made))


async def marks(bot: Bot, expected: dict[str, object], found: Answered, means: Meanings | None = None) -> list[Mark]:
    turn = TurnConfig.model_validate({"say": "x", **expected})
    return list(await judge(turn, found, bot, means))


CARD: dict[str, object] = {"cards": [Card(id="M-1", title="Blue Mug", price="12.50 EUR")]}
ASK: dict[str, object] = {"buttons": [Button(label="Delivery?", text="How much is delivery?")]}
# what is expected, of a reply that fulfils it, of one that does not, and what is said about that one
Answer = tuple[str, dict[str, object]]
KINDS: list[tuple[dict[str, object], Answer, Answer, str]] = [
    ({"says": "14.90"}, ("**14.90** EUR", {}), ("114.90 or 14.905", {}), "the reply says '114.90 or 14.905'"),
    ({"says": ["From  Nine", "ｆｉｖｅ"]}, ("from nine to\nfive", {}), ("from nine", {}), "the reply says 'from nine'"),
    ({"says": {"any_of": ["4.90", "5.90"]}}, ("it is 5.90", {}), ("it is 6.90", {}), "it is 6.90"),
    ({"says": r"/\d+ days?/"}, ("in 3 Days", {}), ("soon", {}), "soon"),
    ({"says": "4.90 欧元"}, ("运费４.90欧元。", {}), ("运费14.90欧元。", {}), "运费14.90欧元。"),
    ({"says": "Blue Mug"}, ("Look:", CARD), ("Look:", {}), "'Look:'"),
    ({"says_not": "refund"}, ("No.", {}), ("A REFUND!", {}), "the reply says 'refund'"),
    ({"says_not": {"any_of": ["a", "/free$/"]}}, ("not", {}), ("for free", {}), "'/free$/'"),
    ({"rung": ["approved", "quoted"]}, ("x", {"rung": "quoted"}), ("x", {"rung": "unknown"}), "it came from unknown"),
    ({"products": "M-1"}, ("Take the blue mug.", {}), ("Take the Big Blue Mug.", {}), "it names M-2"),
    ({"products": "M-1"}, ("See:", CARD), ("See: M-10", {}), "it names none"),
    ({"products": {"any_of": ["M-1", "M-2"]}}, ("蓝色大杯不错", {}), ("杯子不错", {}), "it names none"),
    ({"products_not": "M-1"}, ("The big blue mug.", {}), ("The blue mug.", {}), "it names M-1"),
    ({"products_among": ["M-1"]}, ("M-1 then", {}), ("M-1 and M-2", {}), "it names M-1, M-2"),
    ({"products_among": ["M-1"]}, ("the blue mug", {}), ("nothing", {}), "it names none"),
    ({"buttons": "delivery?"}, ("x", ASK), ("x", {}), "its buttons are none"),
    ({"language": "zh"}, ("九点到五点营业。", {}), ("From nine to five.", {"language": "zh"}), "it is in en"),
    ({"within": 4}, ("one two 三四", {}), ("one two 三四五", {}), "it has 5 words"),
    ({"figures": ["3", "4.9"]}, ("4.90 in three days", {}), ("4.90 in 3 to 5 days", {}), "the reply also has 5"),
    ({"figures": ["10", "18:30"]}, ("10:00–18:30", {}), ("10:00–18:00", {}), "the reply also has 18"),
    ({"figures": []}, ("none", {}), ("one of 2", {}), "the reply also has 2"),
    ({"hands_over": True}, ("x", {"rung": "unknown"}), ("x", {}), "it answered"),
    ({"hands_over": False}, ("x", {}), ("x", {"rung": "unknown"}), "it sent the shopper to a person"),
]


@pytest.mark.parametrize(("expected", "good", "bad", "why"), KINDS, ids=[f"{k[0]}" for k in KINDS])
async def test_each_expectation_holds_and_does_not(
    bot: Bot,
    expected: dict[str, object],
    good: tuple[str, dict[str, object]],
    bad: tuple[str, dict[str, object]],
    why: str,
) -> None:
    for (text, more), holds in ((good, True), (bad, False)):
        found = await marks(bot, expected, answered(text, bot, more=more))
        assert found
        assert all(mark.holds for mark in found) is holds, found
        missed = [mark.why for mark in found if not mark.holds]
        assert holds or why in missed[0]
        assert {mark.key for mark in found} == set(expected)


@pytest.mark.parametrize(
    ("wanted", "ids", "holds"),
    [
        ("answers/hours", ["answers/hours"], True),
        ("notes/care", ["answers/x", "notes/care.en#3"], True),
        ("notes/care.en#3", ["notes/care.en#31"], False),
        ("catalog/M-1", ["catalog/M-10.en"], False),
        ("/care.*#3/", ["notes/care.en#3"], True),
        ({"any_of": ["answers/x", "answers/y"]}, ["answers/y"], True),
        (["answers/x", "answers/y"], ["answers/y"], False),
    ],
)
async def test_passages_are_cited_by_their_ids_or_how_they_begin(
    bot: Bot, wanted: object, ids: list[str], holds: bool
) -> None:
    found = await marks(bot, {"cites": wanted}, answered("x", bot, ids))
    assert all(mark.holds for mark in found) is holds
    assert holds or ids[0] in next(mark.why for mark in found if not mark.holds)


# ── meaning ──────────────────────────────────────────────────────────────────────────────────────────────


class Letters:
    """An embedder whose vectors are how often each letter stands in a text."""

    info = EmbedderInfo(name="letters", digest="0" * 64, dimensions=26, max_tokens=1000)

    async def embed(self, texts: Sequence[str], *, kind: str = "passage") -> NDArray[np.float32]:
        counts = np.array([[text.casefold().count(chr(97 + at)) for at in range(26)] for text in texts], np.float32)
        length = np.linalg.norm(counts, axis=1, keepdims=True)
        return np.asarray(counts / np.maximum(length, 1e-9), np.float32)


async def test_meaning_is_judged_by_vectors_sentence_by_sentence(bot: Bot) -> None:
    means = Meanings(Letters(), 0.99)
    good = answered("Zzz qqq www. We open at nine. Xxx yyy jjj kkk vvv.", bot)
    found = await marks(bot, {"means": "At nine we open!"}, good, means)
    assert found[0].holds
    found = await marks(bot, {"means": "the cat sat"}, good, means)
    assert "its likeness is 0." in found[0].why
    assert "less than 0.99" in found[0].why
    found = await marks(bot, {"means": {"text": "the cat sat", "at_least": 0.01}}, good, means)
    assert found[0].holds, "a threshold of its own"
    assert not (await marks(bot, {"means": "x"}, good))[0].holds, "without an embedder nothing passes"
    assert "no embedder" in (await marks(bot, {"means": "x"}, good))[0].why
    assert "too few approved answers" in (await marks(bot, {"means": "x"}, good, Meanings(Letters(), None)))[0].why


async def test_the_threshold_is_found_on_the_approved_answers(tmp_path: Path) -> None:
    assert threshold([0.9, 0.8, 0.7, 0.3], [0.5, 0.4, 0.2, 0.1]) == 0.7
    assert threshold([0.3], [0.9]) == pytest.approx(0.91), "where nothing tells them apart, nothing is alike"
    answers = "".join(
        f"- id: a{letter}\n  questions: {{en: ['{letter}{letter}', '{letter}{letter}{letter}', 'x{letter * 6}']}}\n"
        f"  answer: {{en: Yes.}}\n"
        for letter in "bcdfghklm"
    )
    bot = load_bot(make_shop(tmp_path, answers_yaml=answers))
    found = await calibrated(Letters(), bot)
    assert found is not None
    assert 0.5 < found < 1
    assert (await open_meanings(Letters(), bot, 0.25)).at_least == 0.25
    few = load_bot(make_shop(tmp_path))
    assert await calibrated(Letters(), few) is None


# ── wrong facts ──────────────────────────────────────────────────────────────────────────────────────────

DELIVERY = "Delivery costs 4.90 EUR."


@pytest.mark.parametrize(
    ("said", "more", "wrong"),
    [
        (DELIVERY, {}, ""),
        (REPAIRED, {}, ""),
        ("Delivery costs 5.90 EUR.", {}, "5.90"),
        ("运费 5.90 欧元。", {}, "5.9"),
        ("You get a refund.", {}, "refund"),
        ("Look at https://evil.example/mugs.", {}, "evil.example"),
        ("Write to hi@mugs.example.", {}, ""),
        ("See:", CARD, ""),
        ("See:", {"cards": [Card(id="M-9", title="Red Mug", price="12.50 EUR")]}, "'M-9', which is not in"),
        ("See:", {"cards": [Card(id="M-1", title="Blue Mug", price="11.00 EUR")]}, "11"),
        ("See:", {"cards": [Card(id="M-1", title="Green Mug", price="12.50 EUR")]}, "'Green Mug'"),
        ("That message has 999 characters.", {"rung": "notice"}, ""),
    ],
)
def test_what_the_shop_does_not_say_is_a_wrong_fact(bot: Bot, said: str, more: dict[str, object], wrong: str) -> None:
    found = ShopFacts.of(bot).wrong(reply(said, **more))  # type: ignore[arg-type]
    assert bool(found) is bool(wrong), found
    assert wrong in "\n".join(found)


@pytest.mark.parametrize(
    ("text", "said", "wrong"),
    [
        ("The Blue Mug costs 12.50 EUR.", Said(cited=["catalog/M-1.en"]), ""),
        ("The Blue Mug costs 15.00 EUR.", Said(cited=["catalog/M-1.en"]), "15.00"),
        ("Delivery costs 4.90 EUR.", Said(cited=["catalog/M-1.en"]), ""),
        ("Order W77 arrives on 3 May.", Said(), "3 may"),
        ("Order W77 arrives on 3 May.", Said(looked_up=["Order W77 arrives on 3 May."]), ""),
        ("Order W77 arrives on 5 May.", Said(looked_up=["Order W77 arrives on 3 May."]), "5 may"),
        ("Your budget of 30 EUR is enough.", Said(asked=["I have 30 EUR"]), ""),
        ("Your budget of 30 EUR is enough.", Said(), "30"),
    ],
)
def test_what_an_answer_may_stand_on(bot: Bot, text: str, said: Said, wrong: str) -> None:
    """A passage that it cites, any other of the shop, what was looked up, and the shopper's own figures."""
    found = "\n".join(ShopFacts.of(bot).wrong(reply(text), said=said))
    assert bool(found) is bool(wrong), found
    assert wrong in found


@pytest.mark.parametrize(
    ("said", "fact", "asked", "contradicts"),
    [
        ("Delivery costs 4.90 EUR.", "Delivery costs 4.90 EUR.", "", False),
        ("Delivery costs 7.00 EUR.", "Delivery costs 4.90 EUR.", "", True),
        ("It costs 7.00 EUR.", "Delivery costs 4.90 EUR.", "How much is delivery?", True),
        ("Engraving costs 7.00 EUR.", "Delivery costs 4.90 EUR.", "How much is delivery?", False),
        ("Delivery costs 4.90 EUR, engraving 7.00 EUR.", "Delivery costs 4.90 EUR.", "", False),
        ("Handles are repaired within 3 days.", "Handles are repaired within 10 days.", "", True),
        ("There is parking.", "There is no parking.", "", True),
        ("There is no parking.", "There is no parking.", "", False),
        ("运费 7.00 欧元。", "运费 4.90 欧元。", "", True),
        ("运费 4.90 €。", "运费 4.90 欧元。", "", False),
    ],
)
def test_a_listed_fact_may_not_be_contradicted(bot: Bot, said: str, fact: str, asked: str, contradicts: bool) -> None:
    found = [one for one in ShopFacts.of(bot).wrong(reply(said), [fact], Said([asked])) if "contradicts" in one]
    assert bool(found) is contradicts, found


# ── conversations ────────────────────────────────────────────────────────────────────────────────────────


def case(*turns: dict[str, object], **more: object) -> Case:
    return Case.model_validate({"name": "one", "turns": list(turns), **more})


def bench(bot: Bot, model: ScriptedModel | None = None) -> Bench:
    return Bench(bot, Means(model or ScriptedModel(REPAIRED)), ShopFacts.of(bot))


async def run(bot: Bot, one: Case, model: ScriptedModel | None = None) -> CaseRun:
    return await run_case(bench(bot, model), one, 0)


async def test_a_conversation_goes_through_the_real_ladder(bot: Bot) -> None:
    ran = await run(
        bot,
        case(
            {"say": "When are you open?", "rung": "approved", "cites": "answers/hours", "says": "nine"},
            {"say": "do you repair broken handles?", "rung": "grounded", "cites": "notes/care", "figures": ["10"]},
            {"say": "and how long?", "cites": "notes/care"},
            {"say": "/language zh", "language": "zh", "rung": "command"},
            {"say": "When are you open?", "language": "zh", "says": "九点"},
            {"kind": "photo", "rung": "notice"},
            {"say": ["is there parking?", "when are you open?"], "says": ["九点", "no parking"]},
            {"say": "/human", "hands_over": True},
            {"say": "谁赢了世界杯？", "hands_over": True, "rung": "unknown"},
        ),
    )
    assert ran.passed, [turn for turn in ran.turns if not turn.holds]
    first = ran.turns[0]
    assert (first.text, first.rung, first.language) == ("We are open from nine to five.", "approved", "en")
    assert first.trace is not None
    assert first.trace.passages[0].id == "answers/hours"
    assert ran.turns[1].seconds > 0


async def test_what_is_not_as_expected_fails_with_its_reason(bot: Bot) -> None:
    ran = await run(bot, case({"say": "When are you open?", "says": "ten"}, {"say": "hi there", "hands_over": False}))
    assert not ran.passed
    assert [mark.why for mark in ran.turns[0].marks] == ["the reply says 'We are open from nine to five.'"]
    assert not ran.correct_or_handed_over, "the first answer is wrong, and nobody was sent to a person"
    ran = await run(bot, case({"say": "who won the cup?", "says": "Brazil"}))
    assert (ran.passed, ran.correct_or_handed_over) == (False, True)


async def test_a_wrong_fact_fails_a_conversation_that_is_as_expected_otherwise(bot: Bot, tmp_path: Path) -> None:
    """A note that says it makes it a fact; the conversation's own facts say that it is none."""
    one = case({"say": "How much is delivery?", "rung": "approved"}, facts=["Delivery costs 3.90 EUR."])
    ran = await run(bot, one)
    assert all(mark.holds for mark in ran.turns[0].marks)
    assert "contradicts" in ran.turns[0].wrong[0]
    assert (ran.passed, ran.wrong_facts, ran.correct_or_handed_over) == (False, 1, False)


async def test_an_unanswerable_question_is_to_be_refused_at_the_end(bot: Bot) -> None:
    one = case({"say": "When are you open?"}, {"say": "who won the cup?"}, tags="unanswerable")
    ran = await run(bot, one)
    assert ran.passed
    assert ran.refused
    assert [mark.key for mark in ran.turns[1].marks] == ["hands_over"]
    ran = await run(bot, case({"say": "When are you open?"}, tags="unanswerable"))
    assert (ran.passed, ran.refused) == (False, False)


async def test_an_approved_answer_hands_over_where_bot_yaml_says_so(tmp_path: Path) -> None:
    one = case({"say": "is there parking?", "hands_over": True})
    folder = make_shop(tmp_path)
    assert not (await run(load_bot(folder), one)).passed
    with (folder / "bot.yaml").open("a") as file:
        file.write("eval: {hand_over_answers: [parking]}\n")
    assert (await run(load_bot(folder), one)).passed


def test_the_wish_for_a_person_counts_in_the_turn_in_which_it_is_noted(bot: Bot) -> None:
    outcome = Outcome(state=State(wants_person=True), lines=(), reply=reply("x"))
    assert handed_over(outcome, State(), bot)
    assert not handed_over(outcome, State(wants_person=True), bot)


async def test_a_model_that_fails_is_asked_again_and_then_done_without(bot: Bot) -> None:
    model = ScriptedModel(REPAIRED)
    model.enqueue(GenerationFailed("no"))
    one = case({"say": "do you repair broken handles?", "rung": ["grounded", "quoted"]})
    ran = await run(bot, one, model)
    assert ran.passed
    model.enqueue(GenerationFailed("no"), GenerationFailed("no"))
    ran = await run(bot, one, model)
    assert ran.turns[0].rung == "quoted"


async def test_a_button_that_is_not_there_cannot_be_pressed(bot: Bot) -> None:
    ran = await run(bot, case({"say": "When are you open?"}, {"press": "More", "says": "x"}))
    assert ran.turns[1].error == "there is no button 'More'; the answer before has: none"
    assert not ran.turns[1].holds


async def test_a_button_asks_what_stands_behind_it(tmp_path: Path) -> None:
    answers = """
- id: hours
  questions: {en: [When are you open?]}
  answer: {en: From nine to five.}
  buttons:
    - {label: {en: Delivery}, text: {en: How much is delivery?}}
    - {label: {en: A person}, text: {en: /human}}
    - {label: {en: Map}, url: "https://mugs.example/map"}
- id: delivery
  questions: {en: [How much is delivery?]}
  answer: {en: Delivery costs 4.90 EUR.}
"""
    bot = load_bot(make_shop(tmp_path, answers_yaml=answers))
    first: dict[str, object] = {"say": "When are you open?", "buttons": ["delivery", "map"]}
    ran = await run(bot, case(first, {"press": "delivery", "says": "4.90"}))
    assert ran.passed
    assert ran.turns[1].said == ("How much is delivery?",)
    ran = await run(bot, case(first, {"press": "A person", "hands_over": True, "rung": "command"}))
    assert ran.passed
    ran = await run(bot, case(first, {"press": "Map", "says": "x"}))
    assert ran.turns[1].error == "the button 'Map' opens https://mugs.example/map"


async def test_forgetting_begins_anew(bot: Bot) -> None:
    model = ScriptedModel(REPAIRED)
    await run(
        bot,
        case(
            {"say": "When are you open?", "says": "nine"},
            {"say": "/new"},
            {"say": "do you repair broken handles?"},
        ),
        model,
    )
    prompts = [message.content for message in model.requests[0].messages]
    assert not any("nine to five" in prompt for prompt in prompts), "what was said before /new is gone"


async def test_repetitions_draw_with_seeds_of_their_own(bot: Bot) -> None:
    model = ScriptedModel(lambda request: REPAIRED if request.sampling.seed == 1 else "We repair nothing, 99 days.")
    done: list[None] = []
    asked = case({"say": "do you repair broken handles?", "rung": "grounded"})
    rows: list[Row] = await run_cases(bench(bot, model), [asked], 3, 2, lambda: done.append(None))
    assert len(done) == 3
    assert {request.sampling.seed for request in model.requests} == {0, 1, 2}
    assert [ran.passed for ran in rows[0].runs] == [False, True, False]
    assert [ran.seed for ran in rows[0].runs] == [0, 1, 2]
    assert (rows[0].passed, rows[0].passes) == (False, 1)
    again = await run_cases(bench(bot, model), [asked], 3, 3, lambda: None)
    assert [ran.turns[0].text for ran in again[0].runs] == [ran.turns[0].text for ran in rows[0].runs]


async def test_no_more_conversations_go_on_at_once_than_there_are_seats(bot: Bot) -> None:
    gate = asyncio.Semaphore(0)
    model = ScriptedModel(REPAIRED, gate=gate)
    asked = [{"say": "do you repair broken handles?", "rung": "grounded"}]
    cases = [Case.model_validate({"name": f"c{number}", "turns": asked}) for number in range(6)]
    running = asyncio.create_task(run_cases(bench(bot, model), cases, 1, 2, lambda: None))
    while len(model.requests) < 2:
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(model.requests) == 2, "both seats are taken, and nobody is answered yet"
    for _ in range(1000):
        gate.release()
    rows = await running
    assert [row.name for row in rows] == [one.name for one in cases]
    assert all(row.passed for row in rows)
