"""What a turn says: edits, groups, what can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.botfile import Bot
from core.hear import Heard, clean, hear, visible
from core.messages import Incoming, Kind, Line, Person
from core.state import State
from tests.core.helpers import line, message, turn
from tests.core.shop import open_shop

NOW = datetime(2026, 1, 17, 12, 0, tzinfo=UTC)
BEN = Person(id="ben", name="Ben")
ANN = Person(id="ann", name="Ann")


def heard(bot: Bot, *messages: Incoming, history: tuple[Line, ...] = (), state: State | None = None) -> Heard:
    return hear(turn(*messages, history=history, state=state), bot, bot.persona())


def test_a_burst_is_read_in_order(bot: Bot) -> None:
    found = heard(bot, message("one"), message("two"))
    assert found.text == "one\ntwo"
    assert [entry.text for entry in found.lines] == ["one", "two"]


def test_an_edit_takes_the_place_of_what_it_edits(bot: Bot) -> None:
    first, second = message("How much is delievry", message="7"), message("and returns?")
    edit = message("How much is delivery", message="7", edited=True)
    found = heard(bot, first, second, edit)
    assert found.text == "How much is delivery\nand returns?"
    assert [entry.id for entry in found.lines] == [first.update, second.update]


def test_the_last_of_several_edits_counts(bot: Bot) -> None:
    edits = [message(text, message="7", edited=text != "a") for text in ("a", "b", "c")]
    assert heard(bot, *edits).text == "c"


def test_an_edit_that_changes_nothing_is_silent(bot: Bot) -> None:
    """Telegram sends an edit when a link preview or a reaction is added."""
    history = (line("How much is delivery", message="7"), line("4.90", "bot"))
    found = heard(bot, message("How much is delivery", message="7", edited=True), history=history)
    assert found.meant == ()
    assert found.lines == ()


def test_an_edit_of_an_answered_message_is_answered_anew(bot: Bot) -> None:
    history = (line("How much is delivery", message="7"), line("4.90", "bot"))
    assert (
        heard(bot, message("When are you open?", message="7", edited=True), history=history).text
        == "When are you open?"
    )


def test_an_edit_back_to_what_was_before_is_answered_too(bot: Bot) -> None:
    """The newest known form counts, not any that the message ever had."""
    history = (line("one", message="7"), line("x", "bot"), line("two", message="7"), line("y", "bot"))
    assert heard(bot, message("one", message="7", edited=True), history=history).text == "one"
    assert heard(bot, message("two", message="7", edited=True), history=history).meant == ()


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────────


def in_group(
    text: str, addressed: bool = False, sender: Person = ANN, at: datetime = NOW, kind: Kind = Kind.TEXT
) -> Incoming:
    return message(text, group=True, addressed=addressed, sender=sender, at=at, kind=kind)


def test_in_a_group_only_what_is_meant_for_the_bot_is_answered(bot: Bot) -> None:
    found = heard(bot, in_group("lunch?"), in_group("when are you open", addressed=True), in_group("pizza!"))
    assert found.text == "when are you open"
    assert [entry.role for entry in found.lines] == ["overheard", "shopper", "overheard"]
    assert [entry.speaker for entry in found.lines] == ["Ann"] * 3


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("any mugs here?", True),
        ("MUGS!", True),
        ("这里有杯子吗", True),
        ("smugs and mugshots", False),
        ("a mug", False),
    ],
)
def test_a_trigger_calls_the_bot_as_a_word(bot: Bot, text: str, meant: bool) -> None:
    assert bool(heard(bot, in_group(text)).meant) is meant


def test_the_bot_goes_on_with_whom_it_was_talking_a_moment_ago(bot: Bot) -> None:
    spoken = (line("Yes.", "bot", at=NOW - timedelta(seconds=60)),)
    state = State(last_speaker="ann")
    assert heard(bot, in_group("and on Sunday?"), history=spoken, state=state).meant
    assert not heard(bot, in_group("and on Sunday?", sender=BEN), history=spoken, state=state).meant
    later = in_group("and on Sunday?", at=NOW + timedelta(minutes=5))
    assert not heard(bot, later, history=spoken, state=state).meant
    assert not heard(bot, in_group("and on Sunday?"), state=state).meant, "it has not spoken yet"


def test_several_speakers_keep_their_names(bot: Bot) -> None:
    found = heard(bot, in_group("is it open", True), in_group("and parking?", True, sender=BEN))
    assert found.spoken == "Ann: is it open\nBen: and parking?"
    assert found.text == "is it open\nand parking?", "a name is nothing to search for"
    assert [entry.text for entry in found.lines] == ["is it open", "and parking?"]
    assert heard(bot, in_group("is it open", True), in_group("today", True)).spoken == "is it open\ntoday"


def test_nothing_meant_is_only_overheard(bot: Bot) -> None:
    found = heard(bot, in_group("lunch?"), in_group("👍", kind=Kind.STICKER))
    assert found.meant == ()
    assert [entry.role for entry in found.lines] == ["overheard", "overheard"]


def test_a_chosen_language_stays(bot: Bot) -> None:
    chosen = State(language="zh", language_chosen=True)
    assert heard(bot, message("How much is delivery to Norway?"), state=chosen).language == "zh"
    gone = State(language="fr", language_chosen=True)
    assert heard(bot, message("How much is delivery to Norway?"), state=gone).language == "en"


def test_a_chosen_language_with_another_region_stays(tmp_path: Path) -> None:
    from tests.core.shop import FILES

    text = FILES["bot.yaml"].replace("[en, zh]", "[en, zh-CN]")
    persona = FILES["personas/mia.yaml"].replace("zh:", "zh-CN:")
    other = FILES["personas/grim.yaml"].replace("zh:", "zh-CN:")
    bot = open_shop(tmp_path, bot_yaml=text, personas_mia_yaml=persona, personas_grim_yaml=other)
    found = heard(bot, message("hello there"), state=State(language="zh", language_chosen=True))
    assert found.language == "zh-CN"


# ── what can be seen ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\u200d\u2060", "\x00\x07", "\u202e\u202c", "\ufeff", "\u00ad", "\ufe0f", "ㅤ", "\u115f"]
)
def test_nothing_to_see(text: str) -> None:
    assert not visible(text)


@pytest.mark.parametrize("text", ["a", "你", "👍", "👨‍👩‍👧", "?", "שלום", "مرحبا", "e\u0301", "1", "\u202eabc"])
def test_something_to_see(text: str) -> None:
    assert visible(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x00b\x07c", "abc"),
        ("  a \n", "a"),
        ("a\nb\tc", "a\nb\tc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("e\u0301", "é"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("\u202egnp.exe", "gnp.exe"),
        ("del\u200bivery", "delivery"),
        ("می‌خواهم", "می‌خواهم"),
        ("שלום", "שלום"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
