"""The chaos benchmark in its short form, and its judge: whatever it must find, it finds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from core.botfile import load_bot
from tests.bench.chaos import run
from tests.bench.chaos_judge import Recorded, Seen, Send, Text, Verdict, Written, judge
from tests.bench.chaos_plan import FAULTS, VICTIMS, Chaos, plan
from tests.bench.chaos_words import END, answer, asked, word, words_in, write_shop
from tests.bots.running import command

ONE, TWO, THREE = (word(number) for number in (1, 77, 4711))
PLACE = "rollcall/telegram/5001"
SHORT = Chaos(messages=200, conversations=20, kills=10, seed=7)


def said(*words: str) -> str:
    return f"We note {', '.join(words)} {END}"


def seen(*texts: str, exactly_once: bool = False) -> Seen:
    """Three messages were written; each text was sent at its number, and every answer came."""
    return Seen(
        written=tuple(Written(PLACE, one, at) for at, one in enumerate((ONE, TWO, THREE))),
        texts=tuple(Text(str(number), text) for number, text in enumerate(texts, 10)),
        sends=tuple(Send(PLACE, str(number), number, True, True, text) for number, text in enumerate(texts, 10)),
        record=(),
        exactly_once=exactly_once,
    )


def judged(one: Seen, *gateway_killed: float) -> Verdict:
    return judge({PLACE: one}, gateway_killed)


def counted(verdict: Verdict) -> tuple[int, int, int, int]:
    return verdict.lost, verdict.duplicated, verdict.reordered, verdict.ambiguous


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A unix socket lies in it, whose path may not be long."""
    with TemporaryDirectory(prefix="kefu-") as folder:
        yield Path(folder)


# ── the judge ────────────────────────────────────────────────────────────────────────────────────────────


def test_all_is_well() -> None:
    verdict = judged(seen(said(ONE), said(TWO, THREE)))
    assert (counted(verdict), verdict.problems) == ((0, 0, 0, 0), [])
    assert (verdict.answered, verdict.merged) == (3, 1)
    assert verdict.longest_silence_s == 10.0


def test_what_is_not_answered_is_lost() -> None:
    verdict = judged(seen(said(ONE), said(THREE)))
    assert counted(verdict) == (1, 0, 0, 0)
    assert TWO in verdict.problems[0]


def test_what_is_only_begun_is_lost() -> None:
    assert counted(judged(seen(said(ONE), f"We note {TWO},", said(THREE)))) == (1, 0, 0, 0)


@pytest.mark.parametrize("beginning", ["We", "We note"])
def test_a_beginning_that_was_left_is_a_duplicate_of_the_answer(beginning: str) -> None:
    one = seen(said(ONE), beginning, said(TWO), said(THREE))
    assert counted(judged(one)) == (0, 1, 0, 0)
    assert counted(judged(one, 11.5)) == (0, 1, 0, 0), "not on record"
    one = replace(one, record=(Recorded(said(TWO), ambiguous=True),))
    assert counted(judged(one, 11.5)) == (0, 0, 0, 1)
    assert counted(judged(one, 12.5)) == (0, 1, 0, 0)


def test_what_was_taken_back_may_be_answered_or_not() -> None:
    one = seen(said(ONE), said(THREE))
    one = replace(one, written=tuple(replace(line, must=line.word != TWO) for line in one.written))
    assert counted(judged(one)) == (0, 0, 0, 0)
    assert counted(judged(replace(one, texts=(*one.texts, *one.texts[:0])))) == (0, 0, 0, 0)


def test_a_second_answer_is_a_duplicate() -> None:
    assert counted(judged(seen(said(ONE), said(TWO), said(TWO, THREE)))) == (0, 1, 0, 0)


def test_what_was_never_asked_there_is_no_answer() -> None:
    assert counted(judged(seen(said(ONE), said(TWO), said(THREE), said(word(99))))) == (0, 1, 0, 0)


