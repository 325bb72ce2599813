"""The state behind the test server: who is where, what was said, and which updates wait for the bot. No web in here."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from tests.platforms.telegram_buttons import Pictures, Presses
from tests.platforms.telegram_text import find_entities
from tests.platforms.telegram_values import Chat, Json, Message, User

DEFAULT_UPDATES = frozenset(
    {"message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "my_chat_member"}
)
TELEGRAM = User(id=777000, first_name="Telegram")
ANONYMOUS = User(id=1087968824, first_name="Group", username="GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = User(id=136817688, first_name="Channel", username="Channel_Bot", is_bot=True)


@dataclass(frozen=True, slots=True)
class Post:
    """A post in a channel, and its automatic forward in the discussion group (None without one)."""

    message: Message
    forward: Message | None


class Updates:
    """What waits for the bot. An ``offset`` acknowledges everything below it."""

    def __init__(self, first: int) -> None:
        self._ids = count(first)
        self._waiting: list[Json] = []
        self._last: list[Json] = []
        self._again = 0
        self._reorder = 0
        self.allowed = DEFAULT_UPDATES
        self.acknowledged = 0

    def add(self, kind: str, content: Json) -> int:
        """Returns the update's id; 0 if the bot does not want this kind."""
        if kind not in self.allowed:
            return 0
        update = next(self._ids)
        self._waiting.append({"update_id": update, kind: copy.deepcopy(content)})
        return update

    def add_raw(self, content: Json) -> int:
        update = next(self._ids)
        self._waiting.append({"update_id": update, **content})
        return update

    def acknowledge(self, offset: int) -> None:
        if offset < 0:
            self._waiting = self._waiting[offset:]
            return
        done = [update["update_id"] for update in self._waiting if update["update_id"] < offset]
        self.acknowledged = max([self.acknowledged, *done])
        self._waiting = [update for update in self._waiting if update["update_id"] >= offset]

    def peek(self, limit: int) -> list[Json]:
        return self._waiting[:limit]

    def batch(self, limit: int) -> list[Json]:
        """The next answer of getUpdates; after ``again`` it starts with the last one a second time."""
        fresh = self.peek(limit)
        if self._again and (self._last or fresh):
            self._again -= 1
            known = {update["update_id"] for update in fresh}
            fresh = [update for update in self._last or fresh if update["update_id"] not in known] + fresh
        if fresh:
            self._last = fresh
        if self._reorder and len(fresh) > 1:
            self._reorder -= 1
            return fresh[::-1]
        return fresh

    def again(self, times: int) -> None:
        self._again += times

    def reorder(self, times: int) -> None:
        self._reorder += times

    def clear(self) -> None:
        self._waiting.clear()

    @property
    def waiting(self) -> list[int]:
        return [update["update_id"] for update in self._waiting]

    @property
    def ready(self) -> bool:
        return bool(self._waiting) or bool(self._again and self._last)


@dataclass(slots=True)
class Webhook:
    url: str = ""
    secret: str = ""
    max_connections: int = 40
    last_error: str = ""


