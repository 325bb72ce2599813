"""What every section of a bot's files is made of: strict models, and the kinds of text that stand in them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z]{4})?(-[A-Z]{2})?")
ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")


def _language(value: str) -> str:
    if not LANGUAGE_TAG.fullmatch(value):
        raise ValueError("is no language tag; write for example en, zh or pt-BR")
    return value


def _environment_name(value: str) -> str:
    if not ENVIRONMENT_NAME.fullmatch(value):
        raise ValueError(
            "must be the name of an environment variable such as TELEGRAM_BOT_TOKEN; "
            "put the secret itself into .env, never into this file"
        )
    return value


def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError("must be made of small letters, digits, '-' and '_', such as delivery-cost")
    return value


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


Language = Annotated[str, AfterValidator(_language)]
Secret = Annotated[str, AfterValidator(_environment_name)]
Slug = Annotated[str, AfterValidator(_slug)]
Text = Annotated[str, AfterValidator(_not_blank)]
Texts = Annotated[dict[Language, Text], Field(min_length=1)]
TextList = Annotated[list[Text], BeforeValidator(_one_or_many)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
