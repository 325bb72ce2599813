"""The common beginning of two token sequences."""

from __future__ import annotations

from collections.abc import Sequence

_COMPARED_AT_ONCE = 64


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning. The same kind of sequence, please: lists."""
    end = min(len(a), len(b))
    start = 0
    while start < end and a[start : start + _COMPARED_AT_ONCE] == b[start : start + _COMPARED_AT_ONCE]:
        start += _COMPARED_AT_ONCE
    start = min(start, end)
    while start < end and a[start] == b[start]:
        start += 1
    return start
