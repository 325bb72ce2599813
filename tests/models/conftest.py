from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import get_args

import pytest

from core.config import ModelConfig
from models.engine import Engine
from models.load import load_model
from models.server import ServerModel
from models.source import bundled_file
from tests.models.llama_server import LlamaServer, running
from tests.models.server_parts import STORY, opened
from tests.platforms.openai_server import Kind, OpenAIServer


@pytest.fixture(scope="session")
def gguf() -> Path:
    """The real bundled model's file."""
    return bundled_file()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The real bundled model, loaded once; it serves any event loop. KEFU_TEST_GPU_LAYERS: so many layers on a GPU."""
    layers = int(os.environ.get("KEFU_TEST_GPU_LAYERS", "0"))
    config = ModelConfig(bundled=True, context=1024, parallel=4, gpu_layers=layers)
    data_dir = tmp_path_factory.mktemp("data")
    opened = asyncio.run(load_model(config, Path(), data_dir=data_dir, tune=False))
    yield opened
    asyncio.run(opened.aclose())


@pytest.fixture(scope="session")
def llama_server(gguf: Path) -> Iterator[LlamaServer]:
    """A real llama-server with the bundled model and four places of 1024 tokens, in a process of its own."""
    with running(gguf) as server:
        yield server


# ── a model server on the wire ───────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=get_args(Kind))
async def server(request: pytest.FixtureRequest) -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(request.param, answer=STORY) as started:
        yield started


@pytest.fixture
async def llama() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer("llama", answer=STORY) as started:
        yield started


@pytest.fixture
async def model(llama: OpenAIServer) -> AsyncIterator[ServerModel]:
    async with await opened(llama) as model:
        yield model
