"""What every system is asked in a benchmark, and what is known of each answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Start = Literal["cold", "warm"]
Role = Literal["system", "user", "assistant"]
Message = tuple[Role, str]

REPLY_TOKENS = 48
PERSONA_TOKENS = 500
LONG_TOKENS = 3000
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
    "Samples of five grams are put into every parcel, chosen to go with what was ordered.",
    "The shop is open from ten to six, from Monday to Saturday, and closed on public holidays.",
    "Tastings are held on the first Thursday of the month; twelve people find a place at the table.",
    "Write the names of teas as they stand in the catalogue, and explain foreign words in a few of your own.",
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
_FIRST_NUMBER = 1000  # numbers of four digits are all of one length, so that every persona is


@dataclass(frozen=True, slots=True)
class Prompt:
    """``after_s``: comes this long after the others. ``shopper`` names who asks."""

    messages: tuple[Message, ...]
    max_tokens: int = REPLY_TOKENS
    shopper: int = 0
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. Times in seconds from its arrival; ``longest_gap_s`` is the longest wait between two pieces.

    ``failed`` is why it is none, or not a whole one. ``prompt`` and ``cached`` count tokens, where the system tells.
    """

    text: str = ""
    tokens: int = 0
    first_s: float = 0.0
    total_s: float = 0.0
    longest_gap_s: float = 0.0
    prompt: int = 0
    cached: int = 0
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a system several prompts at once; ``seconds`` until the last answer was complete."""

    seconds: float
    said: tuple[Said, ...]
    peak_mb: float

    @property
    def answered(self) -> list[Said]:
        return [one for one in self.said if not one.failed]

    @property
    def replies_per_s(self) -> float:
        return len(self.answered) / self.seconds

    @property
    def tokens_per_s(self) -> float:
        return sum(one.tokens for one in self.answered) / self.seconds


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts cut to so many tokens of the model that is measured."""

    persona: str
    persona_tokens: int
    long: str
    long_tokens: int

    def numbered_persona(self, number: int) -> str:
        """Two numbers share only a few tokens at the beginning, so a new number is a persona that nobody has seen."""
        return self.persona.format(number=_FIRST_NUMBER + number)


def make_texts(count_tokens: Callable[[str], int], persona_tokens: int, long_tokens: int) -> Texts:
    rules = "\n".join([_INTRODUCTION, *(f"- {rule}" for rule in _RULES)])
    long = _LONG * (long_tokens // 8)

    def numbered(text: str) -> int:
        return count_tokens(text.format(number=_FIRST_NUMBER))

    persona = _cut(rules, persona_tokens, numbered)
    note = _cut(long, long_tokens, count_tokens)
    return Texts(persona, numbered(persona), note, count_tokens(note))


def _cut(text: str, tokens: int, count_tokens: Callable[[str], int]) -> str:
    """The longest beginning, in whole words, that has at most so many tokens; repeated first if it is too short."""
    while count_tokens(text) < tokens:
        text = f"{text}\n{text}"
    words = text.split(" ")
    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens(" ".join(words[:middle])) <= tokens:
            low = middle
        else:
            high = middle - 1
    return " ".join(words[:low])


def first_turns(shoppers: int, personas: Sequence[str], variant: int, tokens: int) -> list[Prompt]:
    """One prompt for each shopper; another ``variant`` asks other questions."""
    return [
        Prompt((("system", personas[one % len(personas)]), ("user", _question(one, variant))), tokens, one)
        for one in range(shoppers)
    ]


def next_turns(prompts: Sequence[Prompt], said: Sequence[Said], variant: int) -> list[Prompt]:
    """Each conversation goes on with the system's own reply, or with an excuse where it had none."""
    return [
        Prompt(
            (
                *prompt.messages,
                ("assistant", reply.text or "I am sorry, I do not know."),
                ("user", _question(prompt.shopper, variant)),
            ),
            prompt.max_tokens,
            prompt.shopper,
        )
        for prompt, reply in zip(prompts, said, strict=True)
    ]


def with_personas(prompts: Sequence[Prompt], personas: Sequence[str]) -> list[Prompt]:
    """The same conversations under other personas."""
    return [
        Prompt((("system", personas[one.shopper % len(personas)]), *one.messages[1:]), one.max_tokens, one.shopper)
        for one in prompts
    ]


def long_prompt(texts: Texts, shopper: int, after_s: float) -> Prompt:
    messages: tuple[Message, ...] = (("system", f"Read this: {texts.long}"), ("user", "What is it about?"))
    return Prompt(messages, 8, shopper, after_s)


def _question(shopper: int, variant: int) -> str:
    return f"{_QUESTIONS[(shopper + variant * 5) % len(_QUESTIONS)]} ({shopper})"
