"""What lives in the test server's Telegram: users, chats, messages, calls; and the Bot API's error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
"""One JSON object of the Bot API, exactly as it goes over the wire."""


class ApiError(Exception):
    """An answer with ``ok: false``."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters or {}

    def body(self) -> Json:
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad_request(what: str) -> ApiError:
    return ApiError(400, f"Bad Request: {what}")


@dataclass(frozen=True, slots=True)
class User:
    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = ""
    is_bot: bool = False

    def json(self) -> Json:
        found: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        for key, value in (
            ("last_name", self.last_name),
            ("username", self.username),
            ("language_code", self.language_code),
        ):
            if value:
                found[key] = value
        return found


@dataclass(slots=True)
class Chat:
    """A private chat, a basic group, a supergroup (``forum``: with topics) or a channel."""

    id: int
    type: str
    title: str = ""
    user: User | None = None
    forum: bool = False
    linked: int = 0
    migrated_to: int = 0
    closed: str = ""
    """Why the bot may not write here: the text of the 403; empty if it may."""
    members: list[User] = field(default_factory=list)
    topics: dict[int, str] = field(default_factory=dict)

    def json(self) -> Json:
        found: Json = {"id": self.id, "type": self.type}
        if self.user:
            found["first_name"] = self.user.first_name
            if self.user.username:
                found["username"] = self.user.username
        else:
            found["title"] = self.title
        if self.forum:
            found["is_forum"] = True
        return found

    def full(self) -> Json:
        """The answer of getChat (ChatFullInfo)."""
        found = self.json() | {
            "accent_color_id": 1,
            "max_reaction_count": 11,
            "accepted_gift_types": {
                "unlimited_gifts": True,
                "limited_gifts": True,
                "unique_gifts": True,
                "premium_subscription": True,
                "gifts_from_channels": True,
            },
        }
        if self.linked:
            found["linked_chat_id"] = self.linked
        return found


@dataclass(slots=True)
class Message:
    """A message as the server keeps it. ``raw`` is its JSON; ``history`` its earlier texts, oldest first."""

    raw: Json
    history: list[str] = field(default_factory=list)
    deleted: bool = False

    @property
    def id(self) -> int:
        return int(self.raw["message_id"])

    @property
    def chat(self) -> int:
        return int(self.raw["chat"]["id"])

    @property
    def text(self) -> str:
        return str(self.raw.get("text") or self.raw.get("caption") or "")

    @property
    def entities(self) -> list[Json]:
        return list(self.raw.get("entities") or self.raw.get("caption_entities") or [])

    @property
    def thread(self) -> int | None:
        found = self.raw.get("message_thread_id")
        return None if found is None else int(found)

    @property
    def reply_to(self) -> int | None:
        found = self.raw.get("reply_to_message")
        return None if found is None else int(found["message_id"])

    @property
    def from_bot(self) -> bool:
        return bool(self.raw.get("from", {}).get("is_bot"))

    def styled(self, kind: str) -> list[str]:
        """The texts that carry an entity of this type, in order."""
        units = self.text.encode("utf-16-le")
        return [
            units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le")
            for entity in self.entities
            if entity["type"] == kind
        ]


@dataclass(slots=True)
class Call:
    """One request of the bot."""

    method: str
    params: dict[str, str]
    at: float
    """When it came, by the monotonic clock, in seconds."""
    status: int | None = None
    """The HTTP status of the answer; None: it waits; 0: the connection was cut."""
    acted: bool = False
    """The method did what it was asked for, whatever became of its answer."""
    made: int = 0
    """The id of the message that it made; 0: none."""
