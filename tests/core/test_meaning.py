"""What is found by its meaning, with the bundled encoder: on the sample shop, and on small ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from core.answer import Means
from core.botfile import Bot, load_bot
from core.errors import GenerationFailed
from core.knowledge.base import Knowledge
from core.knowledge.meaning import Wanted
from core.knowledge.passages import Passage
from core.knowledge.vectors import Floats, Vectors
from core.messages import Rung
from core.ports import EmbedderInfo
from core.respond import respond
from core.state import Outcome
from models.scripted import ScriptedModel
from models.sentences import SentenceEmbedder, open_sentences
from tests.core.helpers import message, turn
from tests.core.questions import DIFFERENT, FINDS, MATCHES, OUTSIDE, lines, pairs
from tests.core.shop import Shown, open_shop

TEAHOUSE = Path(__file__).parents[2] / "bots" / "teahouse"
Vector = Callable[..., Floats]

# Asked in words that the shop's texts hardly have; nothing is found by the words of those before the line.
PARAPHRASED = {
    "en": """
can I send a mug of tea back if I already tried it = answers/opened-tea
are your leaves free of pesticides = answers/organic notes/quality-and-allergens.en
do I have to pay duties at the border = answers/customs notes/countries-and-customs.en
is the shop closed at the weekend = answers/opening-hours notes/visit.en
""",
    "zh": """
