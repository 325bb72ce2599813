"""A TextModel that says what it is told to: for tests and for measuring everything but the model."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence

from core.errors import PromptTooLong
from core.ports import ChatMessage, GenerationRequest, ModelInfo, Piece, Usage
from models.text import TextStream

Reply = str | Exception
Script = Callable[[GenerationRequest], Reply]

_WORD = re.compile(r"\s*\S+|\s+$")
_OVERHEAD = 4  # tokens around each message, as in ChatML


def count_words(text: str) -> int:
    """A token is a word or a Hanzi, about."""
    return len(re.findall(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+", text))


class ScriptedModel:
    """Replies come from ``enqueue`` in order, then from ``script``. An exception is raised where its text would begin.

    ``gate``: a semaphore of which each piece takes one, so that a test decides when the next word comes.
    ``requests`` and ``cancelled`` record what was asked and which of it was given up before its end.
    """

    def __init__(
        self,
        script: Script | str = "OK.",
        *,
        gate: asyncio.Semaphore | None = None,
        context_tokens: int = 4096,
        languages: tuple[str, ...] = ("en",),
        name: str = "scripted",
    ) -> None:
        self.info = ModelInfo(name=name, digest="0" * 64, context_tokens=context_tokens, languages=languages)
        self.gate = gate
        self.requests: list[GenerationRequest] = []
        self.cancelled: list[GenerationRequest] = []
        self._script: Script = script if callable(script) else lambda _: script
        self._queue: deque[Reply] = deque()

    def enqueue(self, *replies: Reply) -> None:
        self._queue.extend(replies)

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(count_words(message.content) + _OVERHEAD for message in messages) + _OVERHEAD

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        started = time.monotonic()
        self.requests.append(request)
        prompt = self.count_tokens(request.messages)
        if prompt + request.max_tokens > self.info.context_tokens:
            raise PromptTooLong(prompt + request.max_tokens, self.info.context_tokens)
        ended = False
        try:
            reply = self._queue.popleft() if self._queue else self._script(request)
            if isinstance(reply, Exception):
                raise reply
            stream, first, drawn = TextStream(request.stop), 0.0, 0
            words = _WORD.findall(reply)
            for word in words[: request.max_tokens]:
                await self._pass_gate()
                first = first or time.monotonic() - started
                drawn += 1
                if text := stream.feed(word.encode("utf-8", "replace")):
                    yield Piece(text=text)
                if stream.stopped:
                    break
            total = time.monotonic() - started
            usage = Usage(
                prompt_tokens=prompt,
                completion_tokens=drawn,
                first_token_s=first or total,
                total_s=total,
                seed=request.sampling.seed or 0,
            )
            full = not stream.stopped and len(words) > request.max_tokens
            ended = True
            yield Piece(text=stream.end(), finish="length" if full else "stop", usage=usage)
        except (asyncio.CancelledError, GeneratorExit):
            if not ended:
                self.cancelled.append(request)
            raise

    async def _pass_gate(self) -> None:
        if self.gate is not None:
            await self.gate.acquire()
        else:
            await asyncio.sleep(0)
