"""What a classifier of intents learns from: a bot's intents.yaml, its approved answers' questions and its products' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.characters import simplified
from core.config import ApprovedAnswerConfig, ProductConfig
from core.language import base
from core.understanding.config import IntentsConfig
from core.understanding.rules import Intent

# How a product is asked for; ``{}`` is its name.
PRODUCT_FORMS: Mapping[str, Sequence[str]] = {
    "en": ("{}", "do you have {}", "how much is the {}", "tell me about {}"),
    "zh": ("{}", "有{}吗", "{}多少钱", "介绍一下{}"),
}


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    label: str
    language: str = ""


def examples_of(
    intents: IntentsConfig, answers: Sequence[ApprovedAnswerConfig], products: Sequence[ProductConfig]
) -> tuple[Example, ...]:
    """Every example once; what intents.yaml says of a text wins over what is added by itself."""
    found: dict[str, Example] = {}
    for example in (*_written(intents), *_questions(intents, answers), *_products(products)):
        found.setdefault(same(example.text), example)
    return tuple(found.values())


def same(text: str) -> str:
    """Equal for two texts that are one example."""
    return " ".join(simplified(text).casefold().split()).strip(" ?？!！.。~")


def _written(intents: IntentsConfig) -> Iterator[Example]:
    for intent, config in intents.each():
        for language, texts in config.examples.items():
            yield from (Example(text, intent.value, base(language)) for text in texts)


def _questions(intents: IntentsConfig, answers: Sequence[ApprovedAnswerConfig]) -> Iterator[Example]:
    """An answer may be named under another intent: "thanks" is small talk, though its answer is approved."""
    named = {answer: intent for intent, config in intents.each() for answer in config.answers}
    for answer in answers:
        label = named.get(answer.id, Intent.APPROVED_ANSWER).value
        for language, questions in answer.questions.items():
            yield from (Example(question, label, base(language)) for question in questions)


def _products(products: Sequence[ProductConfig]) -> Iterator[Example]:
    for product in products:
        for language, name in product.names.items():
            for form in PRODUCT_FORMS.get(base(language), ("{}",)):
                yield Example(form.format(name), Intent.PRODUCT_QUESTION.value, base(language))
