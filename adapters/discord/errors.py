"""Discord's errors, discord.py's and aiohttp's, as ours.

=============================================  ==================================================================
what happened                                  ours
=============================================  ==================================================================
429                                            RateLimited, with the seconds that Discord named; its bucket waits
our own limits say that it would be one        RateLimited: nothing was asked (see pacing)
429 without ``Via`` (Cloudflare)               RateLimited, with its Retry-After, else 60 s; all wait
401, or discord.py's LoginFailure              ChannelNotReady: says where a new token comes from
5xx after discord.py's own retries             SendFailed
130000 (Discord is overloaded)                 SendFailed
refused, no such host, no connection in time   SendFailed: nothing was written
connection lost, or no answer in time          SendAmbiguous (after one more try, which the nonce makes safe)
403 (50001, 50007, 50013, …)                   ChatClosed
404 with 10003 or 10004 (channel, guild)       ChatClosed
50083, 160005 (archived or locked thread)      ChatClosed
404 with 10008: the message to edit is gone    SendRejected: somebody deleted it on purpose, it is not sent again
400 or 50013 for products or buttons           nothing: sent again as text
any other 4xx                                  SendRejected
=============================================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import discord

from adapters.discord.rest import NotDiscord, ban_wait
from core.errors import (
    ChannelError,
    ChannelNotReady,
    ChatClosed,
    RateLimited,
    SendAmbiguous,
    SendFailed,
    SendRejected,
)

UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
THREAD_EXISTS = 160004
MISSING_PERMISSIONS = 50013
_OVERLOADED = 130000
_CLOSED = frozenset({UNKNOWN_CHANNEL, 10004, 50001, 50007, MISSING_PERMISSIONS, 50083, 50278, 160005})

# What discord.py's calls can raise; all else is a defect of ours and must be seen as one.
RAISED = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)

PORTAL = "https://discord.com/developers/applications"
TOKEN_HELP = (
    f"Discord refuses the bot's token. Open {PORTAL}, choose the application, then Bot → Reset Token, "
    "put the new token into .env and start again"
)
INTENT_HELP = (
    f"Discord refuses the bot the text of messages. Open {PORTAL}, choose the application, then Bot → "
    "Privileged Gateway Intents, switch on Message Content Intent, save and start again"
)


def never_written(error: Exception) -> bool:
    """True: no connection was made, so Discord cannot have acted."""
    return isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def answer_lost(error: Exception) -> bool:
    """True: Discord may have acted, its answer did not arrive."""
    lost = isinstance(error, aiohttp.ClientError | OSError | TimeoutError)
    return lost and not never_written(error) and not isinstance(error, aiohttp.InvalidURL)


def translate(error: Exception) -> ChannelError:
    if isinstance(error, discord.RateLimited):
        return RateLimited(f"Discord wants us to wait {error.retry_after:.1f} s", error.retry_after)
    if isinstance(error, discord.LoginFailure):
        return ChannelNotReady(TOKEN_HELP)
    if isinstance(error, NotDiscord | aiohttp.InvalidURL):
        return ChannelNotReady(f"{error}. Check api_url of this bot's Discord settings")
    if isinstance(error, discord.HTTPException):
        return _from_answer(error)
    if never_written(error):
        return SendFailed(f"Discord cannot be reached ({_named(error)})")
    if answer_lost(error):
        return SendAmbiguous(f"Discord's answer was lost ({_named(error)})")
    return SendFailed(f"discord.py gave up ({_named(error)})")


def _from_answer(error: discord.HTTPException) -> ChannelError:
    said = f"Discord said {error}"
    if error.status == 401:
        return ChannelNotReady(TOKEN_HELP)
    if error.status == 429:
        return RateLimited(said, ban_wait(error))
    if error.status >= 500 or error.code == _OVERLOADED:
        return SendFailed(said)
    if error.status == 403 or error.code in _CLOSED:
        return ChatClosed(said)
    return SendRejected(said)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


@contextmanager
def translated(*, shows: bool = True) -> Iterator[None]:
    """Turns what discord.py raises into our errors. ``shows``: what is done here shows something to people.

    A lost answer to what shows nothing (logging in, opening a thread, typing) leaves no doubt: do it again.

    Without a cause: its frames hold the request's headers, and with them the token, which a log that
    prints local variables would show.
    """
    try:
        yield
    except RAISED as error:
        ours = translate(error)
        if isinstance(ours, SendAmbiguous) and not shows:
            ours = SendFailed(str(ours))
        raise ours from None
