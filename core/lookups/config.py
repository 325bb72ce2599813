"""``lookups:`` in bot.yaml: what a bot may look up in the shop's own API, with which arguments, and how it says it.

What needs more than one key to be judged (placeholders, languages) is checked in core/lookups/checking.py.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from core.sections import Language, Secret, Section, Slug, Text, TextList, Texts

NAME = re.compile(r"[a-z][a-z0-9_]*")
SERVER = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?(?:/[^?#\s{}]*)?")
JSON_PATH = re.compile(r"[^.\[\]\s]+(?:\[(?:\d+)?\])*(?:\.[^.\[\]\s]+(?:\[(?:\d+)?\])*)*")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What the connection itself says; another value would break it.
OWN_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding"})


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("must be made of small letters, digits and '_', such as order_number")
    return value


def _json_path(value: str) -> str:
    if value and not JSON_PATH.fullmatch(value):
        raise ValueError("is no path into JSON; write for example delivery.date, items[].title or orders[0]")
    return value


Name = Annotated[str, AfterValidator(_name)]
JsonPath = Annotated[str, AfterValidator(_json_path)]


class HeaderConfig(Section):
    """A header of the request: a text, or a mapping with a secret."""

    value: Text = Field(default="{secret}", description="what is sent; {secret} stands for the secret")
    secret: Secret | None = Field(default=None, description="the environment variable with the secret")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"value": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _together(self) -> Self:
        if ("{secret}" in self.value) != (self.secret is not None):
            raise ValueError("secret and {secret} in value belong together: secret names the environment variable")
        if not (self.value.isascii() and self.value.isprintable()):
            raise ValueError("a header has only printable ASCII characters")
        return self


class ChoiceConfig(Section):
    """One of the values that an argument may have: a text, or a mapping with the words for it."""

    value: Text = Field(description="the value as the API wants it")
    words: dict[Language, TextList] = Field(default={}, description="what shoppers call it, for each language")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"value": value} if isinstance(value, str) else value


class ArgumentConfig(Section):
    name: Texts = Field(description="what it is called, for each language, e.g. order number")
    asks: Texts = Field(description="the question that asks the shopper for it, for each language")
    type: Literal["string", "integer", "email"] = Field(default="string", description="what is looked for in a message")
    pattern: str = Field(
        default="", description="a regular expression for the whole value, small and capital letters alike"
    )
    enum: list[ChoiceConfig] = Field(default=[], description="the values it may have; texts, or mappings, see below")
    minimum: int | None = Field(default=None, description="of an integer")
    maximum: int | None = Field(default=None, description="of an integer")
    case: Literal["keep", "upper", "lower"] = Field(default="keep", description="how its letters are sent")
    examples: TextList = Field(default=[], description="shown when what the shopper wrote does not fit")
    identifies: bool = Field(
        default=False,
        description="it tells who somebody is, or which order is theirs: confirmed before it is used, never asked in a group",
    )
    matches: JsonPath = Field(
        default="", description="where the result has it; if it is another one there, nothing is said of the result"
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        if pattern and re.fullmatch(pattern, ""):
            raise ValueError("also fits an empty text; write for example [A-Z]\\d{5}")
        return pattern

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pattern and (self.type != "string" or self.enum):
            raise ValueError("pattern is for type: string without enum")
        if self.enum and self.type != "string":
            raise ValueError("enum is for type: string")
        if self.type != "integer" and (self.minimum is not None or self.maximum is not None):
            raise ValueError("minimum and maximum are for type: integer")
        for example in self.examples:
            if self.pattern and not re.fullmatch(self.pattern, example, re.IGNORECASE):
                raise ValueError(f"the example {example!r} does not fit the pattern")
        return self

    @property
    def free(self) -> bool:
        """Nothing tells it from other words: it is taken only as the answer to its question."""
        return self.type == "string" and not self.pattern and not self.enum


class FieldConfig(Section):
    """A value of the result: its path, or a mapping with these keys."""

    path: JsonPath = Field(min_length=1, description="where it stands in the JSON, e.g. delivery.date or items[].title")
    type: Literal["text", "number", "money", "day", "link"] = Field(
        default="text", description="what it is; anything else in the answer counts as a failure"
    )
    words: dict[Text, Texts] = Field(
        default={}, description="what each value is called; a value that is not here counts as a failure"
    )
    optional: bool = Field(default=False, description="it may be missing; a sentence that names it then is left out")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class SaidConfig(Section):
    text: Texts = Field(description="a sentence about the result; {names} of fields and arguments are filled in")
    asked: dict[Language, TextList] = Field(
        default={}, description="how shoppers ask for just this once the result is known, e.g. when will it arrive"
    )


class ResultConfig(Section):
    root: JsonPath = Field(
        default="", description="where the answer's one object stands, e.g. orders[0]; nothing there: not found"
    )
    fields: dict[Name, FieldConfig] = Field(min_length=1, description="the values that are said; texts or mappings")
    says: list[SaidConfig] = Field(min_length=1, description="the sentences of the answer, in order")
    phrasing: Literal["template", "model"] = Field(
        default="template",
        description="template: the sentences as they stand; model: the model words them, checked against them",
    )
    not_found: Texts | None = Field(default=None, description="said if there is no such thing; none: Kefu's own words")


class LookUpConfig(Section):
    description: Texts = Field(description="what is looked up, for each language, e.g. the state of an order")
    server: str = Field(default="", description="the API's address, e.g. https://api.shop.example")
    server_from: Secret | None = Field(
        default=None,
        description="the environment variable with the API's address; while it is empty the look-up is off",
    )
    path: Text = Field(description="path and query behind the address, with {arguments}, e.g. /orders/{number}")
    method: Literal["GET", "POST"] = Field(default="GET", description="how it is asked")
    read_only: bool = Field(
        default=False, description="says that this POST changes nothing; without it only GET is used"
    )
    body: str = Field(default="", description='of a POST: JSON with {arguments} in its texts, e.g. {"id": "{number}"}')
    headers: dict[Text, HeaderConfig] = Field(default={}, description="sent with it; texts, or mappings with a secret")
    arguments: dict[Name, ArgumentConfig] = Field(
        default={}, description="what it needs to know, in the order of asking"
    )
    when: Annotated[dict[Language, TextList], Field(min_length=1)] = Field(
        description="sentences that call for it, for each language; without the arguments"
    )
    instead_of: list[Slug] = Field(
        default=[], description="approved answers whose questions call for it, too, while it is on"
    )
    keywords: dict[Language, TextList] = Field(
        default={}, description="words that call for it beside an argument, e.g. parcel beside an order number"
    )
    result: ResultConfig = Field(description="what of the answer is said, and how; a mapping")
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="for the whole answer; later counts as a failure")
    cache_s: float = Field(
        default=120.0, ge=0, le=86_400, description="a result is used again for so long in its conversation"
    )
    max_bytes: int = Field(default=65_536, ge=64, le=4_194_304, description="the longest answer, in bytes")

    @field_validator("server")
    @classmethod
    def _is_address(cls, server: str) -> str:
        if server and not SERVER.fullmatch(server):
            raise ValueError(
                "is no address of an API; write for example https://api.shop.example (a key goes into .env)"
            )
        return server.rstrip("/")

    @field_validator("path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        if not path.startswith("/") or path.startswith("//") or re.search(r"[\s#\\]", path):
            raise ValueError("must begin with one '/' and have no spaces, '#' or '\\'")
        if any(part in (".", "..") for part in path.partition("?")[0].split("/")):
            raise ValueError("must not have '.' or '..' as a part")
        return path

    @field_validator("body")
    @classmethod
    def _is_json(cls, body: str) -> str:
        try:
            json.loads(body or "null")
        except ValueError as error:
            raise ValueError(f"is no JSON: {error}") from None
        return body

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, HeaderConfig]) -> dict[str, HeaderConfig]:
        for name in headers:
            if not HEADER_NAME.fullmatch(name) or name.lower() in OWN_HEADERS:
                raise ValueError(f"{name!r} is no header that can be set here")
        return headers

    @model_validator(mode="after")
    def _together(self) -> Self:
        if bool(self.server) == (self.server_from is not None):
            raise ValueError("needs exactly one of: server, server_from")
        if self.method == "POST" and not self.read_only:
            raise ValueError("a look-up must change nothing: write read_only: true if this POST only reads")
        if self.method == "GET" and self.body:
            raise ValueError("body is for method: POST")
        return self

    @property
    def identifies(self) -> bool:
        """Whether what it says is for one person only."""
        return any(argument.identifies for argument in self.arguments.values())
