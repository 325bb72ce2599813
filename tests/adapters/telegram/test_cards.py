"""Products and buttons on Telegram: pictures with captions, keyboards, and what pressing a button asks."""

from __future__ import annotations

import pytest

from adapters.telegram import TelegramChannel
from adapters.telegram.cards import PRESS_BYTES, caption, keyboard
from adapters.telegram.rendering import units
from core.inbox import StoredTranscript
from core.messages import Address, Button, Card, Command, Kind
from core.store import Store
from tests.adapters.outboxes import all_sent, answered, asked, deliveries, draft, sending
from tests.adapters.telegram.helpers import FAST, RecordingInbox, listening, outgoing, scaled
from tests.platforms.telegram_buttons import buttons_of
from tests.platforms.telegram_faults import DROP_AFTER, Refuse, rate_limit, server_error
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Chat, Message

LONG_JING = Card(
    id="LJ-50",
    title="Long Jing 龙井",
    text="Pan-fired green tea, picked in April.",
    price="€24.00 / 50 g",
    url="https://shop.example/lj",
    image="https://cdn.shop.example/lj.jpg",
)
RED = Card(id="DH", title="Da Hong Pao", price="€30.00", url="https://shop.example/dhp")
MILD = Button(label="Something milder", text="Do you have something milder?")
LONG = Button(label="Shipping", text="How much is the shipping to Norway, and how long does it take? 寄到挪威多少钱？")
MAP = Button(label="Map", url="https://shop.example/map")


@pytest.fixture
def chat(server: TelegramServer) -> Chat:
    server.picture(LONG_JING.image)
    return server.private("Anna")


@pytest.fixture
def address(chat: Chat) -> Address:
    return Address(bot="teahouse", platform="telegram", chat=str(chat.id))


def rows(message: Message) -> list[list[str]]:
    return [[button["text"] for button in row] for row in message.raw["reply_markup"]["inline_keyboard"]]


