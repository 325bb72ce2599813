"""python -m bots record: what was said in a conversation, and what became of each reply, for whoever runs the shop."""

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
from core.inbox import line_of
from core.messages import Line
from core.record import Count, Record

LATEST = 20
_PREVIEW = 60
_WAITING = {"shopper": "waits for its answer", "bot": "waits to be sent"}
_DELIVERY = {
    "": "",
    "sent": "sent again, delivered",
    "ambiguous": "[yellow]may stand there twice[/]",
    "failed": "[red]not delivered[/]",
}


class LineJson(BaseModel):
    """What --json prints of a line. ``waits``: a message for its answer, a reply to be sent; ``delivery`` of a reply: ""
    (as usual), sent (after it was given up), ambiguous (it may stand there twice) or failed, and why.
    """

    conversation: str
    id: str
    at: datetime
    role: str
    speaker: str
    kind: str
    text: str
    rung: str
    delivery: str
    delivery_reason: str
    waits: bool


class ConversationJson(BaseModel):
    """What --json prints of a conversation. ``closed``: why its chat cannot be written to; empty: it can."""

    conversation: str
    at: datetime | None
    lines: int
    waiting: int
    unsent: int
    ambiguous: int
    failed: int
    closed: str


async def show(settings: Settings, conversation: str, *, as_json: bool, out: Console) -> None:
    """Raises ConfigError if nothing is kept of it."""
    async with open_store(settings.redis_url, settings.data_dir) as store:
        record = await store.records.of(conversation.strip())
    if record is None:
        wrong = "nothing is kept of such a conversation (any more)"
        right = "`python -m bots record` shows the latest, as <bot>/<platform>/<chat>"
        raise ConfigError((Problem("command line", 0, conversation, wrong, right),))
    lines = _lines(record)
    if as_json:
        for line, waits in lines:
            print(_line_json(record, line, waits).model_dump_json(), flush=True)
        return
    out.print(_table_of(record, lines))
    if record.closed is not None:
        closed = record.closed
        out.print(f"[red]closed[/] since {_time(closed.at)}, until somebody writes in it: {escape(closed.reason)}")


async def show_latest(settings: Settings, *, as_json: bool, out: Console) -> None:
    """The conversations in which something was said last."""
    async with open_store(settings.redis_url, settings.data_dir) as store:
        records = await store.records.latest(LATEST)
        counts = await store.records.counts()
    if as_json:
        for record in records:
            print(_conversation_json(record).model_dump_json(), flush=True)
        return
    if not records:
        out.print("No conversations yet.")
        return
    out.print(_table_of_latest(records))
    out.print("All of one: [bold]record CONVERSATION[/]")
    for count in counts:
        out.print(_count(count))


def _lines(record: Record) -> list[tuple[Line, bool]]:
    """The history and what waits for its answer; with each line whether it waits."""
    unsent = {reply.id for reply in record.unsent}
    said = [(line, line.role == "bot" and line.id in unsent) for line in record.lines]
    return said + [(line_of(message), True) for message in record.waiting if not message.withdrawn]


def _table_of(record: Record, lines: Sequence[tuple[Line, bool]]) -> Table:
    table = Table(title=escape(record.conversation), title_justify="left")
    for name in ("time", "who", "text", "rung", "delivery"):
        table.add_column(name, overflow="fold")
    for line, waits in lines:
        who = f"{line.role}: {line.speaker}" if line.speaker else line.role
        delivery = _WAITING.get(line.role, "") if waits else _DELIVERY[line.delivery]
        reason = f": {escape(line.delivery_reason)}" if line.delivery_reason and not waits else ""
        rung = line.rung.value if line.rung else ""
        table.add_row(_time(line.at), escape(who), escape(_text(line)), rung, delivery + reason)
    return table


def _table_of_latest(records: Sequence[Record]) -> Table:
    table = Table(title="The latest conversations", title_justify="left")
    for name in ("conversation", "last", "lines", "state", "what was said last"):
        table.add_column(name, overflow="fold")
    for record in records:
        lines = _lines(record)
        last = _text(lines[-1][0]).replace("\n", " ") if lines else ""
        shown = last if len(last) <= _PREVIEW else f"{last[:_PREVIEW]}…"
        at = _time(record.at) if record.at else ""
        table.add_row(escape(record.conversation), at, str(len(lines)), _state(record), escape(shown))
    return table


def _state(record: Record) -> str:
    """What is unusual about it."""
    found = [
        "[red]closed[/]" if record.closed else "",
        f"{len(record.waiting)} not answered" if record.waiting else "",
        f"{len(record.unsent)} not sent" if record.unsent else "",
        f"[yellow]{number} ambiguous[/]" if (number := _number(record, "ambiguous")) else "",
        f"[red]{number} failed[/]" if (number := _number(record, "failed")) else "",
    ]
    return ", ".join(filter(None, found))


def _count(count: Count) -> str:
    what = {"ambiguous": "may have been shown twice", "failed": "could not be delivered"}.get(count.delivery)
    replies = f"{count.replies} repl{'y' if count.replies == 1 else 'ies'}"
    return f"{count.bot} on {count.platform}: {replies} {what or 'delivered after being given up'} in the last months"


def _number(record: Record, delivery: str) -> int:
    return sum(line.delivery == delivery for line in record.lines)


def _text(line: Line) -> str:
    """With what stood beside it, in brackets."""
    beside = [" · ".join(filter(None, (card.title, card.price))) for card in line.cards]
    beside += [button.label for button in line.buttons]
    return "\n".join([line.text or f"({line.kind.value})", *(f"[{one}]" for one in beside)])


def _time(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _line_json(record: Record, line: Line, waits: bool) -> LineJson:
    return LineJson(
        conversation=record.conversation,
        id=line.id,
        at=line.at,
        role=line.role,
        speaker=line.speaker,
        kind=line.kind.value,
        text=line.text,
        rung=line.rung.value if line.rung else "",
        delivery=line.delivery,
        delivery_reason=line.delivery_reason,
        waits=waits,
    )


def _conversation_json(record: Record) -> ConversationJson:
    return ConversationJson(
        conversation=record.conversation,
        at=record.at,
        lines=len(record.lines),
        waiting=len(record.waiting),
        unsent=len(record.unsent),
        ambiguous=_number(record, "ambiguous"),
        failed=_number(record, "failed"),
        closed=record.closed.reason if record.closed else "",
    )
