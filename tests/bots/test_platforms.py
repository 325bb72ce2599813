"""All platforms at once, over the wire, through Redis and the bundled model: what a shopper sees in each of them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.bots.running import Visitor, command, edit, running, shop
from tests.platforms.discord_faults import dropped
from tests.platforms.discord_server import SEND, DiscordServer
from tests.platforms.discord_values import Message as DiscordMessage
from tests.platforms.telegram_faults import DROP_BEFORE, rate_limit
from tests.platforms.telegram_media import VOICE
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Chat


@dataclass(frozen=True, slots=True)
class Town:
    """A shop and the two platforms that it is on."""

    telegram: TelegramServer
    discord: DiscordServer
    folder: Path

    @property
    def secrets(self) -> dict[str, str]:
        return {"TELEGRAM_BOT_TOKEN": self.telegram.token, "DISCORD_BOT_TOKEN": self.discord.token}

    async def answered(self, chat: Chat, count: int) -> list[str]:
        """The bot's messages in a Telegram chat, once there are ``count`` and the last one is finished."""
        await self.telegram.until(lambda: len(self.telegram.replies(chat)) >= count, 40)
        return [message.text for message in self.telegram.replies(chat)]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with TelegramServer() as telegram, DiscordServer() as discord:
        folder = shop(tmp_path)
        edit(folder / "bot.yaml", "  # telegram: {} ", f"  telegram: {{api_url: '{telegram.url}'}}  #")
        edit(folder / "bot.yaml", "  # discord: {} ", f"  discord: {{api_url: '{discord.api_url}', threads: never}}  #")
        yield Town(telegram, discord, folder)


def spoken(messages: list[DiscordMessage]) -> str:
    return "\n".join(message.content for message in messages)


async def test_one_shop_answers_on_every_platform(town: Town, tmp_path: Path) -> None:
    telegram, discord = town.telegram, town.discord
    async with running(tmp_path, str(town.folder), **town.secrets) as kefu:
        assert kefu.output.count("✓ connected") == 3

        ann = telegram.private("Ann")
        telegram.user_says(ann, "/start")
        assert "automatic assistant" in (await town.answered(ann, 1))[0]
        telegram.user_says(ann, "运费多少")
        assert "4.90" in (await town.answered(ann, 2))[1]
        telegram.user_says(ann, media=VOICE)
        assert "文字" in (await town.answered(ann, 3))[2]

        ben = discord.user("Ben")
        talk = discord.dm(ben)
        await discord.user_says(talk, "How much is delivery?", user=ben)
        await discord.until(lambda: "4.90" in spoken(discord.from_bot(talk)), 40)
        assert "automatic assistant" in spoken(discord.from_bot(talk)), "the first reply says that a bot answers"

        general = discord.text_channel("general")
        await discord.user_says(general, "nobody asked the bot", user=ben)
        asked = await discord.user_says(general, "How much is delivery?", user=ben, mention=True)
        await discord.until(lambda: "4.90" in spoken(discord.from_bot(general)), 40)
        (reply,) = discord.from_bot(general)
        assert reply.reply_to == asked.id

        async with Visitor(kefu.address, "shop") as cleo:
            await cleo.post(str(uuid4()), "How much is delivery?")
            assert "4.90" in (await cleo.answers(1))[-1]["html"]
        assert await kefu.stop() == 0
    for secret in town.secrets.values():
        assert secret not in kefu.output


async def test_platform_faults_lose_nothing_and_repeat_nothing(town: Town, tmp_path: Path) -> None:
    telegram, discord = town.telegram, town.discord
    async with running(tmp_path, str(town.folder), **town.secrets):
        ann, ben = telegram.private("Ann"), discord.user("Ben")
        talk = discord.dm(ben)
        telegram.fail("sendMessage", rate_limit(1), 1)
        telegram.duplicate_updates(2)
        discord.fail(SEND, dropped(), 1)  # sent, but the answer was lost
        discord.duplicate_next()
        telegram.user_says(ann, "How much is delivery?")
        await discord.user_says(talk, "How much is delivery?", user=ben)
        assert "4.90" in (await town.answered(ann, 1))[0]
        await discord.until(lambda: "4.90" in spoken(discord.from_bot(talk)), 40)
        telegram.fail("sendMessage", DROP_BEFORE, 1)
        telegram.user_says(ann, "thanks")
        assert "welcome" in (await town.answered(ann, 2))[1]
        await discord.user_says(talk, "thanks", user=ben)
        await discord.until(lambda: "welcome" in spoken(discord.from_bot(talk)), 40)
        assert len(telegram.replies(ann)) == 2
        assert len(discord.from_bot(talk)) == 2
    assert telegram.unacknowledged == []


