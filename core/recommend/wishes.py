"""What a shopper looks for, as it is kept with the conversation and, after a yes, with the person."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from core.value import Value

NeedKind = Literal["category", "budget", "taste", "occasion", "recipient", "without"]


class Need(Value, frozen=True, kw_only=True):
    """One thing that a product must or should be.

    ``said``: the words that it was heard in, in the message ``message`` (empty: remembered from an earlier time).
    ``finds``: the words by which products are known to have it (without: by which they are known not to fit).
    ``low``, ``high``: of a budget, in the catalogue's currency, both included unless ``strict``.
    """

    kind: NeedKind
    value: str
    said: str
    message: str = ""
    finds: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    strict: bool = False


class Wishes(Value, frozen=True, kw_only=True):
    """All that a conversation's shopper looks for, and what was shown.

    ``offered``: the SKUs that were shown last, in their order; ``seen``: all so far; ``chosen``: the one that is talked
    of. ``asking``: the need that was asked for last; ``settled``: needs of which the shopper does not care.
    """

    speaker: str = ""
    needs: tuple[Need, ...] = ()
    offered: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    chosen: str = ""
    asking: str = ""
    questions: int = 0
    settled: tuple[str, ...] = ()
    # To remember the needs for the next time.
    consent: Literal["", "asked", "yes", "no"] = ""


class Remembered(Value, frozen=True, kw_only=True, omit_defaults=False):  # its version is always written
    """What is kept of a person, who said yes to it. Stored as JSON; ``version`` is its schema's."""

    version: int = 1
    needs: tuple[Need, ...] = ()
