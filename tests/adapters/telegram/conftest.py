from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.telegram import TelegramChannel
from tests.adapters.telegram.helpers import RecordingInbox, make_channel
from tests.platforms.telegram_server import TelegramServer


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


@pytest.fixture
async def channel(server: TelegramServer) -> AsyncIterator[TelegramChannel]:
    channel = make_channel(server)
    yield channel
    await channel.close()


@pytest.fixture
def inbox() -> RecordingInbox:
    return RecordingInbox()
