"""The page in a real Chromium, against the real server."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, Request, expect

from core.messages import Address, Command, Rung
from tests.adapters.outboxes import until
from tests.adapters.webchat.shop import Shop, Store, free_port, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(page: Page, shop: Shop, text: str) -> Address:
    """Types and sends; returns where it arrived."""
    await page.fill("#text", text)
    await page.press("#text", "Enter")
    return (await shop.store.next()).address


async def test_a_question_is_asked_its_answer_grows_and_is_there_after_a_reload(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    await expect(page.locator("[data-greeting]")).to_contain_text("I am Mei")
    await expect(page.locator("[data-disclosure]")).to_contain_text("automatic assistant")
    address = await ask(page, shop, "How much is delivery to Norway?")
    await expect(page.locator(".mine .bubble")).to_have_text("How much is delivery to Norway?")
    await expect(page.locator("#text")).to_have_value("")
    await expect(page.locator("#text")).to_be_focused()

    await expect(page.locator("#status")).to_be_hidden()
    await shop.channel.typing(address)
    await expect(page.locator(".typing")).to_be_visible()
    await shop.draft(address, "It costs **NO")
    await expect(page.locator(".typing")).to_have_count(0)
    await expect(page.locator(".bot.writing .bubble strong")).to_have_text("NO")
    await shop.draft(address, "It costs **NOK 149**, and")
    await expect(page.locator(".bot.writing .bubble")).to_have_text("It costs NOK 149, and")
    await shop.answer(address, "It costs **NOK 149**, and takes 5 days.", rung=Rung.APPROVED)
    await expect(page.locator(".bot:not(.writing) .bubble")).to_have_text("It costs NOK 149, and takes 5 days.")
    await expect(page.locator(".source")).to_have_text("Checked by the shop")
    await expect(page.locator("#announcer")).to_contain_text("Mei: It costs NOK 149, and takes 5 days.")

    await page.reload()
    await expect(page.locator(".line .bubble")).to_have_text(
        ["How much is delivery to Norway?", "It costs NOK 149, and takes 5 days."]
    )
    assert len(shop.store.incoming) == 1


async def test_a_page_that_is_opened_in_the_middle_of_an_answer_shows_it(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    address = await ask(page, shop, "Hello?")
    await shop.draft(address, "So far")
    await expect(page.locator(".writing .bubble")).to_have_text("So far")
    await page.reload()
    await expect(page.locator(".writing .bubble")).to_have_text("So far")
    second = await page.context.new_page()
    await second.goto(shop.url)
    await shop.answer(address, "So far and done.")
    for tab in (page, second):
        await expect(tab.locator(".bot:not(.writing) .bubble")).to_have_text("So far and done.")
    await ask(second, shop, "From the second tab")
    await expect(page.locator(".mine .bubble").last).to_have_text("From the second tab")


async def test_a_person_of_the_shop_is_shown_as_a_person(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    address = await ask(page, shop, "/human")
    await expect(page.locator(".command")).to_have_text("You asked for a person")
    await expect(page.locator("#status")).to_be_hidden()
    await shop.answer(address, "Hi, how can I help?", agent="Anna")
    await expect(page.locator(".agent .name")).to_have_text("Anna")
    await expect(page.locator(".agent .avatar")).to_have_text("A")
    assert shop.store.incoming[0].command is Command.HUMAN


async def test_the_page_comes_back_after_the_server_was_restarted(page: Page) -> None:
    store, port = Store(), free_port()
    async with serve(store, port=port) as shop:
        await page.goto(shop.url)
        address = await ask(page, shop, "Before")
        await shop.answer(address, "Answered before.", reply="one")
        await expect(page.locator(".bot .bubble")).to_have_text("Answered before.")
    await expect(page.locator("#status")).to_have_text("Connection lost. Reconnecting…")
    await page.fill("#text", "While you were away")
    await page.press("#text", "Enter")
    await expect(page.locator(".waiting .state")).to_have_text("Waiting to be sent…")
    async with serve(store, port=port) as shop:
        await expect(page.locator("#status")).to_be_hidden(timeout=20_000)
        await expect(page.locator(".waiting")).to_have_count(0, timeout=20_000)
        assert [incoming.text for incoming in store.incoming] == ["Before", "While you were away"]
        await shop.answer(address, "Answered after.", reply="two")
        await expect(page.locator(".bot .bubble")).to_have_text(["Answered before.", "Answered after."])


async def test_a_message_that_cannot_be_stored_waits_in_sight_and_is_sent_later(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    shop.store.down = True
    await page.fill("#text", "Keep me")
    await page.press("#text", "Enter")
    await expect(page.locator(".mine.waiting .bubble")).to_have_text("Keep me")
    await page.reload()
    await expect(page.locator(".mine.waiting .bubble")).to_have_text("Keep me")
    shop.store.down = False
    await expect(page.locator(".mine:not(.waiting) .bubble")).to_have_text("Keep me", timeout=15_000)
    assert [incoming.text for incoming in shop.store.incoming] == ["Keep me"]
    await expect(page.locator(".line")).to_have_count(1)


async def test_a_refused_message_goes_back_into_the_box_with_the_reason(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    await page.fill("#text", "x" * 390)
    await expect(page.locator("#counter")).to_have_text("390 / 400")
    await page.fill("#text", "茶" * 401)
    await page.press("#text", "Enter")
    await expect(page.locator("#trouble")).to_contain_text("1 characters too many")
    await expect(page.locator("#text")).to_have_value("茶" * 401)
    await page.fill("#text", "\u200b")
    await page.press("#text", "Enter")
    await expect(page.locator("#trouble")).to_have_text("Write a few words first.")
    assert shop.store.incoming == []
    # The server's word counts, also when the page would have let it pass.
    await page.route(
        "**/api/messages",
        lambda route: route.continue_(post_data='{"id": "5f0c7d0e-53a4-4b2b-9c3a-0f6c0f1c9a11", "text": " "}'),
    )
    await page.fill("#text", "What the server refuses")
    await page.press("#text", "Enter")
    await expect(page.locator("#trouble")).to_contain_text("nothing to read")
    await expect(page.locator("#text")).to_have_value("What the server refuses")
    await expect(page.locator(".line")).to_have_count(0)


async def test_enter_in_a_composition_does_not_send(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    await page.focus("#text")
    keyboard = await page.context.new_cdp_session(page)
    await keyboard.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    await page.keyboard.press("Enter")
    await keyboard.send("Input.insertText", {"text": "你好"})
    await expect(page.locator("#text")).to_have_value(re.compile("你好"))
    assert shop.store.incoming == []
    await page.fill("#text", "你好")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("乌龙茶")
    assert shop.store.incoming == []
    await page.keyboard.press("Enter")
    await shop.store.next()
    assert [incoming.text for incoming in shop.store.incoming] == ["你好\n乌龙茶"]


async def test_everything_is_reached_with_the_keyboard_alone(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    await expect(page.locator("#text")).to_be_focused()
    await page.keyboard.press("Shift+Tab")  # the last suggestion
    await page.keyboard.press("Enter")
    assert (await shop.store.next()).text == "Can I return an opened bag?"
    await expect(page.locator("#text")).to_be_focused()
    await page.keyboard.press("Shift+Tab")  # the shop's e-mail address
    await page.keyboard.press("Shift+Tab")  # the conversation
    await expect(page.locator("#scroller")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(page.locator("#menu-button")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="New conversation")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#menu-button")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    assert (await shop.store.next()).command is Command.HUMAN
    outline = await page.evaluate(
        "(document.getElementById('menu-button').focus(), getComputedStyle(document.activeElement).outlineStyle)"
    )
    assert outline == "solid"


async def test_a_new_conversation_clears_every_tab(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    address = await ask(page, shop, "First")
    await expect(page.locator("#suggestions")).to_be_hidden()
    second = await page.context.new_page()
    await second.goto(shop.url)
    await expect(second.locator(".mine")).to_have_count(1)
    await page.bring_to_front()
    await page.click("#menu-button")
    await page.get_by_role("menuitem", name="New conversation").click()
    assert (await shop.store.next()).command is Command.NEW
    for tab in (page, second):
        await expect(tab.locator(".line")).to_have_count(0)
        await expect(tab.locator("#suggestions")).to_be_visible()
    await shop.answer(address, "How can I help?", reply="fresh")
    await expect(page.locator(".line .bubble")).to_have_text("How can I help?")


async def test_the_language_is_chosen_told_and_remembered(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    await page.click("#menu-button")
    await page.get_by_role("menuitemradio", name="中文").click()
    await expect(page.locator("[data-title]")).to_have_text("云山茶馆")
    await expect(page.locator("#text")).to_have_attribute("placeholder", "输入消息…")
    incoming = await shop.store.next()
    assert (incoming.command, incoming.argument, incoming.sender.language) == (Command.LANGUAGE, "zh", "zh")
    await expect(page.locator(".command")).to_have_text("您选择了中文")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("lang", "zh")
    await expect(page.locator("[data-greeting]")).to_contain_text("小梅")


async def test_a_chinese_browser_gets_chinese(shop: Shop, browser: Browser) -> None:
    page = await browser.new_page(locale="zh-CN")
    await page.goto(shop.url)
    await expect(page.locator("#send")).to_have_attribute("aria-label", "发送")
    await expect(page.locator(".chip").first).to_have_text("寄到挪威的运费是多少？")
    await page.goto(shop.url + "?lang=en")
    await expect(page.locator("[data-title]")).to_have_text("Cloud Mountain Tea House")
    await page.context.close()


XSS = (
    "<img src=x onerror=\"document.title='hacked'\">",
    "[x](javascript:document.title='hacked')",
    "</script><script>document.title='hacked'</script>",
    "<svg onload=document.title='hacked'>",
    "![x](https://evil.example/x.png)",
)


async def test_what_is_written_stays_text_and_nothing_foreign_is_asked_for(shop: Shop, page: Page) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.context.on("request", note)
    await page.goto(shop.url)
    address = await ask(page, shop, XSS[0])
    await expect(page.locator("#status")).to_be_hidden()
    for number, text in enumerate(XSS):
        await ask(page, shop, text)
        await expect(page.locator(".mine .bubble").last).to_have_text(text)
        await shop.draft(address, text, reply=f"r{number}")
        await shop.answer(address, text, reply=f"r{number}", agent="<b>Anna</b>")
    await expect(page.locator(".agent")).to_have_count(len(XSS))
    await page.reload()
    await expect(page.locator(".agent")).to_have_count(len(XSS))
    await expect(page.locator(".agent .name").first).to_have_text("<b>Anna</b>")
    assert await page.locator(".bubble :is(img, script, svg, [onerror], [onload], [href^=javascript])").count() == 0
    assert await page.title() == "Cloud Mountain Tea House"
    assert await page.context.cookies() == []
    origin = shop.url.removesuffix("teahouse/")
    assert [url for url in asked if not url.startswith(origin)] == []
    token = await page.evaluate("JSON.parse(localStorage.getItem('kefu:teahouse:token'))")
    assert len(token) == 43
    assert not any(token in url for url in asked)


async def test_a_phone_needs_no_sideways_scrolling(shop: Shop, browser: Browser) -> None:
    context = await browser.new_context(
        viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True, locale="en-GB"
    )
    page = await context.new_page()
    await page.goto(shop.url)
    address = await ask(page, shop, "W" * 300)
    await expect(page.locator("#status")).to_be_hidden()
    table = "|" + "column |" * 12 + "\n|" + "---|" * 12 + "\n|" + "a long cell |" * 12
    await shop.answer(address, f"{'x' * 500}\n\n{table}\n\n```\n{'code ' * 80}\n```\n\nhttps://a.example/{'y' * 300}")
    await expect(page.locator(".bot table")).to_be_visible()
    widths = await page.evaluate(
        "[document.documentElement.scrollWidth, document.getElementById('scroller').scrollWidth, innerWidth]"
    )
    assert max(widths) == 375
    assert await page.evaluate("parseFloat(getComputedStyle(document.getElementById('text')).fontSize)") >= 16
    send = await page.locator("#send").bounding_box()
    assert send
    assert min(send["width"], send["height"]) >= 40
    assert send["y"] + send["height"] <= 667
    await context.close()


async def test_growing_text_is_followed_until_the_reader_scrolls_up(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    address = await ask(page, shop, "Tell me everything")
    await expect(page.locator("#status")).to_be_hidden()
    at_end = "(s => s.scrollHeight - s.scrollTop - s.clientHeight < 2)(document.getElementById('scroller'))"
    await shop.draft(address, "A line.\n\n" * 30)
    await expect(page.locator(".writing p")).to_have_count(30)
    await until(lambda: page.evaluate(at_end))
    await page.evaluate("document.getElementById('scroller').scrollTop = 0")
    await shop.draft(address, "A line.\n\n" * 40)
    await expect(page.locator("#newer")).to_be_visible()
    assert await page.evaluate("document.getElementById('scroller').scrollTop") == 0
    await page.click("#newer")
    await until(lambda: page.evaluate(at_end))
    await expect(page.locator("#newer")).to_be_hidden()


async def test_text_that_grows_before_the_next_frame_does_not_pull_the_reader_down(shop: Shop, page: Page) -> None:
    """The browser tells of scrolling only with the next frame; on a busy machine text comes before it."""
    await page.goto(shop.url)
    kept = await page.evaluate(GROWN_IN_ONE_FRAME)
    assert kept == {"followed": True, "stayed": 0, "told": True}


GROWN_IN_ONE_FRAME = """async () => {
  const { Lines } = await import(new URL("lines.js", document.querySelector("script[type=module]").src));
  const lines = new Lines({ language: "en", name: "Mei", initial: "M" });
  const scroller = document.getElementById("scroller");
  const write = count => lines.draft({ id: "r1", html: "<p>A line.</p>".repeat(count), language: "en" });
  const gap = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  write(30);
  write(60);
  const followed = gap() < 2;
  scroller.scrollTop = 0;
  write(90);
  return { followed, stayed: scroller.scrollTop, told: !document.getElementById("newer").hidden };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_can_be_read_in_both_schemes(shop: Shop, browser: Browser, scheme: Literal["light", "dark"]) -> None:
    context = await browser.new_context(color_scheme=scheme, reduced_motion="reduce", locale="en-GB")
    page = await context.new_page()
    await page.goto(shop.url)
    address = await ask(page, shop, "Is it dark?")
    await expect(page.locator("#status")).to_be_hidden()
    await shop.answer(address, "A [link](https://a.example), `code` and text.", rung=Rung.GROUNDED)
    await expect(page.locator(".bot .bubble a")).to_be_visible()
    background = await page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 128 * 3) == (scheme == "dark")
    for selector in (".mine .bubble", ".bot .bubble", ".bot .bubble a", ".bot code", ".source", ".who p", ".contact"):
        assert await page.evaluate(CONTRAST, selector) >= 4.5, selector
    assert await page.evaluate("document.getAnimations().length") == 0
    await context.close()


CONTRAST = """selector => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const element = document.querySelector(selector);
  let behind = element;
  while (parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [one, other] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
    .map(parse).map(luminance);
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""


async def test_the_page_works_where_nothing_may_be_kept(shop: Shop, page: Page) -> None:
    await page.add_init_script("""
      for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError'); } });
    """)
    await page.goto(shop.url)
    address = await ask(page, shop, "Private")
    await expect(page.locator("#status")).to_be_hidden()
    await shop.answer(address, "Answered.")
    await expect(page.locator(".bot .bubble")).to_have_text("Answered.")


async def test_what_was_typed_survives_a_reload(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    await page.fill("#text", "Half a thou")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("Half a thou")


async def test_a_token_that_is_no_longer_taken_is_replaced(shop: Shop, page: Page) -> None:
    await page.goto(shop.url)
    await page.evaluate("localStorage.setItem('kefu:teahouse:token', '\"broken\"')")
    await page.reload()
    await ask(page, shop, "Hello again")
    await expect(page.locator(".mine:not(.waiting) .bubble")).to_have_text("Hello again")
