"""A small, strict OpenAI-compatible model server on a loopback port: it speaks as llama-server, vLLM, Ollama or none of them.

    async with OpenAIServer("vllm", answer="It costs 14.90.") as server:
        server.fail(Drop(after=1))                              # of the next chat request
        ...                                                     # a client at server.url
        assert server.chats[-1].body["top_k"] == 40

A token is a word with the space before it, or a Hanzi; 4 more are around each message and around all of them. Bodies are
checked strictly (openai_bodies.py); every chat request is kept in ``chats``, every path that was asked in ``paths``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web
from pydantic import ValidationError

from tests.platforms.openai_bodies import BODIES
from tests.platforms.openai_faults import Drop, Fault, HalfEvent, Hold, NotEvents, Send, Status

Kind = Literal["llama", "vllm", "ollama", "openai"]
Json = Mapping[str, Any]

_TOKEN = re.compile(r"\s*[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]+")


def tokens_of(text: str) -> list[str]:
    return _TOKEN.findall(text)


def prompt_tokens(messages: Sequence[Json]) -> int:
    return 4 + sum(4 + len(tokens_of(message["content"])) for message in messages)


@dataclass
class Chat:
    """``ended``: how it went: "" while it runs, then done, cut (by a fault) or left (the client closed the connection)."""

    body: Json
    headers: Mapping[str, str]
    ended: str = ""
    sent: int = 0  # words


@dataclass
class Manners:
    """How the stream looks on the wire, and how fast it comes, all of it allowed. ``split``: bytes in each write, 0: whole events."""

    line_end: str = "\n"
    comments: bool = False
    split: int = 0
    usage: bool = True
    done: bool = True
    finish: str = ""  # in place of stop or length; "none": none at all
    pace_s: float = 0.0  # before each word


@dataclass
class World:
    """``context``: tokens of one request; ``loading``: it answers 503; ``healthy``: what /health says, if there is one."""

    model: str = "tea-1b"
    context: int = 1024
    api_key: str = ""
    loading: bool = False
    healthy: bool = True
    loras: Sequence[str] = ()
    version: str = "0.13.0"
    counts: bool = True
    logprobs: bool = True
    manners: Manners = field(default_factory=Manners)


class OpenAIServer:
    def __init__(
        self, kind: Kind = "llama", *, answer: str | Callable[[Json], str] = "OK.", port: int = 0, **world: Any
    ) -> None:
        self.kind = kind
        self.world = World(**world)
        self.chats: list[Chat] = []
        self.paths: list[str] = []
        self.when_asked: Callable[[Chat], None] = lambda chat: None
        self._answer = answer
        self._faults: deque[Fault] = deque()
        self._news = asyncio.Event()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/v1"
        self._runner: web.AppRunner | None = None

    # ── for tests ────────────────────────────────────────────────────────────────────────────────────────

    def fail(self, *faults: Fault) -> None:
        """One for each of the next chat requests."""
        self._faults.extend(faults)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def stop(self) -> None:
        """May be called twice. Connecting is refused from then on."""
        if self._runner:
            await self._runner.cleanup()
        self._runner = None
        self._socket.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ── the routes ───────────────────────────────────────────────────────────────────────────────────────

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self._news.set()
        world, route = self.world, f"{request.method} {request.path}"
        if route == "GET /health" and self.kind in ("llama", "vllm"):
            return self._error(503, "Loading model") if world.loading or not world.healthy else web.Response()
        if world.loading:
            return self._error(503, "Loading model", "unavailable_error")
        if world.api_key and request.headers.get("Authorization") != f"Bearer {world.api_key}":
            return self._error(401, "Invalid API Key", "authentication_error")
        if route == "POST /v1/chat/completions":
            return await self._chat(request)
        body = await request.json() if request.method == "POST" else {}
        found = self._plain(route, body)
        return self._error(404, "File Not Found", "not_found_error") if found is None else web.json_response(found)

    def _plain(self, route: str, body: Json) -> object | None:
        if route == "GET /v1/models":
            return {"object": "list", "data": self._models()}
        return {"llama": self._llama, "vllm": self._vllm, "ollama": self._ollama}.get(self.kind, _nothing)(route, body)

    def _models(self) -> list[Json]:
        world = self.world
        one: dict[str, Any] = {"id": world.model, "object": "model", "created": 1}
        if self.kind == "llama":
            meta = {"n_vocab": 1000, "n_ctx_train": 8192, "n_params": 5, "size": 7}
            return [one | {"id": f"/models/{world.model}.gguf", "owned_by": "llamacpp", "meta": meta}]
        if self.kind == "vllm":
            one |= {"owned_by": "vllm", "root": world.model, "parent": None, "max_model_len": world.context}
            return [one, *({**one, "id": name, "parent": world.model} for name in world.loras)]
        return [one | {"owned_by": "library" if self.kind == "ollama" else "somebody"}]

    def _llama(self, route: str, body: Json) -> object | None:
        world = self.world
        if route == "GET /props":
            return {"default_generation_settings": {"n_ctx": world.context}, "total_slots": 4}
        if route == "GET /lora-adapters":
            return [{"id": n, "path": f"/l/{name}.gguf", "scale": 0.0} for n, name in enumerate(world.loras)]
        if route == "POST /tokenize":
            return {"tokens": [len(token) for token in tokens_of(body["content"])]}
        if route == "POST /v1/chat/completions/input_tokens" and world.counts:
            return {"input_tokens": prompt_tokens(body["messages"])}
        if route == "POST /apply-template":
            return {"prompt": " ".join(["x"] * prompt_tokens(body["messages"]))}
        return None

    def _vllm(self, route: str, body: Json) -> object | None:
        if route == "GET /version":
            return {"version": self.world.version}
        if route == "POST /tokenize":
            if "messages" in body:
                assert body["add_generation_prompt"]
                return {"count": prompt_tokens(body["messages"]), "tokens": [], "max_model_len": self.world.context}
            return {"tokens": [len(token) for token in tokens_of(body["prompt"])], "count": 0, "max_model_len": 0}
        return None

    def _ollama(self, route: str, body: Json) -> object | None:
        world = self.world
        running = [{"name": world.model, "model": world.model, "context_length": world.context}]
        return {
            "GET /api/version": {"version": world.version},
            "GET /api/tags": {"models": [{"name": world.model, "digest": "ab" * 32}]},
            "GET /api/ps": {"models": running if "/api/generate" in self.paths else []},
            "POST /api/generate": {"model": world.model, "done": True},
            "POST /api/show": {"parameters": "num_ctx    512\nstop  x"},
        }.get(route)

    # ── a chat ───────────────────────────────────────────────────────────────────────────────────────────

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            return self._error(415, "Content-Type must be application/json")
        body = await request.json()
        try:
            BODIES[self.kind].model_validate_json(await request.text())
        except ValidationError as error:
            return self._error(422, str(error))
        if self.kind != "llama" and body["model"] not in {one["id"] for one in self._models()}:
            return self._error(404, f"The model `{body['model']}` does not exist.", "NotFoundError")
        chat = Chat(body, dict(request.headers))
        self.chats.append(chat)
        self._news.set()
        self.when_asked(chat)
        try:
            return await self._answered(request, chat, self._faults.popleft() if self._faults else None)
        except (asyncio.CancelledError, ConnectionError):
            chat.ended = chat.ended or "left"
            raise
        finally:
            self._news.set()

    async def _answered(self, request: web.Request, chat: Chat, fault: Fault | None) -> web.StreamResponse:
        if isinstance(fault, Status):
            chat.ended = "cut"
            text = fault.body if isinstance(fault.body, str) else json.dumps(fault.body or {"error": {"message": "no"}})
            return web.Response(status=fault.status, text=text, headers=dict(fault.headers))
        if isinstance(fault, NotEvents):
            chat.ended = "cut"
            return web.Response(text=fault.body, content_type=fault.content_type)
        if isinstance(fault, Drop) and fault.after is None:
            chat.ended = "cut"
            _abort(request)
            return web.Response()
        if isinstance(fault, Hold) and fault.after is None:
            await fault.until.wait()
        if prompt_tokens(chat.body["messages"]) >= self.world.context:
            return self._too_long(prompt_tokens(chat.body["messages"]), chat.body["max_tokens"])
        return await self._streamed(request, chat, fault)

    async def _streamed(self, request: web.Request, chat: Chat, fault: Fault | None) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        words, finish = self._said(chat.body)
        await self._send(response, self._chunk({"role": "assistant", "content": None}))
        for n, word in enumerate([*words, None]):
            if isinstance(fault, Hold) and fault.after == n:
                await fault.until.wait()
            elif isinstance(fault, Drop | HalfEvent | Send) and fault.after == n:
                await self._cut(request, response, fault)
                chat.ended = "cut"
                return response
            if word is not None:
                await asyncio.sleep(self.world.manners.pace_s)
                await self._send(response, self._chunk({"content": word}, logprobs=self._logprobs(chat.body, word)))
                chat.sent += 1
                self._news.set()
        await self._end(response, chat, finish)
        chat.ended = "done"
        return response

    def _said(self, body: Json) -> tuple[list[str], str]:
        text = self._answer if isinstance(self._answer, str) else self._answer(body)
        at = min((found for stop in body.get("stop", []) if (found := text.find(stop)) >= 0), default=len(text))
        words = tokens_of(text[:at])
        most = body["max_tokens"]
        return words[:most], "length" if len(words) > most else "stop"

    async def _end(self, response: web.StreamResponse, chat: Chat, finish: str) -> None:
        manners = self.world.manners
        if manners.finish != "none":
            await self._send(response, self._chunk({}, finish=manners.finish or finish))
        if manners.usage:
            prompt = prompt_tokens(chat.body["messages"])
            usage = {"prompt_tokens": prompt, "completion_tokens": chat.sent, "total_tokens": prompt + chat.sent}
            usage["prompt_tokens_details"] = {"cached_tokens": 3} if self.kind == "llama" else None  # type: ignore[assignment]
            await self._send(response, {"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})
        if manners.done:
            await self._write(response, "data: [DONE]\n\n".replace("\n", manners.line_end).encode())

    async def _cut(self, request: web.Request, response: web.StreamResponse, fault: Drop | HalfEvent | Send) -> None:
        if isinstance(fault, HalfEvent):
            await response.write(f"data: {json.dumps(self._chunk({'content': ' half'}))}".encode()[:-20])
        elif isinstance(fault, Send):
            await response.write(fault.data)
        if not isinstance(fault, Send):
            await asyncio.sleep(0)
            _abort(request)

    def _chunk(self, delta: Json, *, finish: str | None = None, logprobs: Json | None = None) -> Json:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
        if logprobs:
            choice["logprobs"] = logprobs
        return {"id": "c", "object": "chat.completion.chunk", "model": self.world.model, "choices": [choice]}

    def _logprobs(self, body: Json, word: str) -> Json | None:
        if not body.get("logprobs") or not self.world.logprobs:
            return None
        top = [{"token": f"{word}{n}", "logprob": -1.0 - n} for n in range(body["top_logprobs"])]
        return {"content": [{"token": word, "logprob": -0.5, "bytes": None, "top_logprobs": top}]}

    async def _send(self, response: web.StreamResponse, chunk: Json) -> None:
        manners = self.world.manners
        text = f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
        text = f": keep-alive\n\nid: 7\nretry: 10\n{text}" if manners.comments else text
        await self._write(response, text.replace("\n", manners.line_end).encode())

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        size = self.world.manners.split or len(data)
        for start in range(0, len(data), size):
            await response.write(data[start : start + size])

    # ── errors, as each kind words them ──────────────────────────────────────────────────────────────────

    def _error(self, status: int, message: str, kind: str = "invalid_request_error") -> web.Response:
        code: object = {"llama": status, "vllm": status}.get(self.kind)
        return web.json_response({"error": {"message": message, "type": kind, "code": code}}, status=status)

    def _too_long(self, prompt: int, answer: int) -> web.Response:
        context = self.world.context
        if self.kind == "llama":
            said = f"request ({prompt} tokens) exceeds the available context size ({context} tokens), try increasing it"
            numbers = {"n_prompt_tokens": prompt, "n_ctx": context}
            error = {"code": 400, "message": said, "type": "exceed_context_size_error", **numbers}
            return web.json_response({"error": error}, status=400)
        if self.kind == "vllm":
            return self._error(
                400,
                f"This model's maximum context length is {context} tokens. However, you requested {prompt + answer} tokens "
                f"({prompt} in the messages, {answer} in the completion). Please reduce the length of the messages.",
                "BadRequestError",
            )
        if self.kind == "ollama":
            return self._error(400, "the input length exceeds the context length")
        said = f"This model's maximum context length is {context} tokens. However, your messages resulted in {prompt} tokens."
        error = {
            "message": said,
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
        return web.json_response({"error": error}, status=400)


def _nothing(route: str, body: Json) -> None:
    return None


def _abort(request: web.Request) -> None:
    with contextlib.suppress(AttributeError):
        assert request.transport is not None
        request.transport.abort()
