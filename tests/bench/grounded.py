"""Prompts as the bot makes them when it answers from the shop's notes: of the sample shop, its passages and persona."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from core import prompt
from core.botfile import load_bot
from tests.bench.work import Message, Prompt

_BOT = Path(__file__).resolve().parents[2] / "bots" / "teahouse"
_LANGUAGE = "en"
_TOKENS = 96
_QUESTIONS = (
    "How do I brew black tea?",
    "How should I store green tea?",
    "How much tea do I take for a gaiwan of pu-erh?",
    "How do I clean a clay teapot?",
    "What water does gyokuro like?",
    "Can I drink black tea with milk?",
    "How do I break a pu-erh cake?",
    "How much is delivery to Austria?",
    "Can I send opened tea back?",
    "How can I pay?",
    "How much caffeine does green tea have?",
    "Do you offer gift wrapping?",
)


def grounded(shoppers: int, first: int) -> list[Prompt]:
    """``first``: which question the first shopper asks."""
    questions = _prompts()
    return [Prompt(questions[(first + one) % len(questions)], _TOKENS, one) for one in range(shoppers)]


@cache
def _prompts() -> Sequence[tuple[Message, ...]]:
    bot = load_bot(_BOT)
    persona = bot.persona()
    head = [prompt.system(bot, persona, _LANGUAGE), *prompt.examples(persona, _LANGUAGE)]
    made = []
    for asked in _QUESTIONS:
        found = bot.knowledge.search(asked, _LANGUAGE, bot.config.limits.passages)
        ask = prompt.question(asked, [one.passage for one in found])
        made.append(tuple((message.role, message.content) for message in (*head, ask)))
    return made
