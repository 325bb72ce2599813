"""The engine under load, over a scripted runner: what it promises to many at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from core.errors import GenerationFailed, RequestInvalid
from core.ports import ChatMessage, GenerationRequest, ModelInfo, Piece, Sampling
from models.accounts import Accounts
from models.cache import Counters
from models.engine import Engine
from models.options import EngineOptions, Governor, Load
from models.prefixes import PrefixStore
from models.runner import DecodeFailed, Slice
from models.template import CHATML, ChatTemplate
from tests.models.asking import pieces, text, until
from tests.models.runner import IM_END, ByteVocabulary, ScriptedRunner, hashed, saying

PERSONA = "You sell tea, and you are short and polite. " * 3
ALPHABET: list[int] = [*b"abcd ", *"茶".encode(), *b"abcd abcd", IM_END]


def chatty(tokens: Sequence[int]) -> int:
    """Text that repeats itself for a while, has broken and whole characters in it, and ends at times."""
    return ALPHABET[hashed([*tokens[-2:], len(tokens) // 16]) % len(ALPHABET)]


@asynccontextmanager
async def opened(
    runner: ScriptedRunner,
    options: EngineOptions,
    *,
    governor: Governor | None = None,
    prefixes: PrefixStore | None = None,
) -> AsyncIterator[Engine]:
    info = ModelInfo(name="scripted", digest="", context_tokens=600, languages=("en",))
    template = ChatTemplate(CHATML, ByteVocabulary(), bos="", eos="")
    engine = Engine(
        info,
        runner,
        ByteVocabulary(),
        template,
        options,
        adapters=frozenset({"warm"}),
        governor=governor,
        prefixes=prefixes,
    )
    async with engine:
        yield engine
    assert runner.closed


def ask(
    text: str = "hi",
    *,
    persona: str = "",
    max_tokens: int = 100,
    stop: tuple[str, ...] = (),
    owner: str = "",
    lora: str = "",
    grammar: str = "",
    logprobs: int | None = None,
    sampling: Sampling | None = None,
) -> GenerationRequest:
    system = (ChatMessage(role="system", content=persona),) if persona else ()
    return GenerationRequest(
        messages=(*system, ChatMessage(role="user", content=text)),
        max_tokens=max_tokens,
        stop=stop,
        owner=owner,
        lora=lora,
        grammar=grammar,
        logprobs=logprobs,
        sampling=sampling or Sampling(),
    )


async def test_log_probabilities_come_with_every_token() -> None:
    answer = "A 茶 of STOPS"
    async with opened(ScriptedRunner(saying(answer)), EngineOptions(parallel=2)) as engine:
        got = await pieces(engine, ask(logprobs=2))
        tokens = [entry for piece in got for entry in piece.logprobs]
        assert got[-1].usage is not None
        assert len(tokens) == len(answer.encode()) == got[-1].usage.completion_tokens - 1
        assert [entry.logprob for entry in tokens] == sorted((entry.logprob for entry in tokens), reverse=True)
        assert "".join(entry.token for entry in tokens).startswith("A \ufffd")
        assert all(len(entry.top) == 2 for entry in tokens)
        stopped = await pieces(engine, ask(logprobs=0, stop=("STOP",)))
        assert "".join(piece.text for piece in stopped) == "A 茶 of "
        assert sum(len(piece.logprobs) for piece in stopped) == len("A 茶 of STOP".encode())
        assert not any(piece.logprobs for piece in await pieces(engine, ask()))


async def test_adapters() -> None:
    runner = ScriptedRunner(saying("ok"))
    async with opened(runner, EngineOptions(parallel=4)) as engine:
        assert list(await asyncio.gather(text(engine, ask(lora="warm")), text(engine, ask()))) == ["ok", "ok"]
        assert set(runner.adapters) == {"", "warm"}
        with pytest.raises(RequestInvalid, match="'cold'; it has: warm"):
            await text(engine, ask(lora="cold"))


async def test_a_wrong_grammar_fails_its_own_request_only() -> None:
    async with opened(ScriptedRunner(saying("ok")), EngineOptions(parallel=4)) as engine:
        good, bad, other = await asyncio.gather(
            text(engine, ask("a")),
            text(engine, ask("b", grammar="root ::= ?")),
            text(engine, ask("c")),
            return_exceptions=True,
        )
        assert (good, other) == ("ok", "ok")
        assert isinstance(bad, RequestInvalid)
        assert "name a rule" in str(bad)
        await until(lambda: engine.load().running == 0)


class _Paced(ScriptedRunner):
    """Takes its time, as a model does: or it has said all before the test can look."""

    def __init__(self) -> None:
        super().__init__(lambda tokens: ord("a"))

    def decode(self, slices: Sequence[Slice], adapter: str = "") -> None:
        time.sleep(0.002)
        super().decode(slices, adapter)


async def test_a_waiting_request_knows_its_place_and_time() -> None:
    async with opened(_Paced(), EngineOptions(parallel=1)) as engine:
        assert engine.waiting("bot/1") is None
        await text(engine, ask(max_tokens=5))
        tasks = [asyncio.create_task(text(engine, ask(max_tokens=300, owner=f"bot/{number}"))) for number in range(3)]
        await until(lambda: engine.load().waiting == 2)
        first, second = engine.waiting("bot/1"), engine.waiting("bot/2")
        assert first is not None
        assert second is not None
        assert (first.place, second.place) == (0, 1)
        assert first.expected_s is not None
        assert second.expected_s == pytest.approx(2 * first.expected_s)
        assert engine.waiting("bot/0") is None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: engine.load().waiting == 0)


async def test_the_governor_is_told_and_obeyed() -> None:
    class Two:
        def __init__(self) -> None:
            self.seen: list[int] = []

        def observe(self, tokens: int, seconds: float) -> int | None:
            assert seconds >= 0
            self.seen.append(tokens)
            return 2 if len(self.seen) == 3 else None

    governor, runner = Two(), ScriptedRunner(saying("some words"))
    async with opened(runner, EngineOptions(parallel=1, speculate=False), governor=governor) as engine:
        request = ask()
        await text(engine, request)
        assert governor.seen == [engine.count_tokens(request.messages)] + [1] * len("some words")
    assert runner.threads == [2]


def test_what_was_done_is_told_now_and_then() -> None:
    at = 0.0
    told = Accounts(every_s=60, clock=lambda: at)
    with capture_logs() as logs:
        told.tell(lambda: Load(0, 0, Counters()))
        at = 61
        told.tell(lambda: Load(0, 0, Counters()))
        assert logs == [], "nothing was asked"
        told.tell(lambda: Load(2, 1, Counters(prompts=3, hits=2, saved_tokens=900, spilled_bytes=7)))
        at = 90
        told.tell(lambda: Load(1, 0, Counters(prompts=5, hits=4, saved_tokens=1900, spilled_bytes=5)))
        told.tell(lambda: Load(0, 0, Counters(prompts=6, hits=5, saved_tokens=2000, spilled_bytes=5)), now=True)
    lines = [(one["seconds"], one["prompts"], one["hits"], one["saved_tokens"], one["spilled_bytes"]) for one in logs]
    assert lines == [(61, 3, 2, 900, 7), (29, 3, 3, 1100, 5)]
    assert (logs[0]["running"], logs[0]["waiting"]) == (2, 1)


async def test_preempted_answers_go_on_where_they_were() -> None:
    runner = ScriptedRunner(saying("x" * 150), cells=420)
    async with opened(runner, EngineOptions(parallel=4, keep=400)) as engine:
        asks = [ask(f"question {number}", max_tokens=200, owner=f"b/{number}") for number in range(4)]
        assert await asyncio.gather(*(text(engine, one) for one in asks)) == ["x" * 150] * 4
        counters = engine.load().counters
        assert counters.preemptions > 0
        assert counters.prompts == 4


async def test_a_warm_start_knows_the_persona(tmp_path: Path) -> None:
    def store() -> PrefixStore:
        return PrefixStore(tmp_path / "prefixes", "scripted 1")

    async with opened(ScriptedRunner(saying("ok")), EngineOptions(parallel=2), prefixes=store()) as engine:
        for number in range(3):
            await text(engine, ask(f"{number}?", persona=PERSONA, owner=f"b/{number}"))
    async with opened(ScriptedRunner(saying("ok")), EngineOptions(parallel=2), prefixes=store()) as engine:
        got = await pieces(engine, ask("new", persona=PERSONA, owner="b/9"))
        assert got[-1].usage is not None
        assert got[-1].usage.cached_tokens > len(PERSONA)
    refusing = ScriptedRunner(saying("ok"), refuses=lambda data: True)
    async with opened(refusing, EngineOptions(parallel=2), prefixes=store()) as engine:
        assert await text(engine, ask("new", persona=PERSONA)) == "ok"


REQUESTS = st.lists(
    st.builds(
        ask,
        st.sampled_from(["abcd abcd a", "tell me", "茶 茶 ab"]),
        persona=st.sampled_from(["", PERSONA]),
        max_tokens=st.integers(1, 60),
        stop=st.sampled_from([(), ("cd",), ("a a", "bb"), ("d abcd",)]),
        owner=st.sampled_from(["a/1", "a/2", "b/1"]),
        lora=st.sampled_from(["", "", "warm"]),
        logprobs=st.sampled_from([None, 1]),
        sampling=st.sampled_from([Sampling(), Sampling(temperature=1, seed=1), Sampling(temperature=1, seed=2)]),
    ),
    min_size=1,
    max_size=6,
)


def essence(got: Sequence[Piece]) -> tuple[object, ...]:
    """All of an answer but how it was cut into pieces and how long it took."""
    usage = got[-1].usage
    assert usage is not None
    entries = [entry for piece in got for entry in piece.logprobs]
    return "".join(piece.text for piece in got), entries, got[-1].finish, usage.completion_tokens, usage.prompt_tokens


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REQUESTS, st.integers(1, 4), st.sampled_from([420, 4000]), st.sampled_from([0, 300, 2000]), st.booleans())
def test_the_text_is_the_same_however_it_was_made(
    requests: list[GenerationRequest], parallel: int, cells: int, keep: int, spill: bool
) -> None:
    """Alone without anything; together with drafts, preemption and spill."""

    async def check() -> None:
        plain, busy = EngineOptions(1, keep=0, speculate=False), EngineOptions(parallel, 16, keep, 10**6 * spill)
        async with opened(ScriptedRunner(chatty), plain) as engine:
            alone = [essence(await pieces(engine, request)) for request in requests]
        async with opened(ScriptedRunner(chatty, cells=cells), busy) as engine:
            for _ in range(2):
                together = await asyncio.gather(*(pieces(engine, request) for request in requests))
                assert [essence(got) for got in together] == alone

    asyncio.run(check())


async def test_drafts_are_made_and_often_right() -> None:
    async with opened(ScriptedRunner(saying("abcd " * 30)), EngineOptions(parallel=2)) as engine:
        assert await text(engine, ask(max_tokens=200)) == "abcd " * 30
        counters = engine.load().counters
        assert counters.drafted_tokens >= counters.accepted_tokens > 0


async def test_soak() -> None:
    """2,000 requests with random lengths, cancels and faults: everybody is answered or told, and nothing stays."""
    steps = count(1)

    def fault(slices: Sequence[Slice]) -> DecodeFailed | None:
        step = next(steps)
        return DecodeFailed("scripted", intact=step % 200 == 0) if step % 100 == 0 else None

    runner = ScriptedRunner(chatty, cells=2000, sequences=24, fault=fault)
    options = EngineOptions(parallel=8, keep=800, spill_bytes=200_000)
    ends = {"stop": 0, "length": 0, "failed": 0, "left": 0}
    gate = asyncio.Semaphore(40)

    async def one(engine: Engine, number: int) -> None:
        dice = random.Random(number)
        request = ask(
            "word " * dice.randrange(12),
            persona=PERSONA if dice.random() < 0.7 else "",
            max_tokens=dice.randrange(1, 30),
            owner=f"bot{number % 3}/{number % 50}",
            lora="warm" if dice.random() < 0.2 else "",
        )
        leaves = dice.randrange(1, 5) if dice.random() < 0.3 else 0
        async with gate:
            try:
                async with aclosing(engine.generate(request)) as stream:
                    seen = 0
                    async for piece in stream:
                        seen += 1
                        if piece.finish:
                            ends[piece.finish] += 1
                        elif seen == leaves:
                            ends["left"] += 1
                            break
            except GenerationFailed:
                ends["failed"] += 1

    async with opened(runner, options) as engine:
        await asyncio.gather(*(one(engine, number) for number in range(2000)))
        await until(lambda: engine.load().running == engine.load().waiting == 0)
        load = engine.load()
        assert sum(ends.values()) == 2000
        assert all(ends.values())
        assert runner.open_samplers == 0
        await text(engine, last := ask("the last one"))
        assert runner.used_cells <= (options.keep or 0) + engine.count_tokens(last.messages) + last.max_tokens
        assert load.counters.spilled_bytes <= options.spill_bytes
        assert load.counters.hits > 500
        assert load.pace_s is not None
