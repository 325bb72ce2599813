"""`ingest`, and what `run`, `chat` and `eval` do at their start: a bot's sources read, its index brought up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog
import typer
from pydantic import BaseModel
from rich.console import Console

from bots.progress import Opening, opening
from bots.settings import Settings
from core.botfile import Bot
from core.errors import KefuError, Problem
from core.knowledge.ingest import Indexed, in_any_case, index_of, indexed, read_bot, refreshed
from core.ports import Embedder
from core.shelf import Refresh

log = structlog.get_logger(__name__)
# So many of the things that could not be read are told; --json has all.
TOLD = 50


class ProblemJson(BaseModel):
    file: str
    line: int
    key: str
    wrong: str
    right: str


class IngestJson(BaseModel):
    """What `ingest --json` prints. ``read``: the files that were read now; ``kept``: unchanged ones; ``gone``: no more
    there; ``stale``: unreadable now, their last readable version serves; ``embedded``: texts embedded now, of ``texts``.
    """

    bot: str
    version: str
    answers: int
    notes: int
    products: int
    passages: int
    read: list[str]
    kept: int
    gone: list[str]
    stale: list[str]
    left_out: int
    texts: int
    embedded: int
    embedder: str
    unread: list[ProblemJson]


async def ingest(folder: Path, settings: Settings, *, as_json: bool, out: Console, err: Console) -> None:
    """Raises ConfigError: the bot's folder has mistakes; ModelError: the embedder cannot be opened; KefuError: the index
    cannot be written; typer.Exit(1): there is nothing that a bot could answer from.
    """
    from bots.engines import open_embedders

    index = index_of(folder.resolve().name, settings.data_dir)
    with opening(err) as progress:
        kept = await asyncio.to_thread(index.current)
        with progress.step(f"Reading {folder}"):
            bot = await asyncio.to_thread(read_bot, folder, settings.data_dir)
        async with open_embedders([bot], settings.data_dir, progress) as embedders:
            embedder = embedders.get(bot.name)
            try:
                with progress.counted(f"Embedding the texts of {bot.name}") as counted:
                    done = await indexed(bot, index, embedder, counted)
            except OSError as error:
                raise KefuError(f"the index in {index.folder} cannot be written: {error.strerror or error}") from error
    before = {source.file for source in kept.sources} if kept else set()
    told = _told(done, embedder, before)
    if as_json:
        print(told.model_dump_json(), flush=True)
    else:
        _show(told, bot, out)
    if not told.answers and not told.passages:
        if not as_json:
            err.print("[red]✗[/] there is nothing that this bot could answer from", highlight=False)
        raise typer.Exit(1)


async def bring_up_to_date(bot: Bot, data_dir: Path, embedder: Embedder | None, progress: Opening) -> Indexed:
    """The bot with its vectors; what is new is embedded, while the console shows how far it is. Raises ModelError."""
    with progress.counted(f"Embedding the texts of {bot.name}") as counted:
        return await in_any_case(bot, index_of(bot.name, data_dir), embedder, counted)


def tell_unread(bot: Bot) -> None:
    """What is left out of a bot that begins to serve."""
    unread = bot.sources.unread
    for problem in unread[:TOLD]:
        log.warning("source not read", bot=bot.name, problem=str(problem))
    if len(unread) > TOLD:
        log.warning("more sources not read", bot=bot.name, more=len(unread) - TOLD, see=f"bots ingest {bot.folder}")


def refreshing(data_dir: Path, embedders: Mapping[str, Embedder]) -> Refresh:
    """How a bot that serves is read again when its folder changes."""

    async def refresh(before: Bot) -> Bot:
        return await refreshed(before, index_of(before.name, data_dir), embedders.get(before.name))

    return refresh


def _told(done: Indexed, embedder: Embedder | None, before: set[str]) -> IngestJson:
    bot, sources = done.bot, done.bot.sources
    files = [source.file for source in sources.files]
    return IngestJson(
        bot=bot.name,
        version=bot.version,
        answers=bot.answers,
        notes=bot.notes,
        products=bot.products,
        passages=len(bot.knowledge.passages),
        read=list(sources.read),
        kept=len(files) - len(sources.read),
        gone=sorted(before - set(files)),
        stale=[source.file for source in sources.files if source.stale],
        left_out=sum(source.left_out for source in sources.files),
        texts=len(bot.knowledge.wanted) if embedder else 0,
        embedded=done.embedded,
        embedder=embedder.info.name if embedder else "",
        unread=[_problem_json(problem) for problem in sources.unread],
    )


def _problem_json(problem: Problem) -> ProblemJson:
    return ProblemJson(file=problem.file, line=problem.line, key=problem.key, wrong=problem.wrong, right=problem.right)


def _show(told: IngestJson, bot: Bot, out: Console) -> None:
    gone = f", {len(told.gone)} gone" if told.gone else ""
    vectors = f" · {told.embedded} of {told.texts} texts embedded ({told.embedder})" if told.embedder else ""
    left_out = f" · {told.left_out} not for sale" if told.left_out else ""
    out.print(
        f"[green]✓[/] {told.bot}: {len(told.read)} files read, {told.kept} unchanged{gone}{vectors}\n"
        f"  {told.answers} approved answers, {told.notes} notes, {told.products} products{left_out} · "
        f"{told.passages} passages · version {told.version}",
        highlight=False,
        soft_wrap=True,
    )
    if told.unread:
        out.print(f"\n[yellow]![/] {len(told.unread)} could not be read:", highlight=False)
        _show_unread(bot.sources.unread, told.stale, out)


def _show_unread(unread: Sequence[Problem], stale: Sequence[str], out: Console) -> None:
    for problem in unread[:TOLD]:
        where = f"{problem.file}:{problem.line}" if problem.line else problem.file
        key = f" [cyan]{problem.key}[/]" if problem.key else ""
        serves = " Its last readable version serves." if problem.file in stale else ""
        right = f" [dim]{problem.right}.[/]" if problem.right else ""
        out.print(f"  [bold]{where}[/]{key} {problem.wrong}.{right}{serves}", highlight=False, soft_wrap=True)
    if len(unread) > TOLD:
        out.print(f"  … and {len(unread) - TOLD} more; --json lists all", highlight=False)
