"""The whole of it in a real browser: Chromium, the page, Redis, the bundled model."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page, ViewportSize, expect

from tests.bots.running import ROOT, running
from tests.browser import chromium

ANSWERED_MS = 60_000


async def ask(page: Page, question: str, says: str) -> None:
    """Type a question and wait until the answer to it says that."""
    await page.fill("#text", question)
    await page.keyboard.press("Enter")
    await expect(page.locator(".line .bubble").last).to_contain_text(says, timeout=ANSWERED_MS)


async def test_three_questions_in_each_language_survive_a_restart(tmp_path: Path) -> None:
    questions = {
        "How much is delivery to Norway?": "14.90",
        "What water temperature for gyokuro?": "60 °C",
        "do you have jasmine pearls?": "13.50 EUR",
        "运费多少": "14.90",
        "龙井多少钱？": "24.00 EUR",
        "可以退货吗？": "30 天",
    }
    teahouse = str(ROOT / "bots" / "teahouse")
    phone = ViewportSize(width=375, height=720)
    async with chromium() as browser:
        context = await browser.new_context(viewport=phone, locale="en-GB")
        page = await context.new_page()
        async with running(tmp_path, teahouse) as kefu:
            await page.goto(kefu.address)
            await expect(page).to_have_url(f"{kefu.address}/teahouse/")
            for question, figure in questions.items():
                await ask(page, question, figure)
            assert await page.evaluate("document.documentElement.scrollWidth") == phone["width"]
            await page.reload()
            await expect(page.locator(".bot .bubble")).to_have_count(len(questions))
            port = kefu.address.rpartition(":")[2]
            assert await kefu.stop() == 0
        # On the same port, so that it is the same page to the browser; it finds its way back by itself.
        async with running(tmp_path, teahouse, "--port", port):
            await expect(page.locator("#status")).to_be_hidden(timeout=ANSWERED_MS)
            await expect(page.locator(".mine .bubble")).to_have_text(list(questions))
            await ask(page, "谢谢", "不客气")
        await context.close()
