"""Telegram's updates → ``Incoming``."""

from __future__ import annotations

from telegram import Chat, Message, Update, User

from adapters.telegram.content import Content, read_content
from adapters.telegram.moves import Moves
from adapters.telegram.threads import Place, Places
from core.messages import Address, Incoming, Person

PLATFORM = "telegram"
ALLOWED_UPDATES = (Update.MESSAGE, Update.EDITED_MESSAGE)
"""All that we ask Telegram for."""


class Events:
    """Reads updates for one bot; ``me`` is its account."""

    def __init__(self, bot: str, me: User, places: Places, moves: Moves) -> None:
        self._bot = bot
        self._me = me
        self._places = places
        self._moves = moves

    async def read(self, update: Update) -> Incoming | None:
        """None for what is no message to us: service messages, other bots, ourselves, a channel's own posts.

        Raises the library's NetworkError if Telegram had to be asked and did not answer; StoreUnavailable if the
        group has moved and that cannot be kept.
        """
        message = update.message or update.edited_message
        if message is None or message.chat.type == Chat.CHANNEL:
            return None
        if message.is_automatic_forward:
            self._places.remember(message)
            return None
        if await self._note_move(message):
            return None
        sender = _sender(message)
        content = read_content(message, self._me)
        if sender is None or content is None or content.for_another:
            return None
        place = await self._places.of(message)
        group = message.chat.type != Chat.PRIVATE
        chat = str(message.chat.id)
        return Incoming(
            address=Address(bot=self._bot, platform=PLATFORM, chat=self._moves.home(chat), thread=place.thread),
            update=str(update.update_id),
            message=self._moves.name(chat, message.message_id),
            sender=sender,
            kind=content.kind,
            text=content.text,
            command=content.command,
            argument=content.argument,
            quoted=_quoted(message),
            post=place.post,
            group=group,
            addressed=not group or self._addressed(message, content, place),
            edited=update.edited_message is not None,
            at=message.edit_date or message.date,
        )

    async def _note_move(self, message: Message) -> bool:
        """The group became a supergroup: Telegram says so in the old one and in the new one."""
        if message.migrate_to_chat_id:
            await self._moves.note(str(message.chat.id), str(message.migrate_to_chat_id))
        elif message.migrate_from_chat_id:
            await self._moves.note(str(message.migrate_from_chat_id), str(message.chat.id))
        else:
            return False
        return True

    def _addressed(self, message: Message, content: Content, place: Place) -> bool:
        """A comment under the shop's own post is meant for the shop; one to another comment is not."""
        parent = _parent(message)
        to_us = parent is not None and parent.from_user is not None and parent.from_user.id == self._me.id
        return content.mentions_us or to_us or place.direct


def _sender(message: Message) -> Person | None:
    """Anonymous admins and people who write as a channel appear as that chat; bots are nobody."""
    chat, user = message.sender_chat, message.from_user
    if chat is not None:
        return Person(id=str(chat.id), name=chat.title or chat.full_name or "")
    if user is None or user.is_bot:
        return None
    return Person(id=str(user.id), name=user.full_name, language=_language_tag(user.language_code or ""))


def _language_tag(code: str) -> str:
    """Telegram writes ``zh-hans`` and ``pt-br``; the usual way is ``zh-Hans`` and ``pt-BR``."""
    first, *rest = code.split("-")
    return "-".join([first.lower(), *(part.title() if len(part) == 4 else part.upper() for part in rest)])


def _parent(message: Message) -> Message | None:
    """The message that is replied to. In a topic, what is no reply "replies" to the service message that opened it."""
    parent = message.reply_to_message
    return None if parent is None or parent.forum_topic_created else parent


def _quoted(message: Message) -> str:
    if message.quote:
        return message.quote.text
    parent = _parent(message)
    if parent is None or parent.is_automatic_forward:
        return ""
    return parent.text or parent.caption or ""
