"""``eval:`` of bot.yaml: what the test bench must find for the bot to pass."""

from __future__ import annotations

from pydantic import Field

from core.sections import Section, Slug


class EvalConfig(Section):
    min_passed: float = Field(
        default=0.9, ge=0, le=1, description="the share of conversations of which every expectation must hold"
    )
    min_correct_or_handed_over: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="the share that must be right, or be handed to a person where it is not",
    )
    max_wrong_facts: int = Field(
        default=0, ge=0, description="so many replies may state what is not in the shop's facts"
    )
    min_refused: float = Field(
        default=0.95, ge=0, le=1, description="the share of unanswerable conversations that must end with a person"
    )
    means_at_least: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="how alike (cosine) a reply must be to what it should mean; empty: found from the approved answers",
    )
    hand_over_answers: list[Slug] = Field(
        default=[],
        description="approved answers that send the shopper to a person, or say that the shop does not know",
    )
