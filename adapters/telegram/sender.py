"""Outgoing → Telegram's messages: entities or plain text, replies and threads, and the errors in our words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import structlog
from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import ChatMigrated, RetryAfter, TelegramError

from adapters.telegram.errors import about_entities, about_reply, edit_target_gone, not_modified, seconds, translate
from adapters.telegram.growing import settle
from adapters.telegram.pacing import Pacing
from adapters.telegram.rendering import Rendered, render
from adapters.telegram.splitting import split
from adapters.telegram.threads import post_of, topic_of
from core.errors import SendAmbiguous, SendRejected
from core.messages import Address, Outgoing

THINKING = "…"
"""Shown while a growing text has nothing to show yet."""

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
MAX_MIGRATED = 1000
_log = structlog.get_logger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Post:
    """One attempt to send. ``root``: the post under which it must stand."""

    text: Rendered
    topic: int | None
    root: int | None
    reply_to: int | None


class Sender:
    def __init__(self, bot: Bot, pacing: Pacing) -> None:
        self._bot = bot
        self._pacing = pacing
        self._migrated: OrderedDict[str, str] = OrderedDict()

    def migrated(self, old: str, new: str) -> None:
        """The group became a supergroup: what is for the old id goes to the new one."""
        self._migrated[old] = new
        if len(self._migrated) > MAX_MIGRATED:
            self._migrated.popitem(last=False)

    async def send(self, message: Outgoing) -> str:
        """Returns the message's id; ``<chat>:<id>`` if the group has moved, for its messages are numbered anew."""
        root = post_of(message.address.thread)
        text = _shown(message)
        if not text.text and message.final:
            raise SendRejected("there is no text to send")
        post = _Post(
            text=text if text.text else Rendered(THINKING),
            topic=topic_of(message.address.thread),
            root=root,
            reply_to=_number(message.reply_to) or root,
        )
        while True:
            try:
                return await self._write(message.address.chat, partial(self._post, post, message.address.chat))
            except TelegramError as error:
                easier = _easier(post, error)
                if easier is None:
                    raise translate(error) from None
                _log.warning("telegram.sent_simpler", reply=message.reply, said=error.message)
                post = easier

    async def edit(self, sent: str, message: Outgoing) -> None:
        """A draft that would come too soon is left out: the next one shows more.

        The message may be gone (deleted, or left behind when the group became a supergroup). Then a final text is
        sent as a new message, and a draft raises SendRejected.
        """
        text = _shown(message)
        if not message.final and not (text.text and self._pacing.draft_allowed(self._new_id(message.address.chat))):
            return
        if not text.text:
            raise SendRejected("there is no text to show")
        home, _, id = sent.rpartition(":")
        number = _number(id)
        if number is None:
            raise SendRejected(f"{sent!r} is no message id")
        try:
            await self._edit(home or message.address.chat, number, text, message.reply)
        except TelegramError as error:
            if not_modified(error):
                return
            if not (edit_target_gone(error) and message.final):
                raise translate(error) from None
            _log.warning("telegram.sent_anew", reply=message.reply, said=error.message)
            await self.send(message)

    async def typing(self, address: Address) -> None:
        """Never raises: nobody misses it."""
        try:
            await self._bot.send_chat_action(
                self._new_id(address.chat), ChatAction.TYPING, message_thread_id=topic_of(address.thread)
            )
        except (TelegramError, KeyError, TypeError, ValueError, AttributeError) as error:
            _log.debug("telegram.typing_failed", conversation=address.id, reason=str(error))

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────

    async def _post(self, post: _Post, home: str, chat: str) -> str:
        reply = None
        if post.reply_to is not None:
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
        return str(sent.message_id) if chat == home else f"{chat}:{sent.message_id}"

    async def _edit(self, chat: str, number: int, text: Rendered, reply: str) -> None:
        """Raises ChatMigrated if the group has moved: there, the same number is another message."""
        if chat in self._migrated:
            raise ChatMigrated(int(self._migrated[chat]))
        for attempt in (text, Rendered(text.text)):
            try:
                await self._write(chat, partial(self._replace, number, attempt), follow=False)
            except TelegramError as error:
                if not (about_entities(error) and attempt.entities):
                    raise
                _log.warning("telegram.sent_simpler", reply=reply, said=error.message)
            else:
                return

    async def _replace(self, number: int, text: Rendered, chat: str) -> None:
        await self._bot.edit_message_text(
            text.text, chat, number, entities=text.entities, link_preview_options=NO_PREVIEW
        )

    async def _write(self, chat: str, call: Callable[[str], Awaitable[Result]], *, follow: bool = True) -> Result:
        """One write, counted; with ``follow`` made once more where the group has moved to.

        An answer that the library cannot read is SendAmbiguous.
        """
        chat = self._new_id(chat)
        self._pacing.wrote(chat)
        try:
            return await call(chat)
        except ChatMigrated as error:
            new = str(error.new_chat_id)
            self.migrated(chat, new)
            _log.info("telegram.chat_migrated", old=chat, new=new)
            if not follow:
                raise
            return await call(new)
        except RetryAfter as error:
            self._pacing.hold(chat, seconds(error))
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SendAmbiguous(f"Telegram's answer cannot be read ({type(error).__name__})") from None

    def _new_id(self, chat: str) -> str:
        return self._migrated.get(chat, chat)


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


def _number(message: str) -> int | None:
    return int(message) if message.isascii() and message.isdigit() else None
