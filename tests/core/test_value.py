"""What the values that travel are made of: how they are written, read, and a part of something else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, ValidationError

from core.messages import Address, Card, Kind, Line, Reply, Rung
from core.state import State, Trace, TraceCheck, TracePassage

AT = datetime(2026, 11, 22, 9, 30, 0, 250_000, UTC)


class Shown(BaseModel):
    cards: tuple[Card, ...]
    trace: Trace | None = None


def test_what_is_as_usual_is_not_written_and_what_is_written_is_read() -> None:
    line = Line(id="u1", role="shopper", text="你好", kind=Kind.TEXT, at=AT)
    assert json.loads(line.to_json()) == {
        "id": "u1",
        "role": "shopper",
        "text": "你好",
        "at": "2026-11-22T09:30:00.250000Z",
    }
    assert Line.from_json(line.to_json()) == line


def test_the_version_of_what_is_kept_is_always_written() -> None:
    assert json.loads(State().to_json())["version"] == 1


def test_what_older_versions_have_written_is_read() -> None:
    """They wrote some values with all that is as usual in them, and times with another number of digits."""
    stored = (
        '{"version":1,"language":"zh","language_chosen":false,"persona":"","greeted":true,"wants_person":false,'
        '"urgent":false,"last_speaker":"4711","looking":null,"wishes":{"speaker":"4711","needs":[{"kind":"budget",'
        '"value":"30","said":"30欧","high":"30.00"}],"consent":"asked","from_a_newer_version":{"a":[1]}}}'
    )
    state = State.from_json(stored)
    assert state.wishes is not None
    assert str(state.wishes.needs[0].high) == "30.00"
    line = Line.from_json('{"id":"r","role":"bot","text":"Yes.","rung":"grounded","at":"2026-11-22T09:30:00.25Z"}')
    assert (line.rung, line.at) == (Rung.GROUNDED, AT)


@pytest.mark.parametrize(
    "stored", ["", "[]", "null", '{"id":"u1"}', '{"id":1,"role":"shopper","text":"","at":"2026-11-22T09:30:00Z"}']
)
def test_what_is_no_such_value_is_refused(stored: str) -> None:
    with pytest.raises(ValueError, match="no Line: "):
        Line.from_json(stored)


def test_values_are_frozen_equal_by_what_is_in_them_and_changed_by_making_another() -> None:
    address = Address(bot="teahouse", platform="telegram", chat="1")
    assert address.id == "teahouse/telegram/1"
    assert address.replace(chat="2").id == "teahouse/telegram/2"
    assert {address, Address(bot="teahouse", platform="telegram", chat="1")} == {address}
    with pytest.raises(AttributeError):
        address.chat = "3"  # type: ignore[misc]


def test_inside_a_pydantic_model_they_are_checked_and_written_in_full() -> None:
    check = TraceCheck(text="x", kind="amount", claim="3", finding="no")
    trace = Trace(
        id="t", reply="r", persona="lin", persona_version="1", rung="grounded", question="?", language="en",
        passages=(TracePassage(id="notes/a", score=0.5),), at=AT, checks=(check,),
    )  # fmt: skip
    shown = Shown(cards=(Card(id="T-1", title="Tea"),), trace=trace)
    written = json.loads(shown.model_dump_json())
    assert written["cards"] == [{"id": "T-1", "title": "Tea", "text": "", "price": "", "url": "", "image": ""}]
    assert written["trace"]["passages"] == [{"id": "notes/a", "score": 0.5}]
    assert written["trace"]["at"] == "2026-11-22T09:30:00.250000Z"
    assert Shown.model_validate_json(shown.model_dump_json()) == shown
    with pytest.raises(ValidationError, match="title"):
        Shown.model_validate({"cards": [{"id": "T-1"}]})


def test_a_reply_is_written_without_what_it_does_not_have() -> None:
    reply = Reply(id="r", address=Address(bot="b", platform="p", chat="1"), text="Yes.", at=AT)
    assert set(json.loads(reply.to_json())) == {"id", "address", "text", "at"}
