"""The slash commands: how Discord shows them, and how they become ``Incoming``.

An interaction must be answered within three seconds, and its token is good for fifteen minutes only. A model
may take longer than the first, and a reply that waits in the outbox over a restart longer than the second.
So the interaction gets a short note at once, which only the person sees, and the reply itself comes as a
normal message through the outbox: it is kept, sent again and recorded like every other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import discord
from discord.http import Route

from adapters.discord.read import PLATFORM, place
from adapters.discord.rest import Rest
from core.messages import Address, Command, Incoming, Kind, Person

_CHAT_INPUT = 1
_TEXT_OPTION = 3
_MESSAGE, _NOTHING = 4, 6  # the kinds of answer: a message, or no more than that it arrived
_EPHEMERAL = 64


class Option(TypedDict):
    type: int
    name: str
    description: str
    description_localizations: dict[str, str]
    required: bool
    max_length: int


class Definition(TypedDict):
    type: int
    name: str
    description: str
    description_localizations: dict[str, str]
    options: list[Option]
    contexts: list[int]
    integration_types: list[int]


_DESCRIPTIONS: Mapping[Command, tuple[str, str]] = {
    Command.START: ("Say hello and see what I can do", "打个招呼，看看我能做什么"),
    Command.HELP: ("What I can do and which commands there are", "我能做什么，有哪些命令"),
    Command.NEW: ("Start over: forget what we talked about", "重新开始：忘掉之前的对话"),
    Command.HUMAN: ("Talk to a person", "转接人工客服"),
    Command.LANGUAGE: ("Choose the language of my answers", "选择回答所用的语言"),
}
_LANGUAGE_OPTION = Option(
    type=_TEXT_OPTION,
    name="language",
    description="For example: en or zh",
    description_localizations={"zh-CN": "例如：zh 或 en", "zh-TW": "例如：zh 或 en"},
    required=False,
    max_length=40,
)

NOTES: Mapping[str, Mapping[str, str]] = {
    "taken": {"en": "One moment, please.", "zh": "请稍等。"},
    "held": {
        "en": "We have a technical problem. Your request is kept and will be answered as soon as it is solved.",
        "zh": "系统暂时出现故障，您的请求已保留，恢复后会尽快回复您。",
    },
    "cannot_write": {
        "en": "I am not allowed to write in this channel. Please send me a direct message.",
        "zh": "我没有在此频道发言的权限，请私信我。",
    },
    "unknown_button": {
        "en": "I no longer know what this button asks. Please write it to me.",
        "zh": "这个按钮已失效，请直接输入您的问题。",
    },
}


def definitions() -> list[Definition]:
    """What Discord should show: in servers and in direct messages, for an app that is added to a server."""
    return [
        Definition(
            type=_CHAT_INPUT,
            name=command.value,
            description=english,
            description_localizations={"zh-CN": chinese, "zh-TW": chinese},
            options=[_LANGUAGE_OPTION] if command is Command.LANGUAGE else [],
            contexts=[0, 1],
            integration_types=[0],
        )
        for command, (english, chinese) in _DESCRIPTIONS.items()
    ]


async def sync(rest: Rest, application: int) -> bool:
    """Tell Discord our commands, if it has others. It counts writes (200 a day), so reading comes first."""
    path = Route("GET", "/applications/{application_id}/commands?with_localizations=true", application_id=application)
    stored: Sequence[Mapping[str, object]] = await rest.request(path)
    wanted = definitions()
    if _comparable(stored) == _comparable(wanted):
        return False
    await rest.request(Route("PUT", "/applications/{application_id}/commands", application_id=application), json=wanted)
    return True


def _comparable(commands: Sequence[Mapping[str, object] | Definition]) -> dict[str, Mapping[str, object]]:
    """Only the fields that we set: Discord adds its own, and leaves out what is empty or false."""
    return {str(command["name"]): _without_empty(command, Definition.__annotations__) for command in commands}


def _without_empty(value: Mapping[str, object] | Definition, keys: Mapping[str, object]) -> dict[str, object]:
    kept = {key: item for key, item in value.items() if key in keys and item}
    options = kept.get("options")
    if isinstance(options, list):
        kept["options"] = [_without_empty(option, Option.__annotations__) for option in options]
    return kept


def read(interaction: discord.Interaction, bot: str) -> Incoming | None:
    """The command as ``Incoming``; None: not one of ours. It has no message that could be replied to."""
    data: Mapping[str, object] = dict(interaction.data or {})
    name = str(data.get("name", ""))
    if interaction.type is not discord.InteractionType.application_command or name not in set(Command):
        return None
    if interaction.channel is None:
        return None
    chat, thread = place(interaction.channel)
    argument = _argument(data.get("options"))
    return Incoming(
        address=Address(bot=bot, platform=PLATFORM, chat=chat, thread=thread),
        update=f"interaction:{interaction.id}",
        message="",
        sender=Person(
            id=str(interaction.user.id), name=interaction.user.display_name, language=interaction.locale.value
        ),
        kind=Kind.COMMAND,
        text=f"/{name} {argument}".strip(),
        command=Command(name),
        argument=argument,
        group=interaction.guild_id is not None,
        at=interaction.created_at,
    )


def _argument(options: object) -> str:
    if not isinstance(options, list) or not options:
        return ""
    return str(options[0].get("value", "")).strip()


def may_write(interaction: discord.Interaction) -> bool:
    """Whether the bot may answer where the command was given; a slash command works without that right."""
    if interaction.guild_id is None:
        return True
    rights = interaction.app_permissions
    in_thread = isinstance(interaction.channel, discord.Thread)
    return rights.view_channel and (rights.send_messages_in_threads if in_thread else rights.send_messages)


async def acknowledge(rest: Rest, interaction: discord.Interaction, note: str) -> None:
    """Answer with a note that only this person sees; empty: with nothing that is to be seen, for a button.

    Not ``interaction.response``: discord.py sends that past its HTTP client, always to discord.com.
    """
    language = "zh" if interaction.locale.value.startswith("zh") else "en"
    route = Route(
        "POST",
        "/interactions/{webhook_id}/{webhook_token}/callback",
        webhook_id=interaction.id,
        webhook_token=interaction.token,
    )
    shown = {"type": _MESSAGE, "data": {"content": NOTES[note][language], "flags": _EPHEMERAL}} if note else {}
    answer = shown or {"type": _NOTHING}
    await rest.request(route, json=answer, params={"with_response": "true"})
