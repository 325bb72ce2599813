"""The engine side by side with what one would use instead: same run, same file, same personas, same questions.

Each system has a process of its own. The measurements are interleaved and repeated, and medians are reported: what else
happens on the machine then happens to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

from rich.table import Table

from tests.bench.child import BOUND, Child
from tests.bench.systems import HOW_TO_GET, KEFU, LLAMA_SERVER, ONE_AT_A_TIME, missing
from tests.bench.work import REPLY_TOKENS, Said, Start, load_of, long_prompt, persona, prompts

SYSTEMS = (KEFU, ONE_AT_A_TIME, LLAMA_SERVER)
_LONG_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class EngineBench:
    """``rounds``: how often everything is measured; ``long_characters``: of the long prompt, 0 for none."""

    shoppers: tuple[int, ...] = (1, 4, 8)
    rounds: int = 3
    tokens: int = REPLY_TOKENS
    personas: int = 1
    persona_rules: int = 16
    long_characters: int = 15_000
    systems: tuple[str, ...] = SYSTEMS


@dataclass(frozen=True, slots=True)
class Result:
    """One row: medians over the rounds. Cold: nothing of the persona is evaluated yet; warm: it was asked before."""

    system: str
    shoppers: int
    turn: int
    start: Start
    personas: int
    replies_per_s: float
    tokens_per_s: float
    ttft_p50_s: float
    ttft_p95_s: float
    peak_rss_mb: float
    failed: int


@dataclass(frozen=True, slots=True)
class Share:
    """Our replies per second as a share of the bare loop's in the same round; the median over the rounds."""

    shoppers: int
    start: Start
    bound_replies_per_s: float
    share: float


@dataclass(frozen=True, slots=True)
class LongPrompt:
    """A long prompt arrives while others write: how long their text stands still, when the long one's answer begins."""

    system: str
    writers: int
    prompt_tokens: int
    longest_gap_s: float
    usual_longest_gap_s: float
    first_token_s: float
    failed: int


@dataclass(slots=True)
class EngineReport:
    model: str
    results: list[Result] = field(default_factory=list)
    bound: list[Share] = field(default_factory=list)
    long_prompt: list[LongPrompt] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return {
            "model": self.model,
            "results": [asdict(row) for row in self.results],
            "bound": [asdict(row) for row in self.bound],
            "long_prompt": [asdict(row) for row in self.long_prompt],
            "absent": self.absent,
        }


@dataclass(frozen=True, slots=True)
class _Measured:
    seconds: float
    said: list[Said]
    peak_mb: float

    @property
    def answered(self) -> list[Said]:
        return [one for one in self.said if not one.failed]


Key = tuple[str, int, Start]


def run(model: Path, bench: EngineBench, say: Callable[[str], None]) -> EngineReport:
    report = EngineReport(model.name)
    report.absent = {name: HOW_TO_GET[name] for name in bench.systems if missing(name)}
    present = [name for name in bench.systems if name not in report.absent]
    with ExitStack() as stack:
        say(f"opening {', '.join(present)}")
        children = [stack.enter_context(Child(name, model)) for name in present]
        bound = stack.enter_context(Child(BOUND, model))
        measured: dict[Key, list[_Measured]] = {}
        bounds: dict[tuple[int, Start], list[tuple[float, float]]] = {}
        numbers = count(1)
        for number, shoppers in _plan(bench):
            fresh = [persona(next(numbers), bench.persona_rules) for _ in range(bench.personas)]
            for start in _starts():
                say(f"round {number + 1} of {bench.rounds}: {shoppers} shoppers, {start}")
                for child in children:
                    one = _ask(child, shoppers, fresh, start, bench)
                    measured.setdefault((child.name, shoppers, start), []).append(one)
                    if child.name == KEFU and len(one.answered) == shoppers and bench.personas == 1:
                        seconds = bound.seconds(load_of(one.said, shared_is_there=start == "warm"))
                        bounds.setdefault((shoppers, start), []).append((shoppers / seconds, seconds / one.seconds))
        report.results = [_result(key, each, bench) for key, each in measured.items()]
        report.bound = [_share(key, each) for key, each in bounds.items()]
        if bench.long_characters:
            say("a long prompt while others write")
            report.long_prompt = [
                _long(child, max(bench.shoppers) - 1, persona(next(numbers), bench.persona_rules), bench)
                for child in children
                if child.name != ONE_AT_A_TIME
            ]
    return report


def _plan(bench: EngineBench) -> Iterator[tuple[int, int]]:
    return ((number, shoppers) for number in range(bench.rounds) for shoppers in bench.shoppers)


