"""The rules of the three requests, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from adapters.webchat import Allowance, Allowances
from adapters.webchat.tabs import WAITING_EVENTS
from core.errors import ChannelNotReady
from core.messages import Address, Command, Kind, Outgoing, Rung
from tests.adapters.webchat.shop import PAGE, Shop, Store, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


def message(text: str = "hello", **more: str) -> dict[str, str]:
    return {"id": str(uuid4()), "text": text, **more}


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, object]]]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def code_of(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert error["message"]
    return str(error["code"])


async def test_a_message_is_acknowledged_only_when_it_is_stored(shop: Shop, http: httpx.AsyncClient) -> None:
    shop.store.down = True
    refused = await http.post("api/messages", json=message())
    assert (refused.status_code, code_of(refused)) == (503, "not_stored")
    assert int(refused.headers["retry-after"]) > 0
    assert shop.store.incoming == []

    shop.store.down = False
    posted = message("How much is delivery?", language="en")
    taken = await http.post("api/messages", json=posted)
    assert taken.status_code == 202
    [incoming] = shop.store.incoming
    assert (incoming.text, incoming.update, incoming.message) == (posted["text"], posted["id"], posted["id"])
    assert (incoming.sender.language, incoming.kind) == ("en", Kind.TEXT)


async def test_the_same_message_again_is_acknowledged_and_not_stored_twice(shop: Shop, http: httpx.AsyncClient) -> None:
    posted = message()
    answers = [await http.post("api/messages", json=posted) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len(shop.store.incoming) == 1


async def test_the_address_does_not_hold_the_credential(shop: Shop, http: httpx.AsyncClient) -> None:
    await http.post("api/messages", json=message())
    token = http.headers["Authorization"].removeprefix("Bearer ")
    address = shop.store.incoming[0].address
    assert (address.bot, address.platform, len(address.chat)) == ("teahouse", "web", 32)
    assert token not in shop.store.incoming[0].to_json()


async def test_a_new_session_gets_another_token_each_time(shop: Shop, http: httpx.AsyncClient) -> None:
    answers = [await http.post("api/sessions") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["token"] != answers[1].json()["token"]
    assert "set-cookie" not in answers[0].headers


@pytest.mark.parametrize(
    "credential", ["", "Bearer", "Bearer short", "Basic " + "a" * 43, "Bearer " + "ä".encode().hex()]
)
async def test_without_a_session_nothing_is_taken_or_shown(shop: Shop, credential: str) -> None:
    async with httpx.AsyncClient(base_url=shop.url, headers={"Authorization": credential}) as client:
        for answer in (await client.post("api/messages", json=message()), await client.get("api/events")):
            assert (answer.status_code, code_of(answer)) == (401, "session")


@pytest.mark.parametrize(
    "text", ["", "  \n\t ", "\u200b\u200d\ufeff", "\x00\x01", "\u2800\u3164", "\ufe0f", "\u202e\u2066"]
)
async def test_a_message_with_nothing_to_read_is_refused_with_a_sentence(
    shop: Shop, http: httpx.AsyncClient, text: str
) -> None:
    answer = await http.post("api/messages", json=message(text), headers={"Accept-Language": "zh-CN,en;q=0.5"})
    assert (answer.status_code, code_of(answer)) == (422, "empty")
    assert "请写几个字" in answer.json()["error"]["message"]
    assert shop.store.incoming == []


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("a\x00b\x07c\x1b[31m", "abc[31m"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("  kept  inside  ", "kept  inside"),
        ("مرحبا כמה 多少 👩‍👩‍👧 \u200b!", "مرحبا כמה 多少 👩‍👩‍👧 \u200b!"),
        ("\ud83d", None),
        ("cut \ud83d emoji", "cut \ufffd emoji"),
        ("<b>x</b> & 'y'", "<b>x</b> & 'y'"),
        ("/unknown word", "/unknown word"),
    ],
)
async def test_what_is_stored_of_odd_texts(
    shop: Shop, http: httpx.AsyncClient, written: str, stored: str | None
) -> None:
    body = json.dumps({"id": str(uuid4()), "text": written}).encode()
    answer = await http.post("api/messages", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202
    assert shop.store.incoming[0].text == (stored or "\ufffd")
    assert shop.store.incoming[0].kind is Kind.TEXT


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"[" * 100_000, 400, "not_json"),
        (b'{"id": ' + b"9" * 5000 + b"}", 400, "not_json"),
        (b'{"id": "x", "text": "\xff\xfe"}', 400, "not_utf8"),
        (b"\x00\x01\x02\x80", 400, "not_utf8"),
        (b"[]", 400, "wrong_fields"),
        (b'"text"', 400, "wrong_fields"),
        (b'{"text": "no id"}', 400, "wrong_fields"),
        (b'{"id": "not-a-uuid", "text": "x"}', 400, "wrong_fields"),
        (b'{"id": "5f0c7d0e-53a4-4b2b-9c3a-0f6c0f1c9a11", "text": 7}', 400, "wrong_fields"),
        (b'{"id": "5f0c7d0e-53a4-4b2b-9c3a-0f6c0f1c9a11", "text": null}', 400, "wrong_fields"),
    ],
)
async def test_a_broken_request_is_refused(
    shop: Shop, http: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    answer = await http.post("api/messages", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert shop.store.incoming == []


async def test_only_json_is_taken(shop: Shop, http: httpx.AsyncClient) -> None:
    answer = await http.post("api/messages", data={"id": str(uuid4()), "text": "form"})
    assert (answer.status_code, code_of(answer)) == (415, "content_type")


async def test_a_nonsense_language_is_left_out(shop: Shop, http: httpx.AsyncClient) -> None:
    await http.post("api/messages", json=message(language="no\nlanguage" * 50))
    assert shop.store.incoming[0].sender.language == ""


async def test_a_text_over_the_limit_is_refused_with_both_numbers(shop: Shop, http: httpx.AsyncClient) -> None:
    fits = await http.post("api/messages", json=message("茶" * 400))
    over = await http.post("api/messages", json=message("茶" * 401))
    assert fits.status_code == 202
    assert (over.status_code, code_of(over)) == (413, "too_long")
    assert "401" in over.json()["error"]["message"]
    assert "400" in over.json()["error"]["message"]
    assert len(shop.store.incoming) == 1


async def test_a_megabyte_is_refused_whether_it_is_announced_or_not(shop: Shop, http: httpx.AsyncClient) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(16):
            yield b"x" * 65536

    announced = await http.post("api/messages", json=message("x" * 1_000_000))
    assert (announced.status_code, code_of(announced)) == (413, "too_large")
    streamed = await http.post("api/messages", content=unannounced(), headers={"Content-Type": "application/json"})
    assert (streamed.status_code, code_of(streamed)) == (413, "too_large")
    assert shop.store.incoming == []


async def test_an_announced_giant_is_refused_before_it_is_sent(shop: Shop, http: httpx.AsyncClient) -> None:
    url = httpx.URL(shop.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"POST /teahouse/api/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n"
        f"Content-Type: application/json\r\nAuthorization: {http.headers['Authorization']}\r\n\r\n"
    )
    writer.write(head.encode())
    assert b" 413 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/new", Command.NEW, ""),
        ("/HUMAN", Command.HUMAN, ""),
        ("/help me", Command.HELP, "me"),
        (" /language  zh ", Command.LANGUAGE, "zh"),
        ("/start", Command.START, ""),
    ],
)
async def test_commands(shop: Shop, http: httpx.AsyncClient, text: str, command: Command, argument: str) -> None:
    await http.post("api/messages", json=message(text))
    [incoming] = shop.store.incoming
    assert (incoming.kind, incoming.command, incoming.argument) == (Kind.COMMAND, command, argument)


async def test_too_many_messages_are_refused_with_a_time_to_wait() -> None:
    few = Allowances(session_messages=Allowance(burst=3, every_s=60), address_messages=Allowance(burst=5, every_s=60))
    async with serve(allowances=few) as shop, httpx.AsyncClient(base_url=shop.url) as client:
        for sent, allowed in ((5, 3), (5, 2)):  # the second session meets the limit of the network address
            token = (await client.post("api/sessions")).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            answers = [await client.post("api/messages", json=message(), headers=headers) for _ in range(sent)]
            assert [answer.status_code for answer in answers] == [202] * allowed + [429] * (sent - allowed)
            assert code_of(answers[-1]) == "too_fast"
            assert int(answers[-1].headers["retry-after"]) > 0


async def test_before_anybody_listens_messages_and_events_are_put_off() -> None:
    async with serve(listening=False) as shop, httpx.AsyncClient(base_url=shop.url) as client:
        client.headers["Authorization"] = f"Bearer {(await client.post('api/sessions')).json()['token']}"
        for answer in (await client.post("api/messages", json=message()), await client.get("api/events")):
            assert (answer.status_code, code_of(answer)) == (503, "not_ready")
        health = await client.get(httpx.URL(shop.url).copy_with(path="/health"))
        assert (health.status_code, health.json()["ok"]) == (503, False)


async def test_health_and_a_second_listener(shop: Shop, http: httpx.AsyncClient) -> None:
    health = await http.get(httpx.URL(shop.url).copy_with(path="/health"))
    assert (health.status_code, health.json()) == (200, {"ok": True, "checks": {"teahouse": "ok"}})
    with pytest.raises(ChannelNotReady):
        await shop.channel.listen(shop.store)


async def test_the_stream_begins_with_the_history_and_goes_on(shop: Shop, http: httpx.AsyncClient) -> None:
    await http.post("api/messages", json=message("Delivery?"))
    address = shop.store.incoming[0].address
    await shop.answer(address, "**NOK 149**", reply="first", rung=Rung.APPROVED)
    await shop.draft(address, "And the", reply="second")
    async with http.stream("GET", "api/events") as response:
        stream = events(response)
        name, history = await anext(stream)
        assert name == "history"
        lines = history["lines"]
        assert isinstance(lines, list)
        assert [(line["role"], line["text"], line["html"]) for line in lines] == [
            ("shopper", "Delivery?", ""),
            ("bot", "", "<p><strong>NOK 149</strong></p>"),
        ]
        assert lines[0]["id"] == shop.store.incoming[0].update
        assert history["draft"] == {"id": "second", "html": "<p>And the</p>", "language": "en"}

        await shop.channel.typing(address)
        assert (await anext(stream))[0] == "typing"
        await shop.draft(address, "And the *bag", reply="second")
        assert await anext(stream) == ("draft", {"id": "second", "html": "<p>And the *bag</p>", "language": "en"})
        await shop.answer(address, "And the bag.", reply="second", agent="Anna")
        name, line = await anext(stream)
        assert (name, line["id"], line["role"], line["speaker"]) == ("message", "second", "agent", "Anna")
        await http.post("api/messages", json=message("Thanks"))
        name, line = await anext(stream)
        assert (name, line["text"]) == ("line", "Thanks")
        await http.post("api/messages", json=message("/new"))
        assert (await anext(stream))[0] == "cleared"


async def test_every_tab_of_a_session_gets_the_events_and_no_other_session(shop: Shop, http: httpx.AsyncClient) -> None:
    await http.post("api/messages", json=message())
    address = shop.store.incoming[0].address
    stranger = (await http.post("api/sessions")).json()["token"]
    async with (
        http.stream("GET", "api/events") as one,
        http.stream("GET", "api/events") as two,
        http.stream("GET", "api/events", headers={"Authorization": f"Bearer {stranger}"}) as other,
    ):
        streams = [events(response) for response in (one, two, other)]
        first = [(await anext(stream))[1]["lines"] for stream in streams]
        assert first[0] == first[1] != first[2] == []
        await shop.answer(address, "to you both")
        await shop.answer(Address(bot="teahouse", platform="web", chat="nobody"), "to nobody")
        assert [(await anext(stream))[0] for stream in streams[:2]] == ["message", "message"]


async def test_more_tabs_than_are_allowed_are_refused() -> None:
    few = Allowances(session_streams=1)
    async with serve(allowances=few) as shop, httpx.AsyncClient(base_url=shop.url) as client:
        client.headers["Authorization"] = f"Bearer {(await client.post('api/sessions')).json()['token']}"
        async with client.stream("GET", "api/events") as one:
            await anext(events(one))
            second = await client.get("api/events")
            assert (second.status_code, code_of(second)) == (429, "too_many_tabs")


async def test_a_stream_that_is_not_read_ends_and_blocks_nobody(shop: Shop, http: httpx.AsyncClient) -> None:
    await http.post("api/messages", json=message())
    address = shop.store.incoming[0].address
    async with http.stream("GET", "api/events") as response:
        stream = events(response)
        await anext(stream)
        for number in range(WAITING_EVENTS + 1):  # no pause in between: nothing of it can be written
            await shop.channel.send(Outgoing(address=address, reply=f"r{number}", text="x", final=False))
        assert [name async for name, _ in stream] == []
    async with http.stream("GET", "api/events") as response:
        assert (await anext(events(response)))[0] == "history"


async def test_drafts_that_wait_are_replaced_by_newer_ones(shop: Shop, http: httpx.AsyncClient) -> None:
    await http.post("api/messages", json=message())
    address = shop.store.incoming[0].address
    async with http.stream("GET", "api/events") as response:
        stream = events(response)
        await anext(stream)
        for number in range(WAITING_EVENTS * 3):
            await shop.draft(address, f"so far {number}")
        assert (await anext(stream))[1]["html"] == f"<p>so far {WAITING_EVENTS * 3 - 1}</p>"


async def test_a_silent_stream_has_a_heartbeat() -> None:
    async with serve(heartbeat_s=0.05) as shop, httpx.AsyncClient(base_url=shop.url) as client:
        client.headers["Authorization"] = f"Bearer {(await client.post('api/sessions')).json()['token']}"
        async with client.stream("GET", "api/events") as response:
            async for line in response.aiter_lines():
                if line.startswith(":"):
                    break


async def test_events_wait_for_the_store(shop: Shop, http: httpx.AsyncClient) -> None:
    shop.store.down = True
    answer = await http.get("api/events")
    assert (answer.status_code, code_of(answer)) == (503, "not_ready")


async def test_the_page_is_kept_safe_by_its_headers(shop: Shop, http: httpx.AsyncClient) -> None:
    page = await http.get("")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors *" in policy
    for path in ("", "api/events/", "widget.js", "page/chat.css", "theme.css", "icon.svg"):
        answer = await http.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "content-security-policy" in answer.headers
        assert "set-cookie" not in answer.headers
    assert (await http.get("page/chat.html")).status_code == 404
    assert (await http.get("page/../api.py")).status_code == 404
    assert (await http.get("page/%2e%2e/api.py")).status_code == 404


async def test_only_the_named_sites_may_frame_the_page() -> None:
    page = PAGE.model_copy(update={"frame_ancestors": ("https://shop.example", "https://*.shop.example")})
    async with serve(page=page) as shop, httpx.AsyncClient(base_url=shop.url) as client:
        policy = (await client.get("")).headers["content-security-policy"]
        assert policy.endswith("frame-ancestors https://shop.example https://*.shop.example")


async def test_shop_texts_cannot_leave_the_page_s_data() -> None:
    evil = "</script><script>alert(1)</script><!--"
    page = PAGE.model_copy(update={"titles": {"en": evil}, "names": {"en": evil}, "greetings": {"en": evil}})
    async with serve(page=page) as shop, httpx.AsyncClient(base_url=shop.url) as client:
        for path in ("", "widget.js", "icon.svg"):
            text = (await client.get(path)).text
            assert "<script>alert" not in text
            assert "<!--" not in text


async def test_the_front_door() -> None:
    async with serve() as shop, httpx.AsyncClient(follow_redirects=True) as client:
        root = httpx.URL(shop.url).copy_with(path="/")
        assert (await client.get(root)).url == shop.url
        assert (await client.get(shop.url.rstrip("/") + "?lang=zh")).url == shop.url + "?lang=zh"
        assert (await client.get(root.copy_with(path="/nobody/"))).status_code == 404
    async with serve(bots=("teahouse", "bakery")) as shop, httpx.AsyncClient() as client:
        page = await client.get(httpx.URL(shop.url).copy_with(path="/"))
        assert 'href="teahouse/"' in page.text
        assert 'href="bakery/"' in page.text


async def test_two_bots_do_not_share_a_conversation() -> None:
    async with serve(Store(), bots=("teahouse", "bakery")) as shop, httpx.AsyncClient() as client:
        token = (await client.post(shop.url + "api/sessions")).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        for bot in ("teahouse", "bakery"):
            await client.post(shop.url.replace("teahouse", bot) + "api/messages", json=message())
        assert [incoming.address.bot for incoming in shop.store.incoming] == ["teahouse", "bakery"]
