"""Discord, through discord.py. Inside this package ``import discord`` is the library: imports are absolute."""

from adapters.discord.catchup import Seen
from adapters.discord.channel import DiscordChannel
from adapters.discord.intake import Withdrawals
from adapters.discord.pacing import Rates

__all__ = ["DiscordChannel", "Rates", "Seen", "Withdrawals"]
