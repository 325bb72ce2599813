"""Events from the gateway become ``Incoming``."""

from __future__ import annotations

import discord

import adapters.discord
from adapters.discord.client import Client
from core.messages import Command, Kind
from tests.adapters.discord.parts import address, channel_for, listening, outgoing, stored
from tests.platforms.discord_server import CALLBACK, DiscordServer
from tests.platforms.discord_values import JOIN, Attachment


def test_the_package_does_not_hide_the_library() -> None:
    assert discord.__name__ == "discord"
    assert discord.Client in Client.__mro__
    assert adapters.discord.__file__ != discord.__file__


async def test_direct_message(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        said = await server.user_says(dm, "运费多少？", user=mei)
        (incoming,) = await stored(server, inbox)
    assert incoming.address == address(dm)
    assert (incoming.text, incoming.kind) == ("运费多少？", Kind.TEXT)
    assert (incoming.update, incoming.message) == (f"message:{said.id}", said.id)
    assert (incoming.sender.id, incoming.sender.name) == (mei.id, "Mei")
    assert (incoming.group, incoming.addressed, incoming.edited) == (False, True, False)
    assert abs((incoming.at - said.at).total_seconds()) < 0.01


async def test_server_messages_are_addressed_by_mention_role_or_reply(server: DiscordServer) -> None:
    general, mei, tom = server.text_channel("general"), server.user("Mei", nick="小美"), server.user("Tom")
    channel = channel_for(server)
    async with listening(server, channel) as inbox:
        mentioned = await server.user_says(general, "how much is delivery?", user=mei, mention=True)
        await server.user_says(general, "hello", user=mei, role_mention=True)
        await server.user_says(general, "I like tea", user=tom)
        await server.user_says(general, "@everyone tea!", user=tom)
        await channel.send(outgoing(general, "It costs 5 €.", reply_to=mentioned.id))
        (answers,) = server.from_bot(general)
        await server.user_says(general, "and to Norway?", user=mei, reply_to=answers)
        await server.user_says(general, "me too", user=tom, reply_to=mentioned)
        await stored(server, inbox, 6)
    seen = [(incoming.text, incoming.addressed, incoming.quoted) for incoming in inbox.stored]
    assert seen == [
        ("how much is delivery?", True, ""),
        ("hello", True, ""),
        ("I like tea", False, ""),
        ("@everyone tea!", False, ""),
        ("and to Norway?", True, "It costs 5 €."),
        ("me too", False, "how much is delivery?"),
    ]
    assert all(incoming.group for incoming in inbox.stored)
    assert inbox.stored[0].sender.name == "小美"


async def test_ids_become_names(server: DiscordServer) -> None:
    general, mei, tom = server.text_channel("general"), server.user("Mei"), server.user("Tom")
    emoji, command = "<:tea:111111111111111111>", "</help:222222222222222222>"
    async with listening(server, channel_for(server)) as inbox:
        text = f"<@{tom.id}> said <@!{server.bot.id}> in <#{general.id}> {emoji} {command} <#333333333333333333>"
        await server.user_says(general, text, user=mei)
        (incoming,) = await stored(server, inbox)
    assert incoming.text == "@Tom said in #general :tea: /help #channel"
    assert incoming.addressed


async def test_what_is_no_persons_message_is_left_out(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    robot = server.user("Robot", bot=True)
    channel = channel_for(server)
    async with listening(server, channel) as inbox:
        await channel.send(outgoing(general, "It costs 5 €."))
        await server.user_says(general, "beep", user=robot, mention=True)
        await server.user_says(general, "from a webhook", user=mei, webhook=True)
        await server.user_says(general, "", user=mei, type=JOIN)
        await server.user_says(general, "the first of a person", user=mei)
        await stored(server, inbox)
    assert inbox.texts == ["the first of a person"]


async def test_kinds(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    files = {
        Kind.PHOTO: Attachment("cup.png", "image/png"),
        Kind.VIDEO: Attachment("cup.mp4", "video/mp4"),
        Kind.VOICE: Attachment("voice-message.ogg", "audio/ogg"),
        Kind.DOCUMENT: Attachment("order.pdf", "application/pdf"),
    }
    async with listening(server, channel_for(server)) as inbox:
        for kind, file in files.items():
            await server.user_says(dm, f"a {kind}", user=mei, attachments=[file])
        await server.user_says(dm, "", user=mei, sticker="Wave")
        await server.user_says(dm, "", user=mei, forwarded="I was told it is free")
        await stored(server, inbox, 6)
    assert [incoming.kind for incoming in inbox.stored] == [*files, Kind.STICKER, Kind.TEXT]
    assert inbox.texts == ["a photo", "a video", "a voice", "a document", "", "I was told it is free"]


async def test_odd_texts_arrive_whole(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    texts = ["\u200b", "שלום עולם", "👩‍👩‍👧‍👦🇨🇳", "\u202eabc", "a\x00b", "x" * 4000]
    async with listening(server, channel_for(server)) as inbox:
        for text in texts:
            await server.user_says(dm, text, user=mei)
        await server.user_says(dm, "   \n ", user=mei)
        await stored(server, inbox, len(texts) + 1)
    assert inbox.texts == [*texts, ""]


async def test_edits(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        said = await server.user_says(dm, "delivery to Norwya?", user=mei)
        await server.link_preview(said)
        await server.user_edits(said, "delivery to Norway?")
        await server.link_preview(said)  # carries the edit's time once more: a duplicate
        await server.user_edits(said, "delivery to Norway, please?")
        await stored(server, inbox, 3)
    assert inbox.texts == ["delivery to Norwya?", "delivery to Norway?", "delivery to Norway, please?"]
    assert [incoming.edited for incoming in inbox.stored] == [False, True, True]
    assert {incoming.message for incoming in inbox.stored} == {said.id}
    assert len({incoming.update for incoming in inbox.stored}) == 3


async def test_an_edit_of_an_unseen_message(server: DiscordServer) -> None:
    mei = server.user("Mei")
    dm = server.dm(mei)
    said = await server.user_says(dm, "before the bot was there", user=mei)
    async with listening(server, channel_for(server)) as inbox:
        await server.user_edits(said, "corrected")
        (incoming,) = await stored(server, inbox)
    assert (incoming.text, incoming.edited, incoming.message) == ("corrected", True, said.id)


async def test_threads_stand_under_their_channel(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    early = await server.opens_thread(general, "Early", mei)
    async with listening(server, channel_for(server)) as inbox:
        late = await server.opens_thread(general, "Late", mei)
        await server.user_says(early, "one", user=mei)
        await server.user_says(late, "two", user=mei)
        await stored(server, inbox, 2)
    by_text = {incoming.text: incoming.address for incoming in inbox.stored}
    assert by_text == {"one": address(early), "two": address(late)}
    assert by_text["one"].chat == general.id


async def test_a_thread_that_the_gateway_never_told_of(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        hidden = server.world.thread(general, server.world.ids.next(), "Hidden", mei)
        await server.user_says(hidden, "one", user=mei)
        (incoming,) = await stored(server, inbox)
    assert incoming.address == address(hidden)


async def test_a_forum_post_is_the_context(server: DiscordServer) -> None:
    forum, mei = server.forum("questions"), server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        post = await server.opens_thread(forum, "Which tea for the evening?", mei)
        await server.user_says(post, "please help", user=mei, mention=True)
        (incoming,) = await stored(server, inbox)
    assert (incoming.address, incoming.post) == (address(post), "Which tea for the evening?")


async def test_slash_commands(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        used = [
            await server.slash(server.dm(mei), "start", user=mei),
            await server.slash(general, "help", user=mei),
            await server.slash(general, "new", user=mei),
            await server.slash(general, "human", user=mei),
            await server.slash(server.dm(mei), "language", user=mei, argument="zh", locale="zh-CN"),
        ]
        await server.until(lambda: all(interaction.callback for interaction in used))
        await stored(server, inbox, 5)
    by_update = {incoming.update: incoming for incoming in inbox.stored}
    got = [by_update[f"interaction:{interaction.id}"] for interaction in used]
    assert [incoming.command for incoming in got] == list(Command)
    assert all(incoming.kind is Kind.COMMAND and incoming.addressed and not incoming.message for incoming in got)
    assert [incoming.group for incoming in got] == [False, True, True, True, False]
    assert (got[1].address, got[4].address) == (address(general), address(server.dm(mei)))
    assert (got[4].argument, got[4].text, got[4].sender.language) == ("zh", "/language zh", "zh-CN")
    notes = [
        interaction.callback.data.content for interaction in used if interaction.callback and interaction.callback.data
    ]
    assert notes == ["One moment, please."] * 4 + ["请稍等。"]
    assert all("with_response=true" in call.query for call in server.called(CALLBACK))


async def test_commands_typed_as_text(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    dm = server.dm(mei)
    async with listening(server, channel_for(server)) as inbox:
        said = await server.user_says(dm, "/Language  zh", user=mei)
        await server.user_says(dm, "/helpful tea", user=mei)
        await server.user_edits(said, "/new")
        await server.user_says(general, "/human", user=mei, mention=True)
        await server.user_says(general, "/human", user=mei)
        await stored(server, inbox, 5)
    in_dm = [(i.command, i.argument, i.kind) for i in inbox.stored if not i.group]
    in_server = [(i.command, i.addressed) for i in inbox.stored if i.group]
    assert in_dm == [(Command.LANGUAGE, "zh", Kind.COMMAND), (None, "", Kind.TEXT), (None, "", Kind.TEXT)]
    assert in_server == [(Command.HUMAN, True), (None, False)]


async def test_a_command_is_acknowledged_while_the_store_is_away(server: DiscordServer) -> None:
    mei = server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        inbox.away = True
        used = await server.slash(server.dm(mei), "help", user=mei)
        await server.until(lambda: used.callback)
        assert inbox.stored == []
        inbox.away = False
        (incoming,) = await stored(server, inbox)
    assert incoming.command is Command.HELP
    assert used.callback is not None
    assert used.callback.data is not None
    assert "technical problem" in used.callback.data.content


async def test_a_command_where_the_bot_may_not_write(server: DiscordServer) -> None:
    general, mei = server.text_channel("general"), server.user("Mei")
    server.forbid(general, "send")
    async with listening(server, channel_for(server)) as inbox:
        used = await server.slash(general, "help", user=mei)
        await server.until(lambda: used.callback)
        assert inbox.stored == []
    assert used.callback is not None
    assert used.callback.data is not None
    assert "direct message" in used.callback.data.content
    assert used.callback.data.flags == 64


async def test_foreign_commands_are_left_alone(server: DiscordServer) -> None:
    mei = server.user("Mei")
    async with listening(server, channel_for(server)) as inbox:
        foreign = await server.slash(server.dm(mei), "dance", user=mei)
        await server.slash(server.dm(mei), "help", user=mei)
        await stored(server, inbox)
    assert [incoming.command for incoming in inbox.stored] == [Command.HELP]
    assert foreign.callback is None
