"""The last rung that stands on facts: the passage itself, as much of it as one reads in a chat."""

from __future__ import annotations

from collections.abc import Sequence

from core.knowledge.base import Evidence
from core.knowledge.words import content, is_light, meaning, terms
from core.phrases import Phrase, say
from core.trust.sentences import sentences

# A passage up to this length is quoted as a whole; of a longer one, so much around what is asked.
QUOTED_CHARS = 1200


def quotation(evidence: Sequence[Evidence], question: str, language: str) -> str:
    """The best passage as it stands; of products as many as are about as good.

    Empty: it is too long to be quoted, and no part of it is about the question; a person can say it better.
    """
    best = evidence[0]
    if best.passage.kind == "product":
        alike = [found for found in evidence if found.passage.kind == "product" and found.score >= 0.7 * best.score]
        return "\n".join(f"- {found.passage.text}" for found in alike) if len(alike) > 1 else best.passage.text
    text = best.passage.text
    part = text if len(text) <= QUOTED_CHARS else _about(question, text)
    return say(Phrase.QUOTED, language, passage=part) if part else ""


def _about(question: str, text: str) -> str:
    """The sentence that says most of what is asked, and what stands around it."""
    asked = {term for term in meaning(content(terms(question))) if not is_light(term)}
    parts = sentences(text)
    shares = [len(asked.intersection(meaning(terms(part)))) for part in parts]
    if not any(shares):
        return ""
    first = last = shares.index(max(shares))
    length = len(parts[first])
    while True:
        before, after = first > 0, last + 1 < len(parts)
        if after and length + len(parts[last + 1]) <= QUOTED_CHARS:
            last += 1
            length += len(parts[last])
        elif before and length + len(parts[first - 1]) <= QUOTED_CHARS:
            first -= 1
            length += len(parts[first])
        else:
            break
    shown = " ".join(parts[first : last + 1])[:QUOTED_CHARS]
    return f"{'… ' if first else ''}{shown}{' …' if last + 1 < len(parts) else ''}"
