from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import ModelConfig
from models.engine import Engine
from models.load import load_model
from models.source import bundled_file
from tests.models.llama_server import LlamaServer, running


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
