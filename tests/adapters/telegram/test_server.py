"""The judge judged: what the test server for Telegram accepts, refuses and keeps, as a bare HTTP client sees it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.platforms.telegram_faults import DROP_BEFORE
from tests.platforms.telegram_limits import Flood
from tests.platforms.telegram_server import TelegramServer

ZH = "你好😀"


async def call(server: TelegramServer, method: str, *, token: str = "", **params: Any) -> tuple[int, Any]:
    """HTTP status, and the result or the description."""
    data = {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
    async with httpx.AsyncClient(timeout=10, verify=False) as client:
        answer = await client.post(f"{server.url}/bot{token or server.token}/{method}", data=data)
    body = answer.json()
    assert body["ok"] is (answer.status_code == 200)
    return answer.status_code, body["result"] if body["ok"] else body["description"]


async def test_tokens_and_methods(server: TelegramServer) -> None:
    assert await call(server, "getMe", token="1:x") == (401, "Unauthorized")
    assert await call(server, "getMe", token="nonsense") == (404, "Not Found")
    assert await call(server, "makeTea") == (404, "Not Found: method not found")
    assert (await call(server, "GETME"))[0] == 200


async def test_an_offset_acknowledges_everything_below(server: TelegramServer) -> None:
    chat = server.private("Anna")
    for text in "abc":
        server.user_says(chat, text)
    _, first = await call(server, "getUpdates")
    assert [update["message"]["text"] for update in first] == ["a", "b", "c"]
    assert await call(server, "getUpdates") == (200, first)
    _, two = await call(server, "getUpdates", offset=first[1]["update_id"], limit=1)
    assert [update["message"]["text"] for update in two] == ["b"]
    _, last = await call(server, "getUpdates", offset=-1)
    assert [update["message"]["text"] for update in last] == ["c"]
    assert await call(server, "getUpdates", offset=last[0]["update_id"] + 1) == (200, [])


async def test_a_long_poll_waits_and_a_newer_one_ends_it(server: TelegramServer) -> None:
    waiting = asyncio.create_task(call(server, "getUpdates", timeout=9))
    await server.until(lambda: server.calls)
    newer = asyncio.create_task(call(server, "getUpdates", timeout=9))
    status, description = await waiting
    assert (status, description[:9]) == (409, "Conflict:")
    server.user_says(server.private("Anna"), "hello")
    assert (await newer)[1][0]["message"]["text"] == "hello"


async def test_only_wanted_kinds_are_kept(server: TelegramServer) -> None:
    await call(server, "getUpdates", allowed_updates=["edited_message"])
    said = server.user_says(server.private("Anna"), "one")
    server.user_edits(said, "two")
    _, updates = await call(server, "getUpdates")
    assert [update["edited_message"]["text"] for update in updates] == ["two"]


async def test_no_polling_while_a_webhook_is_set(server: TelegramServer) -> None:
    assert await call(server, "setWebhook", url="ftp://x") == (
        400,
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
    )
    assert (await call(server, "setWebhook", url="http://127.0.0.1:9/x", secret_token="no spaces"))[0] == 400
    assert await call(server, "setWebhook", url="http://127.0.0.1:9/x") == (200, True)
    status, description = await call(server, "getUpdates")
    assert (status, "while webhook is active" in description) == (409, True)
    assert (await call(server, "getWebhookInfo"))[1]["url"] == "http://127.0.0.1:9/x"
    await call(server, "deleteWebhook")
    assert await call(server, "getUpdates") == (200, [])


@pytest.mark.parametrize(
    ("entities", "says"),
    [
        ([{"type": "bold", "offset": 4, "length": 1}], "entity begins after the end of the text at UTF-16 offset 4"),
        ([{"type": "bold", "offset": 0, "length": 5}], "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 5"),
        ([{"type": "bold", "offset": 3, "length": 1}], "entity begins in a middle of a UTF-16 symbol"),
        ([{"type": "bold", "offset": 2, "length": 1}], "entity ends in a middle of a UTF-16 symbol"),
        ([{"type": "bold", "offset": -1, "length": 1}], "receive an entity with incorrect offset -1"),
        ([{"type": "bold", "offset": 0, "length": 0}], "receive an entity with incorrect length 0"),
        ([{"type": "huge", "offset": 0, "length": 1}], "can't parse MessageEntity: Unsupported type specified"),
        ([{"type": "bold", "offset": "0", "length": 1}], 'can\'t parse MessageEntity: Field "offset" must be of type Number'),
        ([{"type": "text_link", "offset": 0, "length": 1, "url": "tea"}], "entity URL 'tea' is invalid: Wrong HTTP URL"),
        ([{"type": "bold", "offset": 0, "length": 2}, {"type": "italic", "offset": 1, "length": 3}], "entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 4"),
        ([{"type": "bold", "offset": 0, "length": 2}, {"type": "code", "offset": 1, "length": 1}], "can't parse entities: code can't be nested in bold"),
        ("bold", "expected an Array of MessageEntity"),
    ],
)  # fmt: skip
async def test_entities_are_checked(server: TelegramServer, entities: Any, says: str) -> None:
    chat = server.private("Anna")
    given = entities if entities != "bold" else {"type": "bold"}
    status, description = await call(server, "sendMessage", chat_id=chat.id, text=ZH, entities=given)
    assert status == 400
    assert description.startswith(f"Bad Request: {says}")
    assert not server.replies(chat)


async def test_texts_are_measured_in_utf16(server: TelegramServer) -> None:
    chat = server.private("Anna")
    assert (await call(server, "sendMessage", chat_id=chat.id, text="😀" * 2048))[0] == 200
    assert await call(server, "sendMessage", chat_id=chat.id, text="😀" * 2048 + "x") == (
        400,
        "Bad Request: message is too long",
    )
    assert await call(server, "sendMessage", chat_id=chat.id, text="") == (400, "Bad Request: message text is empty")
    assert await call(server, "sendMessage", chat_id=chat.id, text=" \n") == (
        400,
        "Bad Request: text must be non-empty",
    )


async def test_messages(server: TelegramServer) -> None:
    chat = server.private("Anna")
    said = server.user_says(chat, "hi")
    _, sent = await call(server, "sendMessage", chat_id=chat.id, text="hello", reply_parameters={"message_id": said.id})
    number = sent["message_id"]
    assert sent["reply_to_message"]["text"] == "hi"
    assert await call(server, "sendMessage", chat_id=chat.id, text="x", reply_parameters={"message_id": 99}) == (
        400,
        "Bad Request: message to be replied not found",
    )
    status, same = await call(server, "editMessageText", chat_id=chat.id, message_id=number, text="hello")
    assert (status, same.startswith("Bad Request: message is not modified")) == (400, True)
    assert (await call(server, "editMessageText", chat_id=chat.id, message_id=said.id, text="x"))[
        1
    ] == "Bad Request: message can't be edited"
    assert (await call(server, "deleteMessage", chat_id=chat.id, message_id=number)) == (200, True)
    assert (await call(server, "editMessageText", chat_id=chat.id, message_id=number, text="x"))[
        1
    ] == "Bad Request: message to edit not found"
    assert (await call(server, "sendMessage", chat_id=1, text="x")) == (400, "Bad Request: chat not found")
    assert (await call(server, "sendChatAction", chat_id=chat.id, action="dancing"))[0] == 400
    assert (await call(server, "sendMessageDraft", chat_id=chat.id, draft_id=1, text="so far")) == (200, True)
    assert (await call(server, "setMessageReaction", chat_id=chat.id, message_id=said.id)) == (200, True)
    status, said = await call(server, "answerCallbackQuery", callback_query_id="1")
    assert (status, said) == (400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    assert (await call(server, "getChatMember", chat_id=chat.id, user_id=chat.id))[1]["status"] == "member"


@pytest.mark.parametrize(
    ("button", "said"),
    [
        ({"text": "", "callback_data": "x"}, "can't parse inline keyboard button: Text is empty"),
        ({"text": "x"}, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        ({"text": "x", "callback_data": "茶" * 22}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "url": "localhost"}, "inline keyboard button URL 'localhost' is invalid: Wrong HTTP URL"),
    ],
)
async def test_keyboards_are_checked(server: TelegramServer, button: dict[str, str], said: str) -> None:
    markup = {"inline_keyboard": [[button]]}
    answer = await call(server, "sendMessage", chat_id=server.private("Anna").id, text="x", reply_markup=markup)
    assert answer == (400, f"Bad Request: {said}")


async def test_an_edit_without_a_keyboard_takes_it_away(server: TelegramServer) -> None:
    chat = server.private("Anna")
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": "y"}]]}
    _, sent = await call(server, "sendMessage", chat_id=chat.id, text="x", reply_markup=markup)
    same = {"chat_id": chat.id, "message_id": sent["message_id"], "text": "x"}
    assert (await call(server, "editMessageText", **same, reply_markup=markup))[0] == 400
    assert "reply_markup" not in (await call(server, "editMessageText", **same))[1]


async def test_pictures_are_fetched(server: TelegramServer) -> None:
    chat = server.private("Anna")
    good, page = server.picture("https://x.example/1.jpg"), server.picture("https://x.example/2", is_page=True)
    said = [
        (await call(server, "sendPhoto", chat_id=chat.id, photo=url, caption=caption))
        for url, caption in (
            (good, "x" * 1024),
            (good, "x" * 1025),
            (page, ""),
            ("https://x.example/3", ""),
            ("http://x", ""),
        )
    ]
    assert said[0][0] == 200
    assert [text for _, text in said[1:]] == [
        "Bad Request: message caption is too long",
        "Bad Request: wrong type of the web page content",
        "Bad Request: failed to get HTTP URL content",
        "Bad Request: wrong file identifier/HTTP URL specified",
    ]


async def test_files_come_as_multipart(server: TelegramServer) -> None:
    chat = server.private("Anna")
    async with httpx.AsyncClient(verify=False) as client:
        for method, name in (("sendPhoto", "photo"), ("sendDocument", "document")):
            answer = await client.post(
                f"{server.url}/bot{server.token}/{method}",
                data={"chat_id": str(chat.id), "caption": "tea"},
                files={name: ("tea.png", b"\x89PNG")},
            )
            assert answer.status_code == 200
    assert [message.text for message in server.replies(chat)] == ["tea", "tea"]


async def test_flood_limits() -> None:
    async with TelegramServer(flood=Flood()) as server:
        chat = server.private("Anna")
        statuses = [(await call(server, "sendMessage", chat_id=chat.id, text=str(number)))[0] for number in range(5)]
        assert statuses == [200] * 4 + [429]


def test_flood_limits_by_the_clock() -> None:
    flood = Flood()
    assert [flood.write(7, now) for now in (0, 0, 0, 0, 0.5, 3.9, 4)] == [0, 0, 0, 0, 4, 1, 0]
    slow = [flood.write(-7, 100.0 + now) for now in range(0, 44, 2)]
    assert slow == [0] * 20 + [20, 18]
    many = [flood.write(chat, 300.0) for chat in range(31)]
    assert many == [0] * 30 + [1]
    assert flood.refused == [7, 7, -7, -7, 30]


def test_in_a_thread_of_its_own() -> None:
    with TelegramServer().in_thread() as server:
        chat = server.private("Anna")
        waiting = asyncio.run(_poll_while(server, lambda: server.user_says(chat, "hello")))
        assert waiting[0]["message"]["text"] == "hello"
        server.fail("getMe", DROP_BEFORE)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/bot{server.token}/getMe")
        assert httpx.get(f"{server.url}/bot{server.token}/getMe").json()["result"]["username"] == "teahouse_bot"
        assert [found.status for found in server.calls] == [200, 0, 200]


async def _poll_while(server: TelegramServer, act: Any) -> Any:
    waiting = asyncio.create_task(call(server, "getUpdates", timeout=9))
    await server.until(lambda: server.calls)
    act()
    return (await waiting)[1]
