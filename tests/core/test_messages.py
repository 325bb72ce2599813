"""The values that travel through Kefu."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import Address


@pytest.mark.parametrize(
    ("chat", "thread", "name"),
    [
        ("4711", "", "teahouse/telegram/4711"),
        ("4711", "12", "teahouse/telegram/4711/12"),
        ("a/b", "", "teahouse/telegram/a%2Fb"),
        ("50%", "x/", "teahouse/telegram/50%25/x%2F"),
        ("a%2Fb", "", "teahouse/telegram/a%252Fb"),
    ],
)
def test_a_conversation_is_named_after_its_address(chat: str, thread: str, name: str) -> None:
    assert Address(bot="teahouse", platform="telegram", chat=chat, thread=thread).id == name


PART = st.text("a/%2F", min_size=1, max_size=5)


@given(st.tuples(PART, PART), st.tuples(PART, PART))
def test_two_places_never_share_a_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    names = [Address(bot="b", platform="p", chat=chat, thread=thread).id for chat, thread in (one, other)]
    assert (names[0] == names[1]) == (one == other)
