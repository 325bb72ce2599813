"""Products and buttons on Discord: embeds and components, through the real discord.py, and what pressing a button asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.discord import DiscordChannel
from adapters.discord.cards import PRESS_BYTES
from core.inbox import StoredTranscript
from core.messages import Button, Card, Command, Kind, Outgoing
from core.store import Store
from tests.adapters.discord.parts import address, channel_for, listening, outgoing, stored
from tests.adapters.outboxes import all_sent, answered, asked, deliveries, draft, sending
from tests.platforms.discord_bodies import Callback
from tests.platforms.discord_faults import Fault, dropped, too_many
from tests.platforms.discord_rest import Call
from tests.platforms.discord_server import CALLBACK, EDIT, SEND, DiscordServer
from tests.platforms.discord_values import SILENT, SUPPRESS_EMBEDS, Channel, Message

LONG_JING = Card(
    id="LJ-50",
    title="Long Jing 龙井",
    text="Pan-fired *green* tea.",
    price="€24.00 / 50 g",
    url="https://shop.example/lj",
    image="https://cdn.shop.example/lj.jpg",
)
RED = Card(id="DH", title="Da Hong Pao", price="€30.00", image="https://cdn.shop.example/dhp.jpg")
MILD = Button(label="Something milder", text="Do you have something milder?")
LONG = Button(
    label="Shipping",
    text="How much is the shipping to Norway, and how long does it take? 寄到挪威多少钱？几天能到？谢谢！",
)
MAP = Button(label="Map", url="https://shop.example/map")


@pytest.fixture
def where(server: DiscordServer) -> Channel:
    return server.dm(server.user("Mei"))


def with_extras(message: Outgoing, *, cards: tuple[Card, ...] = (), buttons: tuple[Button, ...] = ()) -> Outgoing:
    return message.replace(cards=cards, buttons=buttons)


def labels(message: Message) -> list[object]:
    return [button["label"] for button in message.buttons]


async def test_products_are_embeds_of_one_message_under_which_the_buttons_stand(
    server: DiscordServer, store: Store, where: Channel
) -> None:
    turn = await asked(store, address(where))
    await answered(store, turn, "**Two** teas: https://shop.example", (LONG_JING, RED), (MILD, MAP))
    async with sending(store, channel_for(server)):
        await all_sent(store, address(where))
    text, products = server.from_bot(where)
    assert text.flags == SUPPRESS_EMBEDS
    assert text.buttons == ()
    first, second = products.embeds
    assert first["title"] == "Long Jing 龙井"
    assert first["url"] == LONG_JING.url
    assert first["description"] == r"Pan-fired \*green\* tea."
    assert first["fields"] == [{"name": "Price", "value": "€24.00 / 50 g", "inline": True}]
    assert (first["thumbnail"], "image" in first) == ({"url": LONG_JING.image}, False)
    assert "url" not in second
    assert (products.content, products.flags) == ("", SILENT)
    assert labels(products) == ["Something milder", "Map"]
    assert await deliveries(store, address(where)) == [""]


async def test_one_product_has_a_large_picture_and_the_shoppers_language(server: DiscordServer, where: Channel) -> None:
    await channel_for(server).send(with_extras(outgoing(where, "", part=1, language="zh"), cards=(LONG_JING,)))
    (embed,) = server.from_bot(where)[0].embeds
    assert embed["image"] == {"url": LONG_JING.image}
    assert embed["fields"] == [{"name": "价格", "value": LONG_JING.price, "inline": True}]


@pytest.mark.parametrize("fault", [dropped("first"), dropped("never"), too_many(0.01)])
async def test_what_fails_is_made_again_and_shown_once(
    server: DiscordServer, store: Store, where: Channel, fault: Fault
) -> None:
    await answered(store, await asked(store, address(where)), "A tea:", (LONG_JING,), (MILD,))
    faults = [fault]

    def fail_after_the_text(call: Call) -> None:
        if call.made and faults:
            server.fail(SEND, faults.pop())

    server.when_acted(fail_after_the_text)
    async with sending(store, channel_for(server)):
        await all_sent(store, address(where))
    assert [len(message.embeds) for message in server.from_bot(where)] == [0, 1]


async def test_many_long_products_fit(server: DiscordServer, where: Channel) -> None:
    long = LONG_JING.replace(title="茶*" * 400, text="_😀_" * 3000, price="€" * 900)
    await channel_for(server).send(with_extras(outgoing(where, "", part=1), cards=(long,) * 10))
    assert len(server.from_bot(where)[0].embeds) == 10


async def test_without_the_right_to_embed_products_are_text(server: DiscordServer) -> None:
    shop = server.text_channel("shop")
    server.forbid(shop, "embed")
    message = with_extras(outgoing(shop, "", part=1), cards=(LONG_JING, RED), buttons=(MILD,))
    await channel_for(server).send(message)
    (shown,) = server.from_bot(shop)
    assert shown.content == (
        "- **[Long Jing 龙井](https://shop.example/lj)** · €24.00 / 50 g\n  Pan-fired \\*green\\* tea.\n"
        "- **Da Hong Pao** · €30.00\n\nYou can also write: Do you have something milder?"
    )


async def test_buttons_that_discord_refuses_become_lines(server: DiscordServer, where: Channel) -> None:
    far = Button(label="Map", url="https://shop.example/" + "m" * 600)
    channel = channel_for(server)
    sent = await channel.send(with_extras(outgoing(where, "Here."), buttons=(MILD, far)))
    text = f"Here.\n\nYou can also write: {MILD.text}\n\n- [Map]({far.url})"
    assert server.texts(where) == [text]
    await channel.edit(sent, with_extras(outgoing(where, "Here!"), buttons=(MILD, far)))
    assert server.texts(where) == [text.replace("Here.", "Here!")]


async def test_an_answer_that_grew_gets_its_buttons(server: DiscordServer, store: Store, where: Channel) -> None:
    turn = await asked(store, address(where))
    async with sending(store, channel_for(server)):
        await store.publish(draft(turn, "We have"))
        await server.until(lambda: server.texts(where) == ["We have"])
        await answered(store, turn, "We have tea.", buttons=(MILD,))
        await all_sent(store, address(where))
    (message,) = server.from_bot(where)
    assert (message.content, labels(message)) == ("We have tea.", ["Something milder"])


async def test_a_draft_that_turns_out_to_be_the_whole_text_gets_its_buttons(
    server: DiscordServer, where: Channel
) -> None:
    """Its first piece was sent by a process that died: the nonce finds it, with the same text but no buttons."""
    channel = channel_for(server)
    await channel.send(outgoing(where, "Tea.", final=False))
    await channel.send(with_extras(outgoing(where, "Tea."), buttons=(MILD,)))
    (message,) = server.from_bot(where)
    assert labels(message) == ["Something milder"]
    assert len(server.called(EDIT)) == 1


# ── pressing ─────────────────────────────────────────────────────────────────────────────────────────────


async def shown(server: DiscordServer, channel: DiscordChannel, where: Channel, *buttons: Button) -> Message:
    await channel.send(with_extras(outgoing(where, "What next?"), buttons=buttons))
    return server.from_bot(where)[-1]


async def test_pressing_a_button_asks_its_text(server: DiscordServer) -> None:
    mei, channel = server.user("Mei"), channel_for(server)
    where = server.dm(mei)
    message = await shown(server, channel, where, MILD, Button(label="A person", text="/human"))
    async with listening(server, channel) as inbox:
        press = await server.press(message, "Something milder", user=mei, locale="zh-CN")
        human = await server.press(message, "A person", user=mei)
        said, command = await stored(server, inbox, 2)
        await server.until(lambda: press.callback and human.callback)
    assert (said.text, said.kind, said.sender.name, said.sender.language) == (MILD.text, Kind.TEXT, "Mei", "zh-CN")
    assert (said.address, said.message, said.group) == (address(where), "", False)
    assert (command.command, command.kind) == (Command.HUMAN, Kind.COMMAND)
    assert press.callback == Callback(type=6)


async def test_in_a_channel_the_answer_replies_to_the_message_with_the_buttons(server: DiscordServer) -> None:
    mei, channel = server.user("Mei"), channel_for(server)
    where = server.text_channel("shop")
    message = await shown(server, channel, where, MILD)
    async with listening(server, channel) as inbox:
        await server.press(message, "Something milder", user=mei)
        (said,) = await stored(server, inbox)
    assert (said.group, said.addressed, said.message) == (True, True, message.id)


async def test_a_press_that_comes_twice_is_stored_once_and_one_while_the_store_is_away_is_kept(
    server: DiscordServer,
) -> None:
    mei, channel = server.user("Mei"), channel_for(server)
    where = server.dm(mei)
    message = await shown(server, channel, where, MILD)
    async with listening(server, channel) as inbox:
        server.duplicate_next()
        await server.press(message, "Something milder", user=mei)
        await server.until(lambda: len(inbox.tries) == 2)
        assert inbox.texts == [MILD.text]
        inbox.away = True
        press = await server.press(message, "Something milder", user=mei)
        await server.until(lambda: press.callback)
        assert press.callback is not None
        assert press.callback.data is not None
        assert "is kept" in press.callback.data.content
        inbox.away = False
        await stored(server, inbox, 2)


async def test_an_acknowledgement_that_fails_loses_no_press(server: DiscordServer) -> None:
    mei, channel = server.user("Mei"), channel_for(server)
    message = await shown(server, channel, server.dm(mei), MILD)
    async with listening(server, channel) as inbox:
        server.fail(CALLBACK, dropped("never"))
        await server.press(message, "Something milder", user=mei)
        await stored(server, inbox)
    assert inbox.texts == [MILD.text]


async def test_a_long_text_is_found_in_the_history_also_after_a_restart(
    server: DiscordServer, store: Store, where: Channel
) -> None:
    assert len(LONG.text.encode()) > PRESS_BYTES
    await answered(store, await asked(store, address(where)), "What next?", buttons=(LONG,))
    async with sending(store, channel_for(server)):
        await all_sent(store, address(where))
    (message,) = server.from_bot(where)
    assert where.recipient is not None
    for transcript, text in ((StoredTranscript(store), LONG.text), (None, LONG.label)):
        again = DiscordChannel(
            bot="teahouse", token=server.token, api_url=server.api_url, threads="never", transcript=transcript
        )
        async with listening(server, again) as inbox:
            await server.press(message, LONG.label, user=where.recipient)
            await stored(server, inbox)
        assert inbox.texts == [text]


async def test_a_button_that_is_none_of_ours_says_so(server: DiscordServer) -> None:
    mei, channel = server.user("Mei"), channel_for(server)
    message = await shown(server, channel, server.dm(mei), MILD)
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Old", "custom_id": "other:1"}]}
    old = server.world.store(replace(message, components=(row,)))
    async with listening(server, channel) as inbox:
        press = await server.press(old, "Old", user=mei)
        await server.until(lambda: press.callback)
    assert inbox.stored == []
    assert press.callback is not None
    assert press.callback.data is not None
    assert press.callback.data.flags == 64
    assert "no longer know" in press.callback.data.content
