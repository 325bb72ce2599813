"""Telegram, through python-telegram-bot. ``TelegramChannel`` is what bots/ needs; the rest is this package's own."""

from adapters.telegram.channel import TelegramChannel
from adapters.telegram.intake import Timing
from adapters.telegram.moves import MoveStore
from adapters.telegram.pacing import Rates
from adapters.telegram.webhook import Webhook

__all__ = ["MoveStore", "Rates", "TelegramChannel", "Timing", "Webhook"]