def _starts() -> tuple[Start, ...]:
    return "cold", "warm"


def _ask(child: Child, shoppers: int, personas: Sequence[str], start: Start, bench: EngineBench) -> _Measured:
    return _Measured(*child.ask(prompts(shoppers, personas, int(start == "warm"), bench.tokens)))


def _long(child: Child, writers: int, shop: str, bench: EngineBench) -> LongPrompt:
    """Twice: without the long prompt, to know how even the text usually comes, and with it."""
    writing = max(writers, 1)
    child.ask(prompts(writing, [shop], 0, 1))
    usual = _Measured(*child.ask(prompts(writing, [shop], 0, 3 * bench.tokens)))
    late = long_prompt(bench.long_characters, _LONG_AFTER_S)
    _, said, _ = child.ask([*prompts(writing, [shop], 1, 3 * bench.tokens), late])
    return LongPrompt(
        system=child.name,
        writers=writing,
        prompt_tokens=said[-1].prompt,
        longest_gap_s=_rounded(max(one.longest_gap_s for one in said[:-1])),
        usual_longest_gap_s=_rounded(max(one.longest_gap_s for one in usual.said)),
        first_token_s=_rounded(said[-1].first_s),
        failed=sum(bool(one.failed) for one in (*said, *usual.said)),
    )


def _result(key: Key, rounds: Sequence[_Measured], bench: EngineBench) -> Result:
    system, shoppers, start = key
    firsts = sorted(one.first_s for measured in rounds for one in measured.answered) or [0.0]
    return Result(
        system=system,
        shoppers=shoppers,
        turn=1,
        start=start,
        personas=bench.personas,
        replies_per_s=_rounded(median(len(one.answered) / one.seconds for one in rounds)),
        tokens_per_s=_rounded(median(sum(said.tokens for said in one.said) / one.seconds for one in rounds)),
        ttft_p50_s=_rounded(median(firsts)),
        ttft_p95_s=_rounded(firsts[min(len(firsts) - 1, round(0.95 * len(firsts)))]),
        peak_rss_mb=max(one.peak_mb for one in rounds),
        failed=sum(bool(said.failed) for one in rounds for said in one.said),
    )


def _share(key: tuple[int, Start], rounds: Sequence[tuple[float, float]]) -> Share:
    shoppers, start = key
    return Share(
        shoppers, start, _rounded(median(one for one, _ in rounds)), _rounded(median(one for _, one in rounds))
    )


def _rounded(value: float) -> float:
    return round(value, 3)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────


def tables(report: EngineReport) -> list[Table]:
    return [_results_table(report), _bound_table(report), *([_long_table(report)] if report.long_prompt else [])]


def _results_table(report: EngineReport) -> Table:
    table = Table(title=f"Engine: {report.model}, one persona of about 500 tokens, medians", title_justify="left")
    table.add_column("shoppers", justify="right")
    table.add_column("start")
    table.add_column("system")
    for name in ("replies/s", "tokens/s", "first token p50 s", "p95 s", "peak MB", "failed"):
        table.add_column(name, justify="right")
    last = None
    for row in sorted(report.results, key=lambda row: (row.shoppers, row.start)):
        if last and last != (row.shoppers, row.start):
            table.add_section()
        last = row.shoppers, row.start
        table.add_row(
            *(str(row.shoppers), row.start, row.system, f"{row.replies_per_s:.2f}", f"{row.tokens_per_s:.0f}"),
            *(f"{row.ttft_p50_s:.2f}", f"{row.ttft_p95_s:.2f}", f"{row.peak_rss_mb:.0f}", str(row.failed)),
        )
    return table


def _bound_table(report: EngineReport) -> Table:
    table = Table(title="Bound: the library's bare loop on the same work", title_justify="left")
    for name in ("shoppers", "start", "bound replies/s", "our share"):
        table.add_column(name, justify="left" if name == "start" else "right")
    for row in report.bound:
        table.add_row(str(row.shoppers), row.start, f"{row.bound_replies_per_s:.2f}", f"{row.share:.2f}")
    return table


def _long_table(report: EngineReport) -> Table:
    table = Table(title="A long prompt arrives while others write", title_justify="left")
    names = ("system", "writers", "prompt tokens", "longest gap s", "without it s", "its first token s", "failed")
    for name in names:
        table.add_column(name, justify="left" if name == "system" else "right")
    for row in report.long_prompt:
        table.add_row(
            *(row.system, str(row.writers), str(row.prompt_tokens), f"{row.longest_gap_s:.2f}"),
            *(f"{row.usual_longest_gap_s:.2f}", f"{row.first_token_s:.2f}", str(row.failed)),
        )
    return table
