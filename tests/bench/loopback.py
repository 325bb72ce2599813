"""A server that speaks the OpenAI protocol, asked over loopback with httpx as its user would."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx

from tests.bench.clock import Clock, all_at_their_time
from tests.bench.memory import forget_peak, peak_mb
from tests.bench.work import REPEAT_PENALTY, TEMPERATURE, Asked, Prompt, Said

_START_S = 120.0


class HttpSystem:
    """``stop`` ends the server. ``alive`` tells whether its process still runs."""

    def __init__(
        self, name: str, address: str, pid: int, *, alive: Callable[[], bool], stop: Callable[[], None]
    ) -> None:
        self.name = name
        self._pid = pid
        self._alive = alive
        self._stop = stop
        self._runner = asyncio.Runner()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self._client = httpx.AsyncClient(base_url=address, timeout=None, limits=limits, trust_env=False)
        try:
            self._runner.run(self._until_ready())
        except BaseException:
            self.close()
            raise

    def ask(self, prompts: Sequence[Prompt], patience_s: float) -> Asked:
        forget_peak(self._pid)
        started = time.perf_counter()
        said = self._runner.run(all_at_their_time(prompts, patience_s, self._answer))
        return Asked(time.perf_counter() - started, said, peak_mb(self._pid))

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()
        self._stop()

    async def _until_ready(self) -> None:
        """Raises TimeoutError, or ConnectionError if it ended."""
        async with asyncio.timeout(_START_S):
            while not await self._ready():
                if not self._alive():
                    raise ConnectionError(f"{self.name} ended before it answered")
                await asyncio.sleep(0.1)

    async def _ready(self) -> bool:
        try:
            return (await self._client.get("/v1/models")).status_code == 200
        except httpx.HTTPError:
            return False

    async def _answer(self, prompt: Prompt) -> Said:
        """An answer is whole if the server says why it ended; a stream that just ends was cut off."""
        clock, pieces, finished = Clock(), list[str](), False
        usage: dict[str, Any] = {}
        async for event in self._events(prompt):
            usage = event.get("usage") or usage
            for choice in event.get("choices", ()):
                if content := choice["delta"].get("content"):
                    clock.piece()
                    pieces.append(content)
                finished = finished or bool(choice.get("finish_reason"))
        text = "".join(pieces)
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        return clock.said(
            text,
            usage.get("completion_tokens", len(pieces)),
            usage.get("prompt_tokens", 0),
            cached,
            failed="" if finished else "the stream was cut off",
        )

    async def _events(self, prompt: Prompt) -> AsyncIterator[dict[str, Any]]:
        body = {
            "messages": [{"role": role, "content": content} for role, content in prompt.messages],
            "max_tokens": prompt.max_tokens,
            "temperature": TEMPERATURE,
            "repeat_penalty": REPEAT_PENALTY,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as response:
            if response.is_error:
                raise ConnectionError(f"{response.status_code}: {(await response.aread())[:200].decode()}")
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    event: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    if "error" in event:
                        raise ConnectionError(str(event["error"])[:200])
                    yield event
