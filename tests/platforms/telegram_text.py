"""How Telegram reads texts and entities. Offsets and lengths are in UTF-16 code units; error texts are Telegram's."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from tests.platforms.telegram_values import Json, bad_request

MAX_UNITS = 4096

AUTOMATIC = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"})
"""Types that the server finds by itself; a bot that sends them has them ignored."""
STYLES = frozenset(
    {
        "bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote",
        "code", "pre", "text_link", "text_mention", "custom_emoji",
    }
)  # fmt: skip
ALONE = frozenset({"code", "pre"})
QUOTES = frozenset({"blockquote", "expandable_blockquote"})
CLOSED = frozenset({"text_link", "text_mention", "custom_emoji", "code", "pre"})
"""Types of which none may contain another."""


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def read_text(given: str) -> str:
    """The text as Telegram stores it; 400 if nothing is left or it is too long."""
    if not given:
        raise bad_request("message text is empty")
    text = "".join(
        character if character >= " " or character == "\n" else " " for character in given if character != "\r"
    )
    if not text.strip(" \n\t\u200b\u200c\u200d\u2060\ufeff"):
        raise bad_request("text must be non-empty")
    text = text.rstrip(" \n")
    if units(text) > MAX_UNITS:
        raise bad_request("message is too long")
    return text


def read_entities(given: str | None, text: str) -> list[Json]:
    """The entities a bot sent, checked against ``text``."""
    if not given:
        return []
    try:
        found = json.loads(given)
    except ValueError:
        raise bad_request("can't parse entities JSON object") from None
    if not isinstance(found, list):
        raise bad_request("expected an Array of MessageEntity")
    entities = [_shape(entity) for entity in found]
    kept = [entity for entity in entities if entity["type"] not in AUTOMATIC]
    kept.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    _bounds(kept, text)
    _nesting(kept)
    return kept


def _shape(entity: object) -> Json:
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    for key in ("offset", "length"):
        if not isinstance(entity.get(key), int):
            raise bad_request(f'can\'t parse MessageEntity: Field "{key}" must be of type Number')
    if entity.get("type") not in STYLES | AUTOMATIC:
        raise bad_request("can't parse MessageEntity: Unsupported type specified")
    if entity["offset"] < 0:
        raise bad_request(f"receive an entity with incorrect offset {entity['offset']}")
    if entity["length"] <= 0:
        raise bad_request(f"receive an entity with incorrect length {entity['length']}")
    if entity["type"] == "text_link":
        _link(str(entity.get("url", "")))
    return entity


def _link(url: str) -> None:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in {"http", "https", "tg", "ton"} or (
        parts.scheme.startswith("http") and "." not in parts.netloc
    ):
        raise bad_request(f"entity URL '{url}' is invalid: Wrong HTTP URL")


def _bounds(entities: list[Json], text: str) -> None:
    length = units(text)
    middles = _middles(text)
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if start >= length:
            raise bad_request(f"entity begins after the end of the text at UTF-16 offset {start}")
        if end > length:
            raise _ends_late(start, end)
        if start in middles:
            raise bad_request(f"entity begins in a middle of a UTF-16 symbol at byte offset {start}")
        if end in middles:
            raise bad_request(f"entity ends in a middle of a UTF-16 symbol at byte offset {end}")


def _ends_late(start: int, end: int) -> Exception:
    return bad_request(
        f"entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}"
    )


def _middles(text: str) -> set[int]:
    """The offsets that lie between the two units of one character."""
    found, at = set(), 0
    for character in text:
        if character > "\uffff":
            found.add(at + 1)
            at += 1
        at += 1
    return found


def _nesting(entities: list[Json]) -> None:
    """Entities may nest, but not cross (Telegram's answer is the one for a late end); see the Bot API's rules of nesting.

    Telegram repairs some of the forbidden nestings in silence; here they are errors, so that a test sees them.
    """
    for index, outer in enumerate(entities):
        end = outer["offset"] + outer["length"]
        for inner in entities[index + 1 :]:
            if inner["offset"] >= end:
                break
            if inner["offset"] + inner["length"] > end:
                raise _ends_late(inner["offset"], inner["offset"] + inner["length"])
            kinds = {outer["type"], inner["type"]}
            if (
                kinds <= QUOTES
                or kinds <= CLOSED
                or (kinds & ALONE and not kinds & QUOTES)
                or (outer["type"] in CLOSED and inner["type"] in QUOTES)
                or len(kinds) == 1
            ):
                raise bad_request(f"can't parse entities: {inner['type']} can't be nested in {outer['type']}")


FOUND = re.compile(
    r"(?P<url>https?://[^\s]+)|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/])"
    r"|(?<![\w@])(?P<mention>@[A-Za-z0-9_]{3,32})\b"
)


def find_entities(text: str) -> list[Json]:
    """What Telegram finds by itself in a user's text: commands, mentions, addresses."""
    return [
        {
            "type": match.lastgroup,
            "offset": units(text[: match.start()]),
            "length": units(match.group()),
        }
        for match in FOUND.finditer(text)
    ]
