"""`run --role`: gateways and workers as processes of their own over one store; each may be killed, doubled and started anew."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.bots.running import ROOT, START_S, Kefu, Visitor, command, edit, running, shop, started
from tests.core.redis_cluster import RedisCluster
from tests.platforms.openai_faults import Hold
from tests.platforms.openai_server import OpenAIServer
from tests.platforms.telegram_server import TelegramServer

GENERATED = "How can I return goods?"
APPROVED = "How much is delivery?"


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(answer="You can return unused goods.") as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, model: OpenAIServer) -> str:
    """A shop whose model is asked over HTTP, so that a test knows what its workers are at."""
    made = shop(tmp_path)
    edit(made / "bot.yaml", "model: bundled", f"model: {{server: {{urls: ['{model.url}']}}, languages: [en, zh]}}")
    return str(made)


def gateway(tmp_path: Path, folder: str, **env: str) -> AbstractAsyncContextManager[Kefu]:
    return running(tmp_path, folder, "--role", "gateway", **env)


def worker(tmp_path: Path, folder: str, **env: str) -> AbstractAsyncContextManager[Kefu]:
    return running(tmp_path, folder, "--role", "worker", **env)


async def is_well(asked: Kefu) -> None:
    found = re.search(r"(http://\S+)/health", asked.output)
    assert found is not None
    async with httpx.AsyncClient(base_url=found[1], trust_env=False) as http:
        health = await http.get("/health")
        assert (health.status_code, health.json()["checks"]) == (200, {"store": "ok"})
        assert (await http.get("/shop/")).status_code == 404


def spoken(lines: list[dict[str, str]]) -> list[str]:
    return [line["role"] for line in lines]


async def test_a_worker_answers_what_a_gateway_took_and_another_goes_on_when_it_is_killed(
    tmp_path: Path, folder: str, model: OpenAIServer
) -> None:
    held = asyncio.Event()
    async with gateway(tmp_path, folder) as door, Visitor(door.address, "shop") as ann:
        assert "gateway: connects the platforms" in door.output
        assert "KEFU_REDIS_URL" in door.output, "how workers on other machines find the store"
        assert "tokens of context" not in door.output
        assert (await ann.post(str(uuid4()), APPROVED)).status_code == 202, "taken, although nobody can answer yet"
        port = door.address.rpartition(":")[2]
        async with started(tmp_path, folder, KEFU_ROLE="worker", KEFU_PORT=port) as killed:
            assert "worker: answers" in killed.output
            assert "tokens of context" in killed.output
            assert "connected" not in killed.output
            assert "/health" not in killed.output, "the port is the gateway's"
            assert "4.90" in (await ann.answers(1))[-1]["html"]
            model.fail(Hold(held))
            asked = len(model.chats)
            assert (await ann.post(str(uuid4()), GENERATED)).status_code == 202
            await model.until(lambda: len(model.chats) > asked)
            await killed.stop(signal.SIGKILL)
        async with worker(tmp_path, folder) as second:
            await is_well(second)
            lines = await ann.answers(2)
            assert spoken(lines) == ["shopper", "bot"] * 2
            assert await door.stop(signal.SIGKILL) != 0
            async with gateway(tmp_path, folder) as new_door, Visitor(new_door.address, "shop", ann.token) as again:
                assert spoken(await again.history()) == spoken(lines)
                assert (await again.post(str(uuid4()), "thanks")).status_code == 202
                assert spoken(await again.answers(3)) == ["shopper", "bot"] * 3
            assert await second.stop() == 0
    held.set()


async def test_two_gateways_and_two_workers_over_a_cluster_answer_everybody_once(tmp_path: Path, folder: str) -> None:
    with RedisCluster(tmp_path / "cluster") as cluster:
        store = {"KEFU_REDIS_URL": cluster.url}
        async with (
            gateway(tmp_path, folder, **store) as one,
            gateway(tmp_path, folder, **store) as two,
            worker(tmp_path, folder, **store) as first,
            worker(tmp_path, folder, **store) as second,
        ):
            assert "a cluster of 3 masters (yours)" in one.output

            async def visit(number: int) -> None:
                async with Visitor((one, two)[number % 2].address, "shop") as visitor:
                    for number, text in enumerate((APPROVED, GENERATED, "thanks"), start=1):
                        await visitor.post(str(uuid4()), text)
                        assert spoken(await visitor.answers(number)) == ["shopper", "bot"] * number

            await asyncio.gather(*map(visit, range(4)))
            await sees_what_the_other_gateway_shows(one, two)
            assert await first.stop() == 0
            await visit(0)
            assert await second.stop() == 0


async def sees_what_the_other_gateway_shows(one: Kefu, two: Kefu) -> None:
    """A shopper's second tab is open at another gateway."""
    opened = asyncio.Event()

    async def look_on(token: str) -> list[str]:
        seen: list[str] = []
        async with Visitor(two.address, "shop", token) as tab:
            async for kind, _ in tab.events():
                opened.set()
                seen.append(kind)
                if kind == "message":
                    break
        return [kind for kind in seen if kind in ("history", "line", "message")]

    async with Visitor(one.address, "shop") as ann:
        looking = asyncio.create_task(look_on(ann.token))
        await opened.wait()
        await ann.post(str(uuid4()), APPROVED)
        assert await asyncio.wait_for(looking, START_S) == ["history", "line", "message"]


