"""The TextModel over servers. ``generate`` shows the design: is there room? → choose a server → stream → or try another."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self

import httpx

from core.config import ServerConfig
from core.errors import GenerationFailed, ModelError, ModelUnavailable, PromptTooLong
from core.ports import ChatMessage, GenerationRequest, ModelInfo, Piece
from models.server.answer import Answer
from models.server.backoff import Pace
from models.server.body import chat_body
from models.server.control import defused
from models.server.estimate import Estimate
from models.server.faults import Asked, TryFailed
from models.server.pool import Member, Pool
from models.server.tokens import bias_by_token, count_prompt
from models.server.wire import ModelList

_SEEDS = 2**32 - 1
_NEAR = 0.75  # of the context: from there on the server counts the prompt exactly, if it can


class ServerModel:
    """A TextModel. ``open_server`` opens it, ``aclose()`` or ``async with`` closes it; it belongs to one event loop.

    Before the first text a request is tried up to ``retries`` times more, at other servers first; after it, never: what a
    shopper has read cannot be begun anew. ``ModelUnavailable`` from ``generate``: no server takes our key or has the model.
    """

    def __init__(
        self,
        info: ModelInfo,
        pool: Pool,
        client: httpx.AsyncClient,
        config: ServerConfig,
        estimate: Estimate,
        pace: Pace,
    ) -> None:
        self.info = info
        self._pool = pool
        self._client = client
        self._config = config
        self._estimate = estimate
        self._pace = pace

    # ── its life ─────────────────────────────────────────────────────────────────────────────────────────

    async def aclose(self) -> None:
        """Ends the checks and closes the connections; running requests get GenerationFailed. May be called twice."""
        await self._pool.aclose()
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def troubles(self) -> Mapping[str, str]:
        """The servers that are down, by URL, and why."""
        return {member.host.url: member.trouble for member in self._pool.members if member.trouble}

    # ── the port ─────────────────────────────────────────────────────────────────────────────────────────

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """An estimate (models/server/estimate.py), rather too high than too low; it learns from every answer."""
        return self._estimate.count([defused(message) for message in messages])

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        started = time.monotonic()
        seed = secrets.randbelow(_SEEDS) if request.sampling.seed is None else request.sampling.seed
        request = request.model_copy(update={"messages": tuple(map(defused, request.messages))})
        prompt = await self._prompt_tokens(request)
        tried: list[Member] = []
        failures: dict[Member, TryFailed] = {}
        while len(tried) <= self._config.retries:
            hopeless = [member for member, failure in failures.items() if failure.final]
            member = self._pool.choose(request.owner, tried, hopeless)
            if member is None or not await self._waited(member, tried.count(member), failures):
                break
            self._must_be_open()
            answer = Answer(request, self._asked(member, request, prompt), self._estimate, seed, started)
            tried.append(member)
            try:
                async with aclosing(self._answer(member, request, answer, seed)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except TryFailed as failure:
                self._must_be_open()
                self._pool.failed(member, failure)
                if answer.given:
                    where = f"the model server {member.host.url} {failure}"
                    raise GenerationFailed(f"{where}, after a part of the answer was given") from failure
                failures[member] = await self._explained(member, failure)
        raise _given_up(failures)

    # ── its steps ────────────────────────────────────────────────────────────────────────────────────────

    async def _prompt_tokens(self, request: GenerationRequest) -> int:
        """Of the prompt; counted by the server if it may not fit. Raises PromptTooLong."""
        limit = self.info.context_tokens
        tokens = self._estimate.count(request.messages)
        if tokens + request.max_tokens > _NEAR * limit:
            tokens = await self._counted(request) or tokens
        if tokens + request.max_tokens > limit:
            raise PromptTooLong(tokens + request.max_tokens, limit)
        return tokens

    async def _counted(self, request: GenerationRequest) -> int | None:
        member = self._pool.choose(request.owner)
        if member is None or not member.served.kind.counts or self._client.is_closed:
            return None
        try:
            tokens = await count_prompt(member.host, member.served, request)
        except TryFailed as failure:
            self._pool.failed(member, failure)
            return None
        if tokens is not None:
            self._estimate.observe(request.messages, tokens)
        return tokens

    async def _waited(self, member: Member, tries: int, failures: dict[Member, TryFailed]) -> bool:
        """False: it asks for more patience than a shopper has."""
        wait = max(member.rest_s, self._pace.delay(tries - 1) if tries else 0.0)
        if wait > self._config.read_timeout_s:
            failures.setdefault(member, TryFailed(f"asks to be left alone for {wait:.0f} s"))
            return False
        if wait:
            await asyncio.sleep(wait)
        return True

    async def _answer(
        self, member: Member, request: GenerationRequest, answer: Answer, seed: int
    ) -> AsyncGenerator[Piece, None]:
        """One try at one server."""
        bias = await bias_by_token(member.host, member.served, request) if request.logit_bias else {}
        body = chat_body(request, member.served, seed, bias)
        with self._pool.used(member, request.owner):
            async with (
                member.host.stream("/chat/completions", body, answer.asked) as response,
                aclosing(answer.pieces(response)) as pieces,
            ):
                async for piece in pieces:
                    if piece.finish is not None:
                        self._succeeded(member, request, answer)
                    yield piece

    def _succeeded(self, member: Member, request: GenerationRequest, answer: Answer) -> None:
        self._pool.succeeded(member)
        if answer.usage is not None and answer.usage.prompt_tokens > 0:
            self._estimate.observe(request.messages, answer.usage.prompt_tokens)

    def _asked(self, member: Member, request: GenerationRequest, prompt: int) -> Asked:
        return Asked(
            member.host.url,
            key=self._config.api_key,
            model=member.served.model,
            estimate=prompt,
            answer=request.max_tokens,
            limit=self.info.context_tokens,
        )

    async def _explained(self, member: Member, failure: TryFailed) -> TryFailed:
        """A server that does not know the model is asked which it has."""
        if failure.status != 404:
            return failure
        try:
            listed = await member.host.get("/models", ModelList)
        except TryFailed:
            return failure
        has = ", ".join(one.id for one in listed.data) or "none"
        final = ModelUnavailable(f"{failure.final}. It has: {has}")
        return TryFailed(f"{failure}; it has: {has}", status=404, down=True, final=final)

    def _must_be_open(self) -> None:
        if self._client.is_closed:
            raise GenerationFailed("the model is closed")


def _given_up(failures: Mapping[Member, TryFailed]) -> ModelError:
    finals = [str(failure.final) for failure in failures.values() if failure.final]
    if finals and len(finals) == len(failures):
        return ModelUnavailable("; ".join(finals))
    told = "; ".join(f"{member.host.url} {failure}" for member, failure in failures.items())
    return GenerationFailed(f"no model server gives an answer: {told}")
