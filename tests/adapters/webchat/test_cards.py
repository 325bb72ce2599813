"""Products and buttons on the page: pictures from the shop's hosts, links that are links, buttons that ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from adapters.webchat import WebChannel
from core.inbox import StoredTranscript
from core.messages import Address, Button, Card, Command, Line
from core.store import Store as RealStore
from tests.adapters.outboxes import all_sent, answered, asked, sending, until
from tests.adapters.webchat.shop import PAGE, Shop
from tests.adapters.webchat.shop import Store as Inbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40" fill="green"/></svg>'
MILD = Button(label="Something milder", text="Do you have something milder?")
PERSON = Button(label="A person", text="/human")
MAP = Button(label="Map", url="https://shop.example/map")
EVIL = "javascript:document.title='evil'"


@dataclass
class Pictures:
    """Another host that has one picture."""

    url: str
    referrers: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    host = Pictures("")

    async def picture(request: web.Request) -> web.Response:
        host.referrers.append(request.headers.get("Referer", ""))
        return web.Response(text=SVG, content_type="image/svg+xml")

    app = web.Application()
    app.router.add_get("/lj.svg", picture)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield host
    await runner.cleanup()


def cards(host: str) -> tuple[Card, ...]:
    return (
        Card(
            id="LJ",
            title="Long Jing 龙井",
            text="Pan-fired.",
            price="€24.00",
            url="https://shop.example/lj",
            image=f"{host}/lj.svg",
        ),
        Card(id="SN", title="Silver Needle", price="€19.50", url="https://shop.example/sn", image=f"{host}/gone.jpg"),
        Card(id="X", title="<img src=x onerror=alert(1)>", price="￥88", url=EVIL, image=EVIL),
    )


async def open_and_ask(page: Page, shop: Shop, text: str = "Which tea?") -> Address:
    await page.goto(shop.url)
    await page.fill("#text", text)
    await page.press("#text", "Enter")
    return (await shop.store.next()).address


async def test_products_have_a_picture_a_price_and_a_link_also_after_a_reload(
    shop: Shop, page: Page, pictures: Pictures
) -> None:
    address = await open_and_ask(page, shop)
    await shop.answer(address, "These:", cards=cards(pictures.url), buttons=(MILD,))
    for _ in ("as it comes", "from the history"):
        shown = page.get_by_role("list", name="Products").get_by_role("listitem")
        await expect(shown).to_have_count(3)
        await expect(page.get_by_role("img", name="Long Jing 龙井")).to_be_visible()
        await expect(shown.nth(0).locator("img.loaded")).to_have_count(1)
        await expect(shown.nth(0).locator(".price")).to_have_text("€24.00")
        link = shown.nth(0).get_by_role("link", name="Long Jing 龙井")
        await expect(link).to_have_attribute("href", "https://shop.example/lj")
        await expect(link).to_have_attribute("rel", "noopener nofollow")
        await expect(link).to_have_attribute("target", "_blank")
        await expect(shown.nth(1).locator("img")).to_have_count(0)  # it could not be fetched
        await expect(shown.nth(1).locator(".picture")).to_have_text("S")
        await expect(shown.nth(2).locator("img, a")).to_have_count(0)
        await expect(shown.nth(2).locator(".title")).to_have_text("<img src=x onerror=alert(1)>")
        await expect(page.get_by_role("button", name="Something milder")).to_be_visible()
        await page.reload()
    assert set(pictures.referrers) == {""}
    heights = await shown.locator(".picture").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert len(set(heights)) == 1


async def test_they_are_spoken_with_the_answer(shop: Shop, page: Page, pictures: Pictures) -> None:
    address = await open_and_ask(page, shop)
    await shop.draft(address, "The")
    await expect(page.locator(".writing .bubble")).to_have_text("The")  # it is connected
    await shop.answer(address, "These:", cards=cards(pictures.url)[:2])
    await expect(page.locator("#announcer")).to_contain_text(
        "Mei: These:; Long Jing 龙井, €24.00; Silver Needle, €19.50"
    )


async def test_a_button_asks_its_text_and_goes_while_a_link_stays(shop: Shop, page: Page) -> None:
    address = await open_and_ask(page, shop)
    await shop.answer(address, "Anything else?", buttons=(MILD, MAP, PERSON, Button(label="Bad", url=EVIL)))
    choices = page.get_by_role("group", name="You can reply")
    await expect(choices.locator("button, a")).to_have_text(["Something milder", "Map", "A person"])
    await expect(choices.get_by_role("link", name="Map")).to_have_attribute("href", MAP.url)
    await choices.get_by_role("button", name="Something milder").focus()
    await page.keyboard.press("Enter")
    assert (await shop.store.next()).text == MILD.text
    await expect(page.locator(".mine .bubble").last).to_have_text(MILD.text)
    await expect(choices.locator("button").first).to_be_hidden()
    await expect(choices.get_by_role("link", name="Map")).to_be_visible()
    await shop.answer(address, "A person?", reply="r2", buttons=(PERSON,))
    await page.get_by_role("button", name="A person").click()
    assert (await shop.store.next()).command is Command.HUMAN
    await expect(page.locator(".command .note")).to_have_text("You asked for a person")


async def test_on_a_phone_the_row_is_swiped_and_the_page_is_not(
    shop: Shop, browser: Browser, pictures: Pictures
) -> None:
    context = await browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 640}, has_touch=True)
    page = await context.new_page()
    address = await open_and_ask(page, shop)
    await shop.answer(address, "这几款：", cards=cards(pictures.url))
    row = page.get_by_role("list", name="商品")
    await expect(row.get_by_role("listitem")).to_have_count(3)
    wide, seen = await row.evaluate("row => [row.scrollWidth, row.clientWidth]")
    assert wide > seen
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("document.getElementById('scroller').scrollWidth <= innerWidth")
    await row.get_by_role("listitem").last.scroll_into_view_if_needed()
    assert await row.evaluate("row => row.scrollLeft") > 0
    await context.close()


async def test_products_without_links_can_be_scrolled_with_the_keys(shop: Shop, page: Page) -> None:
    address = await open_and_ask(page, shop)
    await shop.answer(address, "These:", cards=tuple(Card(id=str(n), title=f"Tea {n}") for n in range(6)))
    row = page.get_by_role("list", name="Products")
    await row.focus()
    await expect(row).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await until(lambda: page.evaluate("document.querySelector('.cards').scrollLeft > 0"))


async def test_they_come_through_the_outbox_and_stand_in_the_history(embedded_url: str, prefix: str) -> None:
    async with RealStore.open(embedded_url, prefix) as store:
        await _through_the_outbox(store)


async def _through_the_outbox(store: RealStore) -> None:
    channel = WebChannel("teahouse", StoredTranscript(store), lambda: PAGE)
    listening = asyncio.create_task(channel.listen(Inbox()))
    await channel.connected.wait()
    address, tab = channel.address("ann"), channel.open_tab("ann")
    await answered(store, await asked(store, address), "This:", cards("https://cdn.shop.example")[:1], (MILD,))
    async with sending(store, channel):
        await all_sent(store, address)
    (event,) = [json.loads(event.json) for event in await tab.take(30) or [] if event.name == "message"]
    assert [card["title"] for card in event["cards"]] == ["Long Jing 龙井"]
    (line,) = [line for line in await StoredTranscript(store).read(address) if line.role == "bot"]
    assert line.buttons == (MILD,)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_line_without_them_costs_nothing_in_the_store() -> None:
    assert set(json.loads(Line(id="1", role="bot", text="x").to_json())) <= {
        "id",
        "role",
        "text",
        "at",
    }
