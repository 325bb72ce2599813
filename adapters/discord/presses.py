"""Buttons that somebody pressed, as ``Incoming``. They work after a restart: all that is needed comes with the press."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import discord

from adapters.discord.read import PLATFORM, place
from core.errors import StoreError
from core.messages import Address, Incoming, Person
from core.ports import Transcript
from core.presses import as_said, pressed


@dataclass(frozen=True, slots=True)
class Press:
    """``incoming`` has the button's label; what it asks may have to be looked up."""

    id: str
    incoming: Incoming

    async def said(self, transcript: Transcript | None) -> Incoming:
        """With what the button asks, and with its label if the store is away: nobody else keeps the press meanwhile."""
        label = self.incoming.text
        try:
            text = await pressed(self.id, label, self.incoming.address, transcript)
        except StoreError:
            text = label
        kind, command, argument = as_said(text)
        said = {"text": text, "kind": kind, "command": command, "argument": argument}
        return self.incoming.replace(**said)


def read(interaction: discord.Interaction, bot: str) -> Press | None:
    """None: no button was pressed."""
    data: Mapping[str, object] = dict(interaction.data or {})
    message, channel, id = interaction.message, interaction.channel, str(data.get("custom_id", ""))
    if interaction.type is not discord.InteractionType.component or message is None or channel is None:
        return None
    chat, thread = place(channel)
    group = interaction.guild_id is not None
    incoming = Incoming(
        address=Address(bot=bot, platform=PLATFORM, chat=chat, thread=thread),
        update=f"interaction:{interaction.id}",
        message=str(message.id) if group else "",
        sender=Person(
            id=str(interaction.user.id), name=interaction.user.display_name, language=interaction.locale.value
        ),
        text=_label(message, id),
        group=group,
        at=interaction.created_at,
    )
    return Press(id, incoming)


def _label(message: discord.Message, id: str) -> str:
    rows = (row.children for row in message.components if isinstance(row, discord.ActionRow))
    buttons = (child for row in rows for child in row if isinstance(child, discord.Button))
    return next((button.label or "" for button in buttons if button.custom_id == id), "")
