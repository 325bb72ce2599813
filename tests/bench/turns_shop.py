"""What the turns of the benchmark are made of: the sample shop, a model that answers at once, and what shoppers ask."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from core.answer import Means
from core.botfile import Bot, load_bot
from core.messages import Address, Incoming, Person, Rung
from core.ports import ChatMessage, GenerationRequest, ModelInfo, Piece, Usage
from core.respond import respond
from core.state import State, Turn
from tests.core.questions import DIFFERENT, FINDS, MATCHES, OUTSIDE, lines, pairs

TEAHOUSE = Path(__file__).resolve().parents[2] / "bots" / "teahouse"
PLATFORM = "bench"
ONE_QUESTION = "How should I store green tea once it is opened?"
# People wrap the same question in other words.
_OPENINGS = ("", "Hello! ", "Hi there, ", "Thanks. ", "Sorry, ", "Good morning, ", "Please tell me: ", "Hey, ")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\s*\S+")


def shop(concurrency: int) -> Bot:
    """The sample shop; a message is answered at once and not held back for a burst."""
    bot = load_bot(TEAHOUSE)
    limits = bot.config.limits.model_copy(update={"merge_ms": 0, "concurrency": max(16, concurrency)})
    return replace(bot, config=bot.config.model_copy(update={"limits": limits}))


class AtOnce:
    """Says the first sentence of the facts that it is given, at once and in one piece."""

    info = ModelInfo(name="at once", digest="0" * 64, context_tokens=8192, languages=("en",))

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(4 + len(message.content) // 4 for message in messages)

    def __init__(self) -> None:
        self._answers: dict[str, tuple[Piece, ...]] = {}

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        facts, _, _ = request.messages[-1].content.rpartition("\n\nQuestion:")
        for piece in self._answers.get(facts) or self._answers.setdefault(facts, _answer(facts)):
            yield piece


def _answer(facts: str) -> tuple[Piece, ...]:
    words = _WORD.findall(_SENTENCE_END.split(facts.split(": ", 1)[-1].strip())[0])
    usage = Usage(prompt_tokens=len(facts) // 4, completion_tokens=len(words), first_token_s=0, total_s=0)
    return (Piece(text="".join(words), finish="stop", usage=usage),)


async def answered_from_notes(bot: Bot) -> dict[str, str]:
    """Questions that go the longest way (approved? retrieved, generated, checked), each with its right answer."""
    asked = [question for question, _ in (*pairs(MATCHES["en"]), *pairs(FINDS["en"]))]
    asked += [question for block in (DIFFERENT, OUTSIDE) for question in lines(block["en"])]
    found: dict[str, str] = {}
    for question in (f"{opening}{question}" for opening in _OPENINGS for question in asked):
        rung, text = await _said(bot, question)
        if rung is Rung.GROUNDED:
            found[question] = text
    return found


def mixed() -> list[str]:
    """What shops are asked: approved answers, products, follow-ups and what no shop knows; in two languages."""
    written = [[question for question, _ in pairs(block[language])] for block in (MATCHES, FINDS) for language in block]
    written += [lines(block[language]) for block in (DIFFERENT, OUTSIDE) for language in block]
    longest = max(map(len, written))
    return [question for row in zip(*(islice(cycle(one), longest) for one in written), strict=True) for question in row]


async def _said(bot: Bot, question: str) -> tuple[Rung, str]:
    address = Address(bot=bot.name, platform=PLATFORM, chat="0")
    message = Incoming(address=address, update="0", message="0", sender=Person(id="0"), text=question)
    turn = Turn(
        conversation=address.id, fence=1, attempts=0, state=State(greeted=True), history=(), messages=(message,)
    )
    outcome = await respond(turn, bot, Means(AtOnce()), _ignore)
    assert outcome.reply is not None
    return outcome.reply.rung, outcome.reply.text


async def _ignore(text: str) -> None:
    pass
