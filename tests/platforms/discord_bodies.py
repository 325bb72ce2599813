"""The bodies that the REST API takes, strictly: an unknown field or a wrong type is a mistake."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

MAX_CHARS = 2000
MAX_EMBED_CHARS = 6000


class Refused(Exception):
    """An error answer: HTTP status, Discord's code, and its text."""

    def __init__(self, status: int, code: int, text: str, errors: object = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.errors = errors


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AllowedMentions(Body):
    parse: list[Literal["users", "roles", "everyone"]] = []
    users: list[int | str] = []
    roles: list[int | str] = []
    replied_user: bool = False


class Reference(Body):
    """Snowflakes come as strings or as integers."""

    message_id: int | str
    channel_id: int | str | None = None
    guild_id: int | str | None = None
    fail_if_not_exists: bool = True
    type: int = 0


def _web_address(url: str) -> str:
    if not re.fullmatch(r"https?://[!-~]+", url):
        raise ValueError("Not a well formed URL.")
    return url


Url = Annotated[str, AfterValidator(_web_address), Field(max_length=2048)]


class EmbedMedia(Body):
    url: Url


class EmbedField(Body):
    name: str = Field(min_length=1, max_length=256)
    value: str = Field(min_length=1, max_length=1024)
    inline: bool = False


class Embed(Body):
    type: Literal["rich"] = "rich"
    flags: int = 0
    title: str = Field(default="", max_length=256)
    description: str = Field(default="", max_length=4096)
    url: Url | None = None
    fields: list[EmbedField] = Field(default=[], max_length=25)
    image: EmbedMedia | None = None
    thumbnail: EmbedMedia | None = None

    def size(self) -> int:
        texts = [self.title, self.description, *(text for field in self.fields for text in (field.name, field.value))]
        return sum(map(utf16, texts))


class Button(Body):
    type: Literal[2]
    style: Literal[1, 2, 3, 4, 5]
    label: str = Field(min_length=1, max_length=80)
    url: Annotated[Url, Field(max_length=512)] | None = None
    custom_id: str | None = Field(default=None, min_length=1, max_length=100)
    disabled: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.style == 5) != (self.url is not None) or (self.style == 5) == (self.custom_id is not None):
            raise ValueError("A link has a url, all others a custom_id.")
        return self


class Row(Body):
    type: Literal[1]
    components: list[Button] = Field(min_length=1, max_length=5)


class EditMessage(Body):
    content: str | None = None
    tts: bool = False
    flags: int = 0
    allowed_mentions: AllowedMentions | None = None
    embeds: list[Embed] = Field(default=[], max_length=10)
    components: list[Row] | None = Field(default=None, max_length=5)

    @field_validator("embeds")
    @classmethod
    def _embeds_length(cls, embeds: list[Embed]) -> list[Embed]:
        if sum(embed.size() for embed in embeds) > MAX_EMBED_CHARS:
            raise ValueError(f"Embed size exceeds maximum size of {MAX_EMBED_CHARS}")
        return embeds

    @field_validator("components")
    @classmethod
    def _ids_differ(cls, rows: list[Row] | None) -> list[Row] | None:
        ids = [button.custom_id for row in rows or () for button in row.components if button.custom_id]
        if len(ids) != len(set(ids)):
            raise ValueError("Component custom id cannot be duplicated")
        return rows

    @field_validator("content")
    @classmethod
    def _length(cls, content: str | None) -> str | None:
        if content is not None and utf16(content) > MAX_CHARS:
            raise ValueError(f"Must be {MAX_CHARS} or fewer in length.")
        return content


class CreateMessage(EditMessage):
    nonce: str = Field(default="", max_length=25)
    enforce_nonce: bool = False
    message_reference: Reference | None = None


class CreateThread(Body):
    name: str = Field(min_length=1, max_length=100)
    auto_archive_duration: Literal[60, 1440, 4320, 10080] = 1440
    rate_limit_per_user: int | None = None


class OpenDirect(Body):
    recipient_id: int | str


class Option(Body):
    type: int = Field(ge=3, le=11)
    name: str = Field(pattern=r"^[-_'\w]{1,32}$")
    description: str = Field(min_length=1, max_length=100)
    name_localizations: dict[str, str] | None = None
    description_localizations: dict[str, str] | None = None
    required: bool = False
    max_length: int | None = None


class CommandBody(Body):
    type: int = 1
    name: str = Field(pattern=r"^[-_'\w]{1,32}$")
    description: str = Field(min_length=1, max_length=100)
    name_localizations: dict[str, str] | None = None
    description_localizations: dict[str, str] | None = None
    options: list[Option] = Field(default=[], max_length=25)
    contexts: list[int] | None = None
    integration_types: list[int] | None = None


class CallbackData(Body):
    content: str = Field(default="", max_length=MAX_CHARS)
    flags: int = 0


class Callback(Body):
    type: Literal[4, 5, 6]
    data: CallbackData | None = None


def invalid(error: ValidationError) -> Refused:
    """Discord's "Invalid Form Body"."""
    errors: dict[str, object] = {}
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "body"
        errors[name] = {"_errors": [{"code": "BASE_TYPE_BAD", "message": problem["msg"]}]}
    return Refused(400, 50035, "Invalid Form Body", errors)
