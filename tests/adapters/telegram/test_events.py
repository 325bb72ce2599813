"""What people do on Telegram, and what arrives in the inbox. Over the wire, by long polling."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.telegram import TelegramChannel
from core.messages import Command, Incoming, Kind
from tests.adapters.telegram.helpers import RecordingInbox, listening, make_channel, outgoing
from tests.platforms import telegram_media as media
from tests.platforms.telegram_faults import server_error
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Chat, Json, User


@pytest.fixture(autouse=True)
async def _listening(channel: TelegramChannel, inbox: RecordingInbox) -> AsyncIterator[None]:
    async with listening(channel, inbox):
        yield


@pytest.fixture
def anna(server: TelegramServer) -> User:
    return server.user("Anna", last_name="Li", username="anna_li", language="zh-hans")


@pytest.fixture
def bo(server: TelegramServer) -> User:
    return server.user("Bo")


@pytest.fixture
def group(server: TelegramServer, anna: User, bo: User) -> Chat:
    return server.group("Tea lovers", [anna, bo])


async def arrived(server: TelegramServer, inbox: RecordingInbox, count: int = 1) -> list[Incoming]:
    """Everything in the inbox, once all updates are acknowledged and there are ``count`` messages."""
    await server.until(lambda: not server.unacknowledged and len(inbox.messages) >= count)
    assert len(inbox.messages) == count
    return inbox.messages


async def test_a_private_message(server: TelegramServer, inbox: RecordingInbox, anna: User) -> None:
    said = server.user_says(server.private(anna), "你好 😀 hello")
    [message] = await arrived(server, inbox)
    assert message.text == "你好 😀 hello"
    assert message.address.id == f"teahouse/telegram/{anna.id}"
    assert (message.message, message.kind) == (str(said.id), Kind.TEXT)
    assert message.update.isdigit()
    assert (message.sender.id, message.sender.name, message.sender.language) == (str(anna.id), "Anna Li", "zh-Hans")
    assert message.addressed
    assert not message.group
    assert not message.edited
    assert message.at.utcoffset() is not None


async def test_an_edit_is_another_update_of_the_same_message(server: TelegramServer, inbox: RecordingInbox) -> None:
    said = server.user_says(server.private("Anna"), "two packs")
    server.user_edits(said, "three packs")
    first, second = await arrived(server, inbox, 2)
    assert (first.edited, second.edited) == (False, True)
    assert second.text == "three packs"
    assert second.message == first.message
    assert second.update != first.update


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (media.PHOTO, Kind.PHOTO),
        (media.STICKER, Kind.STICKER),
        (media.VOICE, Kind.VOICE),
        (media.AUDIO, Kind.VOICE),
        (media.VIDEO, Kind.VIDEO),
        (media.VIDEO_NOTE, Kind.VIDEO),
        (media.ANIMATION, Kind.VIDEO),
        (media.DOCUMENT, Kind.DOCUMENT),
        (media.LOCATION, Kind.LOCATION),
        (media.CONTACT, Kind.OTHER),
        (media.DICE, Kind.OTHER),
        (media.POLL, Kind.OTHER),
    ],
)
async def test_kinds(server: TelegramServer, inbox: RecordingInbox, content: Json, kind: Kind) -> None:
    server.user_says(server.private("Anna"), media=content)
    [message] = await arrived(server, inbox)
    assert (message.kind, message.text) == (kind, "")


async def test_captions_and_places_have_text(server: TelegramServer, inbox: RecordingInbox) -> None:
    chat = server.private("Anna")
    server.user_says(chat, "is this green?", media=media.PHOTO)
    server.user_says(chat, media=media.VENUE)
    photo, venue = await arrived(server, inbox, 2)
    assert (photo.kind, photo.text) == (Kind.PHOTO, "is this green?")
    assert (venue.kind, venue.text) == (Kind.LOCATION, "Teahouse, Lane 1")


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/start", Command.START, ""),
        ("/start shelf-12", Command.START, "shelf-12"),
        ("/help@teahouse_bot", Command.HELP, ""),
        ("/HUMAN", Command.HUMAN, ""),
        ("/language@Teahouse_Bot zh", Command.LANGUAGE, "zh"),
        ("/new", Command.NEW, ""),
    ],
)
async def test_commands(
    server: TelegramServer, inbox: RecordingInbox, group: Chat, text: str, command: Command, argument: str
) -> None:
    server.user_says(group, text)
    [message] = await arrived(server, inbox)
    assert (message.kind, message.command, message.argument) == (Kind.COMMAND, command, argument)
    assert message.addressed
    assert "@" not in message.text


async def test_commands_that_are_not_ours(server: TelegramServer, inbox: RecordingInbox, group: Chat) -> None:
    server.user_says(group, "/help@other_bot")
    server.user_says(group, "/roll 6")
    server.user_says(group, "/roll@teahouse_bot 6")
    server.user_says(group, "write /help to get help")
    unknown, ours, inside = await arrived(server, inbox, 3)
    assert (unknown.kind, unknown.text, unknown.addressed) == (Kind.TEXT, "/roll 6", False)
    assert (ours.kind, ours.text, ours.addressed) == (Kind.TEXT, "/roll 6", True)
    assert (inside.command, inside.addressed) == (None, False)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("@teahouse_bot how much is it?", "how much is it?"),
        ("@Teahouse_Bot, 多少钱？", "多少钱？"),
        ("😀 hello @teahouse_bot", "😀 hello"),
        ("can @teahouse_bot tell us?", "can tell us?"),
        ("@teahouse_bot", ""),
    ],
)
async def test_a_mention_addresses_and_is_left_out(
    server: TelegramServer, inbox: RecordingInbox, group: Chat, written: str, text: str
) -> None:
    server.user_says(group, written)
    [message] = await arrived(server, inbox)
    assert (message.text, message.addressed, message.group) == (text, True, True)


async def test_a_mention_of_the_account_and_in_a_caption(
    server: TelegramServer, inbox: RecordingInbox, group: Chat
) -> None:
    entity = {"type": "text_mention", "offset": 0, "length": 3, "user": server.me.json()}
    server.user_says(group, "Tea, hello", entities=[entity])
    server.user_says(group, "@teahouse_bot what is this?", media=media.PHOTO)
    named, captioned = await arrived(server, inbox, 2)
    assert (named.text, named.addressed) == ("hello", True)
    assert (captioned.text, captioned.addressed) == ("what is this?", True)


async def test_talk_among_others_is_overheard(
    server: TelegramServer, inbox: RecordingInbox, group: Chat, anna: User, bo: User
) -> None:
    first = server.user_says(group, "hi all, @anna_li too", user=bo)
    server.user_says(group, "hi Bo", user=anna, reply_to=first)
    one, two = await arrived(server, inbox, 2)
    assert not one.addressed
    assert not two.addressed
    assert two.quoted == "hi all, @anna_li too"
    assert one.address == two.address
    assert (one.sender.name, two.sender.name) == ("Bo", "Anna Li")


async def test_a_reply_to_the_bot_addresses_it_and_quotes(
    server: TelegramServer, channel: TelegramChannel, inbox: RecordingInbox, group: Chat
) -> None:
    await channel.send(outgoing(group.id, "We have Long Jing and Bi Luo Chun."))
    answer = server.replies(group)[-1]
    server.user_says(group, "the first, please", reply_to=answer)
    server.user_says(group, "how much?", reply_to=answer, quote="Bi Luo Chun")
    whole, part = await arrived(server, inbox, 2)
    assert (whole.addressed, whole.quoted) == (True, "We have Long Jing and Bi Luo Chun.")
    assert (part.addressed, part.quoted) == (True, "Bi Luo Chun")


async def test_a_forums_topics_are_threads(server: TelegramServer, inbox: RecordingInbox, anna: User) -> None:
    forum = server.group("Tea forum", [anna], forum=True)
    topic = server.topic(forum, "Oolong")
    first = server.user_says(forum, "is it roasted?", topic=topic)
    server.user_says(forum, "lightly", topic=topic, reply_to=first)
    general = server.user_says(forum, "in General")
    server.user_says(forum, "too", reply_to=general)
    one, two, three, four = await arrived(server, inbox, 4)
    assert [message.address.thread for message in (one, two, three, four)] == [
        f"topic-{topic}",
        f"topic-{topic}",
        "",
        "",
    ]
    assert not one.addressed, "the service message that opened the topic is nobody's question"
    assert (one.quoted, two.quoted) == ("", "is it roasted?")


async def test_comments_belong_to_their_post(
    server: TelegramServer, inbox: RecordingInbox, group: Chat, anna: User, bo: User
) -> None:
    shop = server.channel("Teahouse news", discussion=group)
    post = server.posts(shop, "New: Long Jing 2026")
    other = server.posts(shop, "Closed on Monday")
    assert post.forward
    assert other.forward
    direct = server.user_says(group, "how much?", user=anna, reply_to=post.forward)
    server.user_says(group, "12 I think", user=bo, reply_to=direct)
    server.user_says(group, "and Tuesday?", user=bo, reply_to=other.forward)
    one, two, three = await arrived(server, inbox, 3)
    assert one.address.thread == two.address.thread == f"post-{post.forward.id}"
    assert three.address.thread == f"post-{other.forward.id}"
    assert one.post == two.post == "New: Long Jing 2026"
    assert (one.quoted, two.quoted) == ("", "how much?")
    assert [message.addressed for message in (one, two, three)] == [True, False, True]
    assert one.group


async def test_a_comments_thread_does_not_depend_on_memory(
    server: TelegramServer, inbox: RecordingInbox, group: Chat
) -> None:
    """The post and the first comment came before this process did; the group's channel is asked for once."""
    shop = server.channel("Teahouse news", discussion=group)
    post = server.posts(shop, "New: Long Jing 2026")
    assert post.forward
    first = server.user_says(group, "how much?", reply_to=post.forward)
    await arrived(server, inbox)
    fresh, later = make_channel(server), RecordingInbox()
    async with listening(fresh, later):
        server.fail("getChat", server_error())
        server.user_says(group, "12 I think", reply_to=first)
        server.user_says(group, "or 13", reply_to=first)
        await server.until(lambda: len(later.messages) + len(inbox.messages) == 3)
    await fresh.close()
    assert {message.address.thread for message in [*inbox.messages, *later.messages]} == {f"post-{post.forward.id}"}


