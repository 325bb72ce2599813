"""What the test bench counts: intervals, pass^k, groups, thresholds, and the difference between two versions."""

from __future__ import annotations

from math import comb
from pathlib import Path

import numpy as np
import pytest

from core.answer import Means
from core.botfile import load_bot
from core.testbench.compare import compare
from core.testbench.config import EvalConfig
from core.testbench.results import CaseRun, Mark, Row, TurnResult
from core.testbench.score import report, thresholds
from core.testbench.statistics import pass_hat, share
from models.scripted import ScriptedModel
from tests.core.shop import make_shop


def test_the_bootstrap_agrees_with_the_binomial() -> None:
    """Drawing n conversations of which a share p passes is the binomial distribution; its quantiles are known."""
    n, yes = 150, 120
    cumulated = np.cumsum([comb(n, k) * (yes / n) ** k * (1 - yes / n) ** (n - k) for k in range(n + 1)])
    low, high = (int(np.searchsorted(cumulated, tail)) / n for tail in (0.025, 0.975))
    found = share([1.0] * yes + [0.0] * (n - yes))
    assert (found.yes, found.of, found.value) == (yes, n, 0.8)
    assert found.low == pytest.approx(low, abs=1.01 / n)
    assert found.high == pytest.approx(high, abs=1.01 / n)


def test_where_all_agree_there_is_doubt_left() -> None:
    """30 of 30 may be 88 % in truth: the exact bound."""
    found = share([1.0] * 30)
    assert found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 30), abs=1e-4)
    found = share([0.0] * 30)
    assert found.low == 0.0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 30), abs=1e-4)
    assert (share([]).value, share([]).of) == (1.0, 0)


def test_pass_hat_k() -> None:
    assert pass_hat([4, 4], 4) == (1.0, 1.0, 1.0, 1.0)
    assert list(pass_hat([2], 4)) == pytest.approx([0.5, 1 / 6, 0.0, 0.0], abs=1e-6)
    assert list(pass_hat([4, 2], 4)) == pytest.approx([0.75, (1 + 1 / 6) / 2, 0.5, 0.5], abs=1e-6)
    assert pass_hat([1, 0], 1) == (0.5,)
    assert pass_hat([], 3) == ()


def turn(holds: bool = True, text: str = "Yes.", wrong: tuple[str, ...] = (), handed: bool = False) -> TurnResult:
    mark = Mark(key="says", wanted="'Yes'", holds=holds, why="" if holds else "the reply says 'No.'")
    return TurnResult(
        said=("?",), text=text, rung="approved", language="en", marks=(mark,), wrong=wrong, handed_over=handed
    )


def row(name: str, *turns: TurnResult, tags: tuple[str, ...] = (), language: str = "en") -> Row:
    ran = CaseRun(seed=0, turns=turns)
    unanswerable = "unanswerable" in tags
    return Row(
        name=name,
        tags=tags,
        language=language,
        unanswerable=unanswerable,
        passed=ran.passed,
        correct_or_handed_over=ran.correct_or_handed_over,
        wrong_facts=ran.wrong_facts,
        refused=unanswerable and ran.refused,
        passes=int(ran.passed),
        runs=(ran,),
    )


def test_a_report_counts_and_groups(tmp_path: Path) -> None:
    rows = [
        row("good", turn(), tags=("a", "b")),
        row("missed", turn(), turn(False), tags=("a",)),
        row("handed", turn(False, handed=True), tags=("a",), language="zh"),
        row("wrong", turn(wrong=("x",), handed=True), turn(wrong=("y",))),
        row("refused", turn(handed=True), tags=("unanswerable",)),
        row("not-refused", turn(False), tags=("unanswerable",)),
    ]
    bot = load_bot(make_shop(tmp_path))
    found = report(bot, Means(ScriptedModel()), rows, repeat=1, seconds=1.0)
    counts = (found.cases, found.passed, found.correct_or_handed_over, found.wrong_facts, found.turns)
    assert counts == (6, 2, 3, 2, 8)
    assert (found.unanswerable, found.refused) == (2, 1)
    groups = {group.name: (group.cases, group.passed.yes, group.wrong_facts) for group in found.tags}
    assert groups == {"a": (3, 1, 0), "unanswerable": (2, 1, 0), "b": (1, 1, 0)}
    assert [group.name for group in found.tags] == ["a", "unanswerable", "b"], "the most frequent first"
    assert [(group.name, group.cases) for group in found.languages] == [("en", 5), ("zh", 1)]
    assert found.rungs == {"en": {"approved": 7}, "zh": {"approved": 1}}
    assert not found.holds
    assert [(one.key, one.holds) for one in found.thresholds] == [
        ("min_passed", False),
        ("min_correct_or_handed_over", False),
        ("max_wrong_facts", False),
        ("min_refused", False),
    ]


def test_a_threshold_is_met_at_its_own_value() -> None:
    wanted = EvalConfig(min_passed=0.5, min_correct_or_handed_over=0.75, max_wrong_facts=2, min_refused=1)
    half, most = share([1, 1, 0, 0]), share([1, 1, 1, 0])
    assert all(one.holds for one in thresholds(wanted, half, most, 2, share([])))
    failed = [one.key for one in thresholds(wanted, share([1, 0, 0]), half, 3, share([0]))]
    assert failed == ["min_passed", "min_correct_or_handed_over", "max_wrong_facts", "min_refused"]
    assert not any(one.holds for one in thresholds(wanted, share([1, 0, 0]), half, 3, share([0])))


def test_a_comparison_names_each_answer_that_changed() -> None:
    before = [
        row("same", turn()),
        row("fixed", turn(), turn(False, "No.")),
        row("broken", turn()),
        row("reworded", turn()),
        row("still", turn(False, "No.")),
    ]
    after = [
        row("same", turn()),
        row("fixed", turn(), turn()),
        row("broken", turn(False, "No.")),
        row("reworded", turn(text="Yes!")),
        row("still", turn(False, "No.")),
    ]
    found = compare("HEAD", "abc", before, after)
    assert [(change.kind, change.case, change.turn) for change in found.changes] == [
        ("broken", "broken", 1),
        ("fixed", "fixed", 2),
        ("changed", "reworded", 1),
    ]
    assert (found.same, found.passed_before) == (3, 3)
    broken = found.changes[0]
    assert (broken.before, broken.after) == ("Yes.", "No.")
    assert broken.why == ("says 'Yes': the reply says 'No.'",)
