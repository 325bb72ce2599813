"""What goes wrong with a model server: in the words of an error, or tried again, but never in silence and never twice."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from core.errors import GenerationFailed, ModelUnavailable, PromptTooLong, RequestInvalid
from core.ports import Piece
from models.server import ServerModel
from tests.models.server_parts import STORY, asking, collect, opened, said
from tests.platforms.openai_faults import Drop, Fault, HalfEvent, Hold, NotEvents, Send, Status
from tests.platforms.openai_server import OpenAIServer, prompt_tokens

# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────

LOADING = Status(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
BROKEN = [
    Status(500, {"error": {"message": "CUDA error"}}),
    Status(502, "<html>Bad Gateway</html>"),
    LOADING,
    Status(503, "", {"Retry-After": "0.02"}),
    Status(429, {"error": "slow down"}, {"Retry-After": "0.02"}),
    Status(429, {"detail": "slow down"}, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}),
    Status(429, [1], {"Retry-After": "soon"}),
    Drop(),
    Drop(after=0),
    HalfEvent(after=0),
    NotEvents(),
    NotEvents('{"choices": []}', "application/json"),
    Send(b"data: {oops\n\n"),
    Send(b'data: {"choices": 5}\n\n'),
    Send(b"data: \xff\xfe\n\n"),
    Send(b'data: {"error": {"message": "worker died", "code": 500}}\n\n'),
    Send(b'error: {"code": 500, "message": "worker died"}\n\n'),
    Send(b"data: [DONE]\n\n"),
    Send(b""),
]


@pytest.mark.parametrize("fault", BROKEN, ids=str)
async def test_what_fails_before_the_first_text_is_tried_again(
    llama: OpenAIServer, model: ServerModel, fault: Fault
) -> None:
    llama.fail(fault, fault)
    assert await said(model) == STORY
    assert len(llama.chats) == 3


async def test_retries_end(llama: OpenAIServer) -> None:
    async with await opened(llama, retries=2) as model:
        llama.fail(LOADING, LOADING, Status(500, {"error": {"message": "CUDA error"}}))
        with pytest.raises(GenerationFailed, match=rf"{llama.url} answered 500: CUDA error"):
            await said(model)
        assert len(llama.chats) == 3
        assert await said(model) == STORY


@pytest.mark.parametrize(
    "fault",
    [
        Drop(after=2),
        HalfEvent(after=2),
        Send(b"data: {oops\n\n", after=2),
        Send(b"", after=2),
        Send(b"data: [DONE]\n\n", after=2),
        Send(b'data: {"error": {"message": "context full", "code": 400}}\n\n', after=2),
        Send(b'data: {"choices": [{"delta": {}, "finish_reason": "abort"}]}\n\n', after=2),
    ],
    ids=str,
)
async def test_nothing_is_said_twice(llama: OpenAIServer, model: ServerModel, fault: Fault) -> None:
    llama.fail(fault)
    heard: list[Piece] = []

    async def listen() -> None:
        async for piece in model.generate(asking()):
            heard.append(piece)

    with pytest.raises(GenerationFailed, match="after a part of the answer was given"):
        await listen()
    assert "".join(piece.text for piece in heard) == "Once upon"
    assert all(piece.finish is None for piece in heard)
    assert len(llama.chats) == 1
    assert await said(model) == STORY


async def test_a_loss_after_the_end_loses_nothing(llama: OpenAIServer, model: ServerModel) -> None:
    end = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}\n\ndata: {oops\n\n'
    llama.fail(Send(end, after=2))
    got = await collect(model)
    assert ("".join(piece.text for piece in got), got[-1].finish) == ("Once upon", "length")


async def test_silence(llama: OpenAIServer) -> None:
    async with await opened(llama, read_timeout_s=1.5, retries=0) as model:
        llama.fail(Hold(asyncio.Event()), Hold(asyncio.Event(), after=1))
        for _ in range(2):
            with pytest.raises(GenerationFailed, match=r"was silent for 1\.5 s"):
                await said(model)


async def test_too_long_a_wait_is_not_waited(llama: OpenAIServer) -> None:
    async with await opened(llama, read_timeout_s=10) as model:
        llama.fail(Status(429, {"error": {"message": "quota"}}, {"Retry-After": "3600"}))
        with pytest.raises(GenerationFailed, match="quota"):
            await said(model)
        with pytest.raises(GenerationFailed, match="asks to be left alone for"):
            await said(model)
        assert len(llama.chats) == 1


async def test_the_server_is_gone(llama: OpenAIServer, model: ServerModel) -> None:
    await llama.stop()
    with pytest.raises(GenerationFailed, match=rf"{llama.url} cannot be reached"):
        await said(model)
    assert llama.url in model.troubles()


async def test_the_key(server: OpenAIServer) -> None:
    server.world.api_key = "sk-right"
    async with await opened(server, api_key="TEA_KEY", secrets={"TEA_KEY": "sk-right"}) as model:
        assert await said(model) == STORY
        server.world.api_key = "sk-changed"
        with pytest.raises(ModelUnavailable, match=r"TEA_KEY"):
            await said(model)
        assert len(server.chats) == 1
    with pytest.raises(ModelUnavailable, match=r"401: Invalid API Key.*put the right key into \.env as TEA_KEY"):
        await opened(server, api_key="TEA_KEY", secrets={"TEA_KEY": "sk-wrong"})
    with pytest.raises(ModelUnavailable, match=r"name its variable in model\.server\.api_key"):
        await opened(server)
    with pytest.raises(ModelUnavailable, match=r"no TEA_KEY in \.env"):
        await opened(server, api_key="TEA_KEY", secrets={"TEA_KEY": ""})
    with pytest.raises(ModelUnavailable, match="characters that no API key has"):
        await opened(server, api_key="TEA_KEY", secrets={"TEA_KEY": "sk-茶"})


async def test_the_model(server: OpenAIServer) -> None:
    async with await opened(server, model="tea-1b") as model:
        if server.kind != "llama":  # it has one model, whatever it is asked for
            server.world.model = "coffee-7b"
            with pytest.raises(ModelUnavailable, match=r"does not know the model 'tea-1b'.* It has: coffee-7b"):
                await said(model)
    with pytest.raises(ModelUnavailable, match=r"no model 'milk'; it has: .*Correct model\.server\.model"):
        await opened(server, model="milk")


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_request_that_it_refuses(model: ServerModel, llama: OpenAIServer, status: int) -> None:
    llama.fail(Status(status, {"error": {"message": "failed to parse grammar"}}))
    with pytest.raises(RequestInvalid, match=rf"refuses the request \({status}\): failed to parse grammar"):
        await said(model)
    assert len(llama.chats) == 1


async def test_a_long_complaint_is_one_short_line(model: ServerModel, llama: OpenAIServer) -> None:
    llama.fail(Status(400, {"error": {"message": "Traceback:\n  wrong\n" + "x" * 5000}}))
    with pytest.raises(RequestInvalid, match=r"Traceback: wrong x+…$") as caught:
        await said(model)
    assert len(str(caught.value)) < 500


async def test_a_redirect(model: ServerModel, llama: OpenAIServer) -> None:
    """Following it would take the key elsewhere."""
    llama.fail(Status(308, "", {"Location": "https://tea.example/v1/chat/completions"}))
    with pytest.raises(ModelUnavailable, match=r"redirects to https://tea.example"):
        await said(model)


# ── the context ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_prompt_that_does_not_fit_is_not_sent(server: OpenAIServer) -> None:
    async with await opened(server) as model:
        with pytest.raises(PromptTooLong) as caught:
            await said(model, asking("tea " * 3000, max_tokens=7))
    assert caught.value.limit == 1024
    if model_counts := server.kind in ("llama", "vllm"):
        assert caught.value.tokens == 3008 + 7
    assert caught.value.tokens >= 3007, model_counts
    assert not server.chats


@pytest.mark.parametrize("counts", [True, False], ids=["input_tokens", "apply-template"])
async def test_near_the_limit_the_server_counts(counts: bool) -> None:
    async with OpenAIServer("llama", answer=STORY, counts=counts) as server, await opened(server) as model:
        assert await said(model, asking("tea " * (1024 - 8 - 50), max_tokens=50)) == STORY
        with pytest.raises(PromptTooLong) as caught:
            await said(model, asking("tea " * (1024 - 8 - 49), max_tokens=50))
        assert (caught.value.tokens, caught.value.limit) == (1025, 1024)


async def test_the_server_says_that_the_prompt_is_too_long(server: OpenAIServer) -> None:
    """Its context is smaller than it said (or than what the configuration says)."""
    async with await opened(server) as model:
        server.world.context = 100
        with pytest.raises(PromptTooLong) as caught:
            await said(model, asking("tea " * 200, max_tokens=20))
    expected = {"llama": (228, 100), "vllm": (228, 100), "openai": (228, 100)}
    if server.kind in expected:
        assert (caught.value.tokens, caught.value.limit) == expected[server.kind]
    assert len(server.chats) == 1


@pytest.mark.parametrize(
    ("message", "tokens", "limit"),
    [
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 20. This model's maximum context length is 4096 tokens and "
            "your request has 4090 input tokens (20 > 4096 - 4090).",
            4110,
            4096,
        ),
        ("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.", 5000, 4096),
        ("The decoder prompt (length 5001) is longer than the maximum model length of 4096. Make sure", 5021, 4096),
        (
            "You passed 5001 input tokens and requested 20 output tokens. However, the model's context length is only 4096",
            5021,
            4096,
        ),
        ("the request exceeds the available context size", 1025, 1024),
    ],
)
async def test_how_others_say_it(
    model: ServerModel, llama: OpenAIServer, message: str, tokens: int, limit: int
) -> None:
    llama.fail(Status(400, {"object": "error", "message": message, "type": "BadRequestError", "code": 400}))
    with pytest.raises(PromptTooLong) as caught:
        await said(model, asking(max_tokens=20))
    assert (caught.value.tokens, caught.value.limit) == (tokens, limit)


async def test_the_smaller_context_counts(server: OpenAIServer) -> None:
    async with await opened(server, context=600) as model:
        assert model.info.context_tokens == 600
    async with await opened(server, context=4096) as model:
        assert model.info.context_tokens == (4096 if server.kind == "openai" else 1024)


async def test_count_tokens_learns(server: OpenAIServer) -> None:
    text = "您好，请问这款茶叶现在还有货吗？" * 6
    async with await opened(server) as model:
        before = model.count_tokens(asking(text).messages)
        for _ in range(3):
            await said(model, asking(text))
        real = prompt_tokens(server.chats[0].body["messages"])
        assert real <= model.count_tokens(asking(text).messages) <= 1.25 * real
        assert before >= real


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_is_loading_is_waited_for() -> None:
    async with OpenAIServer("llama", answer=STORY, loading=True) as server:
        opening = asyncio.create_task(opened(server, retries=0))
        await server.until(lambda: len(server.paths) > 2)
        assert not opening.done()
        server.world.loading = False
        async with await opening as model:
            assert await said(model) == STORY


async def test_nobody_is_there() -> None:
    server = OpenAIServer("llama")
    await server.stop()
    with pytest.raises(ModelUnavailable, match=rf"{server.url} cannot be reached .*is model\.server\.urls right\?"):
        await opened(server, retries=1)


async def test_the_address_without_v1(server: OpenAIServer) -> None:
    with pytest.raises(ModelUnavailable, match=rf"write {server.url} into model\.server\.urls"):
        await opened(server.root)


async def test_what_is_no_model_server() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with pytest.raises(ModelUnavailable, match="something else than a model server"):
            await opened(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", retries=0)
    finally:
        await runner.cleanup()
