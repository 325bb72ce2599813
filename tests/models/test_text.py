from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text import TextStream


@given(st.text(), st.lists(st.text(min_size=1, max_size=4), max_size=3), st.data())
def test_any_cut_gives_the_same_text(text: str, stops: list[str], data: st.DataObject) -> None:
    raw = text.encode("utf-8", "replace")
    text = raw.decode()
    stream, shown, at = TextStream(stops), "", 0
    while at < len(raw):
        size = data.draw(st.integers(1, 5))
        shown += stream.feed(raw[at : at + size])
        assert not any(stop in shown for stop in stops)
        at += size
    shown += stream.end()
    found = min((text.find(stop) for stop in stops if stop in text), default=len(text))
    # The earliest stop ends the text; a longer one that began before it may have been cut short by the same token.
    assert text.startswith(shown)
    assert not any(stop in shown for stop in stops)
    assert len(shown) >= found if stream.stopped or not stops else shown == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(b"\xe8\x8c\xb6", "茶"), (b"\xe8\x8c", ""), (b"a\xffb", "a\ufffdb"), ("👍🏽".encode()[:6], "👍"), (b"", "")],
)
def test_broken_bytes(raw: bytes, shown: str) -> None:
    stream = TextStream()
    assert "".join(stream.feed(raw[at : at + 1]) for at in range(len(raw))) + stream.end() == shown
