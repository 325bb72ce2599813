"""`run` in a process of its own, used over HTTP as the page uses it: answers, stops, goes on, stands a store that dies."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from bots.valkey import find_carried_server
from tests.bots.running import Visitor, edit, running, shop

# What learns, draws or reads documents is loaded by the commands that do so, and by a bot that has such documents.
HEAVY = {"sklearn", "matplotlib", "docx", "pypdf"}


def new_id() -> str:
    return str(uuid4())


async def test_what_was_said_is_there_after_ctrl_c_and_a_new_start(tmp_path: Path) -> None:
    folder = str(shop(tmp_path))
    async with running(tmp_path, folder) as kefu:
        async with Visitor(kefu.address, "shop") as ann:
            assert (await ann.post(new_id(), "How much is delivery?")).status_code == 202
            await ann.answers(1)
        assert await kefu.stop(signal.SIGINT) == 0
        assert "Stopped." in kefu.output
    async with running(tmp_path, folder) as kefu:
        async with Visitor(kefu.address, "shop", ann.token) as ann:
            lines = await ann.history()
            assert [line["role"] for line in lines] == ["shopper", "bot"]
            assert "4.90" in lines[1]["html"]
            assert (await ann.post(new_id(), "运费多少")).status_code == 202
            assert len(await ann.answers(2)) == 4
        assert await kefu.stop(signal.SIGTERM) == 0


async def test_it_runs_and_answers_without_what_it_does_not_need(tmp_path: Path) -> None:
    async with (
        running(tmp_path, str(shop(tmp_path)), PYTHONPROFILEIMPORTTIME="1") as kefu,
        Visitor(kefu.address, "shop") as ann,
    ):
        await ann.post(new_id(), "Can I return a mug that I used once?")
        await ann.answers(1)
        assert await kefu.stop() == 0
        loaded = {line.rpartition("|")[2].strip() for line in kefu.output.splitlines() if "import time:" in line}
    assert {"bots.commands", "core.respond"} <= loaded, "the interpreter says what is imported"
    assert not loaded & HEAVY


async def test_it_is_killed_in_the_middle_and_answers_once_after(tmp_path: Path) -> None:
    """kill -9 of Kefu right after the message was taken: the store lives on, the next start answers it, once."""
    folder = str(shop(tmp_path))
    async with running(tmp_path, folder) as kefu, Visitor(kefu.address, "shop") as ann:
        assert (await ann.post(new_id(), "Can I return a mug that I used once?")).status_code == 202
        await kefu.stop(signal.SIGKILL)
    async with running(tmp_path, folder) as kefu, Visitor(kefu.address, "shop", ann.token) as ann:
        lines = await ann.answers(1)
        assert [line["role"] for line in lines] == ["shopper", "bot"]


async def test_the_same_message_twice_is_answered_once(tmp_path: Path) -> None:
    async with running(tmp_path, str(shop(tmp_path))) as kefu, Visitor(kefu.address, "shop") as ann:
        name = new_id()
        for _ in range(3):
            assert (await ann.post(name, "hello")).status_code == 202
        await ann.post(new_id(), "thanks")
        lines = await ann.answers(1)
        assert [line["role"] for line in lines if line["role"] == "shopper"] == ["shopper"] * 2


async def test_saving_a_persona_takes_effect_without_a_restart(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    async with running(tmp_path, str(folder)) as kefu, Visitor(kefu.address, "shop") as ann:
        edit(folder / "answers.yaml", "Delivery costs 4.90 EUR.", "Delivery costs 5.50 EUR.")
        await kefu.says("bot reloaded")
        await ann.post(new_id(), "How much is delivery?")
        assert "5.50" in (await ann.answers(1))[-1]["html"]

        edit(folder / "personas" / "assistant.yaml", "voice:", "voise:")
        await kefu.says("bot not reloaded")
        assert "personas/assistant.yaml:5" in kefu.output
        assert "Did you mean 'voice'?" in kefu.output
        await ann.post(new_id(), "thanks")
        assert "welcome" in (await ann.answers(2))[-1]["html"]


async def test_several_bots_in_one_process(tmp_path: Path) -> None:
    one, two = shop(tmp_path, "one"), shop(tmp_path, "two")
    edit(two / "answers.yaml", "4.90 EUR", "7.70 EUR")
    async with (
        running(tmp_path, str(one), str(two)) as kefu,
        Visitor(kefu.address, "one") as ann,
        Visitor(kefu.address, "two") as ben,
    ):
        for visitor in (ann, ben):
            await visitor.post(new_id(), "How much is delivery?")
        assert "4.90" in (await ann.answers(1))[-1]["html"]
        assert "7.70" in (await ben.answers(1))[-1]["html"]


async def test_the_table_says_what_is_connected_and_what_is_not_and_why(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    edit(folder / "bot.yaml", "  # telegram: {} ", "  telegram: {} #")
    async with running(tmp_path, str(folder), TELEGRAM_BOT_TOKEN="") as kefu:
        assert "not connected: no TELEGRAM_BOT_TOKEN in .env" in kefu.output
        assert "not connected: not in bot.yaml (platforms.discord)" in kefu.output
        assert "Web" in kefu.output


@asynccontextmanager
async def store_server(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server of the test's own, on a TCP port, that keeps everything it acknowledged."""
    program = shutil.which("redis-server") or find_carried_server()
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        *(str(program), "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always"),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.02)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def test_redis_gone_while_running_nothing_is_lost_and_it_answers_then(tmp_path: Path, free_port: int) -> None:
    url = f"redis://127.0.0.1:{free_port}/0"
    async with (
        store_server(tmp_path, free_port) as server,
        running(tmp_path, str(shop(tmp_path)), "--redis-url", url) as kefu,
        Visitor(kefu.address, "shop") as ann,
    ):
        await ann.post(new_id(), "hello")
        await ann.answers(1)
        server.kill()
        await server.wait()
        name = new_id()
        refused = await ann.post(name, "How much is delivery?")
        assert refused.status_code == 503
        assert "retry-after" in refused.headers
        async with store_server(tmp_path, free_port):
            async with asyncio.timeout(30):
                while (await ann.post(name, "How much is delivery?")).status_code != 202:
                    await asyncio.sleep(0.2)
            lines = await ann.answers(2)
            assert "4.90" in lines[-1]["html"]
            assert len(lines) == 4
            assert await kefu.stop() == 0
