from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import ModelConfig
from models.engine import Engine
from models.load import load_model
from models.source import bundled_file


@pytest.fixture(scope="session")
def gguf() -> Path:
    """The real bundled model's file."""
    return bundled_file()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The real bundled model, loaded once; it serves any event loop."""
    config = ModelConfig(bundled=True, context=1024, parallel=4)
    data_dir = tmp_path_factory.mktemp("data")
    opened = asyncio.run(load_model(config, Path(), data_dir=data_dir))
    yield opened
    asyncio.run(opened.aclose())
