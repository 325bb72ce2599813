"""What the tests of model servers share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing

from core.config import ModelConfig, ServerConfig
from core.ports import ChatMessage, GenerationRequest, Piece, TextModel
from models.server import Pace, ServerModel, open_server
from tests.platforms.openai_server import OpenAIServer

QUICK = Pace(first_s=0.01, most_s=0.05)
NEVER_AGAIN = Pace(first_s=600, most_s=600)
STORY = "Once upon a time there was a tea house by the river."


async def opened(
    *servers: OpenAIServer | str,
    pace: Pace = QUICK,
    secrets: Mapping[str, str] | None = None,
    context: int = 1024,
    **server: object,
) -> ServerModel:
    urls = [one if isinstance(one, str) else one.url for one in servers]
    config = ModelConfig(server=ServerConfig.model_validate({"urls": urls, **server}), context=context)
    return await open_server(config, secrets or {}, pace=pace)


def asking(
    text: str = "Tell me a story.", *, owner: str = "", max_tokens: int = 50, **rest: object
) -> GenerationRequest:
    message = ChatMessage(role="user", content=text)
    return GenerationRequest.model_validate({"messages": (message,), "owner": owner, "max_tokens": max_tokens, **rest})


async def collect(model: TextModel, request: GenerationRequest | None = None) -> list[Piece]:
    async with aclosing(model.generate(request or asking())) as pieces:
        return [piece async for piece in pieces]


async def said(model: TextModel, request: GenerationRequest | None = None) -> str:
    return "".join(piece.text for piece in await collect(model, request))
