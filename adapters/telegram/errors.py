"""What Telegram and its library say, in our words.

| what happened                                                    | what we raise                        |
|------------------------------------------------------------------|--------------------------------------|
| 429 with ``retry_after``                                         | RateLimited; its chat (or all) waits |
| our own limits say that it would be one (see pacing)             | RateLimited: nothing was asked       |
| never connected; no free connection; proxy refused; 5xx          | SendFailed (not taken: send again)   |
| the request went out, the answer was lost, late or unreadable    | SendAmbiguous: cannot be asked about |
| 403; chat, thread or topic gone, closed or forbidden             | ChatClosed                           |
| 400 "message is not modified" (an edit)                          | nothing: success                     |
| 400 about entities                                               | nothing: sent again as plain text    |
| 400 "message to be replied not found"                            | nothing: sent again without the reply|
| 400 about buttons                                                | nothing: sent again with lines       |
| any other 400 for a product's picture                            | nothing: sent again as text          |
| 400 "message to edit not found" (somebody deleted it)            | SendRejected: the outbox sends it new|
| any other 400                                                    | SendRejected                         |
| 400 with ``migrate_to_chat_id``: the group became a supergroup   | nothing: sent there                  |
| … for an edit: the message stayed behind                         | SendRejected: the outbox sends it new|
| 401, 404: the token                                              | ChannelNotReady                      |
"""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from core.errors import (
    ChannelError,
    ChannelNotReady,
    ChatClosed,
    RateLimited,
    SendAmbiguous,
    SendFailed,
    SendRejected,
)

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""What httpx raises before it has written anything to Telegram."""

CLOSED = (
    "chat not found",
    "user not found",
    "user is deactivated",
    "group chat was deactivated",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_plain_forbidden",
    "user_is_blocked",
    "peer_id_invalid",
    "bot is not a member",
)
"""Parts of a 400's text that mean: this chat cannot be written to."""

BAD_TOKEN = (
    "Telegram does not accept the bot's token ({said}). Copy it again from @BotFather into the environment variable "
    "that bot.yaml names under platforms.telegram.token, and check platforms.telegram.api_url"
)


def translate(error: TelegramError) -> ChannelError:
    """The error of ours for one of the library's. Raise it ``from None``: the original may carry the request."""
    match error:
        case RetryAfter():
            return RateLimited(f"Telegram asks to wait: {error.message}", seconds(error))
        case Forbidden():
            return ChatClosed(f"Telegram refuses this chat: {error.message}")
        case InvalidToken() | EndPointNotFound():
            return ChannelNotReady(BAD_TOKEN.format(said=error.message))
        case ChatMigrated():
            return SendRejected(f"the message stayed behind: the group is a supergroup now, {error.new_chat_id}")
        case BadRequest():
            said = error.message
            if any(part in said.lower() for part in CLOSED):
                return ChatClosed(f"Telegram cannot write to this chat: {said}")
            return SendRejected(f"Telegram rejects the message: {said}")
        case NetworkError() if isinstance(error.__cause__, NOT_SENT) or _answered(error):
            return SendFailed(f"Telegram did not take it: {error.message}")
        case _:
            return SendAmbiguous(f"it is not known whether Telegram took it: {error.message}")


def _answered(error: NetworkError) -> bool:
    """There was an answer with an HTTP status of 4xx or 5xx, so nothing was done.

    The library raises such an error itself: without a cause, or (a page that is no JSON) caused by its own error.
    A closed connection (after ``close``) is its RuntimeError.
    """
    cause = error.__cause__
    closed = isinstance(cause, RuntimeError) and "not initialized" in str(cause)
    return cause is None or closed or isinstance(cause, TelegramError)


def seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def not_modified(error: TelegramError) -> bool:
    return isinstance(error, BadRequest) and "message is not modified" in error.message.lower()


def about_entities(error: TelegramError) -> bool:
    said = error.message.lower()
    return isinstance(error, BadRequest) and ("entit" in said or "can't parse" in said)


def about_buttons(error: TelegramError) -> bool:
    said = error.message.lower()
    return isinstance(error, BadRequest) and any(part in said for part in ("button", "keyboard", "reply_markup"))


def about_reply(error: TelegramError) -> bool:
    said = error.message.lower()
    return isinstance(error, BadRequest) and (
        "message to be replied not found" in said or "reply message not found" in said
    )
