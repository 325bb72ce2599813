"""What a message wants (its intent), and how urgently; by rules always, by a trained classifier where the bot has one.

A verdict is advice. It is ``sure`` where it is precise enough to be acted on: rules are written for that, and of the
classifier each intent has a threshold that was calibrated on examples it had not learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.hear import Heard
from core.understanding.classifier import Classifier
from core.understanding.rules import Intent, by_rules, urgent_words


class Urgency(StrEnum):
    CALM = "calm"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Understood:
    """``intent`` None: nothing is known of it. ``confidence``: 0 to 1, of what the classifier said; rules have 1.

    ``because``: the words that say that it is urgent.
    """

    intent: Intent | None = None
    confidence: float = 0.0
    sure: bool = False
    by: Literal["", "rules", "classifier"] = ""
    because: tuple[str, ...] = ()

    @property
    def urgency(self) -> Urgency:
        """A complaint is urgent even when its words are calm."""
        complains = self.sure and self.intent is Intent.COMPLAINT
        return Urgency.URGENT if self.because or complains else Urgency.CALM

    def is_surely(self, intent: Intent) -> bool:
        return self.sure and self.intent is intent


NOTHING = Understood()


def understand(heard: Heard) -> Understood:
    """By rules alone: microseconds. Most messages have no intent that a rule is sure of."""
    intent = by_rules(heard.text)
    because = urgent_words(heard.text)
    if intent is None:
        return Understood(because=because) if because else NOTHING
    return Understood(intent, 1.0, True, "rules", because)


def classified(
    before: Understood, text: str, classifier: Classifier, vector: NDArray[np.float32] | None = None
) -> Understood:
    """What the rules left open, by the classifier. ``vector``: of ``text``, if it was trained with an embedder."""
    if before.intent is not None:
        return before
    verdict = classifier.classify(text, vector)
    if verdict is None:
        return before
    return replace(
        before, intent=Intent(verdict.label), confidence=verdict.confidence, sure=verdict.sure, by="classifier"
    )
