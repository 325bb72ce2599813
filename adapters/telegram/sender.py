"""Outgoing → Telegram's messages: entities or plain text, replies and threads, and the errors in our words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import structlog
from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, RetryAfter, TelegramError

from adapters.telegram.cards import MAX_CAPTION, caption, keyboard
from adapters.telegram.errors import about_buttons, about_entities, about_reply, not_modified, seconds, translate
from adapters.telegram.growing import settle
from adapters.telegram.moves import Moves, read_name
from adapters.telegram.pacing import Pacing
from adapters.telegram.rendering import MAX_UNITS, Rendered, below, render
from adapters.telegram.splitting import split
from adapters.telegram.threads import post_of, topic_of
from core.cards import buttons_as_text
from core.errors import SendAmbiguous, SendRejected
from core.messages import Address, Button, Outgoing

THINKING = "…"
"""Shown while a growing text has nothing to show yet."""

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_log = structlog.get_logger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Post:
    """One attempt to send. ``picture``: the address of one, whose caption the text is; ``lines``: its buttons are lines
    of the text; ``root``: the post under which it must stand; ``reply_chat``: where ``reply_to`` stands.
    """

    text: Rendered
    picture: str
    buttons: tuple[Button, ...]
    lines: bool
    silent: bool
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
                easier = _easier(post, message, error)
                if easier is None:
                    raise translate(error) from None
                _log.warning("telegram.sent_simpler", reply=message.reply, said=error.message)
                post = easier

    async def edit(self, sent: str, message: Outgoing) -> None:
        """A draft that would come too soon raises RateLimited: the next one shows more.

        SendRejected also if the message is gone: deleted, or left behind when the group became a supergroup.
        """
        if message.cards:
            return  # a product stands there as it is
        if not message.final and not _shown(message).text:
            return  # nothing to show yet
        post = _first_try(message)
        found = read_name(sent, message.address.chat)
        if found is None:
            raise SendRejected(f"{sent!r} is no message id")
        chat, number = found
        try:
            await self._edit(chat, number, post, message)
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
        if post.picture:
            sent = await self._bot.send_photo(
                chat,
                post.picture,
                caption=post.text.text,
                caption_entities=post.text.entities,
                message_thread_id=post.topic,
                reply_parameters=reply,
                reply_markup=keyboard(post.buttons),
                disable_notification=post.silent,
            )
        else:
            sent = await self._bot.send_message(
                chat,
                post.text.text,
                entities=post.text.entities,
                message_thread_id=post.topic,
                reply_parameters=reply,
                reply_markup=keyboard(post.buttons),
                disable_notification=post.silent,
                link_preview_options=NO_PREVIEW,
            )
        return self._moves.name(chat, sent.message_id)

    async def _edit(self, chat: str, number: int, post: _Post, message: Outgoing) -> None:
        """Raises ChatMigrated if the group has moved: there, the same number is another message."""
        moved_to = self._moves.now(chat)
        if moved_to != chat:
            raise ChatMigrated(int(moved_to))
        while True:
            try:
                return await self._write(chat, message.final, partial(self._replace, number, post), follow=False)
            except TelegramError as error:
                easier = _easier(post, message, error)
                if easier is None:
                    raise
                _log.warning("telegram.sent_simpler", reply=message.reply, said=error.message)
                post = easier

    async def _replace(self, number: int, post: _Post, chat: str) -> None:
        await self._bot.edit_message_text(
            post.text.text,
            chat,
            number,
            entities=post.text.entities,
            reply_markup=keyboard(post.buttons),
            link_preview_options=NO_PREVIEW,
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
    picture = message.cards[0].image if message.cards else ""
    text = _shown(message, bool(picture))
    if not text.text and message.final:
        raise SendRejected("there is no text to show")
    home = message.address.chat
    root = post_of(message.address.thread)
    reply_chat, reply_to = read_name(message.reply_to, home) or (home, root)
    return _Post(
        text=text if text.text else Rendered(THINKING),
        picture=picture,
        buttons=message.buttons,
        lines=False,
        silent=bool(message.cards),  # the text before it has rung
        final=message.final,
        topic=topic_of(message.address.thread),
        root=root,
        reply_to=reply_to,
        reply_chat=reply_chat,
    )


def _easier(post: _Post, message: Outgoing, error: TelegramError) -> _Post | None:
    """What to try instead: buttons as lines; without entities; as a reply to the post, or to nothing; without the picture."""
    if about_buttons(error) and post.buttons:
        return replace(post, text=_shown(message, bool(post.picture), lines=True), buttons=(), lines=True)
    if about_entities(error) and post.text.entities:
        return replace(post, text=Rendered(post.text.text))
    if about_reply(error) and post.reply_to is not None:
        return replace(post, reply_to=post.root if post.root != post.reply_to else None)
    if isinstance(error, BadRequest) and post.picture:
        # Telegram could not fetch it, takes it for none, or the group wants no pictures; if not, the text is refused too.
        return replace(post, text=_shown(message, lines=post.lines), picture="")
    return None


def _shown(message: Outgoing, picture: bool = False, lines: bool = False) -> Rendered:
    """The text as Telegram gets it; of a growing one that is too long, the first part.

    ``picture``: it stands under one; ``lines``: with its buttons as lines, if they fit.
    """
    if not message.final:
        settled = settle(message.text)
        return render(split(settled)[0]) if settled.strip() else Rendered("")
    text = caption(message.cards[0], picture=picture) if message.cards else render(message.text)
    if not lines:
        return text
    longer = below(text, render(buttons_as_text(message.buttons, message.language)))
    return longer if longer.units <= (MAX_CAPTION if picture else MAX_UNITS) else text
