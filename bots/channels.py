"""The channels of a bot: what its bot.yaml wants and what its secrets allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from adapters.discord import DiscordChannel
from adapters.telegram import TelegramChannel, Webhook
from adapters.webchat import ChatPage, WebChannel
from core.botfile import Bot
from core.errors import ChannelNotReady
from core.inbox import PlatformMemory, StoredRelay, StoredTranscript
from core.ports import Channel
from core.shelf import Shelf
from core.store import Store


@dataclass(frozen=True, slots=True)
class Absent:
    """A platform that is not connected, and why."""

    bot: str
    platform: str
    why: str


@dataclass(frozen=True, slots=True)
class Channels:
    web: tuple[WebChannel, ...]
    telegram: tuple[TelegramChannel, ...]
    discord: tuple[DiscordChannel, ...]
    absent: tuple[Absent, ...]

    @property
    def all(self) -> tuple[Channel, ...]:
        return (*self.web, *self.telegram, *self.discord)


PLATFORMS = ("web", "telegram", "discord")
NO_CHANNELS = Channels((), (), (), ())


def make_channels(shelf: Shelf, store: Store, secrets: Mapping[str, str]) -> Channels:
    transcript = StoredTranscript(store)
    web: list[WebChannel] = []
    telegram: list[TelegramChannel] = []
    discord: list[DiscordChannel] = []
    absent: list[Absent] = []
    for name in shelf.names:
        platforms = shelf.bot(name).config.platforms
        if platforms.web.enabled:
            relay = StoredRelay(store, name, WebChannel.platform)
            web.append(WebChannel(name, transcript, partial(_page_now, shelf, name), relay=relay))
        else:
            absent.append(Absent(name, "web", "switched off in bot.yaml (platforms.web.enabled)"))
        for make in (_telegram, _discord):
            made = make(shelf.bot(name), store, secrets)
            if isinstance(made, Absent):
                absent.append(made)
            elif isinstance(made, TelegramChannel):
                telegram.append(made)
            else:
                discord.append(made)
    return Channels(tuple(web), tuple(telegram), tuple(discord), tuple(absent))


def _telegram(bot: Bot, store: Store, secrets: Mapping[str, str]) -> TelegramChannel | Absent:
    config = bot.config.platforms.telegram
    if config is None:
        return Absent(bot.name, "telegram", "not in bot.yaml (platforms.telegram)")
    if config.token not in secrets:
        return Absent(bot.name, "telegram", f"no {config.token} in .env")
    if config.webhook_url and config.webhook_secret not in secrets:
        return Absent(bot.name, "telegram", f"webhook_url is set, but no {config.webhook_secret} in .env")
    try:
        webhook = Webhook(config.webhook_url, secrets[config.webhook_secret]) if config.webhook_url else None
        return TelegramChannel(
            bot=bot.name,
            token=secrets[config.token],
            api_url=config.api_url,
            webhook=webhook,
            stream=config.stream,
            moves=PlatformMemory(store, bot.name, "telegram"),
            transcript=StoredTranscript(store),
        )
    except ChannelNotReady as error:
        return Absent(bot.name, "telegram", str(error))


def _discord(bot: Bot, store: Store, secrets: Mapping[str, str]) -> DiscordChannel | Absent:
    config = bot.config.platforms.discord
    if config is None:
        return Absent(bot.name, "discord", "not in bot.yaml (platforms.discord)")
    if config.token not in secrets:
        return Absent(bot.name, "discord", f"no {config.token} in .env")
    memory = PlatformMemory(store, bot.name, "discord")
    return DiscordChannel(
        bot=bot.name,
        token=secrets[config.token],
        api_url=config.api_url,
        threads=config.threads,
        stream=config.stream,
        seen=memory,
        withdrawals=memory,
        transcript=StoredTranscript(store),
    )


def _page_now(shelf: Shelf, name: str) -> ChatPage:
    return chat_page(shelf.bot(name))


def chat_page(bot: Bot) -> ChatPage:
    """What the page of this version of a bot shows."""
    config, persona, web = bot.config, bot.persona().config, bot.config.platforms.web
    return ChatPage(
        titles=config.title,
        languages=tuple(config.languages),
        names=persona.name,
        greetings=persona.greeting,
        disclosures=persona.disclosure,
        contacts=config.person.contact,
        suggestions={language: tuple(texts) for language, texts in web.suggestions.items()},
        accent=web.accent,
        frame_ancestors=tuple(web.frame_ancestors),
        message_chars=config.limits.message_chars,
    )
