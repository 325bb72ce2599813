"""The script of one line in somebody else's page: another origin, its own styles, its own strict policy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.adapters.webchat.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST_PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Tea</title>
<style>button, iframe, div {{ display: none !important; color: red; position: static !important; }} p {{ color: green }}</style>
{head}</head><body><h1>My shop</h1><p id="text">Welcome</p><a href="#x" id="link">A link</a></body></html>"""


@asynccontextmanager
async def foreign_site(head: str, policy: str = "") -> AsyncIterator[str]:
    """Serves HOST_PAGE from a port of its own, thus from another origin."""
    body = HOST_PAGE.format(head=head).encode()
    extra = f"Content-Security-Policy: {policy}\r\n" if policy else ""
    answer = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{extra}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer.encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def line(shop: Shop, attributes: str = "") -> str:
    return f'<script src="{shop.url}widget.js" async {attributes}></script>'


def chat(page: Page) -> FrameLocator:
    return page.frame_locator("#kefu-chat-teahouse iframe")


async def test_the_chat_opens_talks_counts_and_closes(shop: Shop, page: Page) -> None:
    async with foreign_site(line(shop)) as site:
        await page.goto(site)
        launcher = page.get_by_role("button", name="Open chat")
        await expect(launcher).to_be_visible()
        assert await page.locator("iframe").count() == 0  # nothing is loaded before somebody wants it
        assert await page.evaluate("getComputedStyle(document.getElementById('text')).color") == "rgb(0, 128, 0)"
        await launcher.click()
        await expect(chat(page).locator("#text")).to_be_focused()
        await page.keyboard.type("Do you ship?")
        await page.keyboard.press("Enter")
        address = (await shop.store.next()).address
        await shop.answer(address, "We do.", reply="one")
        await expect(chat(page).locator(".bot .bubble")).to_have_text("We do.")

        await page.keyboard.press("Escape")
        await expect(page.locator("iframe")).to_be_hidden()
        await expect(page.get_by_role("button", name="Open chat")).to_be_focused()
        await shop.answer(address, "One more thing.", reply="two")
        await expect(page.locator(".badge")).to_have_text("1")
        await page.keyboard.press("Enter")
        await expect(page.locator(".badge")).to_be_hidden()
        await expect(chat(page).locator(".bot .bubble")).to_have_text(["We do.", "One more thing."])
        await chat(page).locator("#close").click()
        await expect(page.locator("iframe")).to_be_hidden()


async def test_the_chat_goes_along_to_the_site_s_next_page(shop: Shop, page: Page) -> None:
    async with foreign_site(line(shop)) as site:
        await page.goto(site)
        await page.get_by_role("button", name="Open chat").click()
        await expect(chat(page).locator("#text")).to_be_focused()  # its script runs
        await chat(page).locator("#text").fill("Hello")
        await chat(page).locator("#text").press("Enter")
        await shop.store.next()
        await page.goto(site + "next")
        await expect(chat(page).locator(".mine .bubble")).to_have_text("Hello")
        assert await page.evaluate("document.activeElement.tagName") == "BODY"  # the site keeps the focus


async def test_language_and_position_are_the_site_s_choice(shop: Shop, page: Page) -> None:
    async with foreign_site(line(shop, 'data-language="zh" data-position="left"')) as site:
        await page.goto(site)
        launcher = page.get_by_role("button", name="打开聊天")
        box = await launcher.bounding_box()
        assert box
        assert box["x"] < 100
        await launcher.click()
        await expect(chat(page).locator("[data-title]")).to_have_text("云山茶馆")


async def test_a_site_with_a_strict_policy_only_has_to_allow_us(shop: Shop, page: Page) -> None:
    origin = shop.url.removesuffix("/teahouse/")
    policy = f"default-src 'none'; script-src {origin}; frame-src {origin}"
    async with foreign_site(line(shop), policy) as site:
        await page.goto(site)
        await page.get_by_role("button", name="Open chat").click()
        await expect(chat(page).locator("#text")).to_be_focused()
        box = await page.locator("iframe").bounding_box()
        assert box
        assert (box["width"], box["y"] > 0) == (400, True)


async def test_the_script_twice_is_one_chat(shop: Shop, page: Page) -> None:
    async with foreign_site(line(shop) * 2) as site:
        await page.goto(site)
        await expect(page.get_by_role("button", name="Open chat")).to_have_count(1)


async def test_on_a_phone_the_chat_takes_the_screen(shop: Shop, browser: Browser) -> None:
    context = await browser.new_context(
        viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True, locale="en-GB"
    )
    page = await context.new_page()
    head = '<meta name="viewport" content="width=device-width, initial-scale=1">' + line(shop)
    async with foreign_site(head) as site:
        await page.goto(site)
        await page.get_by_role("button", name="Open chat").tap()
        await expect(chat(page).locator("#text")).to_be_visible()
        await page.wait_for_function(
            "(f => f.x === 0 && f.y === 0 && f.width === 375 && f.height === 667)"
            "(document.getElementById('kefu-chat-teahouse').shadowRoot.querySelector('iframe').getBoundingClientRect())"
        )
        assert await page.evaluate("document.documentElement.scrollWidth") == 375
        await chat(page).locator("#close").tap()
        await expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    await context.close()
