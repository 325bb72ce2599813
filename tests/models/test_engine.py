"""The engine over a scripted runner: what its callers see, whatever a model says or does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from core.errors import GenerationFailed, PromptTooLong
from core.ports import ChatMessage, GenerationRequest, ModelInfo, Piece
from models.engine import Engine
from models.options import EngineOptions
from models.runner import DecodeFailed, Slice
from models.template import CHATML, ChatTemplate
from tests.models.asking import pieces, text, until
from tests.models.runner import ByteVocabulary, ScriptedRunner, saying

CONTEXT = 400


@asynccontextmanager
async def opened(runner: ScriptedRunner, *, parallel: int = 3) -> AsyncIterator[Engine]:
    info = ModelInfo(name="scripted", digest="", context_tokens=CONTEXT, languages=("en",))
    template = ChatTemplate(CHATML, ByteVocabulary(), bos="", eos="")
    options = EngineOptions(parallel=parallel, chunk=32, keep=200)
    async with Engine(info, runner, ByteVocabulary(), template, options) as engine:
        yield engine
    assert runner.closed


def ask(text: str = "hi", *, max_tokens: int = 200, stop: tuple[str, ...] = (), owner: str = "") -> GenerationRequest:
    message = ChatMessage(role="user", content=text)
    return GenerationRequest(messages=(message,), max_tokens=max_tokens, stop=stop, owner=owner)


async def test_answers_and_usage() -> None:
    runner = ScriptedRunner(saying("Green tea."))
    async with opened(runner) as engine:
        request = ask("What is it?")
        got = await pieces(engine, request)
        assert "".join(piece.text for piece in got) == "Green tea."
        assert [piece.finish for piece in got[:-1]] == [None] * (len(got) - 1)
        assert (last := got[-1]).finish == "stop"
        assert (usage := last.usage) is not None
        assert usage.prompt_tokens == engine.count_tokens(request.messages)
        assert usage.completion_tokens == len("Green tea.") + 1
        assert 0 <= usage.queued_s <= usage.first_token_s <= usage.total_s


async def test_characters_arrive_whole() -> None:
    answer = "龙井 👩‍🍳🇨🇳 é 茶"
    async with opened(ScriptedRunner(saying(answer))) as engine:
        got = await pieces(engine, ask())
        assert "".join(piece.text for piece in got) == answer
        assert all("\ufffd" not in piece.text for piece in got)
        for most in range(1, 12):  # cut off anywhere: the broken character is left out
            cut = await pieces(engine, ask(max_tokens=most))
            assert "".join(piece.text for piece in cut) == answer.encode()[:most].decode("utf-8", "ignore")
            assert cut[-1].finish == "length"


async def test_a_stop_string_is_never_shown() -> None:
    async with opened(ScriptedRunner(saying("One. Two.\nUser: three"))) as engine:
        got = await pieces(engine, ask(stop=("\nUser:", "Two..")))
        assert "".join(piece.text for piece in got) == "One. Two."
        assert got[-1].finish == "stop"
        assert await text(engine, ask(stop=("One",))) == ""
        assert await text(engine, ask(stop=("threee", "four"))) == "One. Two.\nUser: three"


async def test_a_prompt_that_does_not_fit_is_refused_before_the_first_piece() -> None:
    runner = ScriptedRunner(saying("ok"))
    async with opened(runner) as engine:
        with pytest.raises(PromptTooLong) as caught:
            await pieces(engine, ask("x" * 50_000, max_tokens=10))
        assert caught.value.limit == CONTEXT
        assert caught.value.tokens == engine.count_tokens(ask("x" * 50_000).messages) + 10
        fits = CONTEXT - engine.count_tokens(ask("").messages)
        assert await text(engine, ask("x" * (fits - 10), max_tokens=10)) == "ok"
        with pytest.raises(PromptTooLong):
            await pieces(engine, ask("x" * (fits - 9), max_tokens=10))


async def test_many_at_once_do_not_disturb_each_other() -> None:
    runner = ScriptedRunner(lambda tokens: ord("0") + sum(tokens) % 10, cells=1500)
    async with opened(runner) as engine:
        requests = [
            ask(f"question {number} " * (number % 4 + 1), max_tokens=8, owner=f"b/{number}") for number in range(20)
        ]
        together = await asyncio.gather(*(text(engine, request) for request in requests))
        alone = [await text(engine, request) for request in requests]
        assert together == alone
        assert engine.load().running == engine.load().waiting == 0


class Pausing(ScriptedRunner):
    """Never ends by itself; counts on the test to cancel."""

    def __init__(self) -> None:
        super().__init__(lambda tokens: ord("a"), cells=2000)

    def decode(self, slices: Sequence[Slice], adapter: str = "") -> None:
        time.sleep(0.005)  # as a model does: or it has said all before the test can look
        super().decode(slices, adapter)


@pytest.mark.parametrize("way", ["close", "task", "break"])
async def test_giving_up_frees_the_place(way: str) -> None:
    runner = Pausing()
    async with opened(runner, parallel=1) as engine:
        request = ask(max_tokens=300)
        if way == "close":
            stream = engine.generate(request)
            await anext(stream)
            await stream.aclose()
        elif way == "task":
            task = asyncio.create_task(pieces(engine, request))
            await until(lambda: engine.load().running == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with aclosing(engine.generate(request)) as stream:
                async for _ in stream:
                    break
        await until(lambda: engine.load().running == 0)
        assert await text(engine, ask(max_tokens=3)) == "aaa"
        assert runner.open_samplers == 0


async def test_giving_up_while_waiting() -> None:
    async with opened(Pausing(), parallel=1) as engine:
        first = asyncio.create_task(pieces(engine, ask(max_tokens=350)))
        await until(lambda: engine.load().running == 1)
        second = asyncio.create_task(pieces(engine, ask(max_tokens=350)))
        await until(lambda: engine.load().waiting == 1)
        second.cancel()
        await until(lambda: engine.load().waiting == 0)
        await first


async def test_a_slow_reader_gets_everything_and_holds_nothing_up() -> None:
    async with opened(ScriptedRunner(saying("abcdefghij"))) as engine:
        stream = engine.generate(ask())
        got = [await anext(stream)]
        await until(lambda: engine.load().running == 0)  # the model is done, the reader is not
        got += [piece async for piece in stream]
        assert "".join(piece.text for piece in got) == "abcdefghij"


def failing_for(word: str, *, intact: bool) -> Callable[[Sequence[Slice]], DecodeFailed | None]:
    marked = list(word.encode())

    def fault(slices: Sequence[Slice]) -> DecodeFailed | None:
        for one in slices:
            held = list(one.tokens)
            if any(held[at : at + len(marked)] == marked for at in range(len(held))):
                return DecodeFailed("scripted", intact=intact)
        return None

    return fault


async def test_a_failing_prompt_fails_alone() -> None:
    runner = ScriptedRunner(saying("ok"), fault=failing_for("POISON", intact=True))
    async with opened(runner) as engine:
        good, bad, other = await asyncio.gather(
            text(engine, ask("good")), text(engine, ask("POISON")), text(engine, ask("other")), return_exceptions=True
        )
        assert (good, other) == ("ok", "ok")
        assert isinstance(bad, GenerationFailed)
        assert await text(engine, ask("again")) == "ok"


async def test_a_lost_batch_fails_its_requests_and_the_engine_goes_on() -> None:
    async with opened(ScriptedRunner(saying("ok"), fault=failing_for("POISON", intact=False))) as engine:
        with pytest.raises(GenerationFailed, match="scripted"):
            await text(engine, ask("POISON"))
        assert await text(engine, ask("again")) == "ok"


async def test_an_unexpected_fault_does_not_silence_the_engine() -> None:
    def broken(tokens: Sequence[int]) -> int:
        return saying("ok")(tokens) if ord("!") not in tokens else 1 // 0

    async with opened(ScriptedRunner(broken)) as engine:
        with pytest.raises(GenerationFailed, match="division"):
            await text(engine, ask("!"))
        assert await text(engine, ask("again")) == "ok"


async def test_closing_ends_running_answers() -> None:
    runner = Pausing()
    async with opened(runner, parallel=1) as engine:
        tasks = [asyncio.create_task(pieces(engine, ask(max_tokens=350))) for _ in range(3)]
        await until(lambda: engine.load().running == 1)
        await engine.aclose()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, GenerationFailed | list) for result in results)
        assert isinstance(results[-1], GenerationFailed)
        with pytest.raises(GenerationFailed, match="closed"):
            await text(engine, ask())
        with pytest.raises(GenerationFailed, match="closed"):
            engine.count_tokens(ask().messages)


async def test_an_engine_that_was_never_started_closes() -> None:
    runner = ScriptedRunner()
    info = ModelInfo(name="x", digest="", context_tokens=CONTEXT, languages=())
    template = ChatTemplate(CHATML, ByteVocabulary(), bos="", eos="")
    await Engine(info, runner, ByteVocabulary(), template, EngineOptions(parallel=1)).aclose()
    assert runner.closed


async def test_a_model_that_cannot_rewind_still_answers() -> None:
    runner = ScriptedRunner(saying("ok"), rewinds=False)
    async with opened(runner) as engine:
        assert await asyncio.gather(*(text(engine, ask("same")) for _ in range(4))) == ["ok"] * 4
        assert engine.load().counters.hits == 0


def test_a_reader_whose_loop_is_gone_is_given_up() -> None:
    runner = Pausing()

    async def leave(engine: Engine) -> None:
        stream = engine.generate(ask(max_tokens=300))
        await anext(stream)
        leaving.append(stream)

    leaving: list[AsyncIterator[Piece]] = []

    async def check(engine: Engine) -> None:
        await until(lambda: engine.load().running == 0)
        assert await text(engine, ask(max_tokens=2)) == "aa"
        await engine.aclose()

    info = ModelInfo(name="x", digest="", context_tokens=CONTEXT, languages=())
    template = ChatTemplate(CHATML, ByteVocabulary(), bos="", eos="")
    engine = Engine(info, runner, ByteVocabulary(), template, EngineOptions(parallel=1)).start()
    asyncio.run(leave(engine))
    asyncio.run(check(engine))
