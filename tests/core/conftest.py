"""The log of a test in plain lines: the coloured tracebacks take seconds and would hold up the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from core.botfile import Bot
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.redis_cluster import RedisCluster
from tests.core.service import Desk, desk
from tests.core.shop import open_shop


@pytest.fixture(autouse=True)
def _plain_log() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
    )
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters; a test may move their slots, and leaves them alive."""
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture
def cluster_url(cluster: RedisCluster) -> str:
    return cluster.url


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return open_shop(tmp_path)


@pytest.fixture
def at(store: Store, bot: Bot) -> Desk:
    return desk(store, bot, ScriptedModel())
