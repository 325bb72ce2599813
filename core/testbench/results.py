"""What came of the conversations: plain values, written as JSON as they are."""

from __future__ import annotations

from pydantic import Field

from core.messages import Button, Card
from core.state import Trace
from core.value import CheckedValue


class Mark(CheckedValue):
    """One expectation of a turn, and whether it holds. ``why``: in a few words, where it does not."""

    key: str
    wanted: str
    holds: bool
    why: str = ""


class TurnResult(CheckedValue):
    """One turn as it went. ``wrong``: what the reply states that is not so; ``error``: why there is no answer."""

    said: tuple[str, ...]
    text: str = ""
    rung: str = ""
    language: str = ""
    cards: tuple[Card, ...] = ()
    buttons: tuple[Button, ...] = ()
    marks: tuple[Mark, ...] = ()
    wrong: tuple[str, ...] = ()
    handed_over: bool = False
    error: str = ""
    seconds: float = 0.0
    trace: Trace | None = None

    @property
    def holds(self) -> bool:
        return not self.error and not self.wrong and all(mark.holds for mark in self.marks)


class CaseRun(CheckedValue):
    """A conversation, run once."""

    seed: int
    turns: tuple[TurnResult, ...]

    @property
    def passed(self) -> bool:
        return all(turn.holds for turn in self.turns)

    @property
    def wrong_facts(self) -> int:
        return sum(bool(turn.wrong) for turn in self.turns)

    @property
    def correct_or_handed_over(self) -> bool:
        """Every turn is as expected or was handed over, and no reply states a wrong fact."""
        return all(turn.holds or (turn.handed_over and not turn.wrong and not turn.error) for turn in self.turns)

    @property
    def refused(self) -> bool:
        """The last turn was handed over."""
        return self.turns[-1].handed_over


class Row(CheckedValue):
    """A conversation with all its runs. The verdicts are those of every run together: passed is passed each time."""

    name: str
    about: str = ""
    tags: tuple[str, ...] = ()
    language: str
    unanswerable: bool
    passed: bool
    correct_or_handed_over: bool
    wrong_facts: int = Field(description="replies that state a wrong fact, in all runs")
    refused: bool
    passes: int = Field(description="runs that passed")
    runs: tuple[CaseRun, ...]


class Share(CheckedValue):
    """``yes`` of ``of``; the interval holds the true share with 95 %."""

    yes: float
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.yes / self.of if self.of else 1.0


class Group(CheckedValue):
    """The conversations of a tag or of a language."""

    name: str
    cases: int
    passed: Share
    correct_or_handed_over: Share
    wrong_facts: int


class Threshold(CheckedValue):
    """What bot.yaml wants, and what was found."""

    key: str
    wanted: float
    found: float
    holds: bool


class CurvePoint(CheckedValue):
    threshold: float
    precision: float
    recall: float


class Curve(CheckedValue):
    """How sure one rung is, for questions in ``language`` and passages in ``found_in``: precision and recall at each
    threshold. ``chosen``: the one in use; None: none is sure enough, or there are too few questions to tell."""

    rung: str
    language: str
    found_in: str = ""
    target: float
    chosen: float | None
    precision: float = Field(default=0.0, description="at the threshold in use; 0: too few questions to tell")
    recall: float = 0.0
    questions: int = 0
    points: tuple[CurvePoint, ...]


class Change(CheckedValue):
    """An answer that another version of the bot gives otherwise. ``kind``: fixed, broken or changed."""

    case: str
    turn: int
    kind: str
    said: tuple[str, ...]
    before: str
    after: str
    rung_before: str
    rung_after: str
    why: tuple[str, ...] = Field(default=(), description="what does not hold, before or after")


class Comparison(CheckedValue):
    """Against another version; ``passed_before`` of the same conversations."""

    name: str
    version: str
    passed_before: int
    wrong_facts_before: int
    changes: tuple[Change, ...]
    same: int = Field(description="answers that are word for word the same")


class Report(CheckedValue):
    """All of a run of the test bench. Shares are of conversations; ``seconds``: how long it all took."""

    bot: str
    version: str
    model: str
    model_digest: str
    embedder: str = ""
    repeat: int
    seconds: float
    cases: int
    passed: int
    correct_or_handed_over: int
    wrong_facts: int
    unanswerable: int
    refused: int
    turns: int
    shares: dict[str, Share] = Field(description="passed, correct_or_handed_over, refused, each with its interval")
    pass_hat: tuple[float, ...] = Field(
        description="pass^1 … pass^K: the chance that K runs of a conversation all pass"
    )
    tags: tuple[Group, ...]
    languages: tuple[Group, ...]
    rungs: dict[str, dict[str, int]] = Field(description="language → rung → answers")
    latency_s: dict[str, float] = Field(description="p50, p95 and max of an answer")
    means_at_least: float | None = None
    thresholds: tuple[Threshold, ...]
    curves: tuple[Curve, ...] = ()
    against: Comparison | None = None
    rows: tuple[Row, ...]

    @property
    def holds(self) -> bool:
        return all(threshold.holds for threshold in self.thresholds)
