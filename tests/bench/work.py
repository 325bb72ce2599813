"""What every system is asked in a benchmark, and what it says of each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Start = Literal["cold", "warm"]

CONTEXT = 4096
PARALLEL = 8
REPLY_TOKENS = 48
TEMPERATURE = 0.0
REPEAT_PENALTY = 1.05

_INTRODUCTION = (
    "Shop {number}. You are the customer-service assistant of a small tea house that sells loose-leaf tea, teaware and "
    "gift boxes to customers in Europe. You are warm, patient and precise, and you write in plain, friendly sentences."
)
_RULES = (
    "Answer in full sentences and explain the reason for what you recommend.",
    "Delivery inside Portugal takes two working days, to the rest of Europe four to six working days.",
    "Parcels are handed to the carrier every weekday at three in the afternoon.",
    "Unopened tea can be returned within thirty days; opened tea cannot be resold and is replaced if it is faulty.",
    "Green tea is brewed with water of seventy to eighty degrees for two minutes, oolong at ninety for three.",
    "Black tea is brewed with boiling water for four minutes; white tea needs patience and cooler water.",
    "Tea is stored in a closed tin, away from light, damp, heat and strong smells such as coffee or spices.",
    "Teaware is rinsed with hot water only, because soap stays in the pores of the clay.",
    "Gift boxes are packed by hand, and a card with a few words of the giver is put in on request.",
    "Caffeine differs from leaf to leaf: a first infusion of green tea has about a third of a cup of coffee.",
    "Herbal infusions have no caffeine and are a good choice for the late evening and for children.",
    "Never promise a discount, a refund or a date that is not written in these rules.",
    "Never give medical advice; say kindly that a doctor or a pharmacist knows better.",
    "If a customer is angry, say first that you understand, and then what happens next.",
    "If you do not know the answer, say so, and offer to ask a colleague in the shop.",
    "Questions about an order need the order number, which stands at the top of the confirmation e-mail.",
)
_QUESTIONS = (
    "How should I store my green tea so that it stays fresh for a long time?",
    "Can you explain the difference between oolong and black tea to a beginner?",
    "What do I have to think of when I brew white tea for the first time?",
    "My parcel has not arrived yet. What happens now, and what do you need from me?",
    "Which tea would you recommend for a friend who drinks a lot of coffee?",
    "How do I clean a clay teapot, and why is soap a bad idea?",
    "I would like to send a present to my mother. How does that work?",
    "Is there a tea that my children can drink in the evening?",
    "What can I do with tea that I opened and do not like?",
    "Why does my green tea taste bitter, and what can I change?",
    "How long does delivery to Austria take, and when do you hand parcels over?",
    "Please describe what makes a good first infusion of oolong.",
)
_LONG = "This is a note of the shop about its teas, its gardens, its people and its way of packing a parcel. "


@dataclass(frozen=True, slots=True)
class Prompt:
    """``after_s``: comes this long after the others."""

    system: str
    question: str
    max_tokens: int = REPLY_TOKENS
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. Times in seconds from its arrival; ``longest_gap_s`` is the longest wait between two pieces.

    ``failed`` is why there is none. ``prompt`` and ``cached`` count tokens, where the system tells.
    """

    tokens: int = 0
    first_s: float = 0.0
    total_s: float = 0.0
    longest_gap_s: float = 0.0
    prompt: int = 0
    cached: int = 0
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """``shared`` prompt tokens are evaluated once, or are there already; then each reply's own prompt and text."""

    shared: int
    shared_is_there: bool
    own: tuple[int, ...]
    drawn: tuple[int, ...]


def load_of(said: Sequence[Said], *, shared_is_there: bool) -> Load:
    """What these answers took at least: the beginning that they share is evaluated once."""
    shared = max(one.cached for one in said) if len(said) > 1 or shared_is_there else 0
    return Load(shared, shared_is_there, tuple(one.prompt - shared for one in said), tuple(one.tokens for one in said))


class System(Protocol):
    def ask(self, prompts: Sequence[Prompt]) -> list[Said]:
        """All prompts arrive at once; returns when the last answer is complete."""
        ...

    def close(self) -> None: ...


def persona(number: int, rules: int = len(_RULES)) -> str:
    """About 500 tokens with all rules. Two numbers share only a few tokens at the beginning."""
    return "\n".join([_INTRODUCTION.format(number=number), *(f"- {rule}" for rule in _RULES[:rules])])


def prompts(shoppers: int, personas: Sequence[str], variant: int, tokens: int) -> list[Prompt]:
    """One prompt for each shopper; another ``variant`` asks other questions."""
    return [
        Prompt(personas[number % len(personas)], f"{_question(number, variant)} ({number})", tokens)
        for number in range(shoppers)
    ]


def long_prompt(characters: int, after_s: float) -> Prompt:
    """About a token for each five characters."""
    text = (_LONG * (characters // len(_LONG) + 1))[:characters]
    return Prompt(f"Read this and say what it is about. {text}", "What is it about?", 8, after_s)


def _question(number: int, variant: int) -> str:
    return _QUESTIONS[(number + variant * 5) % len(_QUESTIONS)]
