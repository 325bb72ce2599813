"""`python -m bots record`, as an operator reads it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bots.valkey import open_store
from core.messages import Address, Incoming, Line, Person, Reply, Rung, now
from core.state import Closed, DeadLetter, Outcome, State, Turn
from core.store import Retention, Store
from tests.bots.running import command

KEEP = Retention(ttl_ms=600_000, lines=100)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """The store of the commands that run in this folder."""
    async with open_store("", tmp_path / "data") as opened:
        yield opened


def address(chat: str) -> Address:
    return Address(bot="teahouse", platform="telegram", chat=chat)


async def asked(store: Store, chat: str, text: str) -> Incoming:
    sender = Person(id=chat, name="Ann")
    message = Incoming(address=address(chat), update=text, message="7", sender=sender, text=text)
    await store.put(message, 0, KEEP)
    return message


async def answered(store: Store, chat: str, text: str, ago: timedelta = timedelta()) -> Turn:
    message = await asked(store, chat, f"{text}?")
    (taken,), _ = await store.take_turns(0, "teahouse", 1, 50)
    turn = taken.read()
    at = now() - ago
    question = Line(id=message.update, role="shopper", text=message.text, at=at)
    answer = Line(id=turn.reply_id, role="bot", text=text, rung=Rung.QUOTED, at=at)
    reply = Reply(id=turn.reply_id, address=turn.address, text=text)
    await store.commit(turn, Outcome(state=State(), lines=(question, answer), reply=reply), KEEP)
    return turn


async def delivered(store: Store, *, doubtful: str = "", dead: str = "", closed: str = "") -> None:
    """What the outbox records of the one reply that waits."""
    (taken,), _ = await store.take_unsent(0, "teahouse", "telegram", 1)
    unsent = taken.read()
    shown = unsent.shown.replace(unanswered="", doubtful=doubtful)
    letter = DeadLetter(reply=unsent.reply, reason=dead) if dead else None
    await store.sent(unsent, shown, letter, Closed(reason=closed) if closed else None)


async def test_all_of_a_conversation(store: Store, tmp_path: Path) -> None:
    await answered(store, "4711", "[Long Jing] 12 EUR")
    await delivered(store)
    await answered(store, "4711", "Assam 8 EUR")
    await delivered(store, doubtful="the answer was lost")
    await answered(store, "4711", "Sencha 9 EUR")
    await delivered(store, dead="ChatClosed: blocked", closed="blocked")
    _, table, _ = await command(tmp_path, "record", "teahouse/telegram/4711")
    assert "closed since" in " ".join(table.split())
    await answered(store, "4711", "Dian Hong 10 EUR")
    await asked(store, "4711", "and parking?")

    code, table, err = await command(tmp_path, "record", "teahouse/telegram/4711")
    assert code == 0, err
    for text in ("[Long Jing] 12 EUR", "may stand there twice", "not delivered", "waits to be sent", "and parking?"):
        assert text in " ".join(table.split()), table
    assert "closed since" not in table, "somebody has written since"

    code, out, _ = await command(tmp_path, "record", "teahouse/telegram/4711", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["role"], line["delivery"], line["delivery_reason"], line["waits"]) for line in lines] == [
        ("shopper", "", "", False),
        ("bot", "", "", False),
        ("shopper", "", "", False),
        ("bot", "ambiguous", "the answer was lost", False),
        ("shopper", "", "", False),
        ("bot", "failed", "ChatClosed: blocked", False),
        ("shopper", "", "", False),
        ("bot", "", "", True),
        ("shopper", "", "", True),
    ]
    assert {line["conversation"] for line in lines} == {"teahouse/telegram/4711"}
    assert lines[1]["rung"] == "quoted"


async def test_the_latest_conversations(store: Store, tmp_path: Path) -> None:
    code, out, _ = await command(tmp_path, "record")
    assert (code, "No conversations yet" in out) == (0, True)
    for number in range(22):
        await answered(store, f"chat:{number}", f"tea {number}", timedelta(minutes=100 - number))
        await delivered(store, doubtful="the answer was lost" if number == 20 else "")
    await asked(store, "new", "hello?")
    code, out, _ = await command(tmp_path, "record", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    names = [f"teahouse/telegram/{name}" for name in ("new", *(f"chat:{number}" for number in range(21, 2, -1)))]
    assert [one["conversation"] for one in found] == names, "the newest twenty"
    assert [(one["lines"], one["waiting"], one["unsent"], one["ambiguous"]) for one in found[:3]] == [
        (0, 1, 0, 0),
        (2, 0, 0, 0),
        (2, 0, 0, 1),
    ]
    code, table, _ = await command(tmp_path, "record")
    assert "tea 20" in table
    assert "teahouse on telegram: 1 reply may have been shown twice" in " ".join(table.split())


async def test_a_conversation_that_is_none(store: Store, tmp_path: Path) -> None:
    code, _, err = await command(tmp_path, "record", "teahouse/telegram/none")
    assert code == 1
    assert "nothing is kept of such a conversation" in " ".join(err.split())
    assert "python -m bots record" in " ".join(err.split())
