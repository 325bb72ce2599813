"""``recommend:`` in bot.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.sections import Language, Section, Text, TextList

Question = Literal["category", "taste", "budget"]


class RecommendConfig(Section):
    """``recommend:`` in bot.yaml: how products are recommended."""

    enabled: bool = Field(default=True, description="recommend products of the catalogue to who looks for some")
    show: int = Field(default=3, ge=1, le=3, description="how many products are shown at once, at most")
    ask: list[Question] = Field(
        default=["category", "taste", "budget"],
        description="what is asked for when it is missing and helps to choose, in this order: category, taste, budget",
    )
    questions: int = Field(
        default=2, ge=0, le=2, description="how many questions are asked before something is shown, at most"
    )
    named_only: list[Text] = Field(
        default=[], description="categories that are recommended only to who names them, e.g. gift card"
    )
    words: dict[Language, Annotated[dict[Text, TextList], Field(min_length=1)]] = Field(
        default={},
        description="what shoppers call things, for each language: a word or phrase → categories, or other words of the "
        "catalogue, e.g. sneakers: [running shoes, casual shoes]",
    )
    remember: bool = Field(
        default=False,
        description="offer to remember a shopper's wishes for the next time; kept only after a yes, see forget me",
    )
