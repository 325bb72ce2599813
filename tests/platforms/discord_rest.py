"""The REST API under /api/v10: checks like Discord's, and the faults that a test has scheduled."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from tests.platforms.discord_bodies import (
    Body,
    Callback,
    CommandBody,
    CreateMessage,
    CreateThread,
    EditMessage,
    OpenDirect,
    Reference,
    Refused,
    invalid,
)
from tests.platforms.discord_faults import Fault, Limit, Schedule, too_many
from tests.platforms.discord_gateway import DIRECT_MESSAGES, GUILD_MESSAGES, GUILDS, Gateway
from tests.platforms.discord_values import (
    ANNOUNCEMENT,
    DEFAULT,
    REPLY,
    SILENT,
    SUPPRESS_EMBEDS,
    TEXT,
    Channel,
    Json,
    Message,
    User,
)
from tests.platforms.discord_world import World

API = "/api/v10"
# The routes with a limit for each channel, and the name of their bucket.
LIMITED = {
    "POST /channels/{channel}/messages": "sending",
    "PATCH /channels/{channel}/messages/{message}": "editing",
}
_MENTION = re.compile(r"<@!?(\d+)>|(@everyone|@here)")
_ACTED = web.RequestKey("acted", bool)
_MADE = web.RequestKey("made", str)
_COMMANDS = TypeAdapter(list[CommandBody])

B = TypeVar("B", bound=Body)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: ``route`` as in ``fail``, e.g. ``POST /channels/{channel}/messages``; ``body`` as text."""

    route: str
    path: str
    query: str
    body: str
    status: int
    at: float
    """When it came, in seconds of the event loop's clock."""
    acted: bool = False
    """The server did what it was asked for, whatever became of its answer."""
    made: str = ""
    """The id of the message that it made."""

    def json(self) -> dict[str, object]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


@dataclass
class Interaction:
    """A slash command that somebody used, or a button (``kind`` 3), and what the bot answered to it."""

    id: str
    token: str
    kind: int = 2
    callback: Callback | None = None


