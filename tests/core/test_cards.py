"""A reply's products and buttons: as messages of their own, beside the text, or as lines of it."""

from __future__ import annotations

from typing import Any

import pytest

from core.botfile import Bot
from core.cards import buttons_as_text, cards_as_text, parts_of, sound_buttons, sound_cards, web_address
from core.errors import ChatClosed, SendAmbiguous, SendFailed
from core.hear import hear
from core.messages import Button, Card, Command, Kind, Line, Outgoing, Reply
from core.ports import Traits
from core.presses import as_said, is_ours, press_id, pressed
from core.respond import line_of_reply
from core.state import Outcome, State
from core.store import Store
from tests.adapters.outboxes import all_sent, sending
from tests.core.channel import Recording
from tests.core.helpers import KEEP, address, message, turn

LONG_JING = Card(
    id="LJ", title="Long *Jing*", price="€24", text="Green\ntea.", url="https://shop.example/(lj)", image="x"
)
RED, WHITE = Card(id="R", title="Red"), Card(id="W", title="White")
MILD = Button(label="Milder", text="Something milder?")
CHEAP = Button(label="Cheaper", text="Something cheaper?")
MAP = Button(label="Map", url="https://shop.example/map")


class Showing(Recording):
    """A platform with these traits."""

    def __init__(self, **traits: object) -> None:
        super().__init__(bot="shop")
        self.traits = Traits.model_validate({"max_chars": 400, "streams": True, **traits})


def reply(text: str = "Teas:", **more: Any) -> Reply:
    return Reply(id="r1", address=address(), text=text, **{"reply_to": "m1", **more})


def seen(parts: list[Outgoing]) -> list[tuple[str, list[str], list[str]]]:
    return [(part.text, [card.id for card in part.cards], [button.label for button in part.buttons]) for part in parts]


@pytest.mark.parametrize(
    ("traits", "wanted"),
    [
        ({"cards": 1, "buttons": 9}, [("a", [], []), ("b", [], []), ("", ["LJ"], []), ("", ["R"], []), ("", ["W"], ["Milder", "Map"])]),
        ({"cards": 2, "buttons": 9}, [("a", [], []), ("b", [], []), ("", ["LJ", "R"], []), ("", ["W"], ["Milder", "Map"])]),
        ({"cards": 9, "cards_with_text": True, "buttons": 9}, [("a", [], []), ("b", ["LJ", "R", "W"], ["Milder", "Map"])]),
    ],
)  # fmt: skip
def test_products_come_after_the_text_and_buttons_under_the_last(
    traits: dict[str, object], wanted: list[tuple[str, list[str], list[str]]]
) -> None:
    parts = parts_of(reply("a\n---\nb", cards=(LONG_JING, RED, WHITE), buttons=(MILD, MAP)), Showing(**traits))
    assert seen(parts) == wanted
    assert [part.part for part in parts] == list(range(len(parts)))
    assert [part.reply_to for part in parts] == ["m1"] + [""] * (len(parts) - 1)


def test_where_nothing_of_the_kind_is_shown_they_are_lines() -> None:
    (part,) = parts_of(reply(cards=(LONG_JING, RED), buttons=(MILD, CHEAP, MAP)), Showing())
    assert part.text == (
        "Teas:\n\n- **[Long \\*Jing\\*](https://shop.example/%28lj%29)** · €24\n  Green tea.\n- **Red**\n\n"
        "You can also write: Something milder? · Something cheaper?\n\n- [Map](https://shop.example/map)"
    )
    assert (part.cards, part.buttons) == ((), ())


def test_buttons_beyond_what_a_platform_takes_are_a_line() -> None:
    (part,) = parts_of(reply(buttons=(MILD, CHEAP), language="zh"), Showing(buttons=1))
    assert (part.text, part.buttons) == ("Teas:\n\n您也可以发送：Something cheaper?", (MILD,))


def test_a_reply_without_them_is_its_text() -> None:
    (part,) = parts_of(reply(), Showing(cards=1, buttons=1))
    assert part == Outgoing(address=address(), reply="r1", text="Teas:", reply_to="m1")
    assert cards_as_text(()) == buttons_as_text((), "en") == ""


