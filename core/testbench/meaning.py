"""Whether a reply means the same as a text, by sentence vectors; the threshold is found on the shop's own answers."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.botfile import Bot
from core.language import base
from core.ports import Embedder

SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
# Of a longer text the vector says little, and some embedders refuse it.
MAX_CHARS = 400
# Of so many pairs each the threshold is found, with this precision; of fewer than FEWEST it cannot be.
PAIRS = 120
FEWEST = 8
PRECISION = 0.95


@dataclass(frozen=True, slots=True)
class Meanings:
    """``at_least``: the threshold in use; None: no text was given one, and there is too little to find it with."""

    embedder: Embedder
    at_least: float | None

    async def likeness(self, reply: str, text: str) -> float:
        """The cosine of ``text`` with the reply, or with the one or two sentences of it that are most like it."""
        parts = _parts(reply)
        if not parts:
            return 0.0
        vectors = await self.embedder.embed([text[:MAX_CHARS], *parts], kind="passage")
        return float((vectors[1:] @ vectors[0]).max())


def _parts(reply: str) -> list[str]:
    sentences = [part.strip() for part in SENTENCE_END.split(reply) if part.strip()]
    pairs = [f"{one} {two}" for one, two in pairwise(sentences)]
    return list(dict.fromkeys(part[:MAX_CHARS] for part in (reply.strip(), *sentences, *pairs) if part))


async def open_meanings(embedder: Embedder, bot: Bot, at_least: float | None = None) -> Meanings:
    """With ``at_least`` as the threshold; without it, with one found on the bot's approved answers."""
    return Meanings(embedder, at_least or await calibrated(embedder, bot))


async def calibrated(embedder: Embedder, bot: Bot) -> float | None:
    """The least likeness at which pairs of questions mean the same with a precision of 95 %.

    Two questions of one approved answer mean the same, in one language or in two; two of different answers do not.
    """
    same, different = _pairs(bot)
    if min(len(same), len(different)) < FEWEST:
        return None
    texts = list(dict.fromkeys(text for pair in (*same, *different) for text in pair))
    vectors = await embedder.embed(texts, kind="passage")
    place = {text: number for number, text in enumerate(texts)}

    def likeness(pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [float(vectors[place[one]] @ vectors[place[two]]) for one, two in pairs]

    return threshold(likeness(same), likeness(different))


def threshold(same: Sequence[float], different: Sequence[float]) -> float:
    """The least of the likenesses at which the pairs above it are the same with PRECISION, both kinds weighing alike."""
    yes, no = np.sort(np.asarray(same)), np.sort(np.asarray(different))
    for mark in np.unique(yes):
        true, false = float((yes >= mark).mean()), float((no >= mark).mean())
        if true / (true + false) >= PRECISION:
            return round(float(mark), 4)
    return round(min(1.0, float(no.max()) + 0.01), 4)


def _pairs(bot: Bot) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    asked: dict[str, list[str]] = {}
    for passage in bot.knowledge.passages:
        if passage.kind == "answer" and base(passage.language) in map(base, bot.languages):
            questions = [line.strip() for line in passage.words.splitlines() if line.strip()]
            asked.setdefault(passage.id, []).extend([passage.title, *questions])
    answers = [list(dict.fromkeys(questions)) for questions in asked.values()]
    drawn = random.Random(0)
    several = [questions for questions in answers if len(questions) > 1]
    same = [(one, two) for one, two in (drawn.sample(drawn.choice(several), 2) for _ in range(PAIRS if several else 0))]
    different = []
    for _ in range(PAIRS if len(answers) > 1 else 0):
        one, two = drawn.sample(answers, 2)
        different.append((drawn.choice(one), drawn.choice(two)))
    return list(dict.fromkeys(same)), list(dict.fromkeys(different))
