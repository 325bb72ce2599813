"""python -m bots unanswered: what shoppers asked and nobody could tell them, and drafts of answers to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bots.progress import Opening, opening
from bots.settings import Settings
from bots.valkey import open_store
from core.botfile import Bot, load_bot
from core.unanswered.drafts import FILE, draft, publish
from core.unanswered.themes import Theme, Unanswered, themes

_EXAMPLES = 2
_MANY = 2000


@dataclass(frozen=True, slots=True)
class Wanted:
    """``days``: how far back; ``limit``: how many themes; ``drafts``: write a draft for each of them."""

    days: int = 30
    limit: int = 20
    as_json: bool = False
    drafts: bool = False


async def unanswered(folder: Path, settings: Settings, wanted: Wanted, out: Console, err: Console) -> None:
    """Raises ConfigError, StoreError or ModelUnavailable."""
    bot = load_bot(folder)
    since = datetime.now(UTC) - timedelta(days=wanted.days)
    async with open_store(settings.redis_url, settings.data_dir) as store:
        asked = await store.unanswered.of(bot.name, since)
    open_still = [one for one in asked if not _answered_now(bot, one)][-_MANY:]
    with opening(err) as progress:
        vectors = await _vectors(bot, [one.question for one in open_still], settings.data_dir, progress)
        with progress.step("Gathering them into themes"):
            found = themes(open_still, vectors)[: wanted.limit]
    if wanted.as_json:
        for theme in found:
            print(theme.model_dump_json(), flush=True)
    else:
        _show(out, found, wanted.days, len(asked) - len(open_still), folder)
    if wanted.drafts:
        _tell_drafts(out if not wanted.as_json else err, draft(bot.folder, found, bot.languages), folder)


async def publish_drafts(folder: Path, out: Console) -> None:
    """Raises ConfigError; nothing is changed then."""
    load_bot(folder)
    done = publish(folder.resolve())
    if done:
        out.print(f"[green]✓[/] in answers.yaml now: {', '.join(done)}. A running bot answers with them at once.")
    else:
        out.print(f"No draft in {folder / FILE} has an answer yet: write one, then publish again.")


def _answered_now(bot: Bot, one: Unanswered) -> bool:
    """Somebody has written an answer, or a note, since it was asked."""
    knowledge = bot.knowledge
    return bool(knowledge.approved(one.question, one.language) or knowledge.search(one.question, one.language, 1))


async def _vectors(bot: Bot, questions: Sequence[str], data_dir: Path, progress: Opening) -> NDArray[np.float32] | None:
    """None if the bot has no embedder."""
    if not questions:
        return None
    from bots.engines import open_embedders

    async with AsyncExitStack() as stack:
        embedders = await stack.enter_async_context(open_embedders([bot], data_dir, progress))
        embedder = embedders.get(bot.name)
        if embedder is None:
            return None
        with progress.step(f"Reading {len(questions)} questions"):
            return await embedder.embed(questions, kind="query")


def _show(out: Console, found: Sequence[Theme], days: int, answered: int, folder: Path) -> None:
    if answered:
        out.print(f"{answered} of the questions would be answered now and are left out.", style="dim")
    if not found:
        out.print(f"[green]✓[/] nothing was left unanswered in the last {days} days.")
        return
    shown = Table(title=f"Unanswered in the last {days} days", title_justify="left", row_styles=("", "dim"))
    shown.add_column("asked", justify="right")
    shown.add_column("shoppers", justify="right")
    shown.add_column("theme", style="bold")
    shown.add_column("in their words")
    shown.add_column("last")
    for theme in found:
        said = [text for texts in theme.questions.values() for text in texts[:_EXAMPLES]]
        shown.add_row(
            *(str(theme.asked), str(theme.shoppers), escape(theme.title)),
            *(escape("\n".join(_short(text) for text in said)), f"{theme.last.astimezone():%Y-%m-%d}"),
        )
    out.print(shown)
    out.print(f"Drafts of answers to them: python -m bots unanswered {folder} --drafts", style="dim")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"


def _tell_drafts(console: Console, made: Sequence[str], folder: Path) -> None:
    if not made:
        console.print(f"Nothing new: each theme has its draft in {folder / FILE} already, or an answer.")
        return
    console.print(
        f"[green]✓[/] {_count(made)} in {folder / FILE}. Write their answers, then: "
        f"python -m bots unanswered {folder} --publish"
    )


def _count(made: Sequence[str]) -> str:
    return f"{len(made)} draft{'s' * (len(made) != 1)}"
