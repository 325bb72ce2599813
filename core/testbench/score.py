"""From the conversations to the figures: shares with their intervals, groups, thresholds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import isfinite

from core.answer import Means
from core.botfile import Bot
from core.knowledge import calibration
from core.testbench.config import EvalConfig
from core.testbench.results import Comparison, Curve, CurvePoint, Group, Report, Row, Share, Threshold, TurnResult
from core.testbench.statistics import pass_hat, quantile, share


def report(
    bot: Bot,
    means: Means,
    rows: Sequence[Row],
    *,
    repeat: int,
    seconds: float,
    means_at_least: float | None = None,
    curves: Sequence[Curve] = (),
    against: Comparison | None = None,
) -> Report:
    passed, right = _share(rows, lambda row: row.passed), _share(rows, lambda row: row.correct_or_handed_over)
    unanswerable = [row for row in rows if row.unanswerable]
    refused = _share(unanswerable, lambda row: row.refused)
    wrong = sum(row.wrong_facts for row in rows)
    turns = list(_turns(rows))
    waited = [turn.seconds for turn in turns if turn.text]
    return Report(
        bot=bot.name,
        version=bot.version,
        model=means.model.info.name,
        model_digest=means.model.info.digest,
        embedder=means.embedder.info.name if means.embedder else "",
        repeat=repeat,
        seconds=round(seconds, 2),
        cases=len(rows),
        passed=int(passed.yes),
        correct_or_handed_over=int(right.yes),
        wrong_facts=wrong,
        unanswerable=len(unanswerable),
        refused=int(refused.yes),
        turns=len(turns),
        shares={"passed": passed, "correct_or_handed_over": right, "refused": refused},
        pass_hat=pass_hat([row.passes for row in rows], repeat),
        tags=tuple(_group(tag, [row for row in rows if tag in row.tags]) for tag in _names(row.tags for row in rows)),
        languages=tuple(
            _group(language, [row for row in rows if row.language == language])
            for language in _names((row.language,) for row in rows)
        ),
        rungs=_rungs(rows),
        latency_s={"p50": quantile(waited, 0.5), "p95": quantile(waited, 0.95), "max": max(waited, default=0.0)},
        means_at_least=means_at_least,
        thresholds=thresholds(bot.config.eval, passed, right, wrong, refused),
        curves=tuple(curves),
        against=against,
        rows=tuple(rows),
    )


def thresholds(wanted: EvalConfig, passed: Share, right: Share, wrong: int, refused: Share) -> tuple[Threshold, ...]:
    least = (
        ("min_passed", wanted.min_passed, passed.value),
        ("min_correct_or_handed_over", wanted.min_correct_or_handed_over, right.value),
        ("min_refused", wanted.min_refused, refused.value),
    )
    held = [Threshold(key=key, wanted=want, found=round(found, 6), holds=found >= want) for key, want, found in least]
    most = Threshold(
        key="max_wrong_facts", wanted=wanted.max_wrong_facts, found=wrong, holds=wrong <= wanted.max_wrong_facts
    )
    return (*held[:2], most, held[2])


def _share(rows: Sequence[Row], of: Callable[[Row], bool]) -> Share:
    return share([float(of(row)) for row in rows])


def _group(name: str, rows: Sequence[Row]) -> Group:
    return Group(
        name=name,
        cases=len(rows),
        passed=_share(rows, lambda row: row.passed),
        correct_or_handed_over=_share(rows, lambda row: row.correct_or_handed_over),
        wrong_facts=sum(row.wrong_facts for row in rows),
    )


def _names(of_each: Iterable[Iterable[str]]) -> list[str]:
    """The names, the most frequent first."""
    counted = Counter(name for names in of_each for name in dict.fromkeys(names))
    return [name for name, _ in sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))]


def _turns(rows: Sequence[Row]) -> Iterable[TurnResult]:
    return (turn for row in rows for run in row.runs for turn in run.turns)


def _rungs(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for run in row.runs:
            counted[row.language].update(turn.rung for turn in run.turns if turn.rung)
    return {language: dict(counted[language].most_common()) for language in sorted(counted)}


def curve_of(found: calibration.Curve) -> Curve:
    """A curve of the bot's calibration, as a plain value."""
    return Curve(
        rung=found.rung,
        language=found.language,
        found_in=found.found_in,
        target=found.target,
        chosen=found.threshold if isfinite(found.threshold) else None,
        precision=found.precision,
        recall=found.recall,
        questions=found.questions,
        points=tuple(
            CurvePoint(threshold=point.threshold, precision=point.precision, recall=point.recall)
            for point in found.points
        ),
    )
