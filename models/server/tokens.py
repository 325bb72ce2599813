"""Exact counts and tokens from servers that tokenise for us: llama-server and vLLM."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from core.ports import ChatMessage, GenerationRequest
from models.server.body import messages, texts_of_bias
from models.server.control import defused
from models.server.estimate import LATIN_SAMPLE, REST_SAMPLE, WIDE_SAMPLE, Weights
from models.server.faults import TryFailed
from models.server.host import Host
from models.server.kinds import Kind, Served
from models.server.wire import Rendered, TokenCount, Tokens


async def count_prompt(host: Host, served: Served, request: GenerationRequest) -> int | None:
    """The tokens of the rendered prompt; None if this server does not say. Raises TryFailed."""
    body = {"model": served.model, **messages(request, served)}
    if served.kind is Kind.VLLM:
        counted = await host.find("/tokenize", TokenCount, {**body, "add_generation_prompt": True})
        return counted.count if counted else None
    if served.kind is Kind.LLAMA:
        counted = await host.find("/v1/chat/completions/input_tokens", TokenCount, body)
        if counted and counted.input_tokens:
            return counted.input_tokens
        rendered = await host.find("/apply-template", Rendered, body)  # servers of before 2026
        if rendered is not None:
            return len(await _tokenize(host, served, rendered.prompt, special=True) or ()) or None
    return None


async def bias_by_token(host: Host, served: Served, request: GenerationRequest) -> Mapping[int, float]:
    """``logit_bias`` by token; a text means every token that it is made of. Raises RequestInvalid, TryFailed."""
    texts = texts_of_bias(request, served)
    tokens = {text: await _tokenize(host, served, text, special=False) for text in texts}
    bias: dict[int, float] = {}
    for one in request.logit_bias:
        if isinstance(one.token, int):
            bias[one.token] = one.bias
            continue
        found = tokens[one.token]
        if found is None:
            raise TryFailed("does not tokenise (POST /tokenize), which a text in logit_bias needs")
        bias |= dict.fromkeys(found, one.bias)
    return bias


async def measure(host: Host, served: Served) -> Weights | None:
    """The weights of an estimate for this model; None if the server does not count. Raises TryFailed."""

    def chat(*texts: str) -> GenerationRequest:
        turns = [ChatMessage(role="assistant" if n % 2 else "user", content=text) for n, text in enumerate(texts)]
        return GenerationRequest(messages=tuple(defused(turn) for turn in turns))

    chats = (chat("a"), chat("a", "a", "a"), chat(LATIN_SAMPLE), chat(WIDE_SAMPLE), chat(REST_SAMPLE))
    counts = await asyncio.gather(*(count_prompt(host, served, one) for one in chats))
    known = [count for count in counts if count is not None]
    return Weights.measured(*known) if len(known) == len(chats) else None


async def _tokenize(host: Host, served: Served, text: str, *, special: bool) -> Sequence[int] | None:
    if served.kind is Kind.VLLM:
        body: dict[str, object] = {"model": served.model, "prompt": text, "add_special_tokens": special}
    else:
        body = {"model": served.model, "content": text, "add_special": special, "parse_special": special}
    found = await host.find("/tokenize", Tokens, body)
    return found.tokens if found else None
