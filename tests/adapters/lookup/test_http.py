"""The look-up client against a real HTTP server: what goes over the wire, what is refused, what is never told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.lookup import HttpLookUps, open_look_ups
from core.errors import LookUpFailed
from core.lookups.config import LookUpConfig
from tests.platforms.shop_server import TOKEN, Answers, ShopServer, Slow

SECRETS = {"MUGS_TOKEN": TOKEN}
ASKED = {"number": "W12345", "email": "ann@tea.example"}
TEXTS = {"en": "x"}


def config(server: str, **changed: Any) -> LookUpConfig:
    argument = {"name": TEXTS, "asks": TEXTS}
    return LookUpConfig.model_validate(
        {
            "description": TEXTS,
            "server": server,
            "path": "/orders/{number}?email={email}",
            "headers": {"Authorization": {"value": "Bearer {secret}", "secret": "MUGS_TOKEN"}},
            "arguments": {"number": argument, "email": argument},
            "when": {"en": ["where is my order"]},
            "result": {"fields": {"status": "status"}, "says": [{"text": TEXTS}]},
            **changed,
        }
    )


@pytest.fixture
async def shop() -> AsyncIterator[ShopServer]:
    async with ShopServer() as server:
        yield server


@pytest.fixture
async def api() -> AsyncIterator[HttpLookUps]:
    async with open_look_ups([], SECRETS) as look_ups:
        yield look_ups


async def test_an_order_is_fetched_with_the_secret_and_exact_numbers(shop: ShopServer, api: HttpLookUps) -> None:
    body = await api.fetch("order", config(shop.url), ASKED)
    assert isinstance(body, dict)
    assert body["total"] == Decimal("24.9")
    (asked,) = shop.asked
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.path == "/orders/W12345?email=ann%40tea.example"


@pytest.mark.parametrize("status", [204, 404, 410])
async def test_what_is_not_there_is_none(shop: ShopServer, api: HttpLookUps, status: int) -> None:
    shop.faults.append(Answers(status))
    assert await api.fetch("order", config(shop.url), ASKED) is None


async def test_the_address_may_come_from_the_environment(shop: ShopServer) -> None:
    named = config("", server_from="MUGS_API")
    async with open_look_ups([], SECRETS | {"MUGS_API": f"{shop.url}/"}) as api:
        assert api.is_on(named)
        assert await api.fetch("order", named, ASKED)


@pytest.mark.parametrize("address", ["", "localhost:80", "ftp://x", "https://user:pw@shop.example", "https://a b"])
async def test_without_an_address_it_is_off(address: str) -> None:
    named = config("", server_from="MUGS_API")
    async with open_look_ups([], SECRETS | {"MUGS_API": address}) as api:
        assert not api.is_on(named)
        with pytest.raises(LookUpFailed, match="MUGS_API"):
            await api.fetch("order", named, ASKED)


async def test_what_lacks_something_is_named_at_the_start() -> None:
    off = config("", server_from="MUGS_API")
    broken = config("https://shop.example")
    with capture_logs() as logs:
        async with open_look_ups([("mugs", "a", off), ("mugs", "b", broken)], {}) as api:
            assert not api.is_on(broken)
    assert [(log["look_up"], log["log_level"], log["reason"].split()[0]) for log in logs] == [
        ("a", "info", "MUGS_API"),
        ("b", "warning", "MUGS_TOKEN"),
    ]


# ── arguments stay arguments ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "path"),
    [
        ("a/b", "/orders/a%2Fb"),
        ("a?x=1#y", "/orders/a%3Fx%3D1%23y"),
        ("订单 1", "/orders/%E8%AE%A2%E5%8D%95%201"),
        ("{email}", "/orders/%7Bemail%7D"),
        ("a%2e", "/orders/a%252e"),
        ("@evil.example", "/orders/%40evil.example"),
        ("a\r\nX: y", "/orders/a%0D%0AX%3A%20y"),
    ],
)
async def test_an_argument_is_encoded(shop: ShopServer, api: HttpLookUps, number: str, path: str) -> None:
    assert await api.fetch("order", config(shop.url), {"number": number, "email": "a&b=c"}) is None
    assert shop.asked[0].path == f"{path}?email=a%26b%3Dc"


@pytest.mark.parametrize("number", [".", "..", "../x", "x/../y", "x\\..\\y", ""])
async def test_an_argument_that_leads_elsewhere_is_refused(shop: ShopServer, api: HttpLookUps, number: str) -> None:
    with pytest.raises(LookUpFailed):
        await api.fetch("order", config(shop.url), {"number": number, "email": "a"})
    assert shop.asked == []


async def test_a_body_is_json_whatever_the_arguments_hold(shop: ShopServer, api: HttpLookUps) -> None:
    post = config(
        shop.url,
        path="/orders/search",
        method="POST",
        read_only=True,
        body='{"number": "{number}", "email": "{email}"}',
    )
    assert await api.fetch("order", post, {"number": '", "x": "', "email": "{number}"}) == {"orders": []}
    assert shop.asked[0].body == b'{"number": "\\", \\"x\\": \\"", "email": "{number}"}'


# ── redirects ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redirect_on_the_same_server_is_followed(shop: ShopServer, api: HttpLookUps) -> None:
    shop.faults.append(Answers(301, headers={"Location": "/orders/W12345?email=ann@tea.example"}))
    assert await api.fetch("order", config(shop.url), ASKED)


async def test_a_redirect_to_another_server_gets_no_secret(shop: ShopServer, api: HttpLookUps) -> None:
    async with ShopServer() as other:
        for address in (
            f"{other.url}/orders/W12345",
            f"//localhost:{other.url.rpartition(':')[2]}/",
            "https://x.example",
        ):
            shop.faults.append(Answers(302, headers={"Location": address}))
            with pytest.raises(LookUpFailed, match="another server"):
                await api.fetch("order", config(shop.url), ASKED)
        assert other.asked == []


async def test_redirects_in_a_circle_end(shop: ShopServer, api: HttpLookUps) -> None:
    shop.faults.extend([Answers(302, headers={"Location": "/x"})] * 9)
    with pytest.raises(LookUpFailed, match="more than 3 times"):
        await api.fetch("order", config(shop.url), ASKED)
    assert len(shop.asked) == 4


async def test_a_post_is_not_sent_on(shop: ShopServer, api: HttpLookUps) -> None:
    shop.faults.append(Answers(307, headers={"Location": "/x"}))
    with pytest.raises(LookUpFailed, match="307"):
        await api.fetch("order", config(shop.url, method="POST", read_only=True), ASKED)
    assert len(shop.asked) == 1


# ── bounds and silence ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 60_000, b"1" * 10_000])
async def test_what_is_no_json(shop: ShopServer, api: HttpLookUps, body: bytes) -> None:
    shop.faults.append(Answers(200, body))
    with pytest.raises(LookUpFailed, match="JSON"):
        await api.fetch("order", config(shop.url), ASKED)


async def test_no_cookie_of_one_answer_goes_with_the_next_question(shop: ShopServer, api: HttpLookUps) -> None:
    shop.faults.append(Answers(200, b"{}", {"Set-Cookie": "session=ann; Path=/"}))
    await api.fetch("order", config(shop.url), ASKED)
    await api.fetch("order", config(shop.url), ASKED)
    assert "Cookie" not in shop.asked[1].headers


async def test_cancelling_ends_the_request(shop: ShopServer, api: HttpLookUps) -> None:
    shop.faults.append(Slow())
    asking = asyncio.create_task(api.fetch("order", config(shop.url), ASKED))
    async with asyncio.timeout(20):
        await shop.waiting.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        while not shop.left:
            await asyncio.sleep(0.01)
    assert await api.fetch("order", config(shop.url), ASKED), "the next one works"


async def test_an_error_tells_nothing_that_was_asked(shop: ShopServer, api: HttpLookUps) -> None:
    shop.faults.extend([Answers(500, b"ann@tea.example"), Answers(401), Answers(200, b"ann@tea.example")])
    for _ in range(3):
        with pytest.raises(LookUpFailed) as raised:
            await api.fetch("order", config(shop.url), ASKED)
        said = repr(raised.value)
        assert not any(secret in said for secret in (TOKEN, "W12345", "ann@", "127.0.0.1"))
        assert raised.value.__cause__ is None
