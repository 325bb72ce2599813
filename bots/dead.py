"""python -m bots dead: replies that could not be delivered, for whoever runs the shop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bots.settings import Settings
from bots.valkey import open_store
from core.errors import ConfigError, Problem
from core.state import DeadLetter

_SHORT = 8
_PREVIEW = 60


class LetterJson(BaseModel):
    """What --json prints of a letter. ``parts_sent``: how many messages of it the shopper has; ``doubtful``: why it may be
    more.
    """

    id: str
    bot: str
    platform: str
    conversation: str
    at: datetime
    reason: str
    text: str
    parts_sent: int
    doubtful: str


async def show(settings: Settings, wanted: Sequence[str], *, as_json: bool, out: Console) -> None:
    """All letters, or those named by the beginnings of their ids, whole."""
    async with open_store(settings.redis_url, settings.data_dir) as store:
        letters = await store.all_dead_letters()
    chosen = _named(letters, wanted) if wanted else letters
    if as_json:
        for letter in chosen:
            print(_as_json(letter).model_dump_json(), flush=True)
    elif wanted:
        for letter in chosen:
            _show_whole(letter, out)
    elif chosen:
        out.print(_table(chosen))
        out.print("Whole: [bold]dead show ID[/] · send again: [bold]dead requeue ID[/] · forget: [bold]dead drop ID[/]")
    else:
        out.print("No dead letters: every reply was delivered, or waits to be.")


async def requeue(settings: Settings, wanted: Sequence[str], *, every: bool, out: Console) -> None:
    """Into the outbox again; a Kefu that runs sends them."""
    async with open_store(settings.redis_url, settings.data_dir) as store:
        letters = await store.all_dead_letters()
        chosen = letters if every else _named(letters, wanted)
        done = [letter for letter in chosen if await store.requeue(letter)]
    out.print(f"[green]✓[/] {_count(done)} will be sent again, as soon as Kefu runs and the platform takes them.")


async def drop(settings: Settings, wanted: Sequence[str], *, out: Console) -> None:
    async with open_store(settings.redis_url, settings.data_dir) as store:
        chosen = _named(await store.all_dead_letters(), wanted)
        done = [letter for letter in chosen if await store.drop(letter)]
    out.print(f"[green]✓[/] {_count(done)} forgotten.")


def _named(letters: Sequence[DeadLetter], wanted: Sequence[str]) -> list[DeadLetter]:
    """Raises ConfigError: an id that is none, or the beginning of several."""
    problems, chosen = [], {}
    for name in wanted:
        found = [letter for letter in letters if name and letter.reply.id.startswith(name)]
        if len(found) == 1:
            chosen[found[0].reply.id] = found[0]
        else:
            wrong = f"{len(found)} dead letters begin with it" if found else "there is no such dead letter"
            problems.append(Problem("command line", 0, name, wrong, "`python -m bots dead list` shows the ids"))
    if problems:
        raise ConfigError(tuple(problems))
    return list(chosen.values())


def _count(letters: Sequence[DeadLetter]) -> str:
    return f"{len(letters)} repl{'y' if len(letters) == 1 else 'ies'}"


def _as_json(letter: DeadLetter) -> LetterJson:
    address = letter.reply.address
    return LetterJson(
        id=letter.reply.id,
        bot=address.bot,
        platform=address.platform,
        conversation=address.id,
        at=letter.at,
        reason=letter.reason,
        text=letter.reply.text,
        parts_sent=len(letter.sent),
        doubtful=letter.doubtful,
    )


def _table(letters: Sequence[DeadLetter]) -> Table:
    table = Table(title="Replies that could not be delivered", title_justify="left")
    for name in ("id", "since", "bot", "platform", "chat", "why", "reply"):
        table.add_column(name, overflow="fold")
    for letter in letters:
        address, text = letter.reply.address, letter.reply.text.replace("\n", " ")
        shown = text if len(text) <= _PREVIEW else f"{text[:_PREVIEW]}…"
        table.add_row(
            *(letter.reply.id[:_SHORT], f"{letter.at.astimezone():%Y-%m-%d %H:%M}", address.bot, address.platform),
            *map(escape, (address.chat, letter.reason, shown)),
        )
    return table


def _show_whole(letter: DeadLetter, out: Console) -> None:
    address = letter.reply.address
    out.print(f"[bold]{letter.reply.id}[/] · {address.bot} on {address.platform}, chat {escape(address.chat)}")
    out.print(f"{letter.at.astimezone():%Y-%m-%d %H:%M:%S %z} · {escape(letter.reason)}", highlight=False)
    if letter.sent:
        out.print(f"The shopper has {len(letter.sent)} of its messages; the rest would follow.")
    if letter.doubtful:
        out.print(f"More of it may have arrived: {escape(letter.doubtful)}.", highlight=False)
    out.print(escape(letter.reply.text), highlight=False)
    out.print()