async def test_plain_replies_in_a_group_without_channel_are_no_thread(
    server: TelegramServer, inbox: RecordingInbox, group: Chat
) -> None:
    first = server.user_says(group, "hello")
    server.user_says(group, "hello too", reply_to=first)
    server.user_says(group, "and me", reply_to=first)
    messages = await arrived(server, inbox, 3)
    assert {message.address.thread for message in messages} == {""}
    assert len(server.calls_of("getChat")) == 1


async def test_nobodys_messages_are_ignored(
    server: TelegramServer, inbox: RecordingInbox, group: Chat, anna: User
) -> None:
    server.user_says(group, "I am a bot too, @teahouse_bot", user=server.user("Other", username="other_bot", bot=True))
    server.service(group, {"new_chat_members": [anna.json()]}, user=anna)
    server.service(group, {"new_chat_title": "Tea"}, user=anna)
    server.service(group, {"pinned_message": server.messages(group)[0].raw}, user=anna)
    server.posts(server.channel("Elsewhere"), "a post")
    server.user_says(group, "at last")
    [message] = await arrived(server, inbox)
    assert message.text == "at last"


async def test_anonymous_admins_and_channels_speak_as_chats(
    server: TelegramServer, inbox: RecordingInbox, group: Chat
) -> None:
    fans = server.channel("Tea fans")
    server.user_says(group, "/help", anonymous=True)
    server.user_says(group, "@teahouse_bot hi", channel=fans)
    admin, fan = await arrived(server, inbox, 2)
    assert (admin.sender.id, admin.sender.name, admin.command) == (str(group.id), "Tea lovers", Command.HELP)
    assert (fan.sender.id, fan.sender.name, fan.text) == (str(fans.id), "Tea fans", "hi")


@pytest.mark.parametrize(
    "text",
    ["\u200b\u200b", "   ", "\u202eright to left", "👩‍👩‍👧‍👦" * 50, "x" * 4096, "\u0627\u0644\u0634\u0627\u064a"],
)
async def test_odd_texts_arrive_as_they_are(server: TelegramServer, inbox: RecordingInbox, text: str) -> None:
    server.user_says(server.private("Anna"), text)
    [message] = await arrived(server, inbox)
    assert message.text == text
