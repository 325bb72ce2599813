"""``claims:`` in bot.yaml: what the claims guard allows."""

from __future__ import annotations

from pydantic import Field

from core.sections import Section, TextList
from core.trust.facts import Arithmetic


class ClaimsConfig(Section):
    arithmetic: list[Arithmetic] = Field(
        default=["multiply", "add", "difference"],
        description="which sums of the shop's figures may be said: multiply (two of 12.50 are 25.00), add (two named products "
        "together), difference (what is missing to free delivery); []: none",
    )
    promises: TextList = Field(
        default=[],
        description="further words that are promises: said only if they stand in the facts, e.g. [VIP, organic, 顺丰]",
    )
    retry: bool = Field(
        default=True,
        description="after a failed check generate once more, with the finding told to the model; false: quote at once",
    )
