"""What was measured, as rows: medians of the rounds' own values, and ratios of what was measured in the same round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from tests.bench.systems import KEFU
from tests.bench.work import Asked, Start


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    shoppers: int
    personas: int
    turn: int
    start: Start


@dataclass(frozen=True, slots=True)
class Result:
    """One row. Times are those of complete answers; None: there was none. ``failed`` of all rounds together."""

    system: str
    shoppers: int
    turn: int
    start: Start
    personas: int
    replies_per_s: float
    tokens_per_s: float
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    peak_rss_mb: float
    failed: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our replies per second as a multiple of another system's in the same round; the median of the rounds."""

    to: str
    shoppers: int
    turn: int
    start: Start
    personas: int
    ratio: float
    least: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Share:
    """Our replies per second as a share of the bare loop's in the same round; ``share`` is the median of all of them."""

    shoppers: int
    share: float
    cold: float | None
    warm: float | None
    bound_replies_per_s: float
    rounds: int


@dataclass(frozen=True, slots=True)
class LongPrompt:
    """A long prompt arrives while others write: how long their text stands still, when the long one's answer begins."""

    system: str
    writers: int
    prompt_tokens: int
    longest_gap_s: float
    usual_longest_gap_s: float
    first_token_s: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class Speculation:
    """Grounded replies with drafts and without; ``gain`` is the median ratio, ``same_text`` of so many replies.

    ``same_without``: in two runs without drafts.
    """

    shoppers: int
    off_replies_per_s: float
    on_replies_per_s: float
    gain: float
    same_text: int
    same_without: int
    replies: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Beside so many busy processes: the engine's own choice of threads against fixed ones.

    ``share``: of the best fixed one's replies per second, in the same round; the median.
    """

    busy: int
    shoppers: int
    governed_replies_per_s: float
    fixed_replies_per_s: Mapping[str, float]
    share: float
    rounds: int


@dataclass(slots=True)
class EngineReport:
    machine: Mapping[str, object]
    model: str
    systems: dict[str, str] = field(default_factory=dict)
    persona_tokens: int = 0
    options: dict[str, object] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    bound: list[Share] = field(default_factory=list)
    long_prompt: list[LongPrompt] = field(default_factory=list)
    speculation: list[Speculation] = field(default_factory=list)
    neighbour: list[Neighbour] = field(default_factory=list)
    best_np: dict[str, int] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Measured:
    """Every answer so far."""

    def __init__(self) -> None:
        self._asked: dict[tuple[Cell, str], dict[int, Asked]] = defaultdict(dict)
        self._bound: dict[int, dict[Start, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))

    def add(self, cell: Cell, system: str, number: int, asked: Asked) -> None:
        self._asked[cell, system][number] = asked

    def add_bound(self, shoppers: int, start: Start, replies_per_s: float, share: float) -> None:
        self._bound[shoppers][start].append((replies_per_s, share))

    def results(self) -> list[Result]:
        order = {name: at for at, name in enumerate(dict.fromkeys(name for _, name in self._asked))}
        keys = sorted(self._asked, key=lambda key: (key[0], order[key[1]]))
        return [_result(cell, name, list(self._asked[cell, name].values())) for cell, name in keys]

    def ratios(self) -> list[Ratio]:
        rows = []
        for (cell, name), rounds in sorted(self._asked.items(), key=lambda item: item[0]):
            ours = self._asked.get((cell, KEFU), {})
            values = [
                ours[number].replies_per_s / rounds[number].replies_per_s
                for number in rounds.keys() & ours.keys()
                if rounds[number].answered
            ]
            if name != KEFU and values:
                place = cell.shoppers, cell.turn, cell.start, cell.personas
                rows.append(Ratio(name, *place, _rounded(median(values)), _rounded(min(values)), len(values)))
        return rows

    def shares(self) -> list[Share]:
        return [_share(shoppers, starts) for shoppers, starts in sorted(self._bound.items())]


def _result(cell: Cell, system: str, rounds: Sequence[Asked]) -> Result:
    firsts = [sorted(said.first_s for said in one.answered) for one in rounds if one.answered]
    return Result(
        system=system,
        shoppers=cell.shoppers,
        turn=cell.turn,
        start=cell.start,
        personas=cell.personas,
        replies_per_s=_rounded(median(one.replies_per_s for one in rounds)),
        tokens_per_s=_rounded(median(one.tokens_per_s for one in rounds)),
        ttft_p50_s=_rounded(median(map(median, firsts))) if firsts else None,
        ttft_p95_s=_rounded(median(map(_p95, firsts))) if firsts else None,
        peak_rss_mb=max(one.peak_mb for one in rounds),
        failed=sum(bool(said.failed) for one in rounds for said in one.said),
        rounds=len(rounds),
    )


def _share(shoppers: int, starts: Mapping[Start, Sequence[tuple[float, float]]]) -> Share:
    every = [pair for pairs in starts.values() for pair in pairs]
    by_start = {start: _rounded(median(share for _, share in pairs)) for start, pairs in starts.items()}
    return Share(
        shoppers=shoppers,
        share=_rounded(median(share for _, share in every)),
        cold=by_start.get("cold"),
        warm=by_start.get("warm"),
        bound_replies_per_s=_rounded(median(speed for speed, _ in every)),
        rounds=max(map(len, starts.values())),
    )


def _p95(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]


def _rounded(value: float) -> float:
    return round(value, 3)
