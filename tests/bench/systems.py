"""The systems that are compared, each behind the same small face. Each runs in a process of its own (child.py)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.config import ModelConfig
from core.ports import ChatMessage, GenerationRequest, Sampling, Usage
from tests.bench.work import CONTEXT, PARALLEL, REPEAT_PENALTY, TEMPERATURE, Prompt, Said, System

KEFU = "kefu"
ONE_AT_A_TIME = "llama_cpp.Llama"
LLAMA_SERVER = "xllamacpp"
HOW_TO_GET = {LLAMA_SERVER: "pip install xllamacpp"}


def missing(system: str) -> bool:
    return system == LLAMA_SERVER and importlib.util.find_spec("xllamacpp") is None


def open_system(name: str, model: Path) -> System:
    makers: dict[str, Callable[[Path], System]] = {KEFU: Kefu, ONE_AT_A_TIME: OneAtATime, LLAMA_SERVER: LlamaServer}
    return makers[name](model)


class _Clock:
    """Watches one answer."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._first = self._gap = 0.0

    def piece(self) -> None:
        now = time.perf_counter()
        if self._first:
            self._gap = max(self._gap, now - self._last)
        self._first = self._first or now - self._started
        self._last = now

    def said(self, tokens: int, prompt: int = 0, cached: int = 0) -> Said:
        total = time.perf_counter() - self._started
        return Said(tokens, self._first or total, total, self._gap, prompt, cached)


async def _at_its_time(prompt: Prompt, answer: Callable[[Prompt], Awaitable[Said]]) -> Said:
    await asyncio.sleep(prompt.after_s)
    try:
        return await answer(prompt)
    except Exception as error:  # a benchmark counts what failed and goes on
        return Said(failed=f"{type(error).__name__}: {error}")


class Kefu:
    def __init__(self, model: Path) -> None:
        from models.load import load_model

        self._runner = asyncio.Runner()
        config = ModelConfig(path=str(model), context=CONTEXT, parallel=PARALLEL)
        self._engine = self._runner.run(load_model(config, model.parent))

    def ask(self, prompts: Sequence[Prompt]) -> list[Said]:
        return self._runner.run(self._together(prompts))

    async def _together(self, prompts: Sequence[Prompt]) -> list[Said]:
        return await asyncio.gather(*(_at_its_time(prompt, self._answer) for prompt in prompts))

    async def _answer(self, prompt: Prompt) -> Said:
        clock, usage = _Clock(), Usage(prompt_tokens=0, completion_tokens=0, first_token_s=0, total_s=0)
        request = GenerationRequest(
            messages=(
                ChatMessage(role="system", content=prompt.system),
                ChatMessage(role="user", content=prompt.question),
            ),
            sampling=Sampling(temperature=TEMPERATURE, repeat_penalty=REPEAT_PENALTY),
            max_tokens=prompt.max_tokens,
            owner=f"bench/{prompt.question}",
        )
        async for piece in self._engine.generate(request):
            if piece.text:
                clock.piece()
            usage = piece.usage or usage
        return clock.said(usage.completion_tokens, usage.prompt_tokens, usage.cached_tokens)

    def close(self) -> None:
        self._runner.run(self._engine.aclose())
        self._runner.close()


class OneAtATime:
    """llama-cpp-python's ``Llama`` as it comes: what one writes first. Whoever comes later waits."""

    def __init__(self, model: Path) -> None:
        from llama_cpp import Llama

        self._llama = Llama(str(model), n_ctx=CONTEXT, verbose=False)

    def ask(self, prompts: Sequence[Prompt]) -> list[Said]:
        arrived = time.perf_counter()
        return [self._answer(prompt, arrived) for prompt in prompts]

    def _answer(self, prompt: Prompt, arrived: float) -> Said:
        waited = max(0.0, time.perf_counter() - arrived - prompt.after_s)
        clock, tokens = _Clock(), 0
        try:
            for text in self._pieces(prompt):
                tokens += 1
                if text:
                    clock.piece()
        except Exception as error:
            return Said(failed=f"{type(error).__name__}: {error}")
        said = clock.said(tokens)
        return Said(said.tokens, said.first_s + waited, said.total_s + waited, said.longest_gap_s)

    def _pieces(self, prompt: Prompt) -> Iterator[str]:
        chunks: Any = self._llama.create_chat_completion(
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.question}],
            max_tokens=prompt.max_tokens,
            temperature=TEMPERATURE,
            repeat_penalty=REPEAT_PENALTY,
            stream=True,
        )
        for chunk in chunks:
            if "content" in (delta := chunk["choices"][0]["delta"]):
                yield delta["content"]

    def close(self) -> None:
        self._llama.close()


class LlamaServer:
    """llama.cpp's own server, as the package xllamacpp carries it, asked over HTTP. Its defaults, but a place for each shopper."""

    def __init__(self, model: Path) -> None:
        import httpx

        xllamacpp: Any = importlib.import_module("xllamacpp")
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_ctx = CONTEXT * 2
        params.n_parallel = PARALLEL
        params.verbosity = 0
        self._server = xllamacpp.Server(params)
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(base_url=self._server.listening_address, timeout=600)

    def ask(self, prompts: Sequence[Prompt]) -> list[Said]:
        return self._runner.run(self._together(prompts))

    async def _together(self, prompts: Sequence[Prompt]) -> list[Said]:
        return await asyncio.gather(*(_at_its_time(prompt, self._answer) for prompt in prompts))

    async def _answer(self, prompt: Prompt) -> Said:
        clock = _Clock()
        usage: dict[str, int] = {}
        async for event in self._events(prompt):
            if event["choices"] and event["choices"][0]["delta"].get("content"):
                clock.piece()
            usage = event.get("usage") or usage
        return clock.said(usage["completion_tokens"], usage["prompt_tokens"])

    async def _events(self, prompt: Prompt) -> AsyncIterator[dict[str, Any]]:
        body = {
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.question},
            ],
            "max_tokens": prompt.max_tokens,
            "temperature": TEMPERATURE,
            "repeat_penalty": REPEAT_PENALTY,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line.removeprefix("data: "))

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()
