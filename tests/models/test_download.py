from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.config import ModelConfig
from core.errors import ModelUnavailable
from models.download import Download, Hub, HubFile, Progress
from models.source import find_model
from tests.models.gguf_files import gguf_bytes
from tests.platforms.hub_server import HubWorld, hub_server

FILE = "model.Q4_0.gguf"
CONTENT = random.Random(5).randbytes(3_000_000)


class Shop:
    """A hub, and the cache of one machine."""

    def __init__(self, world: HubWorld, hub: Hub) -> None:
        self.world = world
        self.hub = hub
        self.told: list[Progress] = []

    async def fetch(self, file: str = FILE, repo: str = "tea/model-GGUF", revision: str = "main") -> Path:
        wanted = HubFile(repo, file, revision)
        return await asyncio.to_thread(Download(wanted, self.hub, self.told.append).fetch)

    async def refusal(self, file: str = FILE, repo: str = "tea/model-GGUF", revision: str = "main") -> str:
        with pytest.raises(ModelUnavailable) as caught:
            await self.fetch(file, repo, revision)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@asynccontextmanager
async def opened(tmp_path: Path, world: HubWorld | None = None, token: str = "") -> AsyncIterator[Shop]:
    world = world or HubWorld(files={FILE: CONTENT})
    async with hub_server(world) as address:
        yield Shop(world, Hub(endpoint=address, cache=tmp_path / "hub", token=token or None, retry_s=0.01))


async def test_once_and_then_from_the_cache(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        path = await shop.fetch()
        assert path.read_bytes() == CONTENT
        assert path.name == FILE
        assert shop.told[-1] == Progress(FILE, len(CONTENT), len(CONTENT))
        assert await shop.fetch() == path
        assert shop.world.transfers == [(0, len(CONTENT))]
    assert await shop.fetch() == path  # the hub is gone: what is there is used
    assert await shop.fetch(revision="main") == path


async def test_a_cut_connection_goes_on_where_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        shop.world.cuts = deque([1_500_000, 700_000])
        assert (await shop.fetch()).read_bytes() == CONTENT
        starts = [first for first, _ in shop.world.transfers]
        assert len(starts) == 3
        assert 0 < starts[1] <= 1_500_000
        assert starts[1] < starts[2]


async def test_a_stopped_download_goes_on_in_the_next_process(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        shop.world.cuts = deque([1_200_000, *[0] * 20])
        assert "cannot be reached" in await shop.refusal()
        shop.world.cuts.clear()
        again = Shop(shop.world, shop.hub)
        assert (await again.fetch()).read_bytes() == CONTENT
        assert shop.world.transfers[-1][0] > 0
        assert not list(tmp_path.rglob("*.part"))


async def test_a_server_without_ranges_sends_everything_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        shop.world.ranges = False
        shop.world.cuts = deque([1_500_000])
        assert (await shop.fetch()).read_bytes() == CONTENT


async def test_a_passing_trouble_is_waited_out(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        shop.world.failures = deque([503, 429])
        assert (await shop.fetch()).read_bytes() == CONTENT
        shop.world.files["other.gguf"] = b"x" * 1000
        shop.world.failures = deque([418])
        assert "answers 418" in await shop.refusal("other.gguf")


async def test_damage_is_noticed(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        shop.world.corrupt = 1
        assert (await shop.fetch()).read_bytes() == CONTENT
    async with opened(tmp_path / "second") as shop:
        shop.world.corrupt = 9
        assert "arrived damaged" in await shop.refusal()
        assert not [path for path in tmp_path.rglob("second/**/blobs/*") if path.stat().st_size]


async def test_two_at_once_download_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        assert len(set(await asyncio.gather(*(shop.fetch() for _ in range(3))))) == 1
        assert len(shop.world.transfers) == 1


async def test_stop(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        download = Download(HubFile("tea/model-GGUF", FILE), shop.hub)
        download.stop()
        with pytest.raises(ModelUnavailable, match="stopped"):
            await asyncio.to_thread(download.fetch)


async def test_what_is_refused_says_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        assert "no file 'none.gguf'" in await shop.refusal(file="none.gguf")
        assert "model.revision" in await shop.refusal(revision="v9")
        assert "no repository tea/other" in await shop.refusal(repo="tea/other")
        assert "owner/name" in await shop.refusal(repo="not a name!")
        shop.world.token = "hf_secret"
        message = await shop.refusal()
        assert "gated" in message
        assert "HF_TOKEN" in message
    gone = Shop(shop.world, shop.hub)
    assert "check the network" in await gone.refusal()
    async with opened(tmp_path / "allowed", HubWorld(files={FILE: CONTENT}, token="hf_secret"), "hf_secret") as shop:
        assert (await shop.fetch()).read_bytes() == CONTENT


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file")
    async with opened(tmp_path) as shop:
        assert "HF_HOME" in await shop.refusal()


async def test_what_was_downloaded_is_checked_too(tmp_path: Path) -> None:
    good, wrong = gguf_bytes(), b"not a model"
    async with opened(tmp_path, HubWorld(files={"good.gguf": good, "wrong.gguf": wrong})) as shop:
        config = ModelConfig(repo="tea/model-GGUF", file="good.gguf")
        found = await find_model(config, tmp_path, hub=shop.hub)
        assert found.path.read_bytes() == good
        with pytest.raises(ModelUnavailable, match=r"wrong\.gguf is no GGUF file: correct model\.file"):
            await find_model(config.model_copy(update={"file": "wrong.gguf"}), tmp_path, hub=shop.hub)


async def test_the_environment_names_another_hub(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        script = "from models.download import *; print(Download(HubFile('tea/model-GGUF', 'model.Q4_0.gguf'), Hub()).fetch())"
        environment = {**os.environ, "HF_ENDPOINT": shop.hub.endpoint, "HF_HOME": str(tmp_path / "home")}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.startswith(str(tmp_path / "home")), done.stderr