晚上喝了不失眠的茶 = notes/caffeine-and-health.zh answers/caffeine-free
要带公司税号的票据 = answers/invoice notes/payment.zh
""",
}
# Of 50 questions on things near the shop's; which ones lie just above the mark moves with each text of the shop.
TOO_NEAR = 2


@pytest.fixture(scope="module")
def embedder() -> Iterator[SentenceEmbedder]:
    opened = asyncio.run(open_sentences("small"))
    yield opened
    asyncio.run(opened.aclose())


@pytest.fixture(scope="module")
def vector(embedder: SentenceEmbedder) -> Vector:
    known: dict[str, Floats] = {}

    def remembered(*questions: str) -> Floats:
        """Of the first one; all are embedded together, which is quicker."""
        if missing := [question for question in questions if question not in known]:
            known.update(zip(missing, asyncio.run(embedder.embed(missing, kind="query")), strict=True))
        return known[questions[0]]

    for table in (FINDS, OUTSIDE, DIFFERENT):
        asked = [line.partition(" = ")[0] for block in table.values() for line in lines(block)]
        remembered(*asked)
    return remembered


def embedded(embedder: SentenceEmbedder, knowledge: Knowledge) -> Vectors:
    async def rows() -> Floats:
        texts = knowledge.wanted
        return np.concatenate(
            [
                await embedder.embed([one.text for one in texts if one.kind == "passage"], kind="passage"),
                await embedder.embed([one.text for one in texts if one.kind == "query"], kind="query"),
            ]
        )

    return Vectors.of(asyncio.run(rows()), embedder.info.digest)


@pytest.fixture(scope="module")
def teahouse(embedder: SentenceEmbedder) -> Knowledge:
    knowledge = load_bot(TEAHOUSE).knowledge
    return knowledge.with_vectors(embedded(embedder, knowledge), 0.95)


def both(table: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(language, *pair) for language, block in table.items() for pair in pairs(block)]


# ── the sample shop ──────────────────────────────────────────────────────────────────────────────────────


def test_questions_in_quite_other_words_find_their_passage(teahouse: Knowledge, vector: Vector) -> None:
    for language, question, wanted in both(PARAPHRASED):
        assert teahouse.search(question, language) == []
        found = teahouse.search(question, language, vector=vector(question))
        assert found, question
        assert found[0].by == "meaning"
        assert found[0].passage.id.startswith(tuple(wanted.split())), [one.passage.id for one in found]


def test_what_words_find_stays_first(teahouse: Knowledge, vector: Vector) -> None:
    wrong = [
        (question, [one.passage.id for one in found])
        for language, question, wanted in both(FINDS)
        if not (found := teahouse.search(question, language, vector=vector(question)))
        or not found[0].passage.id.startswith(tuple(wanted.split()))
    ]
    assert wrong == []


def test_what_the_shop_knows_nothing_of_stays_without_evidence(teahouse: Knowledge, vector: Vector) -> None:
    found = {
        question
        for language, block in OUTSIDE.items()
        for question in lines(block)
        if teahouse.search(question, language, vector=vector(question))
        or teahouse.approved(question, language, vector=vector(question))
    }
    assert len(found) <= TOO_NEAR, found


def test_another_place_product_or_a_denial_gets_no_approved_answer(teahouse: Knowledge, vector: Vector) -> None:
    wrong = [
        (question, found.id)
        for language, block in DIFFERENT.items()
        for question in lines(block)
        if (found := teahouse.approved(question, language, vector=vector(question)))
    ]
    assert wrong == []


def test_approved_answers_by_words_are_as_before(teahouse: Knowledge, vector: Vector) -> None:
    any_vector = vector("a question")
    for language, question, wanted in both(MATCHES):
        found = teahouse.approved(question, language, vector=any_vector)
        assert found is not None
        assert (found.id, found.by) == (wanted, "words")


def test_each_rung_is_calibrated_in_each_language(teahouse: Knowledge) -> None:
    rungs = {(curve.rung, curve.language, curve.found_in) for curve in teahouse.curves}
    pairs_of = [("en", "en"), ("en", "zh"), ("zh", "en"), ("zh", "zh")]
    assert rungs == {("approved", "en", "en"), ("approved", "zh", "zh"), *(("evidence", *pair) for pair in pairs_of)}
    for curve in teahouse.curves:
        assert curve.target == 0.95
        assert curve.questions > 30
        assert curve.foreign > 50
        assert curve.threshold == inf or curve.precision >= 0.95
        assert curve.points


def test_a_higher_precision_finds_less(teahouse: Knowledge) -> None:
    assert teahouse.vectors is not None
    strict = teahouse.with_vectors(teahouse.vectors, 0.99)
    for one, other in zip(teahouse.curves, strict.curves, strict=True):
        assert other.threshold >= one.threshold
        assert other.recall <= one.recall


# ── small shops ──────────────────────────────────────────────────────────────────────────────────────────

NOTES = {
    "en": {
        "Repairs": "We mend broken handles of cups within ten days.",
        "Refunds": "Your money comes back to the card within five days of our receiving the goods.",
        "Parking": "There is no place for cars in front of the shop; the garage in Rose Street is free on Sundays.",
    },
    "zh": {"门店": "本店位于玫瑰街十二号，每天上午九点开门。"},
}


@pytest.fixture(scope="module")
def cups(embedder: SentenceEmbedder) -> Knowledge:
    passages = [
        Passage(id=f"{language}/{title}", kind="note", language=language, title=title, text=text)
        for language, notes in NOTES.items()
        for title, text in notes.items()
    ]
    knowledge = Knowledge(["en", "zh"], (), passages)
    return knowledge.with_vectors(embedded(embedder, knowledge), 0.95)


@pytest.mark.parametrize(
    ("language", "question", "wanted"),
    [
        ("zh", "把手坏了的杯子能修吗", "en/Repairs"),
        ("zh", "多久能把钱退回到我的卡上", "en/Refunds"),
        ("en", "What is the address of the store and when does it open in the morning?", "zh/门店"),
    ],
)
def test_a_note_in_the_other_language_is_found(
    cups: Knowledge, vector: Vector, language: str, question: str, wanted: str
) -> None:
    assert cups.search(question, language) == []
    found = cups.search(question, language, vector=vector(question))
    assert [one.passage.id for one in found][:1] == [wanted]


@pytest.mark.parametrize("question", ["and how long?", "and?", "what about it", "who won the match last night"])
def test_what_says_nothing_or_is_foreign_is_near_to_nothing(cups: Knowledge, vector: Vector, question: str) -> None:
    assert cups.search(question, "en", vector=vector(question)) == []


def test_a_shop_without_anything(embedder: SentenceEmbedder, vector: Vector) -> None:
    knowledge = Knowledge(["en"], (), ())
    seeing = knowledge.with_vectors(embedded(embedder, knowledge), 0.95)
    assert seeing.search("how much is delivery", "en", vector=vector("how much is delivery")) == []
    assert seeing.approved("how much is delivery", "en", vector=vector("how much is delivery")) is None


def test_vectors_of_other_texts_are_refused(cups: Knowledge) -> None:
    assert cups.vectors is not None
    with pytest.raises(ValueError, match="vectors for"):
        cups.with_vectors(Vectors.of(cups.vectors.rows[:-1].copy()), 0.95)


def test_what_is_embedded_is_what_is_said(cups: Knowledge) -> None:
    assert cups.wanted[0] == Wanted("Repairs\nWe mend broken handles of cups within ten days.", "passage")
    assert {one.kind for one in cups.wanted[len(cups.passages) :]} == {"query"}


# ── a turn ───────────────────────────────────────────────────────────────────────────────────────────────


class Counted:
    """The embedder, with what it was asked; or one that fails."""

    def __init__(self, embedder: SentenceEmbedder, fails: bool = False) -> None:
        self.info: EmbedderInfo = embedder.info
        self.asked: list[str] = []
        self._embedder = embedder
        self._fails = fails

    async def embed(self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage") -> Floats:
        self.asked += texts
        if self._fails:
            raise GenerationFailed("the embedder is closed")
        return await self._embedder.embed(texts, kind=kind)


@pytest.fixture(scope="module")
def mugs(embedder: SentenceEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Bot:
    bot = open_shop(tmp_path_factory.mktemp("mugs"))
    return replace(bot, knowledge=bot.knowledge.with_vectors(embedded(embedder, bot.knowledge), 0.95))


async def said(bot: Bot, question: str, embedder: Counted | None) -> Outcome:
    model = ScriptedModel(lambda request: "OK.", languages=("en",))
    return await respond(turn(message(question)), bot, Means(model, embedder), Shown())


def rung(outcome: Outcome) -> Rung:
    assert outcome.reply is not None
    return outcome.reply.rung


async def test_a_note_of_the_other_language_is_quoted(mugs: Bot, embedder: SentenceEmbedder) -> None:
    counted = Counted(embedder)
    outcome = await said(mugs, "附近有停车的地方吗", counted)
    assert rung(outcome) is Rung.QUOTED
    assert outcome.reply is not None
    assert "There is no parking." in outcome.reply.text
    assert counted.asked == ["附近有停车的地方吗"]


async def test_what_is_approved_word_for_word_needs_no_vector(mugs: Bot, embedder: SentenceEmbedder) -> None:
    counted = Counted(embedder)
    assert rung(await said(mugs, "When are you open?", counted)) is Rung.APPROVED
    assert counted.asked == []


async def test_an_embedder_that_fails_leaves_the_words(mugs: Bot, embedder: SentenceEmbedder) -> None:
    outcome = await said(mugs, "is the blue mug safe in the dishwasher", Counted(embedder, fails=True))
    assert rung(outcome) in (Rung.GROUNDED, Rung.QUOTED)
    assert rung(await said(mugs, "附近有停车的地方吗", Counted(embedder, fails=True))) is Rung.UNKNOWN


async def test_of_a_very_long_question_the_beginning_is_read(mugs: Bot, embedder: SentenceEmbedder) -> None:
    counted = Counted(embedder)
    await said(mugs, "handle " * 40, counted)
    assert max(map(len, counted.asked)) <= 400


async def test_a_bot_without_an_index_asks_for_no_vector(embedder: SentenceEmbedder, tmp_path: Path) -> None:
    counted = Counted(embedder)
    await said(open_shop(tmp_path), "附近有停车的地方吗", counted)
    assert counted.asked == []
