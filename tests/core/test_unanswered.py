"""Questions that nobody could be told anything on: kept with their conversation, gathered, drafted, published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.botfile import load_bot
from core.errors import ConfigError
from core.messages import Line, Reply, Rung
from core.state import Outcome, State, Trace, TraceCheck, TracePassage
from core.store import Store
from core.unanswered.drafts import draft, publish
from core.unanswered.themes import Theme, Unanswered, themes
from tests.core.helpers import KEEP, address, message
from tests.core.shop import make_shop

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARKING = ["Is there parking near the shop?", "where can I park my car", "parking for my car?", "can I park there"]
WRAPPING = ["Do you wrap presents?", "can you wrap it as a present", "gift wrapping for presents?"]
PARKING_ZH = ["附近有停车场吗", "停车场怎么收费", "有没有停车场"]


def asked(questions: Sequence[str], language: str = "en", shopper: str = "") -> list[Unanswered]:
    return [
        Unanswered(
            trace=f"{question}{number}",
            shopper=shopper or f"s{number}",
            question=question,
            language=language,
            at=NOON + timedelta(hours=number),
        )
        for number, question in enumerate(questions)
    ]


# ── themes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_questions_on_one_thing_are_one_theme_and_the_most_frequent_stands_first() -> None:
    found = themes([*asked(WRAPPING), *asked(PARKING), *asked(PARKING_ZH, "zh")])
    said = [{question for texts in theme.questions.values() for question in texts} for theme in found]
    assert {frozenset(one) for one in said} == {frozenset(PARKING), frozenset(WRAPPING), frozenset(PARKING_ZH)}
    assert [theme.asked for theme in found] == [4, 3, 3]
    assert "park" in found[0].title
    assert (found[0].first, found[0].last) == (NOON, NOON + timedelta(hours=3))
    assert any("停车场" in theme.title for theme in found)


def test_what_one_shopper_repeats_is_one_shopper_and_one_wording() -> None:
    (theme,) = themes(asked(["Do you sell bicycles?", "do you sell BICYCLES", "Do you sell bicycles??"], shopper="s"))
    assert (theme.asked, theme.shoppers) == (3, 1)
    assert theme.questions == {"en": ("Do you sell bicycles?",)}


def test_vectors_bring_two_languages_together() -> None:
    import numpy as np

    questions = [*asked(PARKING), *asked(PARKING_ZH, "zh"), *asked(WRAPPING)]
    near = np.array([[1, 0.01 * n] for n in range(7)] + [[0.01 * n, 1] for n in range(3)], np.float32)
    found = themes(questions, near / np.linalg.norm(near, axis=1, keepdims=True))
    assert [sorted(theme.questions) for theme in found] == [["en", "zh"], ["en"]]
    assert [theme.asked for theme in found] == [7, 3]


@pytest.mark.parametrize("questions", [[], ["?"], ["!!!", "???"], ["a"] * 50, [f"number {n}" for n in range(40)]])
def test_rubbish_is_gathered_too_and_nothing_is_lost(questions: list[str]) -> None:
    found = themes(asked(questions))
    assert sum(theme.asked for theme in found) == len(questions)
    assert all(theme.title for theme in found)


def test_the_same_questions_have_the_same_themes() -> None:
    questions = [*asked(WRAPPING), *asked(PARKING)]
    assert themes(questions) == themes(questions)


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────


async def ask(
    store: Store, question: str, rung: Rung, chat: str, *, passages: int = 0, erase: bool = False, **more: object
) -> None:
    where = address(chat)
    await store.put(message(question, where, update=question), 0, KEEP)
    ((taken,), _) = await store.take_turns(0, where.bot, 10, 50)
    turn = taken.read()
    trace = Trace(
        id=f"t-{question}",
        reply=turn.reply_id,
        persona="p",
        persona_version="1",
        rung=rung,
        question=question,
        language="en",
        passages=tuple(TracePassage(id=str(number), score=1) for number in range(passages)),
        at=NOON,
    ).replace(**more)
    reply = Reply(id=turn.reply_id, address=where, text="…")
    line = Line(id=reply.id, role="bot", text="…")
    outcome = Outcome(state=State(), lines=(line,), reply=reply, trace=None if erase else trace, erase=erase)
    await store.commit(turn, outcome, KEEP)


async def test_what_had_no_answer_is_found_until_its_conversation_is_erased(store: Store) -> None:
    await ask(store, "Is there parking?", Rung.UNKNOWN, "1")
    await ask(store, "How much is delivery?", Rung.APPROVED, "1")
    await ask(store, "What of the crowd?", Rung.UNKNOWN, "2", passages=1)
    await ask(store, "Where is my order?", Rung.UNKNOWN, "2", findings=("the shop's API is down",))
    check = TraceCheck(text="Yes.", kind="denial", claim="Yes", finding="nothing says so")
    await ask(store, "Do you sell bicycles?", Rung.UNKNOWN, "3", passages=1, checks=(check,))
    bot = address().bot
    found = await store.unanswered.of(bot, NOON)
    assert sorted(one.question for one in found) == ["Do you sell bicycles?", "Is there parking?"]
    assert await store.unanswered.of(bot, NOON + timedelta(seconds=1)) == []
    assert await store.unanswered.of("other", NOON) == []
    await ask(store, "/erase", Rung.COMMAND, "3", erase=True)
    assert [one.question for one in await store.unanswered.of(bot, NOON)] == ["Is there parking?"]


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "mugs")


def parking() -> Theme:
    return themes([*asked(["Is there a garage for bikes?"]), *asked(["有自行车库吗"], "zh")])[0]


def finish(shop: Path, **answers: str) -> None:
    file = shop / "drafts.yaml"
    text = file.read_text()
    for language, answer in answers.items():
        text = text.replace(f"{language}: ''", f"{language}: {answer}")
    file.write_text(text)


def test_a_theme_becomes_a_draft_once_and_a_finished_one_is_answered(shop: Path) -> None:
    found = themes(asked(["Is there a garage for bikes?", "a garage for my bike?"]))
    (made,) = draft(shop, found, ["en", "zh"])
    assert "asked 2 times by 2 shoppers, last on 2026-05-01" in (shop / "drafts.yaml").read_text()
    before = load_bot(shop)
    assert before.knowledge.approved("Is there a garage for bikes?", "en") is None
    assert draft(shop, found, ["en", "zh"]) == []
    assert publish(shop) == []  # it has no answer yet
    finish(shop, en="Yes, behind the shop.")
    assert publish(shop) == [made]
    answer = load_bot(shop).knowledge.approved("is there a garage for bikes", "en")
    assert answer is not None
    assert answer.text == "Yes, behind the shop."
    assert not (shop / "drafts.yaml").exists()
    assert draft(shop, found, ["en", "zh"]) == []  # it is answered now


def test_what_a_person_wrote_into_the_drafts_stays(shop: Path) -> None:
    draft(shop, themes(asked(["Is there a garage for bikes?"])), ["en"])
    file = shop / "drafts.yaml"
    file.write_text(file.read_text().replace("en: ''", "en: Behind the shop.  # ask Li first"))
    draft(shop, themes(asked(["Do you repair umbrellas?"])), ["en"])
    text = file.read_text()
    assert "Behind the shop.  # ask Li first" in text
    assert "Do you repair umbrellas?" in text
    assert len(publish(shop)) == 1
    assert "umbrellas" in file.read_text()
    assert "garage" not in file.read_text()


def test_a_draft_that_would_break_the_bot_changes_nothing(shop: Path) -> None:
    draft(shop, themes(asked(["Is there a garage for bikes?"])), ["en"])
    finish(shop, en="Yes.")
    file, answers = shop / "drafts.yaml", shop / "answers.yaml"
    file.write_text(file.read_text().replace("- id: ", "- id: Not A Slug "))
    before = answers.read_text()
    with pytest.raises(ConfigError, match=r"drafts\.yaml"):
        publish(shop)
    file.write_text(file.read_text().replace("- id: Not A Slug ", "- id: hours #"))  # another answer has that name
    with pytest.raises(ConfigError, match="used twice"):
        publish(shop)
    assert answers.read_text() == before
    assert file.exists()


def test_a_publication_that_was_interrupted_is_completed(shop: Path) -> None:
    """Killed between the two files: the draft is still there, its answer too."""
    draft(shop, themes(asked(["Is there a garage for bikes?"])), ["en"])
    finish(shop, en="Yes.")
    drafts = (shop / "drafts.yaml").read_text()
    (made,) = publish(shop)
    after = (shop / "answers.yaml").read_text()
    (shop / "drafts.yaml").write_text(drafts)
    assert publish(shop) == [made]
    assert (shop / "answers.yaml").read_text() == after


def test_drafts_that_are_none_are_named(shop: Path) -> None:
    (shop / "drafts.yaml").write_text("- just a word\n")
    with pytest.raises(ConfigError, match=r"drafts\.yaml:1"):
        draft(shop, [parking()], ["en"])


def test_a_theme_in_two_languages_has_one_draft_for_both(shop: Path) -> None:
    theme = Theme(
        id="0a1b2c3d",
        title="自行车 · 车库",
        asked=2,
        shoppers=2,
        questions={"en": ("Is there a garage for bikes?",), "zh": ("有自行车库吗",)},
        first=NOON,
        last=NOON,
    )
    assert draft(shop, [theme], ["en", "zh"]) == ["theme-0a1b2c3d"]
    finish(shop, en="Yes.", zh="有。")
    publish(shop)
    knowledge = load_bot(shop).knowledge
    answer = knowledge.approved("有自行车库吗", "zh")
    assert answer is not None
    assert answer.text == "有。"
