"""Discord, through discord.py. Inside this package ``import discord`` is the library: imports are absolute."""

from adapters.discord.channel import DiscordChannel

__all__ = ["DiscordChannel"]
