from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.platforms.discord_server import DiscordServer


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as running:
        yield running
