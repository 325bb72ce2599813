"""The Bot API's methods on the world: parameters as strings (as they come in a form), a JSON result, or an ApiError."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from tests.platforms.telegram_buttons import read_markup
from tests.platforms.telegram_text import read_entities, read_text, units
from tests.platforms.telegram_values import ApiError, Chat, Json, Message, bad_request
from tests.platforms.telegram_world import DEFAULT_UPDATES, Webhook, World

Params = dict[str, str]
MAX_CAPTION = 1024
ACTIONS = frozenset({"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
                     "choose_sticker", "find_location", "record_video_note", "upload_video_note"})  # fmt: skip
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)


class Methods:
    """Every method but getUpdates, which waits and so belongs to the server."""

    def __init__(self, world: World, *, https_only: bool) -> None:
        self._world = world
        self._https_only = https_only
        self._table: dict[str, Callable[[Params], Any]] = {
            "getme": self._get_me,
            "getchat": lambda params: self._chat(params, write=False).full(),
            "getchatmember": self._get_chat_member,
            "getwebhookinfo": self._get_webhook_info,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "setmycommands": self._set_my_commands,
            "getmycommands": lambda params: self._world.commands.get(params.get("language_code", ""), []),
            "deletemycommands": self._delete_my_commands,
            "sendmessage": self._send_message,
            "sendmessagedraft": self._send_message_draft,
            "sendphoto": lambda params: self._send_media(params, "photo"),
            "senddocument": lambda params: self._send_media(params, "document"),
            "editmessagetext": self._edit_message_text,
            "deletemessage": self._delete_message,
            "sendchataction": self._send_chat_action,
            "setmessagereaction": self._set_message_reaction,
            "answercallbackquery": lambda params: self._world.presses.answer(params),
        }

    def __contains__(self, method: str) -> bool:
        return method.lower() in self._table

    def __call__(self, method: str, params: Params) -> Any:
        with self._world.lock:
            return self._table[method.lower()](params)

    # ── reading parameters ───────────────────────────────────────────────────────────────────────────────

    def _chat(self, params: Params, *, write: bool = True) -> Chat:
        given = params.get("chat_id", "")
        if not given:
            raise bad_request("chat_id is empty")
        chat = self._world.chats.get(int(given)) if re.fullmatch(r"-?\d+", given) else None
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": chat.migrated_to},
            )
        if write and chat.closed:
            raise ApiError(403, chat.closed)
        return chat

    def _message(self, chat: Chat, params: Params, missing: str) -> Message:
        given = params.get("message_id", "")
        message = self._world.find(chat.id, int(given)) if given.isdigit() else None
        if message is None:
            raise bad_request(missing)
        return message

    def _reply(self, chat: Chat, params: Params) -> tuple[Message | None, Json]:
        """The message that is replied to, and the quote."""
        given = params.get("reply_parameters")
        if not given:
            return None, {}
        wanted = _json(given, "reply parameters")
        message = self._world.find(chat.id, int(wanted["message_id"]))
        if message is None and not wanted.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
        quote = wanted.get("quote")
        if message and quote:
            if quote not in message.text:
                raise bad_request("QUOTE_TEXT_INVALID")
            return message, {"quote": {"text": quote, "position": message.text.index(quote), "is_manual": True}}
        return message, {}

    def _topic(self, chat: Chat, params: Params) -> int | None:
        given = params.get("message_thread_id")
        if given is None:
            return None
        if not given.isdigit() or int(given) not in chat.topics:
            raise bad_request("message thread not found")
        return int(given)

    # ── the bot itself ───────────────────────────────────────────────────────────────────────────────────

    def _get_me(self, params: Params) -> Json:
        return self._world.me.json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": False,
        }

    def _get_chat_member(self, params: Params) -> Json:
        chat = self._chat(params, write=False)
        user = next((user for user in chat.members if str(user.id) == params.get("user_id")), None)
        if user is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return {"user": user.json(), "status": "member"}

    def _get_webhook_info(self, params: Params) -> Json:
        webhook = self._world.webhook
        info: Json = {
            "url": webhook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._world.updates.waiting),
            "allowed_updates": sorted(self._world.updates.allowed),
        }
        if webhook.last_error:
            info |= {"last_error_message": webhook.last_error, "last_error_date": int(time.time())}
        return info

    def _set_webhook(self, params: Params) -> bool:
        url = params.get("url", "")
        if not url:
            return self._delete_webhook(params)
        if not url.startswith("https://") and (self._https_only or not url.startswith("http://")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        secret = params.get("secret_token", "")
        if len(secret) > 256:
            raise bad_request("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise bad_request("secret token contains unallowed characters")
        self.allow(params)
        self._world.webhook = Webhook(url, secret, int(params.get("max_connections", "40")))
        self._drop_pending(params)
        self._world.changed()
        return True

    def _delete_webhook(self, params: Params) -> bool:
        self._world.webhook = Webhook()
        self._drop_pending(params)
        return True

    def _drop_pending(self, params: Params) -> None:
        if params.get("drop_pending_updates", "").lower() == "true":
            self._world.updates.clear()

    def allow(self, params: Params) -> None:
        """``allowed_updates`` holds until it is given again; an empty list means the default."""
        given = params.get("allowed_updates")
        if given is not None:
            self._world.updates.allowed = frozenset(_json(given, "allowed updates")) or DEFAULT_UPDATES

    def _set_my_commands(self, params: Params) -> bool:
        language = params.get("language_code", "")
        if language and not re.fullmatch(r"[a-z]{2}", language):
            raise bad_request("invalid language code specified")
        commands = _json(params.get("commands", ""), "commands")
        if len(commands) > 100:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command.get("command", "")):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(command.get("description", "")) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        self._world.commands[language] = commands
        return True

    def _delete_my_commands(self, params: Params) -> bool:
        self._world.commands.pop(params.get("language_code", ""), None)
        return True

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────

    def _text(self, params: Params) -> Json:
        if params.get("parse_mode"):
            raise bad_request("unsupported parse_mode")
        text = read_text(params.get("text", ""))
        content: Json = {"text": text}
        entities = read_entities(params.get("entities"), text)
        if entities:
            content["entities"] = entities
        options = params.get("link_preview_options")
        if options:
            content["link_preview_options"] = _json(options, "link preview options")
        return content

    def _send_message(self, params: Params) -> Json:
        return self._send(params, self._text)

    def _send_media(self, params: Params, kind: str) -> Json:
        if not params.get(kind):
            raise bad_request(f"there is no {kind} in the request")
        self._world.pictures.fetch(params[kind])
        file = {"file_id": params[kind], "file_unique_id": params[kind], "file_size": len(params[kind])}
        media: Json = {kind: [file | {"width": 90, "height": 90}] if kind == "photo" else file}
        caption = params.get("caption", "")
        if units(caption) > MAX_CAPTION:
            raise bad_request("message caption is too long")
        if caption:
            media |= {"caption": caption, "caption_entities": read_entities(params.get("caption_entities"), caption)}
        return self._send(params, lambda _: media)

    def _send(self, params: Params, content: Callable[[Params], Json]) -> Json:
        chat = self._chat(params)
        topic = self._topic(chat, params)
        filled = content(params) | read_markup(params.get("reply_markup"))
        reply_to, quote = self._reply(chat, params)
        message = self._world.write(chat, self._world.me, filled | quote, reply_to=reply_to, topic=topic)
        return message.raw

    def _send_message_draft(self, params: Params) -> bool:
        chat = self._chat(params)
        if chat.type != "private":
            raise bad_request("chat is not a private chat")
        if not params.get("draft_id", "0").strip("0"):
            raise bad_request("draft_id must be non-zero")
        if params.get("text"):
            self._text(params)
        return True

    def _edit_message_text(self, params: Params) -> Json:
        chat = self._chat(params)
        message = self._message(chat, params, "message to edit not found")
        if message.raw.get("from", {}).get("id") != self._world.me.id:
            raise bad_request("message can't be edited")
        if "text" not in message.raw:
            raise bad_request("there is no text in the message to edit")
        content = self._text(params) | read_markup(params.get("reply_markup"))
        same_text = content["text"] == message.text and content.get("entities", []) == message.entities
        if same_text and content.get("reply_markup") == message.raw.get("reply_markup"):
            raise bad_request(NOT_MODIFIED)
        message.history.append(message.text)
        for part in ("entities", "reply_markup"):  # an edit without a keyboard takes it away
            message.raw.pop(part, None)
        message.raw |= content | {"edit_date": int(time.time())}
        return message.raw

    def _delete_message(self, params: Params) -> bool:
        self._message(self._chat(params), params, "message to delete not found").deleted = True
        return True

    def _send_chat_action(self, params: Params) -> bool:
        chat = self._chat(params)
        if params.get("action") not in ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._world.actions.append((chat.id, self._topic(chat, params), params["action"]))
        return True

    def _set_message_reaction(self, params: Params) -> bool:
        self._message(self._chat(params), params, "message to react not found")
        return True


def _json(given: str, what: str) -> Any:
    try:
        return json.loads(given)
    except ValueError:
        raise bad_request(f"can't parse {what} JSON object") from None
