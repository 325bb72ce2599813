"""The parts of models/server that need no server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ports import ChatMessage
from models.server.backoff import Pace, retry_after
from models.server.control import defused
from models.server.estimate import LATIN_SAMPLE, REST_SAMPLE, WIDE_SAMPLE, Content, Estimate, Weights
from models.server.sse import Event, EventReader, SseBroken
from models.server.wire import read_error

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)


@settings(max_examples=50)
@given(st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=5), st.sampled_from(["\n", "\r", "\r\n"]), st.data())
def test_events_come_whole_in_whatever_parts(events: list[list[str]], end: str, data: st.DataObject) -> None:
    lines = []
    for event in events:
        lines += [": keep-alive", "", "id: 1", *(f"data: {text}" for text in event), ""]
    stream = end.join([*lines, "data: half"]).encode()
    reader, got = EventReader(), []
    while stream:
        size = data.draw(st.integers(0, len(stream)))
        got += reader.feed(stream[: size or 1])
        stream = stream[size or 1 :]
    assert got == [Event("\n".join(event)) for event in events]


def test_events_as_the_standard_has_them() -> None:
    reader = EventReader()
    assert reader.feed("\ufeffdata:a\ndata:  b\ndata\nevent: end\nunknown: x\n\n".encode()) == [Event("a\n b\n", "end")]
    assert reader.feed(b"event: nothing\n\n: only a comment\n\nerror: {}\n\n") == [Event("{}", "error")]
    with pytest.raises(SseBroken, match="no UTF-8"):
        reader.feed(b"data: \xff")
    with pytest.raises(SseBroken, match="never ends"):
        EventReader().feed(b"data: " + b"x" * (9 * 1024 * 1024))


def test_waits_grow_and_have_jitter() -> None:
    pace = Pace(first_s=1, most_s=10)
    waits = [{pace.delay(n) for _ in range(50)} for n in (0, 1, 2, 3, 4, 5_000)]
    assert all(len(some) > 1 for some in waits)
    for some, top in zip(waits, (1, 2, 4, 8, 10, 10), strict=True):
        assert top / 2 <= min(some) <= max(some) <= top


def test_retry_after() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    given = [
        retry_after({"retry-after": value}) for value in ("2.5", "-3", later, "Sun, 06 Nov 1994 08:49:37 GMT", "soon")
    ]
    assert (given[0], given[1], given[3], given[4]) == (2.5, 0, 0, 0)
    assert 90 < given[2] <= 100
    assert retry_after({}) == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "a", "type": "t", "code": 400, "param": null}}', "a"),
        ('{"error": "b"}', "b"),
        ('{"object": "error", "message": "c", "code": 40303}', "c"),
        ('{"detail": [{"loc": ["body"], "msg": "d"}]}', '[{"loc": ["body"], "msg": "d"}]'),
        ('{"error": {"code": {"x": 1}, "message": "e"}}', '{"error": {"code": {"x": 1}, "message": "e"}}'),
        ("<html>\n f </html>", "<html> f </html>"),
        ("", ""),
        ("[]", "[]"),
    ],
)
def test_errors_are_read_however_they_are_wrapped(body: str, message: str) -> None:
    assert read_error(body).message == message


# ── names of control tokens ──────────────────────────────────────────────────────────────────────────────

NAMES = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<s>", "</s>", "<bos>", "<eos>",
    "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<｜User｜>", "<｜begin▁of▁sentence｜>",
    "<|channel|>", "<think>", "</think>", "<tool_call>", "[gMASK]", "<sop>", "[SYSTEM_PROMPT]", "<unk>", "<|START_OF_TURN_TOKEN|>",
    "<unused42>", "<0x0A>",
)  # fmt: skip


@given(
    st.lists(
        st.one_of(st.sampled_from(NAMES), st.sampled_from(["<", "<|", "im_end", "|>", " ", "tea", "["])), max_size=8
    )
)
def test_no_name_of_a_control_token_is_left(parts: list[str]) -> None:
    text = "".join(parts)
    got = defused(ChatMessage(role="user", content=text)).content
    assert not [name for name in NAMES if name in got]
    assert got.replace("\u2060", "") == text


def test_other_texts_stay_as_they_are() -> None:
    for text in ("3 < 4 and 5 > 2", "I <3 you", "[ok] see [1]", "a<b c>d", "<a href='x'>", "茶 <- 水 ->"):
        assert defused(ChatMessage(role="user", content=text)).content == text


# ── the estimate ─────────────────────────────────────────────────────────────────────────────────────────


def chat(*texts: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text) for text in texts]


def counted(text: str, wide: float, tail: float, rest: float) -> int:
    """A tokeniser that does just what the estimate supposes."""
    content = Content.of(text)
    return round(content.words + tail * content.tails + wide * content.wide + rest * content.rest)


@settings(max_examples=30)
@given(st.floats(0.4, 3), st.floats(0.3, 2), st.floats(1, 2))
def test_the_estimate_follows_what_answers_say(wide: float, tail: float, rest: float) -> None:
    estimate = Estimate()
    texts = (LATIN_SAMPLE * 3, WIDE_SAMPLE * 3)
    for text in texts:
        for _ in range(8):
            estimate.observe(chat(text), 13 + counted(text, wide, tail, rest))
    for text in texts:
        real = 13 + counted(text, wide, tail, rest)
        assert real <= estimate.count(chat(text)) <= 1.2 * real


@settings(max_examples=50)
@given(st.floats(0.4, 3), st.floats(1, 2), st.floats(1, 2), st.integers(0, 40), st.integers(3, 9))
def test_the_estimate_is_measured(wide: float, tail: float, rest: float, frame: int, message: int) -> None:
    def count(*texts: str) -> int:
        return frame + sum(message + counted(text, wide, tail, rest) for text in texts)

    weights = Weights.measured(
        count("a"), count("a", "a", "a"), count(LATIN_SAMPLE), count(WIDE_SAMPLE), count(REST_SAMPLE)
    )
    estimate = Estimate()
    estimate.measured(weights)
    for texts in ((LATIN_SAMPLE,), (WIDE_SAMPLE,), ("a",) * 9, (WIDE_SAMPLE, LATIN_SAMPLE) * 4):
        real = count(*texts)
        assert 0.9 * real - 2 <= estimate.count(chat(*texts)) <= 1.35 * real + 2


def test_the_first_estimate_is_cautious() -> None:
    """No tokeniser in use makes more than two tokens of a Hanzi on average, or much more than one of a short word."""
    estimate = Estimate()
    assert estimate.count(chat("茶" * 100)) >= 200
    assert estimate.count(chat("tea " * 100)) >= 100
    assert estimate.count(chat("4711" * 25)) >= 100
    assert estimate.count(chat("привет" * 20)) >= 120
    assert estimate.count(chat("🍵" * 50)) >= 150


def test_one_odd_answer_does_not_change_much() -> None:
    estimate = Estimate()
    real = estimate.count(chat(LATIN_SAMPLE))
    for n in range(64):
        estimate.observe(chat(LATIN_SAMPLE), 10 * real if n % 20 == 7 else real)
    assert estimate.count(chat(LATIN_SAMPLE)) <= 1.1 * real
