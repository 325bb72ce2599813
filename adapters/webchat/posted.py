"""From the bytes of a POST to a message that can be stored, or a Refused that says what is wrong with it."""

from __future__ import annotations

import json
import re
import unicodedata
from uuid import UUID

from pydantic import ValidationError
from starlette.requests import Request

from adapters.webchat.refusals import Code, Refused
from core.messages import Address, Command, Incoming, Kind, Person
from core.value import CheckedValue

BODY_BYTES = 256 * 1024

# C0 without tab and line feed, DEL, C1.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile(r"\r\n?|[\u0085\u2028\u2029]")
_HALF_PAIRS = re.compile(r"[\ud800-\udfff]")
# Letters and symbols by category, but nothing that can be seen: the fillers of Hangul, the blank of Braille.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_COMMAND = re.compile(rf"/({'|'.join(command.value for command in Command)})(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")


class PostedMessage(CheckedValue):
    id: UUID
    text: str
    language: str = ""


async def read_body(request: Request, limit: int = BODY_BYTES) -> bytes:
    """Stops at ``limit`` bytes: what is announced or found to be longer is not read."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise Refused(Code.TOO_LARGE)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refused(Code.TOO_LARGE)
    return bytes(body)


def parse_message(body: bytes, message_chars: int) -> PostedMessage:
    try:
        fields = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Refused(Code.NOT_UTF8) from error
    except (ValueError, RecursionError) as error:
        raise Refused(Code.NOT_JSON) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise Refused(Code.WRONG_FIELDS)
    text = clean(fields["text"])
    if not has_something_to_read(text):
        raise Refused(Code.EMPTY)
    if len(text) > message_chars:
        raise Refused(Code.TOO_LONG, chars=len(text), limit=message_chars)
    language = fields.get("language", "")
    if not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
        language = ""
    try:
        return PostedMessage(id=fields.get("id"), text=text, language=language)
    except ValidationError as error:
        raise Refused(Code.WRONG_FIELDS) from error


def clean(text: str) -> str:
    """Without control characters and halves of surrogate pairs; line ends are ``\\n``. All else stays as written."""
    text = _LINE_ENDS.sub("\n", text)
    text = _CONTROL.sub("", text)
    return _HALF_PAIRS.sub("\ufffd", text).strip()


def has_something_to_read(text: str) -> bool:
    """False for white space, zero-width and other invisible characters, and marks that stand on nothing."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in text)


def to_incoming(posted: PostedMessage, address: Address) -> Incoming:
    name = str(posted.id)
    sender = Person(id=address.chat, language=posted.language)
    match = _COMMAND.fullmatch(posted.text)
    return Incoming(
        address=address,
        update=name,
        message=name,
        sender=sender,
        kind=Kind.COMMAND if match else Kind.TEXT,
        text=posted.text,
        command=Command(match[1].lower()) if match else None,
        argument=(match[2] or "").strip() if match else "",
        disclosed=True,  # the page says at its top that a bot answers
    )
