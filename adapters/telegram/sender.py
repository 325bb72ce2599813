"""Outgoing → Telegram's messages: entities or plain text, replies and threads, and the errors in our words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import structlog
from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import ChatMigrated, RetryAfter, TelegramError

from adapters.telegram.errors import about_entities, about_reply, not_modified, seconds, translate
from adapters.telegram.growing import settle
from adapters.telegram.moves import Moves, read_name
from adapters.telegram.pacing import Pacing
from adapters.telegram.rendering import Rendered, render
from adapters.telegram.splitting import split
from adapters.telegram.threads import post_of, topic_of
from core.errors import SendAmbiguous, SendRejected
from core.messages import Address, Outgoing

THINKING = "…"
"""Shown while a growing text has nothing to show yet."""

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_log = structlog.get_logger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Post:
    """One attempt to send. ``root``: the post under which it must stand; ``reply_chat``: where ``reply_to`` stands."""

    text: Rendered
    final: bool
    topic: int | None
    root: int | None
    reply_to: int | None
    reply_chat: str


class Sender:
    def __init__(self, bot: Bot, pacing: Pacing, moves: Moves) -> None:
        self._bot = bot
        self._pacing = pacing
        self._moves = moves

    async def send(self, message: Outgoing) -> str:
        """Returns the message's id; ``<chat>:<id>`` if the group has moved, for its messages are numbered anew.

        Telegram cannot be asked whether it took a message whose answer was lost (SendAmbiguous): see Traits.
        """
        post = _first_try(message)
        while True:
            try:
                return await self._write(message.address.chat, post.final, partial(self._post, post))
            except TelegramError as error:
                easier = _easier(post, error)
                if easier is None:
                    raise translate(error) from None
                _log.warning("telegram.sent_simpler", reply=message.reply, said=error.message)
                post = easier

    async def edit(self, sent: str, message: Outgoing) -> None:
        """A draft that would come too soon raises RateLimited: the next one shows more.

        SendRejected also if the message is gone: deleted, or left behind when the group became a supergroup.
        """
        text = _shown(message)
        if not text.text:
            if not message.final:
                return  # nothing to show yet
            raise SendRejected("there is no text to show")
        found = read_name(sent, message.address.chat)
        if found is None:
            raise SendRejected(f"{sent!r} is no message id")
        chat, number = found
        try:
            await self._edit(chat, number, text, message)
        except TelegramError as error:
            if not_modified(error):
                return
            raise translate(error) from None

    async def typing(self, address: Address) -> None:
        """Never raises: nobody misses it."""
        chat = self._moves.now(address.chat)
        if self._pacing.held(chat):
            return
        try:
            await self._bot.send_chat_action(chat, ChatAction.TYPING, message_thread_id=topic_of(address.thread))
        except (TelegramError, KeyError, TypeError, ValueError, AttributeError) as error:
            _log.debug("telegram.typing_failed", conversation=address.id, reason=str(error))
            if isinstance(error, RetryAfter):
                self._pacing.hold(chat, seconds(error))

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────

    async def _post(self, post: _Post, chat: str) -> str:
        reply = None
        if post.reply_to is not None and post.reply_chat == chat:
            # Without the comment that it answers, a comment would land outside of its thread: see _easier.
            reply = ReplyParameters(post.reply_to, allow_sending_without_reply=post.root in (None, post.reply_to))
        sent = await self._bot.send_message(
            chat,
            post.text.text,
            entities=post.text.entities,
            message_thread_id=post.topic,
            reply_parameters=reply,
            link_preview_options=NO_PREVIEW,
        )
        return self._moves.name(chat, sent.message_id)

    async def _edit(self, chat: str, number: int, text: Rendered, message: Outgoing) -> None:
        """Raises ChatMigrated if the group has moved: there, the same number is another message."""
        moved_to = self._moves.now(chat)
        if moved_to != chat:
            raise ChatMigrated(int(moved_to))
        for attempt in (text, Rendered(text.text)):
            try:
                await self._write(chat, message.final, partial(self._replace, number, attempt), follow=False)
            except TelegramError as error:
                if not (about_entities(error) and attempt.entities):
                    raise
                _log.warning("telegram.sent_simpler", reply=message.reply, said=error.message)
            else:
                return

    async def _replace(self, number: int, text: Rendered, chat: str) -> None:
        await self._bot.edit_message_text(
            text.text, chat, number, entities=text.entities, link_preview_options=NO_PREVIEW
        )

    async def _write(
        self, chat: str, final: bool, call: Callable[[str], Awaitable[Result]], *, follow: bool = True
    ) -> Result:
        """One write in its turn; with ``follow`` made once more where the group has moved to. Raises RateLimited.

        An answer that the library cannot read is SendAmbiguous.
        """
        chat = self._moves.now(chat)
        try:
            return await self._in_turn(chat, final, call)
        except ChatMigrated as error:
            new = str(error.new_chat_id)
            await self._moves.found(chat, new)
            if not follow:
                raise
        return await self._in_turn(new, final, call)

    async def _in_turn(self, chat: str, final: bool, call: Callable[[str], Awaitable[Result]]) -> Result:
        async with self._pacing.turn(chat, final=final):
            try:
                return await call(chat)
            except RetryAfter as error:
                self._pacing.hold(chat, seconds(error))
                raise
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise SendAmbiguous(f"Telegram's answer cannot be read ({type(error).__name__})") from None


def _first_try(message: Outgoing) -> _Post:
    text = _shown(message)
    if not text.text and message.final:
        raise SendRejected("there is no text to send")
    home = message.address.chat
    root = post_of(message.address.thread)
    reply_chat, reply_to = read_name(message.reply_to, home) or (home, root)
    return _Post(
        text=text if text.text else Rendered(THINKING),
        final=message.final,
        topic=topic_of(message.address.thread),
        root=root,
        reply_to=reply_to,
        reply_chat=reply_chat,
    )


def _easier(post: _Post, error: TelegramError) -> _Post | None:
    """What to try instead: without entities; as a reply to the post, or to nothing."""
    if about_entities(error) and post.text.entities:
        return replace(post, text=Rendered(post.text.text))
    if about_reply(error) and post.reply_to is not None:
        return replace(post, reply_to=post.root if post.root != post.reply_to else None)
    return None


def _shown(message: Outgoing) -> Rendered:
    """The text as Telegram gets it; of a growing one that is too long, the first part."""
    if message.final:
        return render(message.text)
    settled = settle(message.text)
    return render(split(settled)[0]) if settled.strip() else Rendered("")
