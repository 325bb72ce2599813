"""A small shop to answer from, and short ways to ask it."""

from __future__ import annotations

from pathlib import Path

from core.answer import Means
from core.botfile import Bot, load_bot
from core.ports import TextModel
from core.respond import respond
from core.state import Outcome, Turn

FILES = {
    "bot.yaml": """
title: {en: Mug Shop, zh: 杯子店}
languages: [en, zh]
persona: mia
model: {path: none.gguf, languages: [en], wording: free}
person:
  contact: {en: "mail us: hi@mugs.example", zh: "请写信：hi@mugs.example"}
limits: {message_chars: 300, merge_ms: 30}
""",
    "personas/mia.yaml": """
name: {en: Mia, zh: 小米}
voice: Friendly.
instructions: You help.
greeting: {en: Hello from the mug shop!, zh: 欢迎来到杯子店！}
disclosure: {en: I am a bot., zh: 我是机器人。}
triggers: [mugs, 杯子]
""",
    "personas/grim.yaml": """
name: {en: Grim, zh: 老格}
voice: Dry.
instructions: You help a little.
greeting: {en: What., zh: 说。}
disclosure: {en: A machine speaks., zh: 机器在说话。}
""",
    "answers.yaml": """
- id: hours
  questions: {en: [When are you open?], zh: [几点开门]}
  answer: {en: We are open from nine to five., zh: 九点到五点营业。}
- id: parking
  questions: {en: [Is there parking?]}
  answer: {en: There is no parking.}
- id: delivery
  questions: {en: [How much is delivery?], zh: [运费多少]}
  answer: {en: Delivery costs 4.90 EUR., zh: 运费 4.90 欧元。}
""",
    "notes/care.en.md": """
# Care

## Dishwasher

The blue mug may go into the dishwasher at 60 °C.

## Repairs

We repair broken handles within 10 days.

## Engraving

We engrave a name for 7.00 EUR. Engraving takes 3 days.
""",
    "notes/care.zh.md": "# 保养\n\n## 洗碗机\n\n蓝色杯子可以用洗碗机清洗，不超过 60 °C。\n",
}


def make_shop(folder: Path, **changed: str) -> Path:
    """Write the shop into ``folder``/mugs; ``changed`` replaces files ('bot_yaml' is bot.yaml)."""
    for name, text in FILES.items():
        path = folder / "mugs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(name.replace(".", "_").replace("/", "_"), text), encoding="utf-8")
    return folder / "mugs"


def open_shop(folder: Path, **changed: str) -> Bot:
    return load_bot(make_shop(folder, **changed))


class Shown:
    """What the shopper sees while an answer is written."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def __call__(self, text: str) -> None:
        self.texts.append(text)


async def answer(turn: Turn, bot: Bot, model: TextModel, last_try: bool = False) -> Outcome:
    return await respond(turn, bot, Means(model), Shown(), last_try)


async def say(turn: Turn, bot: Bot, model: TextModel, last_try: bool = False) -> str:
    """The text of the reply."""
    outcome = await answer(turn, bot, model, last_try)
    assert outcome.reply is not None
    return outcome.reply.text