async def test_kill_minus_nine_between_taking_and_answering(town: Town, tmp_path: Path) -> None:
    telegram = town.telegram
    ann = telegram.private("Ann")
    async with running(tmp_path, str(town.folder), **town.secrets) as kefu:
        telegram.user_says(ann, "Can I return a mug that I have used once?")
        await telegram.until(lambda: not telegram.unacknowledged or telegram.replies(ann), 40)
        await kefu.stop(signal.SIGKILL)
    telegram.user_says(ann, "How much is delivery?")
    async with running(tmp_path, str(town.folder), **town.secrets):
        await telegram.until(lambda: "4.90" in "".join(reply.text for reply in telegram.replies(ann)), 40)
    assert telegram.unacknowledged == []
    assert 1 <= len(telegram.replies(ann)) <= 2, "both in one turn, or one after the other"


async def test_what_was_written_while_kefu_was_dead_is_answered(town: Town, tmp_path: Path) -> None:
    """Telegram keeps it, Discord does not: its direct chats are read again from the newest message that was stored."""
    discord = town.discord
    ben = discord.user("Ben")
    talk = discord.dm(ben)
    async with running(tmp_path, str(town.folder), **town.secrets) as kefu:
        await discord.user_says(talk, "thanks", user=ben)
        await discord.until(lambda: "welcome" in spoken(discord.from_bot(talk)), 40)
        await kefu.stop(signal.SIGKILL)
    await discord.user_says(talk, "How much is delivery?", user=ben)
    async with running(tmp_path, str(town.folder), **town.secrets):
        await discord.until(lambda: "4.90" in spoken(discord.from_bot(talk)), 40)
    assert len(discord.from_bot(talk)) == 2


async def test_a_group_that_moved_is_the_same_conversation_after_a_restart(town: Town, tmp_path: Path) -> None:
    telegram = town.telegram
    group = telegram.group("Mug friends", [telegram.user("Ann")], kind="group")
    async with running(tmp_path, str(town.folder), **town.secrets):
        telegram.user_says(group, "/language zh")
        assert "中文" in (await town.answered(group, 1))[0]
        moved = telegram.migrate(group)
        telegram.user_says(moved, "/help")
        assert "人工客服" in (await town.answered(moved, 1))[0]
    async with running(tmp_path, str(town.folder), **town.secrets):
        telegram.user_says(moved, "/help")
        assert "人工客服" in (await town.answered(moved, 2))[1], "the language that was chosen before the move"


async def test_an_operator_sees_reads_and_sends_again_what_could_not_be_delivered(town: Town, tmp_path: Path) -> None:
    telegram = town.telegram
    ann, ben = telegram.private("Ann"), telegram.private("Ben")
    code, out, _ = await command(tmp_path, "dead", "list")
    assert (code, "No dead letters" in out) == (0, True)
    async with running(tmp_path, str(town.folder), **town.secrets):
        for chat in (ann, ben):
            telegram.user_says(chat, "How much is delivery?")
            telegram.block(chat)
        async with asyncio.timeout(60):
            while len(letters := (await command(tmp_path, "dead", "list", "--json"))[1].splitlines()) < 2:
                await asyncio.sleep(0.2)
        of_ann = next(one for one in map(json.loads, letters) if one["conversation"].endswith(str(ann.id)))
        assert "blocked" in of_ann["reason"]
        assert (of_ann["bot"], of_ann["platform"], of_ann["parts_sent"]) == ("shop", "telegram", 0)
        _, table, _ = await command(tmp_path, "dead", "list")
        assert of_ann["id"][:8] in table
        code, whole, _ = await command(tmp_path, "dead", "show", of_ann["id"][:8])
        assert "4.90" in whole
        code, _, err = await command(tmp_path, "dead", "show", "no-such-id")
        assert (code, "there is no such dead letter" in err) == (1, True)
        assert (await command(tmp_path, "dead", "requeue"))[0] == 2

        telegram.unblock(ann)
        code, out, _ = await command(tmp_path, "dead", "requeue", of_ann["id"])
        assert (code, "1 reply will be sent again" in out) == (0, True)
        assert "4.90" in (await town.answered(ann, 1))[0]
        (left,) = (await command(tmp_path, "dead", "list", "--json"))[1].splitlines()
        code, out, _ = await command(tmp_path, "dead", "drop", json.loads(left)["id"])
        assert (code, "1 reply forgotten" in out) == (0, True)
    assert telegram.replies(ben) == []


async def test_a_wrong_token_says_what_to_do_and_the_others_go_on(town: Town, tmp_path: Path) -> None:
    secrets = {**town.secrets, "TELEGRAM_BOT_TOKEN": "4711:wrong-token-of-somebody-else-entirely"}
    async with running(tmp_path, str(town.folder), **secrets) as kefu:
        assert kefu.output.count("✓ connected") == 2
        assert "not connected" in kefu.output
        assert "TELEGRAM_BOT_TOKEN" in kefu.output or "@BotFather" in kefu.output
        async with Visitor(kefu.address, "shop") as cleo:
            await cleo.post(str(uuid4()), "hello")
            await cleo.answers(1)
    assert "wrong-token-of-somebody-else" not in kefu.output
