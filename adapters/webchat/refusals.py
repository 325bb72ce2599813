"""What the page is told when a request is refused: a code for the program, a sentence for the shopper."""

from __future__ import annotations

import math
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.webchat.chatpage import accepted_languages, best_language


class Code(StrEnum):
    EMPTY = "empty"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    WRONG_FIELDS = "wrong_fields"
    CONTENT_TYPE = "content_type"
    SESSION = "session"
    TOO_FAST = "too_fast"
    TOO_MANY_TABS = "too_many_tabs"
    NOT_STORED = "not_stored"
    NOT_READY = "not_ready"


_STATUS = {
    Code.EMPTY: 422,
    Code.TOO_LONG: 413,
    Code.TOO_LARGE: 413,
    Code.NOT_JSON: 400,
    Code.NOT_UTF8: 400,
    Code.WRONG_FIELDS: 400,
    Code.CONTENT_TYPE: 415,
    Code.SESSION: 401,
    Code.TOO_FAST: 429,
    Code.TOO_MANY_TABS: 429,
    Code.NOT_STORED: 503,
    Code.NOT_READY: 503,
}

_SENTENCES: dict[Code, dict[str, str]] = {
    Code.EMPTY: {
        "en": "There is nothing to read in this message. Please write a few words.",
        "zh": "这条消息没有可读的内容，请写几个字。",
    },
    Code.TOO_LONG: {
        "en": "This message is too long ({chars} characters; at most {limit}). Please shorten it or send it in parts.",
        "zh": "消息太长（{chars} 个字符，最多 {limit} 个）。请缩短，或分几条发送。",
    },
    Code.TOO_LARGE: {"en": "This message is too large. Please shorten it.", "zh": "消息太大，请缩短。"},
    Code.NOT_JSON: {"en": "The request is not valid JSON.", "zh": "请求不是有效的 JSON。"},
    Code.NOT_UTF8: {"en": "The request is not valid UTF-8 text.", "zh": "请求不是有效的 UTF-8 文本。"},
    Code.WRONG_FIELDS: {
        "en": "The request must be an object with “id” (a UUID) and “text” (a string).",
        "zh": "请求必须是一个对象，包含 “id”（UUID）和 “text”（字符串）。",
    },
    Code.CONTENT_TYPE: {"en": "The request must be application/json.", "zh": "请求类型必须是 application/json。"},
    Code.SESSION: {"en": "This chat needs a new session. Please try again.", "zh": "聊天会话已失效，请重试。"},
    Code.TOO_FAST: {
        "en": "That was a lot of messages at once. Please wait a moment.",
        "zh": "消息发送得太快了，请稍等片刻。",
    },
    Code.TOO_MANY_TABS: {
        "en": "This chat is open in too many tabs. Please close some.",
        "zh": "这个聊天在太多标签页中打开了，请关闭几个。",
    },
    Code.NOT_STORED: {
        "en": "Your message could not be stored just now. It will be sent again.",
        "zh": "消息暂时无法保存，稍后会自动重发。",
    },
    Code.NOT_READY: {
        "en": "The chat is not ready yet. Please try again in a moment.",
        "zh": "聊天服务还没有准备好，请稍后再试。",
    },
}


class Refused(Exception):
    """``retry_after`` in seconds; ``values`` fill the sentence's places."""

    def __init__(self, code: Code, retry_after: float = 0.0, **values: int) -> None:
        super().__init__(code.value)
        self.code = code
        self.retry_after = retry_after
        self.values = values


def refusal_response(request: Request, refused: Refused) -> Response:
    language = best_language(("en", "zh"), accepted_languages(request.headers.get("accept-language", "")))
    sentence = _SENTENCES[refused.code][language].format(**refused.values)
    headers = {"Cache-Control": "no-store"}
    if refused.retry_after:
        headers["Retry-After"] = str(max(1, math.ceil(refused.retry_after)))
    if refused.code is Code.SESSION:
        headers["WWW-Authenticate"] = "Bearer"
    body = {"error": {"code": refused.code.value, "message": sentence}}
    return JSONResponse(body, status_code=_STATUS[refused.code], headers=headers)