@dataclass(slots=True)
class World:
    """One bot's Telegram. Every change happens under ``lock``; ``changed`` is called after each new update."""

    me: User
    changed: Callable[[], None]
    lock: threading.RLock = field(default_factory=threading.RLock)
    chats: dict[int, Chat] = field(default_factory=dict)
    messages: dict[int, list[Message]] = field(default_factory=dict)
    updates: Updates = field(default_factory=lambda: Updates(first=861_000_001))
    webhook: Webhook = field(default_factory=Webhook)
    commands: dict[str, list[Json]] = field(default_factory=dict)
    """The commands of the default scope, for each language code."""
    actions: list[tuple[int, int | None, str]] = field(default_factory=list)
    """Chat, topic and action of each sendChatAction."""
    pictures: Pictures = field(default_factory=Pictures)
    presses: Presses = field(default_factory=Presses)
    _people: count[int] = field(default_factory=lambda: count(5001))
    _groups: count[int] = field(default_factory=lambda: count(1001))
    _message_ids: dict[int, count[int]] = field(default_factory=dict)

    # ── people and places ────────────────────────────────────────────────────────────────────────────────

    def user(
        self, first_name: str, *, last_name: str = "", username: str = "", language: str = "en", bot: bool = False
    ) -> User:
        with self.lock:
            return User(next(self._people), first_name, last_name, username, language, bot)

    def chat(
        self, kind: str, *, title: str = "", user: User | None = None, members: Sequence[User] = (), forum: bool = False
    ) -> Chat:
        with self.lock:
            number = next(self._groups)
            chat_id = user.id if user else -number if kind == "group" else -1_000_000_000_000 - number
            if chat_id not in self.chats:
                self.chats[chat_id] = Chat(chat_id, kind, title, user, forum, members=list(members))
                self.messages[chat_id] = []
                self._message_ids[chat_id] = count(1)
            return self.chats[chat_id]

    def topic(self, chat: Chat, title: str, creator: User) -> int:
        """A new topic of a forum; its id is the id of the service message that opened it."""
        opened = self.write(
            chat, creator, {"forum_topic_created": {"name": title, "icon_color": 7322096}}, service=True
        )
        opened.raw |= {"message_thread_id": opened.id, "is_topic_message": True}
        chat.topics[opened.id] = title
        return opened.id

    def migrate(self, chat: Chat) -> Chat:
        """The basic group becomes a supergroup with another id."""
        with self.lock:
            new = self.chat("supergroup", title=chat.title, members=chat.members)
            actor = chat.members[0]
            self.tell("message", self.write(chat, actor, {"migrate_to_chat_id": new.id}, service=True))
            self.tell("message", self.write(new, actor, {"migrate_from_chat_id": chat.id}, service=True))
            chat.migrated_to = new.id
            return new

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────

    def find(self, chat: int, message: int) -> Message | None:
        found = (known for known in self.messages.get(chat, []) if known.id == message and not known.deleted)
        return next(found, None)

    def write(
        self,
        chat: Chat,
        sender: User | None,
        content: Json,
        *,
        reply_to: Message | None = None,
        topic: int | None = None,
        sender_chat: Chat | None = None,
        service: bool = False,
    ) -> Message:
        """A new message in ``chat``, with the thread fields that Telegram gives it; no update yet."""
        with self.lock:
            raw: Json = {"message_id": next(self._message_ids[chat.id]), "date": int(time.time()), "chat": chat.json()}
            if sender:
                raw["from"] = sender.json()
            if sender_chat:
                raw["sender_chat"] = sender_chat.json()
            if topic is not None:
                raw |= {"message_thread_id": topic, "is_topic_message": True}
                reply_to = reply_to or self.find(chat.id, topic)
            elif reply_to and chat.type == "supergroup" and not service:
                raw["message_thread_id"] = reply_to.thread or reply_to.id
                if reply_to.raw.get("is_topic_message"):
                    raw["is_topic_message"] = True
            if reply_to:
                raw["reply_to_message"] = {
                    key: value for key, value in reply_to.raw.items() if key not in {"reply_to_message", "quote"}
                }
            message = Message(raw | content)
            self.messages[chat.id].append(message)
            return message

    def tell(self, kind: str, message: Message) -> int:
        """Queue the update for the bot."""
        with self.lock:
            update = self.updates.add(kind, message.raw)
        self.changed()
        return update

    def post(self, channel: Chat, text: str) -> Post:
        """A post in a channel. In its discussion group Telegram's own account forwards it at once."""
        with self.lock:
            content: Json = {"text": text, "entities": find_entities(text)} if text else {}
            message = self.write(channel, None, content, sender_chat=channel)
            self.tell("channel_post", message)
            group = self.chats.get(channel.linked)
            if group is None:
                return Post(message, None)
            origin = {"type": "channel", "chat": channel.json(), "message_id": message.id, "date": message.raw["date"]}
            content |= {"is_automatic_forward": True, "forward_origin": origin}
            forward = self.write(group, TELEGRAM, content, sender_chat=channel)
            self.tell("message", forward)
            return Post(message, forward)

    def edit(self, message: Message, text: str) -> int:
        with self.lock:
            message.history.append(message.text)
            key = "caption" if "caption" in message.raw else "text"
            message.raw[key] = text
            message.raw["caption_entities" if key == "caption" else "entities"] = find_entities(text)
            message.raw["edit_date"] = int(time.time())
            return self.tell("edited_message", message)
