"""A look-up that fails, in every way that HTTP and a shop's API can: a person is named, and the trace says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.messages import Rung
from tests.core.lookup_config import ORDER
from tests.core.lookup_shop import open_talk
from tests.platforms.shop_server import TOKEN, Answers, Cut, Fault, Slow

CONTACT = "mail us: hi@mugs.example"
FAILED = {"en": "I cannot look that up just now", "zh": "我暂时无法查询"}
QUICK = ORDER.replace("    keywords:", "    timeout_s: 0.3\n    keywords:", 1)
FAULTS: dict[str, tuple[Fault, str]] = {
    "500": (Answers(500), "was answered with status 500"),
    "401": (Answers(401), "was refused (401)"),
    "no JSON": (Answers(200, b"<html>"), "was not answered with JSON"),
    "half of it": (Cut(), "failed: RemoteProtocolError"),
    "another shape": (Answers(200, b"[1, 2]"), "something else than one JSON object"),
    "a field is missing": (
        Answers(200, b'{"number": "W12345", "customer": {"email": "ann@tea.example"}}'),
        "without status",
    ),
    "an unknown state": (
        Answers(200, b'{"number": "W12345", "customer": {"email": "ann@tea.example"}, "status": "eaten"}'),
        "with a status that is not",
    ),
    "too long": (Answers(200, b'"' + b"x" * 70_000 + b'"'), "more than 65536 bytes"),
    "to another server": (Answers(302, headers={"Location": "http://localhost:1/x"}), "sent on to another server"),
    "too slow": (Slow(), "was not answered within 0.3 s"),
    "byte by byte": (Slow(drip=True), "was not answered within 0.3 s"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failure_leads_to_a_person_and_the_trace_says_why(tmp_path: Path, fault: str) -> None:
    made, why = FAULTS[fault]
    async with open_talk(tmp_path, lookups=QUICK if isinstance(made, Slow) else ORDER) as talk:
        await talk.say("where is my order W12345? I am ann@tea.example")
        talk.server.faults.append(made)
        text = await talk.say("yes")
        assert text.startswith(FAILED["en"])
        assert CONTACT in text
        assert talk.reply.rung is Rung.UNKNOWN
        assert talk.outcome is not None
        assert talk.outcome.trace is not None
        (finding,) = talk.outcome.trace.findings
        assert why in finding
        assert "ann@" not in finding
        assert TOKEN not in talk.outcome.to_json()
        assert (await talk.say("where is my order?")).startswith("Order W12345"), "it need not be confirmed again"


async def test_a_server_that_is_not_there_in_chinese(tmp_path: Path) -> None:
    async with open_talk(tmp_path) as talk:
        await talk.say("我的订单W12345到哪了？邮箱ann@tea.example")
        await talk.server.__aexit__()
        assert (await talk.say("是")).startswith(FAILED["zh"])
        assert talk.reply.rung is Rung.UNKNOWN