async def test_a_gateway_needs_nothing_of_the_engine_and_a_worker_says_what_is_missing(tmp_path: Path) -> None:
    folder = str(shop(tmp_path))
    missing = tmp_path / "missing" / "llama_cpp"
    missing.mkdir(parents=True)
    (missing / "__init__.py").write_text("raise ModuleNotFoundError('No module named llama_cpp', name='llama_cpp')\n")
    without = {"PYTHONPATH": f"{missing.parent}:{ROOT}"}
    async with running(tmp_path, folder, "--role", "gateway", **without) as door:
        assert "✓ connected" in door.output
    code, _, err = await command(tmp_path, "run", folder, "--role", "worker", **without)
    assert code == 1
    assert "llama.cpp's binding is not installed" in err
    assert "Traceback" not in err


async def test_a_gateway_with_nothing_to_connect_says_why(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    edit(folder / "bot.yaml", "  web:\n", "  telegram: {}\n  web:\n    enabled: false\n")
    code, _, err = await command(tmp_path, "run", str(folder), "--port", "0", "--role", "gateway")
    assert code == 1
    assert "nothing to connect" in err
    assert "no TELEGRAM_BOT_TOKEN in .env" in err


async def test_a_chat_in_the_terminal_is_answered_whatever_the_role(tmp_path: Path, folder: str) -> None:
    code, out, _ = await command(tmp_path, "chat", folder, "--ask", "hello", KEFU_ROLE="gateway")
    assert (code, "Hello" in out) == (0, True)


async def test_a_role_that_is_none(tmp_path: Path) -> None:
    code, _, err = await command(tmp_path, "run", "--role", "baker")
    assert (code, "'gateway'" in err) == (2, True)
    code, _, err = await command(tmp_path, "run", KEFU_ROLE="baker")
    assert (code, "KEFU_ROLE" in err, "'gateway'" in err) == (1, True, True)


async def test_one_of_two_gateways_reads_telegram_and_the_other_goes_on(
    tmp_path: Path, folder: str, model: OpenAIServer
) -> None:
    async with TelegramServer() as telegram:
        edit(Path(folder) / "bot.yaml", "  # telegram: {} ", f"  telegram: {{api_url: '{telegram.url}'}}  #")
        ann = telegram.private("Ann")
        secret = {"TELEGRAM_BOT_TOKEN": telegram.token}
        async with (
            gateway(tmp_path, folder, **secret) as first,
            worker(tmp_path, folder),
            gateway(tmp_path, folder, **secret) as second,
        ):
            assert "standing by" not in first.output
            assert "standing by: another gateway is connected" in second.output
            telegram.user_says(ann, APPROVED)
            await telegram.until(lambda: len(telegram.replies(ann)) == 1, 40)
            await first.stop(signal.SIGKILL)
            telegram.user_says(ann, "thanks")
            # Killed before it had recorded that the first reply was sent, it leaves that one to be sent again.
            await telegram.until(lambda: len({reply.text for reply in telegram.replies(ann)}) == 2, 40)
            assert "telegram.conflict" not in first.output + second.output
