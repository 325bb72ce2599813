from __future__ import annotations

from dataclasses import dataclass

from adapters.telegram.pacing import GROUP_DRAFTS, Pacing


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_a_second_in_a_private_chat() -> None:
    clock = Clock()
    pacing = Pacing(clock)
    assert pacing.draft_allowed("7")
    pacing.wrote("7")
    assert not pacing.draft_allowed("7")
    assert pacing.draft_allowed("8")
    clock.now += 1.0
    assert pacing.draft_allowed("7")


def test_a_group_keeps_room_for_what_must_be_said() -> None:
    clock = Clock()
    pacing = Pacing(clock)
    drafts = 0
    for _ in range(60):
        if pacing.draft_allowed("-100"):
            pacing.wrote("-100")
            drafts += 1
        clock.now += 1.0
    assert drafts == GROUP_DRAFTS
    for _ in range(20):
        pacing.wrote("-100")
    clock.now += 59.0
    assert not pacing.draft_allowed("-100")
    clock.now += 1.0
    assert pacing.draft_allowed("-100")


def test_no_drafts_while_telegram_says_wait() -> None:
    clock = Clock()
    pacing = Pacing(clock)
    pacing.hold("7", 30)
    clock.now += 29.9
    assert not pacing.draft_allowed("7")
    clock.now += 0.1
    assert pacing.draft_allowed("7")
