"""A real Chromium for tests: the system's, else the one that Playwright fetched; without either the test is skipped.

`python -m tests.browser` (a step of `make test`) has Playwright fetch one where the system has none.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FETCH_S = 300


def in_system() -> str | None:
    """The path of the system's Chromium."""
    return next(filter(None, map(shutil.which, NAMES)), None)


async def fetched() -> bool:
    """Whether Playwright has fetched its own."""
    async with async_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def fetch() -> None:
    """Have Playwright fetch its Chromium where there is none; says so if it cannot, the tests then skip."""
    if in_system() or asyncio.run(fetched()):
        return
    print("No Chromium in PATH: Playwright fetches one for the browser tests …", flush=True)
    command = [sys.executable, "-m", "playwright", "install", "chromium", "--only-shell"]
    try:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=FETCH_S, check=False).returncode
    except subprocess.TimeoutExpired:
        code = 1
    if code != 0:
        print("It could not be fetched: the browser tests will be skipped. Install chromium to run them.", flush=True)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Skips the test when there is no browser; with KEFU_TEST_NO_SKIP=1 the test fails instead."""
    path = in_system()
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


if __name__ == "__main__":
    fetch()
