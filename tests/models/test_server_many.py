"""Several servers: who answers, who takes over, and when one that was down is asked again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from core.errors import GenerationFailed, ModelUnavailable, PromptTooLong
from models.server import ServerModel
from tests.models.server_parts import NEVER_AGAIN, STORY, asking, collect, opened, said
from tests.platforms.openai_faults import Drop, Hold, Status
from tests.platforms.openai_server import OpenAIServer


@pytest.fixture
async def pair() -> AsyncIterator[tuple[OpenAIServer, OpenAIServer]]:
    async with OpenAIServer("llama", answer=STORY) as one, OpenAIServer("llama", answer=STORY) as other:
        yield one, other


def told(servers: tuple[OpenAIServer, ...]) -> list[int]:
    return [len(server.chats) for server in servers]


async def kept(
    pair: tuple[OpenAIServer, OpenAIServer], model: ServerModel, owner: str
) -> tuple[OpenAIServer, OpenAIServer]:
    """The server that a conversation has, and the other one."""
    before = told(pair)
    await said(model, asking(owner=owner))
    mine = next(server for server, count in zip(pair, before, strict=True) if len(server.chats) > count)
    return mine, next(server for server in pair if server is not mine)


async def test_a_conversation_stays_and_others_spread(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(*pair) as model:
        for _ in range(3):
            for n in range(24):
                await said(model, asking(f"I am {n}.", owner=f"shop/{n}"))
    asked = [{chat.body["messages"][0]["content"] for chat in server.chats} for server in pair]
    assert not asked[0] & asked[1]
    assert asked[0]
    assert asked[1]
    assert sum(told(pair)) == 72


async def test_after_a_restart_a_conversation_finds_its_server(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    for _ in range(3):
        async with await opened(*reversed(pair)) as model:
            for n in range(8):
                await said(model, asking(f"I am {n}.", owner=f"shop/{n}"))
    counted = [Counter(chat.body["messages"][0]["content"] for chat in server.chats) for server in pair]
    assert all(count == 3 for counts in counted for count in counts.values())


async def test_the_least_busy_answers(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    gate = asyncio.Event()
    async with await opened(*pair) as model:
        for server in pair:
            server.fail(*(Hold(gate) for _ in range(4)))
        running = [asyncio.create_task(said(model)) for _ in range(8)]
        await pair[0].until(lambda: len(pair[0].chats) == 4)
        await pair[1].until(lambda: len(pair[1].chats) == 4)
        gate.set()
        assert await asyncio.gather(*running) == [STORY] * 8


async def test_a_conversation_leaves_a_server_that_is_much_busier(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    gate = asyncio.Event()
    async with await opened(*pair) as model:
        mine, other = await kept(pair, model, "anna")
        mine.fail(*(Hold(gate) for _ in range(9)))
        running = []
        for n in range(5):
            running.append(asyncio.create_task(said(model, asking(owner="anna"))))
            await mine.until(lambda n=n: len(mine.chats) == n + 2)  # type: ignore[misc]
        await said(model, asking(owner="anna"))
        assert len(other.chats) == 1
        gate.set()
        await asyncio.gather(*running)


@pytest.mark.parametrize(
    "fault", [Drop(), Drop(after=0), Status(503, "", {"Retry-After": "600"}), Status(500)], ids=str
)
async def test_another_server_takes_over(pair: tuple[OpenAIServer, OpenAIServer], fault: Drop | Status) -> None:
    async with await opened(*pair, pace=NEVER_AGAIN) as model:
        mine, other = await kept(pair, model, "anna")
        mine.fail(fault)
        assert await said(model, asking(owner="anna")) == STORY
        assert told((mine, other)) == [2, 1]
        if fault != Status(500):  # it is left alone; the conversation stays where it is now
            assert [await said(model, asking(owner=f"o{n}")) for n in range(6)] == [STORY] * 6
            assert told((mine, other)) == [2, 7]


async def test_no_other_takes_over_in_the_middle(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(*pair) as model:
        mine, other = await kept(pair, model, "anna")
        mine.fail(Drop(after=2))
        with pytest.raises(GenerationFailed, match=rf"{mine.url} broke .*after a part of the answer was given"):
            await said(model, asking(owner="anna"))
        assert told((mine, other)) == [2, 0]


async def test_all_are_gone(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(*pair) as model:
        for server in pair:
            await server.stop()
        with pytest.raises(GenerationFailed) as caught:
            await said(model)
        assert all(f"{server.url} cannot be reached" in str(caught.value) for server in pair)
        assert set(model.troubles()) == {server.url for server in pair}


async def test_without_retries_there_is_one_try(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(*pair, retries=0) as model:
        mine, other = await kept(pair, model, "anna")
        mine.fail(Drop())
        with pytest.raises(GenerationFailed):
            await said(model, asking(owner="anna"))
        assert told((mine, other)) == [2, 0]


async def test_one_that_is_down_is_checked_until_it_is_up(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(*pair) as model:
        mine, other = await kept(pair, model, "anna")
        mine.world.healthy = False
        mine.fail(Drop())
        await said(model, asking(owner="anna"))
        checks = mine.paths.count("/health")
        await mine.until(lambda: mine.paths.count("/health") >= checks + 3)
        assert mine.url in model.troubles()
        assert "not ready" in model.troubles()[mine.url]
        assert other.paths.count("/health") == 1
        mine.world.healthy = True
        async with asyncio.timeout(20):
            while model.troubles():
                await asyncio.sleep(0.01)
        checks = mine.paths.count("/health")
        await other.stop()
        assert await said(model, asking(owner="anna")) == STORY
        assert mine.paths.count("/health") == checks


async def test_one_that_flaps_is_survived(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    """Its checks are fine, its answers are not."""
    async with await opened(*pair) as model:
        mine, _ = await kept(pair, model, "anna")
        mine.fail(*(Drop() for _ in range(50)))
        for n in range(30):
            assert await said(model, asking(owner=f"o{n}")) == STORY
            await asyncio.sleep(0.01)


async def test_one_that_comes_later() -> None:
    first = OpenAIServer("llama", answer=STORY)
    await first.stop()
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(OpenAIServer("llama", answer=STORY))
        model = await stack.enter_async_context(await opened(first, other))
        assert set(model.troubles()) == {first.url}
        assert await said(model) == STORY
        late = await stack.enter_async_context(OpenAIServer("llama", answer=STORY, port=first.port))
        async with asyncio.timeout(20):
            while model.troubles():
                await asyncio.sleep(0.01)
        await other.stop()
        assert await said(model) == STORY
        assert len(late.chats) == 1


async def test_one_with_another_model_is_not_used() -> None:
    async with (
        OpenAIServer("vllm", answer=STORY) as right,
        OpenAIServer("vllm", answer="coffee", model="coffee-7b") as wrong,
        OpenAIServer("vllm", answer="short", context=512) as short,
        await opened(right, wrong) as model,
    ):
        assert model.info.name == "tea-1b"
        assert "serves another model (coffee-7b)" in model.troubles()[wrong.url]
        assert [await said(model, asking(owner=str(n))) for n in range(8)] == [STORY] * 8
        assert not wrong.chats
        async with await opened(right, short) as both:
            assert both.info.context_tokens == 512


async def test_one_that_wants_another_key_is_not_used(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(*pair) as model:
        mine, other = await kept(pair, model, "anna")
        mine.world.api_key = "changed"
        assert await said(model, asking(owner="anna")) == STORY
        assert "answered 401" in model.troubles()[mine.url]
        other.world.api_key = "changed"
        with pytest.raises(ModelUnavailable) as caught:
            await said(model, asking(owner="anna"))
        assert all(server.url in str(caught.value) for server in pair)


async def test_the_kinds_may_differ() -> None:
    async with (
        OpenAIServer("vllm", answer=STORY) as vllm,
        OpenAIServer("openai", answer=STORY) as plain,
        await opened(vllm, plain, model="tea-1b") as model,
    ):
        assert not model.troubles()
        n = 0
        while not (vllm.chats and plain.chats):
            assert await said(model, asking(owner=str(n := n + 1))) == STORY
        assert "top_k" in vllm.chats[0].body
        assert "top_k" not in plain.chats[0].body


async def test_the_prompt_is_too_long_everywhere(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(*pair) as model:
        for server in pair:
            server.world.context = 100
        with pytest.raises(PromptTooLong):
            await collect(model, asking("tea " * 200))
        assert sum(told(pair)) == 1
        assert not model.troubles()


async def test_checks_run_only_while_a_server_is_down(pair: tuple[OpenAIServer, OpenAIServer]) -> None:
    async with await opened(pair[0], pace=NEVER_AGAIN) as model:
        asked = len(pair[0].paths)
        await said(model)
        await said(model)
        assert pair[0].paths[asked:] == ["/v1/chat/completions"] * 2
