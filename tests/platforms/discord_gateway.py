"""The gateway: HELLO, IDENTIFY, heartbeats, dispatches with sequence numbers, RESUME, and how all that fails."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.platforms.discord_values import Json
from tests.platforms.discord_world import World

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15
UNKNOWN_ERROR, UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED = 4000, 4001, 4002, 4003
BAD_TOKEN, ALREADY_AUTHENTICATED, BAD_VERSION, DISALLOWED_INTENTS = 4004, 4005, 4012, 4014


class Connection:
    """One websocket. With ``zlib-stream`` all its payloads are one compressed stream of binary frames."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self._request = request
        self._compressor = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        self._writing = asyncio.Lock()

    async def send(self, payload: Json) -> None:
        text = json.dumps(payload, ensure_ascii=False)
        async with self._writing:
            if self.socket.closed:
                return
            try:
                if self._compressor is None:
                    await self.socket.send_str(text)
                else:
                    data = self._compressor.compress(text.encode()) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
                    await self.socket.send_bytes(data)
            except ConnectionError:
                return  # the client is gone; a session keeps what it missed

    def abort(self) -> None:
        """Cut the TCP connection without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()


@dataclass
class Session:
    """What a client identified for. It lives on without a connection, so that RESUME can replay."""

    id: str
    intents: int
    connection: Connection | None = None
    sequence: int = 0
    sent: list[Json] = field(default_factory=list)

    async def dispatch(self, event: str, data: Json) -> None:
        self.sequence += 1
        payload = {"op": DISPATCH, "t": event, "s": self.sequence, "d": data}
        self.sent.append(payload)
        if self.connection is not None:
            await self.connection.send(payload)


class Gateway:
    def __init__(self, world: World, token: str, changed: Callable[[], None]) -> None:
        self._world = world
        self._token = token
        self._changed = changed
        self.url = ""
        self.allow_message_content = True
        self.refuse_resume = False
        self.refuse_connections = 0
        self.duplicates = 0
        self.sessions: dict[str, Session] = {}
        self.identified = 0
        self.resumed = 0

    # ── what tests do ────────────────────────────────────────────────────────────────────────────────────

    async def dispatch(self, event: str, data: Json, intent: int, bare: Json | None = None) -> None:
        """To every session that asked for ``intent``; ``bare`` goes to those that may not read messages."""
        copies = 1 + self.duplicates
        self.duplicates = 0
        for session in list(self.sessions.values()):
            if session.intents & intent:
                may_read = bare is None or session.intents & MESSAGE_CONTENT
                for _ in range(copies):
                    await session.dispatch(event, data if may_read or bare is None else bare)

    async def close(self, code: int) -> None:
        for connection in self._connections():
            await connection.socket.close(code=code)

    def abort(self) -> None:
        for connection in self._connections():
            connection.abort()

    async def ask_to_reconnect(self) -> None:
        for connection in self._connections():
            await connection.send({"op": RECONNECT, "d": None})

    async def invalidate(self, *, resumable: bool = False) -> None:
        connections = self._connections()
        if not resumable:
            self.sessions.clear()
        for connection in connections:
            await connection.send({"op": INVALID_SESSION, "d": resumable})

    def connected(self) -> int:
        return len(self._connections())

    def _connections(self) -> list[Connection]:
        return [session.connection for session in self.sessions.values() if session.connection is not None]

    # ── what clients do ──────────────────────────────────────────────────────────────────────────────────

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_connections:
            self.refuse_connections -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=4096, autoclose=True)
        await socket.prepare(request)
        connection = Connection(socket, request)
        if (request.query.get("v"), request.query.get("encoding")) != ("10", "json"):
            await socket.close(code=BAD_VERSION)
            return socket
        await connection.send({"op": HELLO, "d": {"heartbeat_interval": 41250}})
        session: Session | None = None
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    session = await self._receive(connection, session, frame.data)
        finally:
            if session is not None and session.connection is connection:
                session.connection = None
            self._changed()
        return socket

    async def _receive(self, connection: Connection, session: Session | None, text: str) -> Session | None:
        try:
            payload = json.loads(text)
            op, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError):
            await connection.socket.close(code=DECODE_ERROR)
            return session
        if op == HEARTBEAT:
            await connection.send({"op": ACK})
        elif op == IDENTIFY:
            return await self._identify(connection, session, data)
        elif op == RESUME:
            return await self._resume(connection, data)
        elif session is None:
            await connection.socket.close(code=NOT_AUTHENTICATED)
        elif op not in (3, 4, 8):
            await connection.socket.close(code=UNKNOWN_OPCODE)
        return session

    async def _identify(self, connection: Connection, session: Session | None, data: Json) -> Session | None:
        intents = data.get("intents")
        if session is not None:
            await connection.socket.close(code=ALREADY_AUTHENTICATED)
        elif data.get("token") != self._token:
            await connection.socket.close(code=BAD_TOKEN)
        elif not isinstance(intents, int) or (intents & MESSAGE_CONTENT and not self.allow_message_content):
            await connection.socket.close(code=DISALLOWED_INTENTS)
        else:
            return await self._begin(connection, intents)
        return session

    async def _begin(self, connection: Connection, intents: int) -> Session:
        session = Session(f"session-{self._world.ids.next()}", intents, connection)
        self.sessions[session.id] = session
        ready: Json = {
            "v": 10,
            "user": self._world.bot.json(),
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "guilds": [{"id": self._world.guild, "unavailable": True}],
            "application": {"id": self._world.application, "flags": 1 << 19},
        }
        await session.dispatch("READY", ready)
        if intents & GUILDS:
            await session.dispatch("GUILD_CREATE", self._world.guild_json())
        self.identified += 1
        self._changed()
        return session

    async def _resume(self, connection: Connection, data: Json) -> Session | None:
        if data.get("token") != self._token:
            await connection.socket.close(code=BAD_TOKEN)
            return None
        session = self.sessions.get(str(data.get("session_id")))
        sequence = data.get("seq")
        if self.refuse_resume or session is None or not isinstance(sequence, int):
            self.refuse_resume = False
            self.sessions.pop(str(data.get("session_id")), None)
            await connection.send({"op": INVALID_SESSION, "d": False})
            return None
        while sequence < len(session.sent):  # more may be said meanwhile
            await connection.send(session.sent[sequence])
            sequence += 1
        session.connection = connection
        await session.dispatch("RESUMED", {})
        self.resumed += 1
        self._changed()
        return session
