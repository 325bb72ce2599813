"""Where a message belongs inside its chat: a forum's topic, the comments under a channel's post, or neither.

``Address.thread`` is ``topic-<id>`` or ``post-<id>``; the id of a post is that of its automatic forward in the
discussion group. Both are needed to send: a topic is a parameter of its own, a comment is a reply into the thread.

Telegram marks topics (``is_topic_message``), but gives plain replies in any supergroup a ``message_thread_id`` too. Such
a thread hangs under a post only in a discussion group, that is a group with a linked channel. There every thread is
a conversation of its own, so that a comment's thread does not depend on what we happen to remember.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from telegram import Bot, Chat, Message
from telegram.error import BadRequest, Forbidden

TOPIC = "topic-"
POST = "post-"
MAX_POSTS = 2000
MAX_CHATS = 5000
LINK_KNOWN_S = 600.0


@dataclass(frozen=True, slots=True)
class Place:
    """``direct``: written under the post itself, not to another comment."""

    thread: str = ""
    post: str = ""
    direct: bool = False


class Places:
    """Finds the place of each message. Remembers the posts it saw, and for ten minutes which groups are linked."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._posts: OrderedDict[tuple[int, int], str] = OrderedDict()
        self._linked: OrderedDict[int, tuple[bool, float]] = OrderedDict()

    def remember(self, forward: Message) -> None:
        """An automatic forward of a channel's post: its text is the context of the comments under it."""
        self._posts[forward.chat.id, forward.message_id] = forward.text or forward.caption or ""
        self._posts.move_to_end((forward.chat.id, forward.message_id))
        self._link(forward.chat.id, True)
        if len(self._posts) > MAX_POSTS:
            self._posts.popitem(last=False)

    async def of(self, message: Message) -> Place:
        """Asks Telegram about the group at most once in ten minutes; raises its library's NetworkError."""
        if message.message_thread_id is None:
            return Place()
        if message.is_topic_message:
            return Place(f"{TOPIC}{message.message_thread_id}")
        if message.chat.type != Chat.SUPERGROUP or message.chat.is_forum:
            return Place()
        parent = message.reply_to_message
        if parent and parent.is_automatic_forward:
            self.remember(parent)
            return Place(f"{POST}{parent.message_id}", self._posts[message.chat.id, parent.message_id], direct=True)
        root = (message.chat.id, message.message_thread_id)
        if root in self._posts or await self._is_discussion(message.chat.id):
            return Place(f"{POST}{message.message_thread_id}", self._posts.get(root, ""))
        return Place()

    async def _is_discussion(self, chat: int) -> bool:
        linked, until = self._linked.get(chat, (False, 0.0))
        if time.monotonic() < until:
            return linked
        try:
            linked = (await self._bot.get_chat(chat)).linked_chat_id is not None
        except (BadRequest, Forbidden):
            linked = False
        return self._link(chat, linked)

    def _link(self, chat: int, linked: bool) -> bool:
        self._linked[chat] = (linked, time.monotonic() + LINK_KNOWN_S)
        self._linked.move_to_end(chat)
        if len(self._linked) > MAX_CHATS:
            self._linked.popitem(last=False)
        return linked


def topic_of(thread: str) -> int | None:
    return int(thread.removeprefix(TOPIC)) if thread.startswith(TOPIC) else None


def post_of(thread: str) -> int | None:
    return int(thread.removeprefix(POST)) if thread.startswith(POST) else None
