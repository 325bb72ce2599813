"""The shape of a bot's intents.yaml, and what must hold within it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from core.sections import Language, Section, Slug, TextList
from core.understanding.rules import Intent

# With fewer an intent is guessed rather than learnt.
FEWEST = 10


class IntentConfig(Section):
    """What belongs to an intent."""

    examples: dict[Language, TextList] = Field(
        default={},
        description=f"how shoppers write it, for each language; at least {FEWEST} together with the answers'",
    )
    answers: list[Slug] = Field(
        default=[],
        description="approved answers whose questions are examples of it, by their ids; others are approved_answer",
    )


class IntentsConfig(Section):
    """``intents.yaml``: examples of each intent; without the file, intents are told by rules alone."""

    approved_answer: IntentConfig = Field(
        default=IntentConfig(), description="asks what an approved answer says; their questions are added by themselves"
    )
    product_question: IntentConfig = Field(
        default=IntentConfig(), description="asks about products; the names of the catalogue are added by themselves"
    )
    order_question: IntentConfig = Field(default=IntentConfig(), description="asks about an order of their own")
    complaint: IntentConfig = Field(default=IntentConfig(), description="is dissatisfied, and says so")
    small_talk: IntentConfig = Field(default=IntentConfig(), description="greets, thanks, chats")
    wants_person: IntentConfig = Field(default=IntentConfig(), description="asks for a person")
    out_of_scope: IntentConfig = Field(
        default=IntentConfig(), description="asks for what the shop does not do; as different ones as can be found"
    )

    def each(self) -> Iterator[tuple[Intent, IntentConfig]]:
        yield Intent.APPROVED_ANSWER, self.approved_answer
        yield Intent.PRODUCT_QUESTION, self.product_question
        yield Intent.ORDER_QUESTION, self.order_question
        yield Intent.COMPLAINT, self.complaint
        yield Intent.SMALL_TALK, self.small_talk
        yield Intent.WANTS_PERSON, self.wants_person
        yield Intent.OUT_OF_SCOPE, self.out_of_scope
