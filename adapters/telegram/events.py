"""Telegram's updates → ``Incoming``."""

from __future__ import annotations

from telegram import CallbackQuery, Chat, MaybeInaccessibleMessage, Message, Update, User

from adapters.telegram.content import Content, read_content
from adapters.telegram.moves import Moves
from adapters.telegram.threads import Place, Places
from core.messages import Address, Incoming, Person
from core.ports import Transcript
from core.presses import as_said, pressed

PLATFORM = "telegram"
ALLOWED_UPDATES = (Update.MESSAGE, Update.EDITED_MESSAGE, Update.CALLBACK_QUERY)
"""All that we ask Telegram for."""


class Events:
    """Reads updates for one bot; ``me`` is its account, ``transcript`` knows what its buttons ask."""

    def __init__(self, bot: str, me: User, places: Places, moves: Moves, transcript: Transcript | None = None) -> None:
        self._bot = bot
        self._me = me
        self._places = places
        self._moves = moves
        self._transcript = transcript

    async def read(self, update: Update) -> Incoming | None:
        """None for what is no message to us: service messages, other bots, ourselves, a channel's own posts.

        Raises the library's NetworkError if Telegram had to be asked and did not answer; StoreUnavailable if the
        group has moved and that cannot be kept, or what a button asks cannot be looked up.
        """
        if update.callback_query is not None:
            return await self._pressed(update.callback_query)
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

    async def _pressed(self, query: CallbackQuery) -> Incoming | None:
        """Whoever presses a button says what it asks. None: it is none of ours, or nobody knows any more what it asks.

        Of an old message Telegram tells no more than its chat and number, and so not in which thread of a group it stands.
        """
        message = query.message
        if message is None or query.from_user.is_bot:
            return None
        group = message.chat.type != Chat.PRIVATE
        if isinstance(message, Message) and message.is_accessible:
            thread = (await self._places.of(message)).thread
        elif group:
            return None
        else:
            thread = ""
        chat = str(message.chat.id)
        address = Address(bot=self._bot, platform=PLATFORM, chat=self._moves.home(chat), thread=thread)
        text = await pressed(query.data or "", _label(query, message), address, self._transcript)
        if not text:
            return None
        kind, command, argument = as_said(text)
        return Incoming(
            address=address,
            update=f"press:{query.id}",
            message=self._moves.name(chat, message.message_id) if group else "",
            sender=_person(query.from_user),
            kind=kind,
            text=text,
            command=command,
            argument=argument,
            group=group,
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
    return _person(user)


def _person(user: User) -> Person:
    return Person(id=str(user.id), name=user.full_name, language=_language_tag(user.language_code or ""))


def _label(query: CallbackQuery, message: MaybeInaccessibleMessage) -> str:
    """What stands on the button that was pressed, if Telegram still tells."""
    markup = message.reply_markup if isinstance(message, Message) else None
    buttons = (button for row in (markup.inline_keyboard if markup else ()) for button in row)
    return next((button.text for button in buttons if button.callback_data == query.data), "")


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
