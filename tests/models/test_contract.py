"""What every TextModel keeps: the engine with the real model, the scripted one, and those of model servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from core.config import ModelConfig, ServerConfig
from core.errors import GenerationFailed, PromptTooLong
from core.ports import ChatMessage, GenerationRequest, Piece, TextModel
from models.engine import Engine
from models.scripted import ScriptedModel
from models.server import ServerModel, open_server
from tests.models.llama_server import API_KEY, LlamaServer
from tests.platforms.openai_server import OpenAIServer

SAYING = "Once upon a time there was a tea house by the river."

# They learn how many tokens a prompt has by being told: until then they count too many rather than too few.
SERVERS = ("wire-server", "llama-server")


@pytest.fixture(params=["bundled", "scripted", *SERVERS])
def model(request: pytest.FixtureRequest) -> TextModel:
    if request.param == "scripted":
        return ScriptedModel(SAYING, context_tokens=1024)
    names = {"bundled": "engine", "wire-server": "wire_model", "llama-server": "llama_model"}
    found: Engine | ServerModel = request.getfixturevalue(names[request.param])
    return found


@pytest.fixture
async def wire_model() -> AsyncIterator[ServerModel]:
    """Our own strict server."""
    async with OpenAIServer("vllm", answer=SAYING) as server, await _at(server.url) as model:
        yield model


@pytest.fixture
async def llama_model(llama_server: LlamaServer) -> AsyncIterator[ServerModel]:
    """The real llama-server."""
    async with await _at(llama_server.url) as model:
        yield model


async def _at(url: str) -> ServerModel:
    server = ServerConfig(urls=[url], api_key="LLAMA_KEY")
    return await open_server(ModelConfig(server=server, context=4096), {"LLAMA_KEY": API_KEY})


def story(max_tokens: int = 6, *, content: str = "Tell me a story.", stop: tuple[str, ...] = ()) -> GenerationRequest:
    return GenerationRequest(messages=(ChatMessage(role="user", content=content),), max_tokens=max_tokens, stop=stop)


async def collect(model: TextModel, request: GenerationRequest) -> list[Piece]:
    return [piece async for piece in model.generate(request)]


async def test_info(model: TextModel) -> None:
    assert model.info.name
    assert len(model.info.digest) == 64
    assert model.info.context_tokens == 1024
    assert model.info.languages == ("en",)


async def test_only_the_last_piece_carries_finish_and_usage(model: TextModel) -> None:
    got = await collect(model, story())
    assert all(piece.finish is None and piece.usage is None and piece.text for piece in got[:-1])
    last = got[-1]
    assert last.finish == "length"
    assert last.usage is not None
    assert last.usage.completion_tokens == 6
    counted, real = model.count_tokens(story().messages), last.usage.prompt_tokens
    if isinstance(model, ServerModel):
        assert real <= counted <= 1.5 * real
    else:
        assert counted == real
    assert last.usage.total_s >= last.usage.first_token_s >= 0


async def test_more_text_is_more_tokens(model: TextModel) -> None:
    short, long = (story(content="tea " * count).messages for count in (5, 50))
    assert model.count_tokens(long) >= model.count_tokens(short) + 45


async def test_too_long(model: TextModel) -> None:
    with pytest.raises(PromptTooLong) as caught:
        await collect(model, story(content="tea " * 3000))
    assert caught.value.limit == 1024
    assert caught.value.tokens > 3000
    with pytest.raises(PromptTooLong):
        await collect(model, story(max_tokens=1024))


async def test_stop(model: TextModel) -> None:
    whole = "".join(piece.text for piece in await collect(model, story(1)))
    first = whole.strip()[:2]
    got = await collect(model, story(stop=(first,)))
    assert first not in "".join(piece.text for piece in got)


async def test_closing_early_and_asking_again(model: TextModel) -> None:
    async with aclosing(model.generate(story(400))) as stream:
        async for _ in stream:
            break
    assert (await collect(model, story(2)))[-1].finish


async def test_several_at_once(model: TextModel) -> None:
    answers = await asyncio.gather(*(collect(model, story(3, content=f"Say {n}.")) for n in range(6)))
    assert all(answer[-1].finish for answer in answers)


async def test_the_scripted_model_is_told_what_to_say() -> None:
    gate = asyncio.Semaphore(0)
    model = ScriptedModel(lambda request: request.messages[-1].content.upper(), gate=gate)
    model.enqueue("first reply", GenerationFailed("broken"))
    gate.release()
    stream = model.generate(story())
    assert (await anext(stream)).text == "first"
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(GenerationFailed, match="broken"):
        await collect(model, story())
    for _ in range(2):
        gate.release()
    got = await collect(model, story(content="say it"))
    assert [piece.text for piece in got] == ["SAY", " IT", ""]
    assert (len(model.requests), model.cancelled) == (3, [model.requests[0]])
