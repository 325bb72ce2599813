"""Patterns that are searched only where something of them stands. Most texts have nothing, and that is told much faster."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPED_OR_CAPITAL = re.compile(r"\\.|[A-Z]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Signed:
    """``signs``: parts of words, in small letters; in all that ``says`` finds one of them stands.

    ``english``: what ``says`` finds in ASCII text in small letters, ``english_signs``: the signs that may stand there.
    """

    says: re.Pattern[str]
    signs: tuple[str, ...]
    english: re.Pattern[str]
    english_signs: tuple[str, ...]

    def search(self, text: str) -> re.Match[str] | None:
        folded = text.lower()
        if not text.isascii():
            for sign in self.signs:
                if sign in folded:
                    return self.says.search(text)
            return None
        for sign in self.english_signs:
            if sign in folded:
                found = self.english.search(folded)
                return found and self.says.match(text, found.start())  # there it is as it was written
        return None


def signed(signs: str, says: str) -> Signed:
    """``says``, small and capital letters alike; ``signs`` with spaces in between."""
    every, pattern = tuple(signs.split()), re.compile(says, re.IGNORECASE)
    return Signed(pattern, every, in_small_letters(pattern), tuple(filter(str.isascii, every)))


def in_small_letters(says: re.Pattern[str]) -> re.Pattern[str]:
    """What a pattern for small and capital letters finds in ASCII text in small letters, found in half the time."""
    plain = _ESCAPED_OR_CAPITAL.sub(lambda found: found[0] if found[0][0] == "\\" else found[0].lower(), says.pattern)
    return re.compile(plain, (says.flags | re.ASCII) & ~(re.IGNORECASE | re.UNICODE))