def answer(data: object, status: int = 200) -> web.Response:
    """discord.py wants exactly this content type, without a charset."""
    body = json.dumps(data, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json", "Via": "1.1 google"})


def refusal(error: Refused) -> web.Response:
    body: dict[str, object] = {"message": error.text, "code": error.code}
    return answer(body | ({"errors": error.errors} if error.errors else {}), error.status)


class Rest:
    def __init__(self, world: World, gateway: Gateway, token: str, changed: Callable[[], None]) -> None:
        self._world = world
        self._gateway = gateway
        self._token = token
        self._changed = changed
        self.faults = Schedule()
        self.limit: Limit | None = None
        self.limit_all: Limit | None = None
        self.calls: list[Call] = []
        self.when_acted: Callable[[Call], None] = lambda call: None
        self.interactions: dict[str, Interaction] = {}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/users/@me", self._me),
            ("POST", "/users/@me/channels", self._open_direct),
            ("GET", "/gateway/bot", self._gateway_bot),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", "/applications/@me", self._application),
            ("GET", "/applications/{application}/commands", self._get_commands),
            ("PUT", "/applications/{application}/commands", self._put_commands),
            ("GET", "/channels/{channel}", self._get_channel),
            ("GET", "/channels/{channel}/messages", self._get_messages),
            ("POST", "/channels/{channel}/messages", self._create_message),
            ("GET", "/channels/{channel}/messages/{message}", self._get_message),
            ("PATCH", "/channels/{channel}/messages/{message}", self._edit_message),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete_message),
            ("POST", "/channels/{channel}/messages/{message}/threads", self._create_thread),
            ("POST", "/channels/{channel}/typing", self._typing),
            ("POST", "/interactions/{interaction}/{token}/callback", self._callback),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, API + path, handler)
        app.router.add_get("/gateway", self._gateway.handle)
        app.router.add_get("/gateway/", self._gateway.handle)
        return app

    # ── every request ────────────────────────────────────────────────────────────────────────────────────

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is None:
            return refusal(Refused(404, 0, "404: Not Found"))
        if not resource.canonical.startswith(API):
            return await handler(request)
        route, came = f"{request.method} {resource.canonical.removeprefix(API)}", asyncio.get_running_loop().time()
        fault = self.faults.take(route)
        if fault is not None:
            response = await self._faulty(fault, request, handler)
        elif self._too_many_in_all(route):
            response = self._too_many(too_many(1.0, everywhere=True))
        elif self.limit is not None and route in LIMITED:
            response = await self._limited(self.limit, LIMITED[route], request, handler)
        else:
            response = await self._run(request, handler)
        text = (await request.read()).decode("utf-8", "replace")
        path = request.path.removeprefix(API)
        acted, made = request.get(_ACTED, False), request.get(_MADE, "")
        self.calls.append(Call(route, path, request.query_string, text, response.status, came, acted, made))
        if acted:
            self.when_acted(self.calls[-1])
        self._changed()
        return response

    async def _run(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if "/interactions/" not in request.path and request.headers.get("Authorization") != f"Bot {self._token}":
                raise Refused(401, 0, "401: Unauthorized")
            if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
                raise Refused(403, 40333, "internal network error")
            response = await handler(request)
        except Refused as error:
            return refusal(error)
        except ValidationError as error:
            return refusal(invalid(error))
        request[_ACTED] = True
        return response

    def _too_many_in_all(self, route: str) -> bool:
        if self.limit_all is None or "/interactions/" in route:
            return False
        return self.limit_all.use("all", asyncio.get_running_loop().time())[0] < 0

    async def _limited(self, limit: Limit, bucket: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        now = asyncio.get_running_loop().time()
        remaining, left_s = limit.use(f"{bucket} {request.match_info['channel']}", now)
        response = await self._run(request, handler) if remaining >= 0 else self._too_many(too_many(left_s))
        response.headers.update(limit.headers(remaining, left_s, bucket))
        return response

    async def _faulty(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        await request.read()
        if fault.act == "first":
            await self._run(request, handler)
        if fault.status == 429:
            return self._too_many(fault)
        if fault.status:
            return refusal(Refused(fault.status, fault.code, f"{fault.status}: scheduled"))
        if fault.hang:
            await asyncio.sleep(3600)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _too_many(self, fault: Fault) -> web.Response:
        data = {"message": "You are being rate limited.", "retry_after": fault.retry_after, "global": fault.everywhere}
        if not fault.via:
            text = "error code: 1015"
            return web.Response(text=text, status=429, headers={"Retry-After": str(int(fault.retry_after))})
        response = answer(data, 429)
        response.headers["Retry-After"] = str(int(fault.retry_after) + 1)
        response.headers["X-RateLimit-Scope"] = "global" if fault.everywhere else "user"
        if fault.everywhere:
            response.headers["X-RateLimit-Global"] = "true"
        return response

    async def _body(self, request: web.Request, model: type[B]) -> B:
        return model.model_validate(await self._json(request))

    async def _json(self, request: web.Request) -> object:
        if request.headers.get("Content-Type") != "application/json":
            raise Refused(400, 50035, "Expected Content-Type application/json")
        try:
            value: object = json.loads(await request.read())
        except ValueError:
            raise Refused(400, 50109, "The request body contains invalid JSON.") from None
        return value

    # ── who and where ────────────────────────────────────────────────────────────────────────────────────

    async def _me(self, request: web.Request) -> web.Response:
        return answer(self._world.bot.json())

    async def _application(self, request: web.Request) -> web.Response:
        return answer(self._world.application_json())

    async def _gateway_bot(self, request: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 999, "reset_after": 14400000, "max_concurrency": 1}
        return answer({"url": self._gateway.url, "shards": 1, "session_start_limit": limit})

    async def _open_direct(self, request: web.Request) -> web.Response:
        body = await self._body(request, OpenDirect)
        user = self._world.users.get(str(body.recipient_id))
        if user is None or user.bot:
            raise Refused(400, 50033, "Invalid Recipient(s)")
        return answer(self._world.dm(user).json())

    def _channel(self, request: web.Request, right: str = "view") -> Channel:
        id = request.match_info["channel"]
        if not id.isdigit():
            raise Refused(400, 50035, "Invalid Form Body")
        channel = self._world.channels.get(id)
        if channel is None:
            raise Refused(404, 10003, "Unknown Channel")
        if not self._world.may(channel, "view"):
            raise Refused(403, 50001, "Missing Access")
        if not self._world.may(channel, right):
            direct = channel.recipient is not None
            text = "Cannot send messages to this user" if direct else "Missing Permissions"
            raise Refused(403, 50007 if direct else 50013, text)
        return channel

    async def _get_channel(self, request: web.Request) -> web.Response:
        return answer(self._channel(request).json())

    async def _typing(self, request: web.Request) -> web.Response:
        self._channel(request, "send")
        return web.Response(status=204)

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────

    def _message(self, request: web.Request, channel: Channel) -> Message:
        message = self._world.find(channel.id, request.match_info["message"])
        if message is None:
            raise Refused(404, 10008, "Unknown Message")
        return message

    async def _get_message(self, request: web.Request) -> web.Response:
        channel = self._channel(request, "read")
        return answer(self._world.message_json(self._message(request, channel)))

    async def _get_messages(self, request: web.Request) -> web.Response:
        channel = self._channel(request, "read")
        limit = int(request.query.get("limit", "50"))
        if not 1 <= limit <= 100:
            raise Refused(400, 50035, "Invalid Form Body")
        after, before = int(request.query.get("after", "0")), int(request.query.get("before", "0"))
        if after and before:
            raise Refused(400, 50035, "Invalid Form Body")
        found = [
            message
            for message in self._world.messages(channel.id)
            if int(message.id) > after and (not before or int(message.id) < before)
        ]
        page = found[:limit] if after else found[-limit:]
        return answer([self._world.message_json(message) for message in reversed(page)])

    async def _create_message(self, request: web.Request) -> web.Response:
        body = await self._body(request, CreateMessage)
        channel = self._channel(request, "send")
        if channel.locked:
            raise Refused(403, 160005, "This thread is locked")
        bot = self._world.bot
        if not (body.content or "").strip() and not body.embeds:
            raise Refused(400, 50006, "Cannot send an empty message")
        if body.embeds and not self._world.may(channel, "embed"):
            raise Refused(403, 50013, "Missing Permissions")
        if body.enforce_nonce and (before := self._world.said_before(channel.id, bot, body.nonce)):
            return answer(self._world.message_json(before))
        reference = self._reference(channel, body.message_reference)
        message = Message(
            id=self._world.ids.next(),
            channel=channel.id,
            author=bot,
            content=(body.content or "").strip(),
            at=self._world.ids.now(),
            guild=channel.guild,
            type=REPLY if reference else DEFAULT,
            reply_to=reference,
            flags=body.flags & (SUPPRESS_EMBEDS | SILENT),
            embeds=tuple(embed.model_dump(exclude_none=True) for embed in body.embeds),
            components=_rows(body),
            nonce=body.nonce,
            pings=_pings(body),
        )
        self._world.store(message)
        request[_MADE] = message.id
        await self.announce("MESSAGE_CREATE", message)
        return answer(self._world.message_json(message))

    def _reference(self, channel: Channel, reference: Reference | None) -> str:
        if reference is None:
            return ""
        found = self._world.find(channel.id, str(reference.message_id))
        if str(reference.channel_id or channel.id) != channel.id:
            raise Refused(400, 50035, "Invalid Form Body", {"message_reference": _said("Cannot reply across channels")})
        if found is None and reference.fail_if_not_exists:
            raise Refused(400, 50035, "Invalid Form Body", {"message_reference": _said("Unknown message")})
        return found.id if found else ""

    async def _edit_message(self, request: web.Request) -> web.Response:
        body = await self._body(request, EditMessage)
        channel = self._channel(request)
        message = self._message(request, channel)
        if message.author != self._world.bot:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        if body.content is not None and not body.content.strip():
            raise Refused(400, 50006, "Cannot send an empty message")
        if body.content is not None:
            message = message.with_text(body.content.strip(), self._world.ids.now())
        if body.components is not None:
            message = replace(message, components=_rows(body))
        self._world.store(replace(message, pings=message.pings + _pings(body)))
        await self.announce("MESSAGE_UPDATE", message)
        return answer(self._world.message_json(message))

    async def _delete_message(self, request: web.Request) -> web.Response:
        self._world.delete(self._message(request, self._channel(request)))
        return web.Response(status=204)

    async def announce(self, event: str, message: Message) -> None:
        """Tell the gateway; bots without the message content intent get the text only if it concerns them."""
        data: dict[str, object] = dict(self._world.message_json(message))
        if message.guild and not message.webhook:
            data["member"] = message.author.member()
        bot = self._world.bot
        theirs = message.guild and message.author != bot and bot not in message.mentions
        bare = {**data, "content": "", "attachments": [], "embeds": []} if theirs else None
        await self._gateway.dispatch(event, data, GUILD_MESSAGES if message.guild else DIRECT_MESSAGES, bare)

    async def _create_thread(self, request: web.Request) -> web.Response:
        body = await self._body(request, CreateThread)
        channel = self._channel(request, "threads")
        if channel.type not in (TEXT, ANNOUNCEMENT):
            raise Refused(400, 50024, "Cannot execute action on this channel type")
        message = self._message(request, channel)
        if message.id in self._world.threads_made:
            raise Refused(400, 160004, "A thread has already been created for this message")
        thread = self._world.thread(channel, message.id, body.name, self._world.bot)
        await self._gateway.dispatch("THREAD_CREATE", {**thread.json(), "newly_created": True}, GUILDS)
        await self.announce("MESSAGE_UPDATE", self._message(request, channel))  # it now has a thread
        return answer(thread.json(), 201)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────

    async def _get_commands(self, request: web.Request) -> web.Response:
        return answer(self._world.commands)

    async def _put_commands(self, request: web.Request) -> web.Response:
        commands = _COMMANDS.validate_python(await self._json(request))
        common = {"application_id": self._world.application, "version": self._world.ids.next(), "nsfw": False}
        self._world.commands = [
            {**command.model_dump(), **common, "id": self._world.ids.next(), "name_localizations": None}
            for command in commands
        ]
        return answer(self._world.commands)

    async def _callback(self, request: web.Request) -> web.Response:
        body = await self._body(request, Callback)
        interaction = self.interactions.get(request.match_info["interaction"])
        if interaction is None or interaction.token != request.match_info["token"]:
            raise Refused(404, 10062, "Unknown interaction")
        if interaction.callback is not None:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        if body.type == 6 and interaction.kind != 3:
            raise Refused(400, 50035, "Invalid Form Body")
        interaction.callback = body
        if request.query.get("with_response") != "true":
            return web.Response(status=204)
        return answer(
            {"interaction": {"id": interaction.id, "type": interaction.kind}, "resource": {"type": body.type}}
        )


def _said(text: str) -> Json:
    return {"_errors": [{"code": "MESSAGE_REFERENCE", "message": text}]}


def _rows(body: EditMessage) -> tuple[Json, ...]:
    return tuple(row.model_dump(exclude_none=True) for row in body.components or ())


def _pings(body: EditMessage) -> tuple[str, ...]:
    """Whom the text rings: without ``allowed_mentions`` everybody whom it names."""
    allowed = body.allowed_mentions
    everyone = allowed is None or "everyone" in allowed.parse
    users = allowed is None or "users" in allowed.parse
    listed = {str(id) for id in allowed.users} if allowed else set()
    found: list[str] = []
    for user, mass in _MENTION.findall(body.content or ""):
        if (mass and everyone) or (user and (users or user in listed)):
            found.append(mass or user)
    return tuple(found)


def mentioned(world: World, text: str) -> tuple[User, ...]:
    ids = (user for user, _ in _MENTION.findall(text) if user)
    return tuple(world.users[id] for id in dict.fromkeys(ids) if id in world.users)
