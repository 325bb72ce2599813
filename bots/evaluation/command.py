"""`eval`: run a bot's tests.yaml, show and write what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bots.evaluation.opening import Ready, open_bot, open_other, seats
from bots.evaluation.table import show
from bots.evaluation.versions import other_version
from bots.progress import opening
from bots.settings import Settings
from core.answer import Means
from core.botfile import Bot, load_bot
from core.errors import ConfigError, Problem
from core.knowledge.ingest import read_bot
from core.testbench.cases import FILE, Case, read_cases
from core.testbench.compare import compare
from core.testbench.meaning import Meanings, open_meanings
from core.testbench.results import Comparison, Report, Row
from core.testbench.run import Bench, run_cases
from core.testbench.score import curve_of, report
from core.testbench.shopfacts import ShopFacts
from core.yamlfile import Reading


@dataclass(frozen=True, slots=True)
class Options:
    """``json``: '-' is the standard output; ``workers`` None: as many as the engine has sequences."""

    json: Path | None = None
    html: Path | None = None
    against: str | None = None
    repeat: int = 1
    only: Sequence[str] = ()
    workers: int | None = None


async def evaluate(folder: Path, options: Options, settings: Settings, out: Console, err: Console) -> Report:
    """Raises ConfigError: a file is wrong, or a result cannot be written; ModelUnavailable."""
    bot = read_bot(folder, settings.data_dir)
    cases = chosen(read_tests(bot), options.only)
    if options.against is None:
        found = await _run(bot, cases, None, options, settings, err)
    else:
        with other_version(bot.folder, options.against) as other:
            load_bot(other)  # its mistakes are named before a model is opened
            found = await _run(bot, cases, other, options, settings, err)
    show(found, err if options.json == Path("-") else out)
    _write(found, options, err)
    return found


def read_tests(bot: Bot) -> list[Case]:
    """Raises ConfigError with every mistake of tests.yaml."""
    reading = Reading(bot.folder)
    cases = read_cases(bot, reading)
    if not cases and not reading.problems:
        reading.wrong(bot.folder / FILE, 1, "", "has no conversations", "Write one, it begins with '- name: …'")
    if reading.problems:
        raise ConfigError(tuple(sorted(reading.problems)))
    return cases


def check_tests(bot: Bot) -> str:
    """How many conversations tests.yaml has, for `check`; empty if there is none. Raises ConfigError as read_tests()."""
    if not (bot.folder / FILE).exists():
        return ""
    count = len(read_tests(bot))
    return f", {count} test conversation{'s' * (count != 1)}"


def chosen(cases: Sequence[Case], only: Sequence[str]) -> list[Case]:
    """Those of a name or a tag. Raises ConfigError if one of ``only`` is neither."""
    names = {case.name for case in cases}.union(*(case.tags for case in cases))
    for wanted in only:
        if wanted not in names:
            tags = sorted({tag for case in cases for tag in case.tags})
            right = f"The tags are: {', '.join(tags)}" if tags else ""
            raise ConfigError((Problem("--only", 0, wanted, "is neither a conversation nor a tag", right),))
    return [case for case in cases if not only or case.name in only or set(case.tags) & set(only)]


async def _run(
    bot: Bot, cases: Sequence[Case], other: Path | None, options: Options, settings: Settings, err: Console
) -> Report:
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        before: Ready | None = None
        with opening(err) as progress:
            ready = await stack.enter_async_context(open_bot(bot, settings, progress))
            if other is not None:
                before = await stack.enter_async_context(open_other(other, ready, settings, progress))
        bot, means = ready.bot, ready.means
        bench = Bench(bot, means, ShopFacts.of(bot), await _meanings(bot, means, cases))
        rows = await _rows(f"Asking {bot.name}", bench, cases, options, err)
        against: Comparison | None = None
        if before is not None and options.against is not None:
            # Facts are judged by each version's own; meaning by this one's.
            old = replace(bench, bot=before.bot, means=before.means, facts=ShopFacts.of(before.bot))
            rows_before = await _rows(f"Asking {bot.name} {options.against}", old, cases, options, err)
            against = compare(options.against, before.bot.version, rows_before, rows)
    return report(
        bot,
        means,
        rows,
        repeat=options.repeat,
        seconds=time.monotonic() - started,
        means_at_least=bench.meanings.at_least if bench.meanings else None,
        curves=[curve_of(curve) for curve in bot.knowledge.curves],
        against=against,
    )


async def _meanings(bot: Bot, means: Means, cases: Sequence[Case]) -> Meanings | None:
    """What judges `means:`; opened only where a conversation has one, for finding the threshold takes seconds."""
    wanted = [meaning for case in cases for turn in case.turns for meaning in turn.means]
    if means.embedder is None or not wanted:
        return None
    given = bot.config.eval.means_at_least
    if given is None and all(meaning.at_least for meaning in wanted):
        return Meanings(means.embedder, None)
    return await open_meanings(means.embedder, bot, given)


async def _rows(title: str, bench: Bench, cases: Sequence[Case], options: Options, err: Console) -> list[Row]:
    with _bar(err, title, len(cases) * options.repeat) as done:
        return await run_cases(bench, cases, options.repeat, seats(bench.bot, options.workers), done)


@contextmanager
def _bar(err: Console, title: str, total: int) -> Iterator[Callable[[], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task(title, total=total)
        yield lambda: bars.advance(task)


def _write(found: Report, options: Options, err: Console) -> None:
    if options.json == Path("-"):
        print(found.model_dump_json(indent=2), flush=True)
    elif options.json is not None:
        _write_text("--json", options.json, found.model_dump_json(indent=2) + "\n", err)
    if options.html is not None:
        from bots.evaluation.html import html_file, render

        _write_text("--html", html_file(options.html), render(found), err)


def _write_text(option: str, file: Path, text: str, err: Console) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        right = "Name a file in a folder that can be written to"
        raise ConfigError((Problem(str(file), 0, option, f"cannot be written: {error.strerror}", right),)) from None
    err.print(f"[dim]Wrote {file}[/]", highlight=False)
