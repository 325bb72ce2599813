"""One server and one browser for each module (starting them is most of the time); each test has its own session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.adapters.webchat.shop import Shop, serve
from tests.browser import chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_shop() -> AsyncIterator[Shop]:
    async with serve() as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="module")
async def shop(running_shop: Shop) -> AsyncIterator[Shop]:
    """With an empty store that is up."""
    running_shop.store.clear()
    yield running_shop
    running_shop.store.down = False


@pytest_asyncio.fixture(loop_scope="module")
async def http(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a session of its own."""
    async with httpx.AsyncClient(base_url=shop.url, timeout=20) as client:
        token = (await client.post("api/sessions")).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An English page in a browser profile of its own; the test fails when the page's script does."""
    context = await browser.new_context(locale="en-GB", viewport={"width": 1100, "height": 760})
    context.set_default_timeout(10_000)
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    await context.close()
    assert problems == []
