"""A real Chromium for tests: the system's, else the one that Playwright fetched; without either the test is skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Error, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Skips the test when there is no browser; with KEFU_TEST_NO_SKIP=1 the test fails instead."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            _without_browser(path, error.message.splitlines()[0])
        try:
            yield browser
        finally:
            await browser.close()


def _without_browser(path: str | None, error: str) -> None:
    found = path or f"none of {', '.join(NAMES)} in PATH, and none that Playwright fetched"
    reason = f"no Chromium that starts ({found}): {error}"
    if os.environ.get("KEFU_TEST_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