async def test_products_follow_the_text_and_buttons_stand_under_the_last(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    await answered(store, await asked(store, address), "**Two** teas:", (LONG_JING, RED), (MILD, MAP))
    async with sending(store, channel):
        await all_sent(store, address)
    text, picture, plain = server.replies(chat)
    assert text.text == "Two teas:"
    assert picture.raw["photo"][0]["file_id"] == LONG_JING.image
    assert picture.text == "Long Jing 龙井\n€24.00 / 50 g\n\nPan-fired green tea, picked in April."
    assert picture.styled("text_link") == picture.styled("bold") == ["Long Jing 龙井"]
    assert "photo" not in plain.raw
    assert plain.text == "Da Hong Pao\n€30.00"
    assert plain.entities[-1]["url"] == RED.url
    assert "reply_markup" not in text.raw
    assert "reply_markup" not in picture.raw
    assert rows(plain) == [["Something milder", "Map"]]
    assert [call.params.get("disable_notification") for call in server.calls_of("sendPhoto")] == ["true"]
    assert await deliveries(store, address) == [""]


@pytest.mark.parametrize("fault", ["gone", "page", "no pictures here", "nothing can be fetched"])
async def test_a_picture_that_fails_costs_the_picture_only(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address, fault: str
) -> None:
    card = LONG_JING.replace(image="https://cdn.shop.example/other.jpg")
    if fault == "page":
        server.picture(card.image, is_page=True)
    elif fault == "no pictures here":
        server.fail("sendPhoto", Refuse(400, "Bad Request: not enough rights to send photos to the chat"))
    elif fault == "nothing can be fetched":
        server.fail("sendPhoto", Refuse(400, "Bad Request: IMAGE_PROCESS_FAILED"), times=None)
    await answered(store, await asked(store, address), "One tea:", (card,), (MILD,))
    async with sending(store, channel):
        await all_sent(store, address)
    _, shown = server.replies(chat)
    assert "photo" not in shown.raw
    assert shown.text.startswith("Long Jing 龙井\n€24.00")
    assert shown.styled("text_link") == ["Long Jing 龙井"]
    assert rows(shown) == [["Something milder"]]
    assert await deliveries(store, address) == [""]


async def test_a_failing_product_is_tried_again_and_those_before_it_are_not(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    server.fail("sendPhoto", rate_limit(0))
    server.fail("sendPhoto", server_error(502))
    await answered(store, await asked(store, address), "Teas:", (RED, LONG_JING), (MILD,))
    async with sending(store, channel):
        await all_sent(store, address)
    assert [message.text.partition("\n")[0] for message in server.replies(chat)] == [
        "Teas:",
        "Da Hong Pao",
        "Long Jing 龙井",
    ]
    assert len(server.calls_of("sendMessage")) == 2
    assert server.calls_of("editMessageCaption") == []
    assert await deliveries(store, address) == [""]


async def test_a_picture_whose_answer_was_lost_is_on_record(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    server.fail("sendPhoto", DROP_AFTER)
    await answered(store, await asked(store, address), "A tea:", (LONG_JING,))
    async with sending(store, channel):
        await all_sent(store, address)
    assert len(server.replies(chat)) == 3, "the text once, the picture twice"
    assert await deliveries(store, address) == ["ambiguous"]


async def test_a_chat_that_is_closed_between_two_products_gets_the_rest_when_it_is_tried_again(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    server.fail("sendPhoto", Refuse(403, "Forbidden: bot was blocked by the user"))
    await answered(store, await asked(store, address), "Teas:", (RED, LONG_JING))
    async with sending(store, channel):
        await all_sent(store, address)
        (letter,) = await store.all_dead_letters()
        assert len(letter.sent) == 2
        assert await store.requeue(letter)
        await all_sent(store, address)
    assert [message.text.partition("\n")[0] for message in server.replies(chat)] == [
        "Teas:",
        "Da Hong Pao",
        "Long Jing 龙井",
    ]


async def test_an_answer_that_grew_gets_its_keyboard_and_keeps_it(
    server: TelegramServer, channel: TelegramChannel, store: Store, chat: Chat, address: Address
) -> None:
    turn = await asked(store, address)
    async with sending(store, channel):
        await store.publish(draft(turn, "We have"))
        await server.until(lambda: [message.text for message in server.replies(chat)] == ["We have"])
        await answered(store, turn, "We have tea.", buttons=(MILD,))
        await all_sent(store, address)
        (message,) = server.replies(chat)
        final = outgoing(chat.id, "We have tea.", reply=turn.reply_id).replace(buttons=(MILD,))
        await channel.edit(str(message.id), final)
        assert server.calls_of("editMessageText")[-1].status == 400, "not modified"
        await channel.edit(str(message.id), final.replace(text="We have good tea."))
    assert message.text == "We have good tea."
    assert rows(message) == [["Something milder"]]


async def test_buttons_that_telegram_refuses_become_lines(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    here = Button(label="Map", url="http://localhost/map")
    message = outgoing(chat.id, "We are here.").replace(buttons=(MILD, here))
    sent = await channel.send(message)
    text = "We are here.\n\nYou can also write: Do you have something milder?\n\n• Map (http://localhost/map)"
    assert server.replies(chat)[0].text == text
    await channel.edit(sent, message)
    assert server.replies(chat)[0].text == text
    card = message.replace(text="", cards=(LONG_JING,), reply="r2")
    await channel.send(card)
    assert server.replies(chat)[1].text.endswith("picked in April.\n\n" + text.partition("\n\n")[2])


def test_a_caption_fits_and_cuts_no_character() -> None:
    card = LONG_JING.replace(title="茶\n😀" * 300, text="😀好 " * 2000, price="€" * 300)
    under, alone = caption(card, picture=True), caption(card, picture=False)
    assert 1000 < units(under.text) <= 1024
    assert 4000 < units(alone.text) <= 4096
    assert under.text.endswith("…")
    assert "\ufffd" not in under.text
    assert all(entity.offset + entity.length <= units(under.text) for entity in under.entities)
    nowhere = LONG_JING.replace(url="http://localhost/lj")
    assert "http://localhost/lj" in caption(nowhere, picture=True).text
    assert caption(Card(id="x", title="Only this"), picture=False).text == "Only this"


def test_short_buttons_stand_side_by_side() -> None:
    labels = ["Yes", "No", "是的", "A much longer label than these", "More"]
    markup = keyboard([Button(label=label, text=label) for label in labels])
    assert markup is not None
    found = [[button.text for button in row] for row in markup.inline_keyboard]
    assert found == [["Yes", "No", "是的"], ["A much longer label than these"], ["More"]]


# ── pressing ─────────────────────────────────────────────────────────────────────────────────────────────


async def shown(channel: TelegramChannel, server: TelegramServer, chat: Chat, *buttons: Button) -> Message:
    await channel.send(outgoing(chat.id, "What next?").replace(buttons=buttons))
    return server.replies(chat)[-1]


async def test_pressing_a_button_asks_its_text(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, chat: Chat
) -> None:
    message = await shown(channel, server, chat, MILD, Button(label="Talk to a person", text="/human"))
    async with listening(channel, inbox):
        press = server.user_presses(message, "Something milder")
        await server.until(lambda: press.answered)
        human = server.user_presses(message, "Talk to a person")
        await server.until(lambda: human.answered)
    asked, command = inbox.messages
    assert (asked.text, asked.kind, asked.sender.name) == (MILD.text, Kind.TEXT, "Anna")
    assert (asked.address.chat, asked.message, asked.group) == (str(chat.id), "", False)
    assert (command.command, command.kind) == (Command.HUMAN, Kind.COMMAND)
    assert press.answered == {"text": "", "show_alert": False}


async def test_a_press_is_stored_before_it_is_answered_and_once(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, chat: Chat
) -> None:
    message = await shown(channel, server, chat, MILD)
    inbox.refuse = 2
    async with listening(channel, inbox):
        press = server.user_presses(message, "Something milder")
        await server.until(lambda: press.answered)
        assert len(inbox.refused) == 2
        polls = len(server.calls_of("getUpdates"))
        server.duplicate_updates()
        await server.until(lambda: len(server.calls_of("getUpdates")) > polls + 2)
        assert inbox.texts == [MILD.text]
        server.user_presses(message, "Something milder")
        await server.until(lambda: len(inbox.messages) == 2)
    assert inbox.texts == [MILD.text] * 2, "pressed again, asked again"


async def test_a_failing_answer_to_a_press_holds_nothing_up(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, chat: Chat
) -> None:
    message = await shown(channel, server, chat, MILD)
    server.fail("answerCallbackQuery", server_error(502), times=None)
    async with listening(channel, inbox):
        server.user_presses(message, "Something milder")
        server.user_says(chat, "And green tea?")
        await server.until(lambda: len(inbox.messages) == 2)
    assert inbox.texts == [MILD.text, "And green tea?"]


async def test_a_long_text_is_found_in_the_history_also_in_another_process(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, store: Store, chat: Chat, address: Address
) -> None:
    assert len(LONG.text.encode()) > PRESS_BYTES
    await answered(store, await asked(store, address), "What next?", buttons=(MILD, LONG))
    async with sending(store, channel):
        await all_sent(store, address)
    (message,) = server.replies(chat)
    assert all(len(button["callback_data"].encode()) <= PRESS_BYTES for button in buttons_of(message))
    other = TelegramChannel(
        bot="teahouse",
        token=server.token,
        api_url=server.url,
        timing=FAST,
        rates=scaled(1e-6),
        transcript=StoredTranscript(store),
    )
    async with listening(other, inbox):
        for old in (False, True):
            press = server.user_presses(message, LONG.label, old=old)
            await server.until(lambda: press.answered)  # noqa: B023
    await other.close()
    assert inbox.texts == [LONG.text] * 2


async def test_without_the_history_the_label_is_asked_and_an_old_button_says_that_it_is(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, chat: Chat
) -> None:
    message = await shown(channel, server, chat, LONG)
    async with listening(channel, inbox):
        press = server.user_presses(message, LONG.label)
        await server.until(lambda: press.answered)
        old = server.user_presses(message, LONG.label, old=True)
        await server.until(lambda: old.answered)
    assert inbox.texts == [LONG.label]
    assert press.answered == {"text": "", "show_alert": False}
    assert old.answered
    assert old.answered["show_alert"]
    assert "no longer" in old.answered["text"]


async def test_in_a_group_whoever_presses_is_answered_where_the_button_stands(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    anna, bo = server.user("Anna"), server.user("Bo", language="zh-hans")
    forum = server.group("Tea", [anna, bo], forum=True)
    topic = server.topic(forum, "Green")
    await channel.send(outgoing(forum.id, "Next?", thread=f"topic-{topic}").replace(buttons=(MILD,)))
    message = server.replies(forum)[-1]
    async with listening(channel, inbox):
        press = server.user_presses(message, MILD.label, user=bo)
        await server.until(lambda: press.answered)
        old = server.user_presses(message, MILD.label, user=bo, old=True)
        await server.until(lambda: old.answered)
    (asked,) = inbox.messages
    assert (asked.sender.name, asked.group, asked.addressed) == ("Bo", True, True)
    assert (asked.address.thread, asked.message) == (f"topic-{topic}", str(message.id))
    assert old.answered
    assert "失效" in old.answered["text"], "nobody knows in which topic it stands"


async def test_an_update_of_a_press_without_a_message_is_none(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, chat: Chat
) -> None:
    sender = {"id": 5, "is_bot": False, "first_name": "X"}
    async with listening(channel, inbox):
        server.raw_update({"callback_query": {"id": "1", "from": sender, "chat_instance": "1", "data": "=hello"}})
        server.user_says(chat, "hi")
        await server.until(lambda: inbox.messages)
    assert inbox.texts == ["hi"]