@pytest.mark.parametrize(
    ("given", "sound"),
    [
        ("https://shop.example/lj?x=1#y", "https://shop.example/lj?x=1#y"),
        (" http://127.0.0.1:80/x ", "http://127.0.0.1:80/x"),
        ("https://茶.example/龙井 茶.jpg", "https://xn--cl1a.example/%E9%BE%99%E4%BA%95%20%E8%8C%B6.jpg"),
        ("https://shop.example/a%20b{1}", "https://shop.example/a%20b%7B1%7D"),
        ("javascript:alert(1)", ""),
        ("//shop.example/x", ""),
        ("data:image/png;base64,xx", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("https://me:secret@shop.example/", ""),
        ("https://shop.example/\nx", ""),
        ("https://shop.example/" + "x" * 3000, ""),
        ("", ""),
    ],
)
def test_only_web_addresses_go_out(given: str, sound: str) -> None:
    assert web_address(given) == sound


def test_what_cannot_be_shown_is_left_out() -> None:
    (card,) = sound_cards((LONG_JING, Card(id="", title=" ")))
    assert card == LONG_JING.replace(image="")
    nothing, both, bad = Button(label="x"), Button(label="x", text="y", url=MAP.url), Button(label="x", url="ftp://x")
    twice = Button(label="Again", text=" Something milder? ")
    assert sound_buttons((nothing, MILD, both, bad, twice, MAP, Button(label=" ", text="y"))) == (MILD, MAP)


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────


async def commit(store: Store, said: Reply) -> Reply:
    await store.put(message("?", said.address), 0, KEEP)
    (taken,), _ = await store.take_turns(0, "shop", 1, 50)
    turn = taken.read()
    said = said.replace(id=turn.reply_id)
    await store.commit(turn, Outcome(state=State(), lines=(line_of_reply(said),), reply=said), KEEP)
    return said


@pytest.mark.parametrize("fault", [SendFailed("502"), SendAmbiguous("the answer was lost")])
async def test_an_interrupted_reply_goes_on_with_the_product_at_which_it_broke_off(
    store: Store, fault: SendFailed | SendAmbiguous
) -> None:
    channel = Showing(cards=1, buttons=9)
    channel.faults.extend(
        [None, None, fault, None, fault]
    )  # the second product; when the text is edited; then it again
    await commit(store, reply(cards=(LONG_JING, RED, WHITE), buttons=(MILD,)))
    async with sending(store, channel):
        await all_sent(store, address())
    assert seen(list(channel.messages.values())) == [
        ("Teas:", [], []),
        ("", ["LJ"], []),
        ("", ["R"], []),
        ("", ["W"], ["Milder"]),
    ]
    assert [call[:2] for call in channel.calls].count(("send", "p2")) == 1
    assert ("edit", "p2", "") not in channel.calls, "a product that stands there is left alone"


async def test_what_was_shown_of_a_given_up_reply_is_not_shown_again(store: Store) -> None:
    channel = Showing(cards=1)
    channel.faults.extend([None, None, ChatClosed("blocked")])
    await commit(store, reply(cards=(LONG_JING, RED)))
    async with sending(store, channel):
        await all_sent(store, address())
        (letter,) = await store.all_dead_letters()
        assert letter.reply.cards == (LONG_JING, RED)
        assert letter.sent == ("p1", "p2")
        assert await store.requeue(letter)
        await all_sent(store, address())
    assert seen(list(channel.messages.values())) == [("Teas:", [], []), ("", ["LJ"], []), ("", ["R"], [])]


async def test_the_history_keeps_them_and_loses_them_with_the_conversation(store: Store) -> None:
    said = await commit(store, reply(cards=(LONG_JING,), buttons=(MILD,)))
    log, _ = await store.history(address(), 10)
    assert [(line.cards, line.buttons) for line in log] == [((LONG_JING,), (MILD,))]
    await store.put(message("/new", said.address), 0, KEEP)
    (taken,), _ = await store.take_turns(0, "shop", 1, 50)
    await store.commit(taken.read(), Outcome(state=State(), lines=(), erase=True), KEEP)
    assert not (await store.history(address(), 10))[0]


# ── pressing ─────────────────────────────────────────────────────────────────────────────────────────────


class Said:
    """A Transcript of these lines."""

    def __init__(self, *lines: Line) -> None:
        self.lines = lines

    async def read(self, address: object, limit: int = 100) -> tuple[Line, ...]:
        return self.lines


def test_two_buttons_under_one_message_are_both_heard(bot: Bot) -> None:
    """In a group each carries the id of the message under which it stands, so that the answer replies to it."""
    presses = [message(text, group=True, message="m7") for text in (MILD.text, CHEAP.text)]
    heard = hear(turn(*presses), bot, bot.persona())
    assert [one.text for one in heard.meant] == [MILD.text, CHEAP.text]


async def test_the_id_of_a_button_is_understood_by_whoever_gets_it() -> None:
    long = Button(label="Shipping", text="寄到挪威的运费是多少，需要几天才能送到？" * 3)
    short_id, long_id = press_id(MILD.text, 64), press_id(long.text, 64)
    assert max(len(short_id.encode()), len(long_id.encode())) <= 64
    assert is_ours(short_id)
    assert is_ours(long_id)
    known = Said(Line(id="1", role="bot", text="", buttons=(MILD, long)), Line(id="2", role="shopper", text="x"))
    assert await pressed(short_id, "?", address(), None) == MILD.text
    assert await pressed(long_id, "Shipping", address(), known) == long.text
    assert await pressed(long_id, "Shipping", address(), Said()) == "Shipping"
    assert await pressed("other", "Label", address(), known) == ""


def test_a_button_may_ask_for_a_command() -> None:
    assert as_said("/language zh") == (Kind.COMMAND, Command.LANGUAGE, "zh")
    assert as_said("/human") == (Kind.COMMAND, Command.HUMAN, "")
    assert as_said("/unknown thing") == (Kind.TEXT, None, "")
    assert as_said("Something milder?") == (Kind.TEXT, None, "")
