"""What the bot sends, as Telegram's server sees it."""

from __future__ import annotations

import pytest

from adapters.telegram import TelegramChannel
from core.errors import SendRejected
from tests.adapters.telegram.helpers import RecordingInbox, listening, outgoing
from tests.platforms.telegram_faults import Refuse
from tests.platforms.telegram_server import TelegramServer


async def test_markdown_becomes_entities(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    sent = await channel.send(
        outgoing(chat.id, "😀 **Long Jing** costs `12 EUR`, see [the page](https://shop.example/lj).\n\n> 好茶")
    )
    [message] = server.replies(chat)
    assert str(message.id) == sent
    assert message.text == "😀 Long Jing costs 12 EUR, see the page.\n\n好茶"
    assert message.styled("bold") == ["Long Jing"]
    assert message.styled("code") == ["12 EUR"]
    assert message.styled("text_link") == ["the page"]
    assert message.styled("blockquote") == ["好茶"]
    assert message.raw["link_preview_options"] == {"is_disabled": True}


async def test_an_answer_grows(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    sent = await channel.send(outgoing(chat.id, "We have **Lo", final=False))
    assert server.replies(chat)[-1].text == "We have Lo"
    await channel.edit(sent, outgoing(chat.id, "We have **Long Jing** and", final=False))
    await channel.edit(sent, outgoing(chat.id, "We have **Long Jing** and Bi Luo Chun."))
    [message] = server.replies(chat)
    assert message.text == "We have Long Jing and Bi Luo Chun."
    assert message.styled("bold") == ["Long Jing"]
    assert message.history == ["We have Lo", "We have Long Jing and"]


async def test_nothing_to_show_yet(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    sent = await channel.send(outgoing(chat.id, "**", final=False))
    assert server.replies(chat)[-1].text == "…"
    await channel.edit(sent, outgoing(chat.id, "", final=False))
    await channel.edit(sent, outgoing(chat.id, "Yes."))
    assert server.replies(chat)[-1].text == "Yes."


async def test_a_long_growing_text_shows_its_first_part(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    await channel.send(outgoing(chat.id, "word " * 2000, final=False))
    assert 4000 < len(server.replies(chat)[-1].text) <= 4096


async def test_not_modified_is_success(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    sent = await channel.send(outgoing(chat.id, "Same *text*."))
    await channel.edit(sent, outgoing(chat.id, "Same *text*."))
    assert server.calls_of("editMessageText")[-1].status == 400


async def test_a_deleted_message_cannot_be_edited(server: TelegramServer, channel: TelegramChannel) -> None:
    """The outbox then sends it anew: so its new id is known and it is not sent again after a crash."""
    chat = server.private("Anna")
    sent = await channel.send(outgoing(chat.id, "We", final=False))
    server.forget(server.replies(chat)[-1])
    for final in (False, True):
        with pytest.raises(SendRejected, match=r"(?i)message to edit not found"):
            await channel.edit(sent, outgoing(chat.id, "We have **tea**.", final=final))
    assert server.replies(chat) == []


@pytest.mark.parametrize(
    "description", ["Bad Request: can't parse entities: x", "Bad Request: entity begins in a middle of a UTF-16 symbol"]
)
async def test_refused_entities_are_left_out(
    server: TelegramServer, channel: TelegramChannel, description: str
) -> None:
    chat = server.private("Anna")
    server.fail("sendMessage", Refuse(400, description))
    sent = await channel.send(outgoing(chat.id, "**Bold** tea"))
    server.fail("editMessageText", Refuse(400, description))
    await channel.edit(sent, outgoing(chat.id, "**Bold** teas"))
    [message] = server.replies(chat)
    assert (message.text, message.entities, message.history) == ("Bold teas", [], ["Bold tea"])


async def test_a_text_that_stays_refused(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    server.fail("sendMessage", Refuse(400, "Bad Request: can't parse entities: x"), times=None)
    with pytest.raises(SendRejected):
        await channel.send(outgoing(chat.id, "**Bold** tea"))
    assert len(server.calls_of("sendMessage")) == 2


async def test_replies(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.group("Tea lovers", [server.user("Anna")])
    asked = server.user_says(chat, "how much?")
    await channel.send(outgoing(chat.id, "12 EUR", reply_to=str(asked.id)))
    assert server.replies(chat)[-1].reply_to == asked.id
    server.forget(asked)
    await channel.send(outgoing(chat.id, "12 EUR, as I said", reply_to=str(asked.id)))
    assert server.replies(chat)[-1].reply_to is None


async def test_topics(server: TelegramServer, channel: TelegramChannel) -> None:
    forum = server.group("Tea forum", [server.user("Anna")], forum=True)
    topic = server.topic(forum, "Oolong")
    await channel.send(outgoing(forum.id, "Hello", thread=f"topic-{topic}"))
    await channel.typing(outgoing(forum.id, "", thread=f"topic-{topic}").address)
    assert server.replies(forum)[-1].thread == topic
    assert server.world.actions == [(forum.id, topic, "typing")]


async def test_answers_to_comments_stay_under_the_post(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    group = server.group("Talk", [server.user("Anna")])
    post = server.posts(server.channel("News", discussion=group), "New: Long Jing 2026").forward
    assert post
    comment = server.user_says(group, "how much?", reply_to=post)
    async with listening(channel, inbox):
        await server.until(lambda: inbox.messages)
    thread = inbox.messages[0].address.thread
    await channel.send(outgoing(group.id, "12 EUR", reply_to=str(comment.id), thread=thread))
    await channel.send(outgoing(group.id, "for 50 g", thread=thread))
    server.forget(comment)
    await channel.send(outgoing(group.id, "and 20 for 100 g", reply_to=str(comment.id), thread=thread))
    assert [message.thread for message in server.replies(group)] == [post.id] * 3
    assert [message.reply_to for message in server.replies(group)] == [comment.id, post.id, post.id]
    server.forget(post)
    await channel.send(outgoing(group.id, "the post is gone", thread=thread))
    assert server.replies(group)[-1].reply_to is None


async def test_a_group_that_moved(server: TelegramServer, channel: TelegramChannel) -> None:
    old = server.group("Tea lovers", [server.user("Anna")], kind="group")
    first = await channel.send(outgoing(old.id, "Hel", final=False))
    new = server.migrate(old)
    with pytest.raises(SendRejected, match="stayed behind"):
        await channel.edit(first, outgoing(old.id, "Hello"))
    await channel.send(outgoing(old.id, "Still here"))
    await channel.typing(outgoing(old.id, "").address)
    assert [message.text for message in server.replies(new)] == ["Still here"]
    growing = await channel.send(outgoing(old.id, "And", final=False))
    await channel.edit(growing, outgoing(old.id, "And here"))
    with pytest.raises(SendRejected, match="stayed behind"):
        await channel.edit(first, outgoing(old.id, "never over another message", final=False))
    assert [message.text for message in server.replies(new)] == ["Still here", "And here"]
    assert server.world.actions == [(new.id, None, "typing")]


async def test_parts_of_a_long_answer_fit(server: TelegramServer, channel: TelegramChannel) -> None:
    chat = server.private("Anna")
    text = "\n\n".join(f"**{number}.** " + "绿茶很好。😀" * 60 for number in range(40))
    parts = channel.split(text)
    for part in parts:
        await channel.send(outgoing(chat.id, part))
    assert len(parts) > 3
    assert len([bold for message in server.replies(chat) for bold in message.styled("bold")]) == 40


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "\x00"])
async def test_nothing_to_send(server: TelegramServer, channel: TelegramChannel, text: str) -> None:
    with pytest.raises(SendRejected):
        await channel.send(outgoing(server.private("Anna").id, text))


@pytest.mark.parametrize(
    "text",
    ["half \ud83d a pair", "nul \x00 bell \x07", "tab\tand\r\nline", "<b>no html</b> &amp; &lt;", "_*[]()~`>#+-=|{}.!"],
)
async def test_odd_texts_are_sent(server: TelegramServer, channel: TelegramChannel, text: str) -> None:
    chat = server.private("Anna")
    await channel.send(outgoing(chat.id, text))
    assert server.replies(chat)


def test_traits(channel: TelegramChannel) -> None:
    assert (channel.platform, channel.traits.max_chars, channel.traits.streams) == ("telegram", 4096, True)
    assert channel.routes == []