def test_the_order_is_that_of_writing_within_a_text_and_between_texts() -> None:
    assert counted(judged(seen(said(ONE, THREE, TWO)))) == (0, 0, 1, 0)
    assert counted(judged(seen(said(TWO), said(ONE), said(THREE)))) == (0, 0, 1, 0)


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("why", ["answer lost", "killed", "neither"])
def test_a_duplicate_is_excused_if_it_could_not_be_known_and_is_on_record(why: str, recorded: bool) -> None:
    one = seen(said(ONE), said(TWO), said(TWO), said(THREE))
    if why == "answer lost":
        sends = list(one.sends)
        sends[1] = replace(sends[1], answered=False)
        one = replace(one, sends=tuple(sends))
    if recorded:
        one = replace(one, record=(Recorded(said(TWO), ambiguous=True), Recorded(said(ONE), ambiguous=False)))
    excused = recorded and why != "neither"
    killed = [11.5] if why == "killed" else [9.0, 13.5]
    assert counted(judged(one, *killed)) == ((0, 0, 0, 1) if excused else (0, 1, 0, 0))
    nonced = replace(one, exactly_once=True)
    assert counted(judged(nonced, *killed)) == (0, 1, 0, 0), "Discord can tell"


# ── what is played ───────────────────────────────────────────────────────────────────────────────────────


def test_the_plan_comes_from_the_seed() -> None:
    planned = plan(SHORT)
    assert planned == plan(SHORT)
    assert planned != plan(replace(SHORT, seed=8))
    written = [move for move in (*planned.openings, *planned.moves) if move.act == "says"]
    assert len(written) == SHORT.messages
    assert {move.conversation for move in planned.openings} == set(range(SHORT.conversations))
    assert len({word(move.number) for move in (*planned.openings, *planned.moves)}) == len(planned.moves) + 20
    assert len(planned.kills) == SHORT.kills
    assert {kill.victim for kill in planned.kills} == set(VICTIMS)
    assert len(planned.stalls) == 2
    assert {trouble.fault for trouble in planned.troubles} == set(FAULTS)


def test_the_shop_is_right_and_its_model_names_every_word(tmp_path: Path) -> None:
    bot = load_bot(write_shop(tmp_path, model="http://m/v1", telegram="http://t", discord="http://d"))
    questions = "\n".join(asked(one) for one in (THREE, ONE))
    assert bot.knowledge.search(questions, "en")
    text = answer({"messages": [{"content": f"A fact: {TWO}\n\nQuestion: {questions}"}]})
    assert text == said(THREE, ONE)
    assert words_in(text) == [THREE, ONE]
    assert words_in(text[: text.index(ONE) + 9]) == [THREE], "half a word is none"


async def test_nothing_is_lost_or_twice_or_out_of_order(short_path: Path) -> None:
    result = await run(SHORT, short_path, lambda said: None)
    logs = {log.name: log.read_text()[-3000:] for log in short_path.glob("*.log")}
    assert result.problems == (), logs
    assert result.violations == (), logs
    assert (result.lost, result.duplicated, result.reordered) == (0, 0, 0)
    assert result.kills == SHORT.kills
    assert all(result.killed.values())
    assert result.answered >= SHORT.messages * 0.9, "a few were deleted or changed before they were answered"


async def test_the_command_writes_its_figures(tmp_path: Path) -> None:
    few = ("--messages", "6", "--conversations", "3", "--kills", "0", "--seed", "5")
    code, out, err = await command(tmp_path, "bench", "chaos", *few, "--json", "chaos.json")
    assert code == 0, out + err
    written = json.loads((tmp_path / "chaos.json").read_text())
    wanted = {"messages", "kills", "lost", "duplicated", "reordered", "ambiguous", "longest_silence_s"}
    assert wanted <= written.keys()
    assert (written["messages"], written["kills"], written["lost"]) == (6, 0, 0)
    assert "nothing lost, nothing twice, nothing out of order" in out


async def test_each_conversation_needs_a_message(tmp_path: Path) -> None:
    code, _, err = await command(tmp_path, "bench", "chaos", "--messages", "5", "--conversations", "6")
    assert code == 2
    assert "each conversation needs a message" in " ".join(err.split())
