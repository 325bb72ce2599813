"""`tune`: what was measured for a bot's model on this machine, and what a repacked quantisation would bring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table

from bots.progress import opening
from bots.settings import Settings
from core.botfile import load_bot
from core.errors import ConfigError, ModelUnavailable, Problem
from models.gguf import check_gguf
from models.load import find, tuning_job
from models.tuning import Job, Measured, Repacked, Tuning, tune_model
from models.tuning.kept import Kept
from models.tuning.orders import REPACK_TYPES, RepackType
from models.tuning.repack import loss, pays, refuse, repacked_path, try_repacked


class TuneJson(BaseModel):
    """What `tune --json` prints. ``model_line``: for bot.yaml, after `--repack`."""

    tuning: Tuning
    repacked_loss: str
    repacked_pays: bool | None
    model_line: str | None


async def tune(
    folder: Path, settings: Settings, *, again: bool, as_json: bool, kind: RepackType | None, out: Console, err: Console
) -> None:
    """Measure if need be, show, and make the repacked model if ``kind`` is given. Raises ConfigError, ModelUnavailable."""
    bot = load_bot(folder)
    if bot.config.model.server is not None:
        problem = "its model is answered by a server, which is tuned where it runs"
        raise ConfigError((Problem(str(folder / "bot.yaml"), 0, "model.server", problem),))
    data_dir = settings.data_dir
    with opening(err) as progress:
        found = await find(bot.config.model, bot.folder, data_dir=data_dir, progress=progress.downloaded)
        job = tuning_job(found, data_dir)
        if kind is not None:
            refuse(job.model, kind)
        tuned = await tune_model(job, again=again, step=progress.step)
    tuning = tuned.tuning
    target = repacked_path(job, kind, data_dir) if kind is not None else None
    if kind is not None or again or not tuning.repacked:
        tuning = await _with_repacked(job, tuning, kind, target, err)
    line = f"model: {target}" if target else None
    why = loss(check_gguf(job.model))
    shown = tuning.repacked[-1] if tuning.repacked else None
    if as_json:
        result = TuneJson(
            tuning=tuning, repacked_loss=why, repacked_pays=pays(shown) if shown else None, model_line=line
        )
        print(result.model_dump_json(indent=2))
        return
    _show(tuning, out)
    _show_repacked(tuning, shown, why, out)
    if line:
        out.print(f"\nPut this line into {folder / 'bot.yaml'}:\n\n{line}\n", highlight=False, soft_wrap=True)


async def _with_repacked(
    job: Job, tuning: Tuning, kind: RepackType | None, target: Path | None, err: Console
) -> Tuning:
    """With what a repacked model does. Where it is made only to be measured and cannot be, that is said, and no error."""
    asked = kind or _usual(job)
    if asked is None:
        return tuning
    try:
        with _bar(err, f"Writing {target.name}" if target else f"Trying {asked}") as bar:
            repacked = await try_repacked(job, asked, tuning.choices, bar, target)
    except ModelUnavailable as error:
        if kind is not None:
            raise
        err.print(f"[yellow]–[/] {error}", highlight=False, soft_wrap=True)
        return tuning
    others = tuple(one for one in tuning.repacked if one.type != asked)
    tuning = tuning.model_copy(update={"repacked": (*others, repacked)})
    if not tuning.disturbed:
        Kept(job.folder, job.digest, tuning.facts, job.asked).write(tuning)
    return tuning


def _usual(job: Job) -> RepackType | None:
    """The type with the fastest kernels; None: the file has it."""
    already = check_gguf(job.model).numbers.get("general.file_type") == REPACK_TYPES["q4_0"]
    return None if already else "q4_0"


@contextmanager
def _bar(console: Console, what: str) -> Iterator[_Bar]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield _Bar(bars, what)


class _Bar:
    def __init__(self, bars: Bars, what: str) -> None:
        self._bars = bars
        self._task = bars.add_task(what, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._bars.update(self._task, completed=done, total=max(done, total))


# ── showing ──────────────────────────────────────────────────────────────────────────────────────────────


def _show(tuning: Tuning, out: Console) -> None:
    facts, best = tuning.facts, tuning.choices
    quota = f", a quota of {facts.quota:g} CPUs" if facts.quota else ""
    gpus = f" · GPU {', '.join(facts.gpus)}" if facts.gpus else ""
    about = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    about.add_column(style="dim", no_wrap=True)
    about.add_column(overflow="fold")
    about.add_row("Model", tuning.model)
    about.add_row("Machine", f"{facts.processor} · {facts.threads} usable threads{quota}{gpus}")
    about.add_row("llama.cpp", f"llama-cpp-python {facts.build}" + (f" · {facts.waiting}" if facts.waiting else ""))
    about.add_row(
        "Chosen",
        f"[bold]flash attention {best.flash_attention}, KV type {best.kv_type}, batch {best.batch}, "
        f"{best.threads} thread{'s' * (best.threads != 1)}[/]",
    )
    out.print(about)
    out.print()
    out.print(_table([(one, one.choices == best) for one in tuning.measured]))
    out.print(f"\nMeasured in {tuning.seconds:.0f} s.", style="dim", highlight=False)
    if tuning.stopped:
        out.print(f"[yellow]It ended early:[/] {tuning.stopped}", highlight=False)
    if tuning.disturbed:
        out.print(
            "[yellow]Other programs used the CPUs meanwhile[/], so the figures say little: the defaults are used, and it is "
            "measured again the next time.",
            highlight=False,
        )


def _table(rows: list[tuple[Measured, bool]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in ("Flash attention", "KV type"):
        table.add_column(name)
    for name in ("Batch", "Threads", "Prompt tok/s", "Step of 1, ms", "Step of 8, ms", "8 answers, s"):
        table.add_column(name, justify="right")
    for one, wins in rows:
        choices = one.choices
        values = [choices.flash_attention, choices.kv_type, str(choices.batch), str(choices.threads)]
        if one.failed:
            table.add_row("[red]✗[/]", *values, f"[red]not usable: {one.failed}[/]")
            continue
        figures = (one.prompt_rate, one.step_1_ms, one.step_8_ms)
        table.add_row(
            "[green]✓[/]" if wins else "",
            *values,
            *(f"{figure:.0f}" if figure >= 100 else f"{figure:.1f}" for figure in figures),
            f"{one.eight_answers_s:.1f}",
            style="bold" if wins else "",
        )
    return table


def _show_repacked(tuning: Tuning, shown: Repacked | None, why: str, out: Console) -> None:
    if shown is None:
        return
    before, after = shown.original, shown.measured
    out.print(f"\n[bold]Repacked to {shown.type}[/] ({shown.size / 1e6:.0f} MB)", highlight=False)
    if after.failed or before.failed:
        out.print(f"It cannot be used here: {after.failed or before.failed}", highlight=False)
        return
    out.print(
        f"prompts {before.prompt_rate:.0f} → {after.prompt_rate:.0f} tok/s, "
        f"a step of 8 answers {before.step_8_ms:.1f} → {after.step_8_ms:.1f} ms, "
        f"8 answers {before.eight_answers_s:.1f} → {after.eight_answers_s:.1f} s",
        highlight=False,
    )
    if pays(shown):
        out.print(f"{why} `--repack {shown.type}` makes it.", highlight=False, soft_wrap=True)
    else:
        out.print("It would bring nothing on this machine.", highlight=False)
