"""A small, strict Telegram Bot API server on a loopback port, for tests: the judge of what a bot sent.

    async with TelegramServer() as server:                      # in the running loop
        anna = server.private("Anna")
        server.user_says(anna, "hello")                         # the bot at server.url gets an update
        await server.until(lambda: server.replies(anna))
        assert server.replies(anna)[-1].text == "Hello, Anna!"

    with TelegramServer().in_thread() as server: ...            # or with an event loop of its own

What is strict: entities, lengths, replies, topics, offsets and secrets are checked as Telegram does, with its error
texts; an unknown method is a 404, a wrong token a 401. ``fail`` schedules faults. Every call is kept in ``calls``.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.platforms.telegram_buttons import Press
from tests.platforms.telegram_faults import Delay, Drop, Fault, Faults, Garbage, Refuse
from tests.platforms.telegram_limits import Flood
from tests.platforms.telegram_methods import Methods, Params
from tests.platforms.telegram_text import find_entities
from tests.platforms.telegram_values import ApiError, Call, Chat, Json, Message, User
from tests.platforms.telegram_world import ANONYMOUS, CHANNEL_BOT, Post, World

MAKES = frozenset({"sendmessage", "sendphoto", "senddocument"})
WRITES = MAKES | {"editmessagetext"}
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


class TelegramServer:
    """``flood``: too many writes get a 429. ``https_only``: refuse http webhooks."""

    def __init__(
        self,
        *,
        token: str = "4711:Test-Token_of_the_teahouse_bot",
        username: str = "teahouse_bot",
        port: int = 0,
        flood: Flood | None = None,
        https_only: bool = False,
        webhook_retry_s: float = 0.05,
    ) -> None:
        self.token = token
        self.me = User(id=int(token.split(":")[0]), first_name="Teahouse", username=username, is_bot=True)
        self.world = World(self.me, self._changed)
        self.calls: list[Call] = []
        self.deliveries: list[tuple[int, int]] = []
        """Update id and HTTP status (0: no answer) of each webhook request."""
        self.when_acted: Callable[[Call], None] = lambda call: None
        """Called when a method has done what it was asked for, and before that is answered."""
        self._methods = Methods(self.world, https_only=https_only)
        self._faults = Faults()
        self._flood = flood
        self._webhook_retry_s = webhook_retry_s
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._poll = 0
        self._runner: web.AppRunner | None = None
        self._deliverer: asyncio.Task[None] | None = None

    # ── starting and stopping ────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()
        self._deliverer = asyncio.create_task(self._deliver())

    async def stop(self) -> None:
        """May be called twice. The port is closed: connecting to it is refused."""
        if self._deliverer:
            self._deliverer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._deliverer
        if self._runner:
            await self._runner.cleanup()
        self._deliverer = self._runner = None
        self._socket.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @contextlib.contextmanager
    def in_thread(self) -> Iterator[Self]:
        """Runs in a thread of its own; every method for tests may be called from any thread."""
        started, stop = threading.Event(), asyncio.Event()

        async def serve() -> None:
            async with self:
                started.set()
                await stop.wait()

        thread = threading.Thread(target=asyncio.run, args=(serve(),), name="telegram-server", daemon=True)
        thread.start()
        if not started.wait(10):
            raise RuntimeError("the Telegram test server did not start")
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(stop.set)
            thread.join(10)

    # ── for tests: people and places ─────────────────────────────────────────────────────────────────────

    def user(
        self, first_name: str, *, last_name: str = "", username: str = "", language: str = "en", bot: bool = False
    ) -> User:
        return self.world.user(first_name, last_name=last_name, username=username, language=language, bot=bot)

    def private(self, user: User | str, *, language: str = "en") -> Chat:
        """The private chat of a user (a name makes a new one) with the bot."""
        person = self.user(user, language=language) if isinstance(user, str) else user
        return self.world.chat("private", user=person, members=(person,))

    def group(self, title: str, members: Sequence[User], *, kind: str = "supergroup", forum: bool = False) -> Chat:
        return self.world.chat(kind, title=title, members=(*members, self.me), forum=forum)

    def topic(self, group: Chat, title: str) -> int:
        return self.world.topic(group, title, group.members[0])

    def channel(self, title: str, *, discussion: Chat | None = None) -> Chat:
        channel = self.world.chat("channel", title=title)
        if discussion:
            channel.linked, discussion.linked = discussion.id, channel.id
        return channel

    def migrate(self, group: Chat) -> Chat:
        return self.world.migrate(group)

    def block(self, chat: Chat) -> None:
        """The user blocks the bot, or the group throws it out."""
        where = "the supergroup chat" if chat.type == "supergroup" else "the group chat"
        chat.closed = (
            "Forbidden: bot was blocked by the user" if chat.user else f"Forbidden: bot was kicked from {where}"
        )

    def unblock(self, chat: Chat) -> None:
        chat.closed = ""

    # ── for tests: what people do ────────────────────────────────────────────────────────────────────────

    def user_says(
        self,
        chat: Chat,
        text: str = "",
        *,
        user: User | None = None,
        reply_to: Message | None = None,
        quote: str = "",
        topic: int | None = None,
        media: Json | None = None,
        entities: list[Json] | None = None,
        anonymous: bool = False,
        channel: Chat | None = None,
    ) -> Message:
        """Somebody writes; ``text`` is the caption if there is ``media``, e.g. ``{"voice": {…}}`` (see telegram_media).

        ``anonymous``: an anonymous admin of the group. ``channel``: written in the name of that channel.
        """
        content: Json = dict(media or {})
        if text:
            name, marks = ("caption", "caption_entities") if media else ("text", "entities")
            content[name] = text
            content[marks] = find_entities(text) if entities is None else entities
        if quote:
            content["quote"] = {"text": quote, "position": 0, "is_manual": True}
        sender = CHANNEL_BOT if channel else ANONYMOUS if anonymous else user or chat.user or chat.members[0]
        sender_chat = channel or (chat if anonymous else None)
        message = self.world.write(chat, sender, content, reply_to=reply_to, topic=topic, sender_chat=sender_chat)
        self.world.tell("message", message)
        return message

    def user_edits(self, message: Message, text: str) -> None:
        self.world.edit(message, text)

    def user_presses(self, message: Message, label: str, *, user: User | None = None, old: bool = False) -> Press:
        """Somebody presses a button under a message of the bot. ``old``: Telegram tells no more of it than its number."""
        chat = self.world.chats[message.chat]
        with self.world.lock:
            press, content = self.world.presses.press(message, label, user or chat.user or chat.members[0], old=old)
            self.world.updates.add("callback_query", content)
        self._changed()
        return press

    def picture(self, url: str, *, is_page: bool = False) -> str:
        """A picture that Telegram can fetch, or (``is_page``) something at an address that is none. Returns ``url``."""
        (self.world.pictures.pages if is_page else self.world.pictures.known).add(url)
        return url

    def posts(self, channel: Chat, text: str) -> Post:
        """A post in a channel; ``.forward`` is what stands in the discussion group, to be replied to by comments."""
        return self.world.post(channel, text)

    def service(self, chat: Chat, content: Json, *, user: User | None = None) -> None:
        """A service message, e.g. ``{"new_chat_members": [user.json()]}``."""
        self.world.tell("message", self.world.write(chat, user or chat.members[0], content, service=True))

    def raw_update(self, content: Json) -> int:
        """An update of any shape, e.g. one that no library can read; returns its id."""
        with self.world.lock:
            update = self.world.updates.add_raw(content)
        self._changed()
        return update

    def forget(self, message: Message) -> None:
        """Somebody deletes a message."""
        message.deleted = True

    # ── for tests: faults ────────────────────────────────────────────────────────────────────────────────

    def fail(self, method: str, fault: Fault, times: int | None = 1) -> None:
        """The next ``times`` calls of ``method`` (``*``: of any; None: until ``heal``) meet this fault."""
        self._faults.plan(method.lower(), fault, times)
        self._changed()

    def failing(self, method: str) -> int:
        """How many of its next calls will fail; those for any method are not counted."""
        return self._faults.waiting(method.lower())

    def heal(self, method: str | None = None) -> None:
        self._faults.heal(method and method.lower())

    def duplicate_updates(self, times: int = 1) -> None:
        """The last updates are delivered again, although they were acknowledged."""
        with self.world.lock:
            self.world.updates.again(times)
        self._changed()

    def reorder_updates(self, times: int = 1) -> None:
        """The next answers that hold several updates hold them in the wrong order."""
        with self.world.lock:
            self.world.updates.reorder(times)

    # ── for tests: what the bot did ──────────────────────────────────────────────────────────────────────

    def messages(self, chat: Chat) -> list[Message]:
        """Everything in the chat that is not deleted, oldest first."""
        return [message for message in self.world.messages[chat.id] if not message.deleted]

    def replies(self, chat: Chat) -> list[Message]:
        """What our bot wrote in the chat, oldest first."""
        return [found for found in self.messages(chat) if found.raw.get("from", {}).get("id") == self.me.id]

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method.lower() == method.lower()]

    @property
    def unacknowledged(self) -> list[int]:
        """The ids of the updates that the bot has not acknowledged yet."""
        return self.world.updates.waiting

    async def until(self, condition: Callable[[], object], timeout_s: float = 10) -> None:
        """Wait until the condition holds; fails with what the bot called so far."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                called = ", ".join(f"{call.method}={call.status}" for call in self.calls[-20:])
                raise AssertionError(f"waited {timeout_s} s in vain; the last calls: {called or 'none'}")
            await asyncio.sleep(0.01)

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────────

    def _changed(self) -> None:
        if self._runner:
            self._loop.call_soon_threadsafe(self._news.set)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        match = re.fullmatch(r"/bot([^/]+)/(\w+)", request.path)
        if not match or not re.fullmatch(r"\d+:[\w-]+", match[1]):
            return _answer(ApiError(404, "Not Found").body(), 404)
        token, method = match.groups()
        if token != self.token:
            return _answer(ApiError(401, "Unauthorized").body(), 401)
        params = await _params(request)
        fault = self._faults.take(method.lower())
        call = Call(method, params, time.monotonic())
        self.calls.append(call)
        status = 0
        try:
            answer = await self._act(call, fault, request)
            status = answer.status
        finally:
            call.status = status
        return answer

    async def _act(self, call: Call, fault: Fault | None, request: web.Request) -> web.Response:
        if fault == Drop(acted=False):
            raise _cut(request)
        if isinstance(fault, Delay):
            await asyncio.sleep(fault.seconds)
        try:
            if isinstance(fault, Refuse):
                raise fault.error()
            result = await self._result(call.method, call.params)
        except ApiError as error:
            return _answer(error.body(), error.code)
        call.acted, call.made = True, _made(call.method, result)
        if result != []:  # a poll that found nothing
            self.when_acted(call)
        if isinstance(fault, Drop):
            raise _cut(request)
        if isinstance(fault, Garbage):
            return web.Response(text=fault.body, status=fault.code, content_type="text/html")
        return _answer({"ok": True, "result": result}, 200)

    async def _result(self, method: str, params: Params) -> Any:
        if method.lower() == "getupdates":
            return await self._get_updates(params)
        if method not in self._methods:
            raise ApiError(404, "Not Found: method not found")
        if self._flood and method.lower() in WRITES:
            wait = self._flood.write(int(params.get("chat_id", "0")), time.monotonic())
            if wait:
                raise ApiError(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})
        return self._methods(method, params)

    async def _get_updates(self, params: Params) -> list[Json]:
        """Waits up to ``timeout`` seconds for news; a newer poll ends this one with a 409."""
        if self.world.webhook.url:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            )
        self._poll += 1
        mine = self._poll
        self._news.set()
        self._methods.allow(params)
        limit = min(max(int(params.get("limit", "100")), 1), 100)
        deadline = time.monotonic() + float(params.get("timeout", "0"))
        with self.world.lock:
            self.world.updates.acknowledge(int(params.get("offset", "0")))
        while True:
            with self.world.lock:
                if self.world.updates.ready:
                    return self.world.updates.batch(limit)
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
            if mine != self._poll:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )

    async def _deliver(self) -> None:
        """Feeds the webhook, one update after the other; one that is not answered with 2xx is sent again."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
            while True:
                with self.world.lock:
                    batch = self.world.updates.batch(1) if self.world.webhook.url else []
                if not batch:
                    await asyncio.sleep(0.01)
                    continue
                for update in batch:
                    await self._deliver_one(client, update)

    async def _deliver_one(self, client: aiohttp.ClientSession, update: Json) -> None:
        webhook = self.world.webhook
        headers = {SECRET_HEADER: webhook.secret} if webhook.secret else {}
        try:
            async with client.post(webhook.url, json=update, headers=headers) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.deliveries.append((update["update_id"], status))
        if 200 <= status < 300:
            with self.world.lock:
                self.world.updates.acknowledge(update["update_id"] + 1)
        else:
            webhook.last_error = f"Wrong response from the webhook: {status}"
            await asyncio.sleep(self._webhook_retry_s)


def _answer(body: Json, status: int) -> web.Response:
    return web.json_response(body, status=status)


def _made(method: str, result: Any) -> int:
    return int(result["message_id"]) if method.lower() in MAKES else 0


def _cut(request: web.Request) -> Exception:
    if request.transport:
        request.transport.abort()
    return web.HTTPInternalServerError(reason="cut")


async def _params(request: web.Request) -> Params:
    """Query, form, multipart and JSON parameters as strings; a file becomes ``attach:`` and its name."""
    found: Params = dict(request.query)
    if request.content_type == "application/json":
        for key, value in (await request.json()).items():
            found[key] = value if isinstance(value, str) else web.json_response(value).text or ""
        return found
    for key, value in (await request.post()).items():
        found[key] = (
            value if isinstance(value, str) else f"attach:{value.filename if isinstance(value, web.FileField) else key}"
        )
    return found
