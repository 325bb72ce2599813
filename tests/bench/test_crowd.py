"""The benchmark of a crowd, in small: everybody is answered."""

from __future__ import annotations

from dataclasses import replace

from tests.bench.crowd import APPROVED, Crowd, CrowdResult, run


async def test_a_small_crowd_is_answered() -> None:
    said: list[str] = []
    result = await run(Crowd(chats=12, at_once=2, answer_s=0.2), said.append)
    assert (result.answered, result.dropped, result.told_twice, result.approved) == (12, 0, 0, APPROVED)
    assert result.most_at_once == 2
    assert result.told >= 4
    assert len(said) == 2


def test_problems_are_named() -> None:
    fine = CrowdResult(
        chats=3,
        at_once=1,
        answer_s=1.0,
        answered=3,
        to_a_person=0,
        dropped=0,
        waited=2,
        told=2,
        told_twice=0,
        untold=0,
        longest_wait_s=3.0,
        longest_untold_s=0.1,
        told_error_s=None,
        approved=APPROVED,
        longest_approved_s=0.1,
        most_at_once=1,
    )
    assert fine.problems() == []
    bad = replace(fine, dropped=1, told_twice=1, untold=1, most_at_once=2)
    assert len(bad.problems()) == 4
