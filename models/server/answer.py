"""From the events of a stream to pieces: whole characters, no part of a stop string, finish and usage at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Literal

import httpx

from core.errors import RequestInvalid
from core.ports import GenerationRequest, Piece, TokenLogprob, Usage
from models.server.estimate import Estimate
from models.server.faults import Asked, TryFailed, refused
from models.server.sse import Event, EventReader, SseBroken
from models.server.wire import Choice, Chunk, DrawnToken, ErrorBody, UsageWire, read_chunk, read_error
from models.text import TextStream

_DONE = "[DONE]"
_USAGE_S = 5.0  # the answer is whole: longer than this nobody waits for its figures
_END_S = 0.2  # from [DONE] to the end of the stream
_FAILED = {"content_filter", "abort", "error"}

Finish = Literal["stop", "length"]


class Answer:
    """One try at one server. ``given``: some text has gone out, so the answer cannot be begun anew."""

    def __init__(self, request: GenerationRequest, asked: Asked, estimate: Estimate, seed: int, started: float) -> None:
        self.given = False
        self.usage: UsageWire | None = None
        self._request = request
        self.asked = asked
        self._estimate = estimate
        self._seed = seed
        self._started = started
        self._first_token = 0.0
        self._text = TextStream(request.stop)
        self._logprobs: list[TokenLogprob] = []
        self._tokens = 0  # about, for servers that do not tell
        self._finish: Finish | None = None

    async def pieces(self, response: httpx.Response) -> AsyncGenerator[Piece, None]:
        """Raises TryFailed if the answer broke off; PromptTooLong or RequestInvalid before its first piece."""
        async for chunk in self._chunks(response):
            for choice in chunk.choices:
                if choice.index == 0 and self._finish is None and (text := self._take(choice)):
                    self.given = True
                    yield Piece(text=text, logprobs=self._drawn())
            if self._text.stopped:
                break  # leaving closes the connection, so the server stops, too
        if self._finish is None and not self._text.stopped:
            raise TryFailed("broke the answer off before its end", down=True)
        yield self._last()

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[Chunk]:
        """Up to [DONE], or to the end of the stream."""
        reader, parts = EventReader(), response.aiter_bytes()
        while (data := await self._next(parts)) is not None:
            try:
                events = reader.feed(data)
            except SseBroken as error:
                raise TryFailed(str(error), down=True) from error
            for event in events:
                if event.data.strip() == _DONE:
                    await self._read_out(parts)
                    return
                chunk = self._read(event)
                self.usage = chunk.usage or self.usage
                yield chunk

    async def _next(self, parts: AsyncIterator[bytes]) -> bytes | None:
        """What comes next. Once the answer is whole, neither a lost connection nor a silent server matters."""
        if self._finish is None:
            return await anext(parts, None)
        try:
            async with asyncio.timeout(_USAGE_S):
                return await anext(parts, None)
        except (httpx.RequestError, TimeoutError):
            return None

    async def _read_out(self, parts: AsyncIterator[bytes]) -> None:
        """A connection is used again only if it was read to the end."""
        with suppress(httpx.RequestError, TimeoutError):
            async with asyncio.timeout(_END_S):
                async for _ in parts:
                    pass

    def _read(self, event: Event) -> Chunk:
        """Raises what an error within the stream means; none once the answer is whole."""
        try:
            chunk = Chunk(error=read_error(event.data)) if event.kind == "error" else read_chunk(event.data)
            if chunk.error is not None and self._finish is None:
                self._fail(chunk.error)
        except TryFailed:
            if self._finish is None:
                raise
            return Chunk()
        return chunk

    def _fail(self, error: ErrorBody) -> None:
        status = error.code if isinstance(error.code, int) else 500
        fault = refused(status, {}, error, self.asked)
        if self.given and not isinstance(fault, TryFailed):
            raise TryFailed(f"stopped with an error: {error.message}") from fault
        raise fault

    def _take(self, choice: Choice) -> str:
        """The text that is certain now."""
        text = choice.delta.content or ""
        drawn = choice.logprobs.content if choice.logprobs and choice.logprobs.content else ()
        self._logprobs += [self._logprob(token) for token in drawn]
        if text:
            self._first_token = self._first_token or time.monotonic() - self._started
            self._tokens += len(drawn) or max(1, self._estimate.text(text))
            if self._request.logprobs is not None and not drawn and not self.given:
                raise RequestInvalid(f"the model server {self.asked.url} gives no log-probabilities")
        safe = self._text.feed(text.encode("utf-8", "replace"))
        if choice.finish_reason and not self._text.stopped:
            if choice.finish_reason in _FAILED:
                raise TryFailed(f"ended the answer with finish_reason {choice.finish_reason!r}")
            self._finish = "length" if choice.finish_reason == "length" else "stop"
        return safe

    def _logprob(self, token: DrawnToken) -> TokenLogprob:
        top = tuple((one.token, one.logprob) for one in token.top_logprobs or ())
        wanted = self._request.logprobs or 0
        return TokenLogprob(token=token.token, logprob=token.logprob, top=top[:wanted])

    def _drawn(self) -> tuple[TokenLogprob, ...]:
        drawn, self._logprobs = tuple(self._logprobs), []
        return drawn

    def _last(self) -> Piece:
        total = time.monotonic() - self._started
        usage = Usage(
            prompt_tokens=self.usage.prompt_tokens if self.usage else self.asked.estimate,
            cached_tokens=self.usage.cached if self.usage else 0,
            completion_tokens=(self.usage and self.usage.completion_tokens) or self._tokens,
            first_token_s=self._first_token or total,
            total_s=total,
            seed=self._seed,
        )
        return Piece(text=self._text.end(), logprobs=self._drawn(), finish=self._finish or "stop", usage=usage)
