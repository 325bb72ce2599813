"""Sending: messages, edits, typing, and the thread that an answer opens. Works in a process that never listened.

Every call names its channel by id and asks nothing of discord.py's cache.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

import discord
from discord.http import handle_message_parameters

from adapters.discord.cards import as_text, embeds, view
from adapters.discord.errors import (
    MISSING_PERMISSIONS,
    RAISED,
    THREAD_EXISTS,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    answer_lost,
    translate,
    translated,
)
from adapters.discord.markdown import render
from adapters.discord.pacing import Pacing
from adapters.discord.rest import Rest, open_rest
from adapters.discord.split import clip
from core.errors import ChatClosed, SendFailed
from core.messages import Address, Outgoing, stable_id

_log = logging.getLogger(__name__)

_NONCE_CHARS = 25  # Discord's limit
# Discord knows a nonce for "the past few minutes" (its documentation of Create Message says no more): surely for two.
NONCE_WINDOW_S = 120.0
_ARCHIVE_MINUTES: Literal[1440] = 1440
_NAME_CHARS = 80
_NAMES = {"zh": "咨询", "en": "Question"}
_MARKS = re.compile(r"<[@#:/a][^>]*>|[*_~`|>#]+|\s+")
_REMEMBERED = 2000


class Sender:
    """``keep`` is on while the bot listens: then one session is held open; else each call closes its own.

    So nothing leaks when the last answers are sent after listening has ended, and closing never cuts off
    a message that is on its way.
    """

    def __init__(self, token: str, api_url: str, timeout_s: float, pacing: Pacing) -> None:
        self._token = token
        self._api_url = api_url
        self._pacing = pacing
        self._timeout_s = timeout_s
        self._opening = asyncio.Lock()
        self._rest: Rest | None = None
        self._users = 0
        self._keep = False
        # Threads that may not be opened, so their answers stand in the channel. Found out again after a restart.
        self._refused: OrderedDict[str, None] = OrderedDict()

    async def keep(self, on: bool) -> None:
        self._keep = on
        await self._close_if_idle()

    async def send(self, message: Outgoing) -> str:
        with translated():
            async with self._session() as rest:
                address = message.address
                where = self._where(address)
                try:
                    return await _post(rest, where, message)
                except discord.NotFound as error:
                    if error.code != UNKNOWN_CHANNEL or where != address.thread:
                        raise
                with translated(shows=False):
                    opened = await _open_thread(rest, address, message.language)
                if not opened:
                    self._remember_refused(address.thread)
                return await _post(rest, self._where(address), message)

    async def edit(self, sent: str, message: Outgoing) -> None:
        if message.cards:
            return  # products stand there as they are
        with translated():
            async with self._session() as rest:
                address = message.address
                where = self._where(address)
                try:
                    await _patch(rest, where, sent, message)
                except discord.NotFound as error:
                    if error.code != UNKNOWN_CHANNEL or where != address.thread:
                        raise
                    await _patch(rest, address.chat, sent, message)

    async def typing(self, address: Address) -> None:
        with translated(shows=False):
            async with self._session() as rest:
                where = self._where(address)
                try:
                    await rest.show_typing(where)
                except discord.NotFound as error:
                    if error.code != UNKNOWN_CHANNEL or where != address.thread:
                        raise
                    await rest.show_typing(address.chat)

    async def open_direct(self, person: str) -> str:
        """The id of the direct-message channel with a person; Discord makes it if there is none."""
        with translated(shows=False):
            async with self._session() as rest:
                channel = await rest.start_private_message(person)
                return str(channel["id"])

    def _where(self, address: Address) -> str:
        return address.thread if address.thread and address.thread not in self._refused else address.chat

    def _remember_refused(self, thread: str) -> None:
        self._refused[thread] = None
        if len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Rest]:
        self._users += 1
        try:
            async with self._opening:
                if self._rest is None:
                    with translated(shows=False):
                        self._rest = await open_rest(self._token, self._api_url, self._timeout_s, self._pacing)
            yield self._rest
        finally:
            self._users -= 1
            await self._close_if_idle()

    async def _close_if_idle(self) -> None:
        if self._rest is not None and not self._keep and self._users == 0:
            rest, self._rest = self._rest, None
            await rest.close()


def nonce(message: Outgoing) -> str:
    """The same for each try of the same part, in every process: Discord then keeps only the first."""
    return stable_id(message.reply, str(message.part))[:_NONCE_CHARS]


def _shown(message: Outgoing) -> str:
    """Empty beside products, which are a message of their own."""
    text = render(message.text)
    return text if message.final else clip(text)


async def _post(rest: Rest, channel: str, message: Outgoing) -> str:
    try:
        return await _create(rest, channel, message)
    except discord.HTTPException as error:
        if not _about_extras(error, message):
            raise
        _log.warning("discord: products or buttons were refused (%s), sent as text", error)
        return await _create(rest, channel, as_text(message))


async def _create(rest: Rest, channel: str, message: Outgoing) -> str:
    content = _shown(message)
    payload = _new(channel, message, content)
    try:
        data = await rest.create_message(channel, payload, draft=not message.final)
    except RAISED as error:
        if not answer_lost(error):
            raise
        with _in_doubt(error):
            # With the nonce Discord returns the message that it may have made the first time.
            data = await rest.create_message(channel, payload, draft=False)
    as_wanted = data["content"].strip() == content.strip() and bool(data.get("components")) == bool(message.buttons)
    if message.final and not as_wanted:
        # It was sent before, while it was still growing: bring it up to date. (A draft may be older than what stands.)
        await _change(rest, channel, str(data["id"]), message)
    return str(data["id"])


def _about_extras(error: discord.HTTPException, message: Outgoing) -> bool:
    """Whether it may be taken without its products and buttons: the bot may lack the right to embed links."""
    refused = error.status == 400 or error.code == MISSING_PERMISSIONS
    return refused and bool(message.cards or message.buttons)


@contextmanager
def _in_doubt(first: Exception) -> Iterator[None]:
    """The second try after a lost answer. If it does not get through, the first may have: SendAmbiguous, not SendFailed."""
    try:
        yield
    except RAISED as error:
        if isinstance(translate(error), SendFailed):
            raise translate(first) from None
        raise


async def _patch(rest: Rest, channel: str, sent: str, message: Outgoing) -> None:
    try:
        await _change(rest, channel, sent, message)
    except discord.HTTPException as error:
        if not _about_extras(error, message):
            raise
        _log.warning("discord: buttons were refused (%s), shown as text", error)
        await _change(rest, channel, sent, as_text(message))


async def _change(rest: Rest, channel: str, sent: str, message: Outgoing) -> None:
    payload = _payload(content=_shown(message), **_extras(message))
    try:
        await rest.change_message(channel, sent, payload, draft=not message.final)
    except RAISED as error:
        if not answer_lost(error):
            raise
        await rest.change_message(channel, sent, payload, draft=not message.final)


def _new(channel: str, message: Outgoing, content: str) -> Mapping[str, Any]:
    payload = _payload(content=content, nonce=nonce(message), **_extras(message))  # discord.py adds enforce_nonce
    # The message from which a thread was opened lies outside of it and cannot be referred to there.
    if message.reply_to.isdigit() and message.reply_to != channel:
        payload["message_reference"] = {
            "message_id": message.reply_to,
            "channel_id": channel,
            "fail_if_not_exists": False,
        }
    return payload


def _extras(message: Outgoing) -> dict[str, Any]:
    """Products ring nobody: the text before them has."""
    extras: dict[str, Any] = {}
    if message.cards:
        extras["embeds"] = embeds(message.cards, message.language)
        extras["flags"] = discord.MessageFlags(suppress_notifications=True)
    if message.buttons:
        extras["view"] = view(message.buttons)
    return extras


def _payload(**fields: Any) -> dict[str, Any]:
    parameters = handle_message_parameters(
        **{"flags": discord.MessageFlags(suppress_embeds=True), **fields},
        allowed_mentions=discord.AllowedMentions.none(),
    )
    return parameters.payload or {}


async def _open_thread(rest: Rest, address: Address, language: str) -> bool:
    """Open the thread whose id is the question's. False: it may not be opened, answer in the channel.

    An answer goes to the channel only if the question is seen to stand there. A thread that somebody deleted
    may have been private: its answer must not appear in the channel.
    """
    question = await _question(rest, address)
    try:
        await rest.start_thread_with_message(
            address.chat,
            address.thread,
            name=_name(question, language),
            auto_archive_duration=_ARCHIVE_MINUTES,
        )
    except discord.HTTPException as error:
        if error.code == THREAD_EXISTS:
            return True
        transient = error.status >= 500 or error.status in (401, 429)
        if question is None or transient or error.code in (UNKNOWN_CHANNEL, UNKNOWN_MESSAGE):
            raise
        _log.warning("discord: no thread can be opened in %s (%s); answering in the channel", address.chat, error)
        return False
    return True


async def _question(rest: Rest, address: Address) -> str | None:
    """The text of the message from which the thread is opened; None: we may not read it."""
    try:
        return str((await rest.get_message(address.chat, address.thread))["content"])
    except discord.NotFound as error:
        if error.code == UNKNOWN_MESSAGE:
            raise ChatClosed("the thread is gone, or its first message was deleted") from None
        raise
    except discord.Forbidden:
        return None


def _name(question: str | None, language: str) -> str:
    plain = _MARKS.sub(" ", question or "").split()
    name = clip(" ".join(plain), _NAME_CHARS)
    return name if plain else _NAMES["zh" if language.startswith("zh") else "en"]
