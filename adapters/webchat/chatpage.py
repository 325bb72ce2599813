"""What a bot's page shows and how it looks. Made anew for each request, because personas are edited while it runs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from core.value import CheckedValue

# A source of the CSP directive frame-ancestors: no white space, ';' or ',', which would begin something else.
_SOURCE = re.compile(r"\*|'self'|'none'|[A-Za-z0-9*:/._\[\]-]+")


def _source(value: str) -> str:
    if not _SOURCE.fullmatch(value):
        raise ValueError(f"{value!r} is no address of a site; write for example https://shop.example")
    return value


class ChatPage(CheckedValue):
    """Texts are for each language (an IETF tag); a language that is missing gets the default's. Markdown is inline."""

    titles: dict[str, str] = Field(description="the shop's name")
    languages: tuple[str, ...] = Field(min_length=1, description="the first is the default")
    names: dict[str, str] = Field(description="the persona's name")
    greetings: dict[str, str] = Field(description="the first thing the page says; Markdown")
    disclosures: dict[str, str] = Field(description="says that a bot answers; Markdown")
    contacts: dict[str, str] = Field(default={}, description="how to reach a person; Markdown")
    suggestions: dict[str, tuple[str, ...]] = Field(default={}, description="questions offered in an empty chat")
    accent: str = Field(default="#0f766e", pattern=r"^#[0-9a-fA-F]{6}$")
    frame_ancestors: tuple[Annotated[str, AfterValidator(_source)], ...] = Field(
        default=("*",), description="sites that may show the page in theirs; empty: none"
    )
    message_chars: int = Field(default=4000, gt=0, description="the longest message, in code points")

    def in_language(self, texts: dict[str, str], language: str) -> str:
        """The text in ``language``, else in the default language, else in any, else empty."""
        return texts.get(language) or texts.get(self.languages[0]) or next(iter(texts.values()), "")


def best_language(languages: tuple[str, ...], wanted: list[str]) -> str:
    """The first of ``wanted`` (tags, best first) that the page offers; the same base language is good enough."""
    for tag in wanted:
        for language in languages:
            if language.lower() == tag.lower():
                return language
        for language in languages:
            if language.split("-")[0].lower() == tag.split("-")[0].lower():
                return language
    return languages[0]


def accepted_languages(header: str) -> list[str]:
    """The tags of an Accept-Language header, best first. Nonsense is left out."""
    weighted: list[tuple[float, int, str]] = []
    for position, part in enumerate(header[:500].split(",")):
        tag, _, parameters = part.strip().partition(";")
        quality = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", parameters)
        weight = float(quality[1]) if quality else 1.0
        if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", tag.strip()) and weight > 0:
            weighted.append((-weight, position, tag.strip()))
    return [tag for _, _, tag in sorted(weighted)]
