"""Patterns that are searched only where something of them stands. Most texts have nothing, and that is told much faster."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signed:
    """``signs``: parts of words, in small letters; in all that ``says`` finds one of them stands."""

    says: re.Pattern[str]
    signs: tuple[str, ...]

    def search(self, text: str) -> re.Match[str] | None:
        folded = text.lower()
        for sign in self.signs:
            if sign in folded:
                return self.says.search(text)
        return None


def signed(signs: str, says: str) -> Signed:
    """``says``, small and capital letters alike; ``signs`` with spaces in between."""
    return Signed(re.compile(says, re.IGNORECASE), tuple(signs.split()))
